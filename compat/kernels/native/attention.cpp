// Scaled dot-product attention and its gradient, each in one pass over blocks of keys: of the
// scores only a block lies in memory. The maximum and the sum of a row of weights are corrected
// with each block (Milakov and Gimelshein 2018; Dao et al. 2022).
#include "attention.h"
#include "gemm.h"
#include "new_op.h"
#include "oneflow/core/job/lazy_mode.h"
#include "vector_math.h"

namespace ofm {
namespace {

constexpr int64_t kQueries = 128;
constexpr int64_t kKeys = 512;
// So many numbers may lie in memory beside a gradient.
constexpr int64_t kMostSums = 1 << 24;

// Rows of a head as a matrix of the type that is computed with: where they lie, or a copy.
template<typename T>
Matrix<compute_t<T>> rows_of(const View& view, int64_t batch, int64_t head, int64_t row,
                             int64_t count, std::vector<compute_t<T>>* memory) {
  using C = compute_t<T>;
  const T* from = at<T>(view, batch, head, row);
  const int64_t width = view.size[3], step = view.stride[3];
  const bool dense = step == 1 || width == 1;
  if (std::is_same<T, C>::value && dense && view.stride[2] >= width) {
    return {reinterpret_cast<const C*>(from), view.stride[2], 1};
  }
  memory->resize(std::max<int64_t>(count * width, 1));
  for (int64_t i = 0; i < count; ++i) {
    const T* source = from + i * view.stride[2];
    C* to = memory->data() + i * width;
    if (dense) {
      load_row(source, to, width);
    } else {
      for (int64_t j = 0; j < width; ++j) { to[j] = to_compute(source[j * step]); }
    }
  }
  return {memory->data(), width, 1};
}

// --- rows of scores ------------------------------------------------------------------------------

template<typename C>
struct Lanes {
  typedef C Vector __attribute__((vector_size(64), aligned(sizeof(C)), may_alias));
  static constexpr int count = 64 / sizeof(C);
};

template<typename C>
C across(const typename Lanes<C>::Vector& sums) {
  C all[Lanes<C>::count];
  std::memcpy(all, &sums, sizeof all);
  for (int width = Lanes<C>::count / 2; width > 0; width /= 2) {
    for (int j = 0; j < width; ++j) { all[j] += all[j + width]; }
  }
  return all[0];
}

template<typename C>
C largest(const C* x, int64_t count, C start) {
  using L = Lanes<C>;
  int64_t i = 0;
  if (count >= L::count) {
    typename L::Vector most = *reinterpret_cast<const typename L::Vector*>(x);
    for (i = L::count; i + L::count <= count; i += L::count) {
      const auto v = *reinterpret_cast<const typename L::Vector*>(x + i);
      most = v > most ? v : most;
    }
    C all[L::count];
    std::memcpy(all, &most, sizeof all);
    for (int width = L::count / 2; width > 0; width /= 2) {
      for (int j = 0; j < width; ++j) { all[j] = all[j + width] > all[j] ? all[j + width] : all[j]; }
    }
    start = all[0] > start ? all[0] : start;
  }
  for (; i < count; ++i) { start = x[i] > start ? x[i] : start; }
  return start;
}

template<typename C>
C total(const C* x, int64_t count) {
  using L = Lanes<C>;
  typename L::Vector sums = {};
  int64_t i = 0;
  for (; i + L::count <= count; i += L::count) {
    sums += *reinterpret_cast<const typename L::Vector*>(x + i);
  }
  C sum = across<C>(sums);
  for (; i < count; ++i) { sum += x[i]; }
  return sum;
}

template<typename C>
C dot(const C* x, const C* y, int64_t count) {
  using L = Lanes<C>;
  typename L::Vector sums = {};
  int64_t i = 0;
  for (; i + L::count <= count; i += L::count) {
    sums += *reinterpret_cast<const typename L::Vector*>(x + i)
            * *reinterpret_cast<const typename L::Vector*>(y + i);
  }
  C sum = across<C>(sums);
  for (; i < count; ++i) { sum += x[i] * y[i]; }
  return sum;
}

// x = e^(x - most), of which most is the largest.
inline void exponentials(float* x, int64_t count, float most) {
  for (int64_t i = 0; i < count; ++i) {
    const float v = x[i] - most;
    const float e = math::exp_inside(v < -87.0f ? -87.0f : v);
    x[i] = v < -87.0f ? 0.0f : e;
  }
}
inline void exponentials(double* x, int64_t count, double most) {
  for (int64_t i = 0; i < count; ++i) { x[i] = math::exp(x[i] - most); }
}

// --- what both directions need -------------------------------------------------------------------

// Scores (rows × count) of a block, masked.
template<typename C>
void scores_of(const Problem& p, int64_t batch, int64_t head, int64_t row, int64_t rows,
               int64_t key, int64_t count, const Matrix<C>& query, const Matrix<C>& keys,
               C* scores) {
  gemm<C>(rows, count, p.size, static_cast<C>(p.scale), query, {keys.data, 1, keys.row}, false,
          scores, count);
  if (p.masked) {
    for (int64_t i = 0; i < rows; ++i) {
      mask_row(p.mask, batch, head, row + i, key, count, scores + i * count);
    }
  }
  if (p.causal) {
    for (int64_t i = 0; i < rows; ++i) {
      for (int64_t j = std::max<int64_t>(row + i + 1 - key, 0); j < count; ++j) {
        scores[i * count + j] = -std::numeric_limits<C>::infinity();
      }
    }
  }
}

template<typename C>
struct Memory {
  std::vector<C> query, key, value, out, gradient, scores, weights, sums, row;
};

// --- forward -------------------------------------------------------------------------------------

template<typename T>
struct Attention {
  using C = compute_t<T>;

  static void compute(Context* context) {
    const Problem p = problem(context);
    const auto* result = context->Tensor4ArgNameAndIndex("out", 0);
    const auto stride = result->stride();
    T* out = mut_data<T>(context, "out");
    C* logs = mut_data<C>(context, "log_sums");
    if constexpr (sizeof(T) == 2) {
      const int64_t steps[3] = {stride[0], stride[1], stride[2]};
      if (attention_by_tiles<T>(p, out, steps, logs)) { return; }
    }
    const int64_t blocks = (p.length + kQueries - 1) / kQueries;
    const int64_t work = p.length * p.keys * (p.size + p.width);
    const auto one = [&](Memory<C>& memory, int64_t index) {
      const int64_t row = index % blocks * kQueries;
      const int64_t head = index / blocks % p.heads, batch = index / blocks / p.heads;
      block(p, memory, batch, head, row, std::min(kQueries, p.length - row),
            out + batch * stride[0] + head * stride[1] + row * stride[2], stride[2],
            logs + (batch * p.heads + head) * p.length + row);
    };
    const int64_t count = p.batches * p.heads * blocks;
    if (work * p.batches * p.heads < 65536) {
      Memory<C> memory;
      for (int64_t i = 0; i < count; ++i) { one(memory, i); }
    } else {
      share_out<Memory<C>>(count, one);
    }
  }

  static void block(const Problem& p, Memory<C>& memory, int64_t batch, int64_t head, int64_t row,
                    int64_t rows, T* out, int64_t step, C* logs) {
    constexpr C kNone = -std::numeric_limits<C>::infinity();
    const int64_t key_head = head / p.group();
    const auto query = rows_of<T>(p.query, batch, head, row, rows, &memory.query);
    memory.scores.resize(rows * std::min(kKeys, std::max<int64_t>(p.keys, 1)));
    memory.sums.assign(rows * std::max<int64_t>(p.width, 1), 0);
    C most[kQueries], sum[kQueries];
    std::fill_n(most, rows, kNone);
    std::fill_n(sum, rows, C(0));
    C* const scores = memory.scores.data();
    C* const answer = memory.sums.data();
    const int64_t end = p.keys_before(row + rows);
    for (int64_t key = 0; key < end; key += kKeys) {
      const int64_t count = std::min(kKeys, end - key);
      const auto keys = rows_of<T>(p.key, batch, key_head, key, count, &memory.key);
      scores_of<C>(p, batch, head, row, rows, key, count, query, keys, scores);
      for (int64_t i = 0; i < rows; ++i) {
        C* line = scores + i * count;
        const C now = largest(line, count, most[i]);
        const C safe = now == kNone ? C(0) : now;
        exponentials(line, count, safe);
        // There is nothing to shrink before the first block.
        const C shrink = now == most[i] || most[i] == kNone ? C(1) : std::exp(most[i] - safe);
        sum[i] = sum[i] * shrink + total(line, count);
        most[i] = now;
        if (shrink != 1) {
          for (int64_t j = 0; j < p.width; ++j) { answer[i * p.width + j] *= shrink; }
        }
      }
      const auto values = rows_of<T>(p.value, batch, key_head, key, count, &memory.value);
      gemm<C>(rows, p.width, count, C(1), {scores, count, 1}, values, true, answer, p.width);
    }
    for (int64_t i = 0; i < rows; ++i) {
      const bool empty = sum[i] == 0;
      const C factor = empty ? C(0) : 1 / sum[i];
      C* line = answer + i * p.width;
      for (int64_t j = 0; j < p.width; ++j) { line[j] *= factor; }
      store_row(line, out + i * step, p.width);
      // Infinity makes the weights of a row without keys 0 in the gradient.
      logs[i] = empty ? -kNone : most[i] + std::log(sum[i]);
    }
  }
};

// --- backward ------------------------------------------------------------------------------------

// Where a gradient is added up: in place, or in memory of its own that is stored at the end.
template<typename T>
struct Sum {
  using C = compute_t<T>;

  Sum(T* to, int64_t step, int64_t rows, int64_t width) : to(to), step(step), rows(rows), width(width) {
    if (std::is_same<T, C>::value) {
      data = reinterpret_cast<C*>(to);
      stride = step;
      for (int64_t i = 0; i < rows; ++i) { std::fill_n(data + i * stride, width, C(0)); }
    } else {
      memory.assign(std::max<int64_t>(rows * width, 1), 0);
      data = memory.data();
      stride = width;
    }
  }
  void store() {
    for (int64_t i = 0; !memory.empty() && i < rows; ++i) {
      store_row(data + i * width, to + i * step, width);
    }
  }
  C* row(int64_t i) { return data + i * stride; }

  T* to;
  int64_t step, rows, width, stride;
  C* data;
  std::vector<C> memory;
};

template<typename T>
struct AttentionGradient {
  using C = compute_t<T>;

  using Output = HeadsOut<T>;

  static Output output(Context* context, const char* name) {
    const auto& stride = context->Tensor4ArgNameAndIndex(name, 0)->stride();
    return {mut_data<T>(context, name), {stride[0], stride[1], stride[2]}};
  }

  static void compute(Context* context) {
    const Problem p = problem(context);
    const View out = view(context, "out"), gradient = view(context, "out_gradient");
    const C* logs = data<C>(context, "log_sums");
    const Output dq = output(context, "query_gradient"), dk = output(context, "key_gradient"),
                 dv = output(context, "value_gradient");
    if constexpr (sizeof(T) == 2) {
      if (attention_gradient_by_tiles<T>(p, out, gradient, logs, dq, dk, dv)) { return; }
    }
    const int64_t pairs = p.batches * p.key_heads;
    // A row's gradient times its answer, which all of its weights' gradients are relative to.
    std::vector<C> means(p.batches * p.heads * p.length);
    parallel_for(p.batches * p.heads, 1, [&](int64_t begin, int64_t end) {
      Memory<C> memory;
      for (int64_t i = begin; i < end; ++i) {
        const auto y = rows_of<T>(out, i / p.heads, i % p.heads, 0, p.length, &memory.out);
        const auto g = rows_of<T>(gradient, i / p.heads, i % p.heads, 0, p.length, &memory.gradient);
        for (int64_t r = 0; r < p.length; ++r) {
          means[i * p.length + r] = ofm::dot(y.data + r * y.row, g.data + r * g.row, p.width);
        }
      }
    });
    const auto run = [&](Memory<C>& memory, int64_t pair, int64_t key_begin, int64_t key_end,
                         bool queries, bool keys) {
      const int64_t batch = pair / p.key_heads, key_head = pair % p.key_heads;
      part(p, memory, out, gradient, logs, means.data(), batch, key_head, 0, p.length, key_begin,
           key_end, dq, dk, dv, queries, keys);
    };
    if (pairs >= threads() || p.length * p.keys < 16384) {
      share_out<Memory<C>>(pairs, [&](Memory<C>& memory, int64_t i) {
        run(memory, i, 0, p.keys, true, true);
      });
      return;
    }
    // With fewer heads than threads the work is cut by keys. Each part has a sum of its own for the
    // queries' gradients, of which there are twice as many where the parts are not alike.
    if constexpr (std::is_same<T, C>::value) {
      const int64_t all = p.batches * p.heads * p.length * p.size;
      const int64_t shares = (p.causal ? 2 : 1) * ((threads() + pairs - 1) / pairs);
      const int64_t span = std::max<int64_t>((p.keys + shares - 1) / shares, 64);
      const int64_t parts = (p.keys + span - 1) / span;
      if (parts * all <= kMostSums) {
        std::vector<C> sums(parts * all);
        share_out<Memory<C>>(pairs * parts, [&](Memory<C>& memory, int64_t i) {
          const int64_t pair = i / parts, begin = i % parts * span;
          const Output own{sums.data() + i % parts * all,
                           {p.heads * p.length * p.size, p.length * p.size, p.size}};
          part(p, memory, out, gradient, logs, means.data(), pair / p.key_heads,
               pair % p.key_heads, 0, p.length, begin, std::min(p.keys, begin + span), own, dk, dv,
               true, true);
        });
        const int64_t grain = std::max<int64_t>(1, kGrain / std::max<int64_t>(parts * p.size, 1));
        parallel_for(p.batches * p.heads * p.length, grain, [&](int64_t begin, int64_t end) {
          for (int64_t row = begin; row < end; ++row) {
            const int64_t head = row / p.length;
            C* to = dq.at(head / p.heads, head % p.heads) + row % p.length * dq.stride[2];
            std::memcpy(to, sums.data() + row * p.size, p.size * sizeof(C));
            for (int64_t i = 1; i < parts; ++i) {
              const C* more = sums.data() + i * all + row * p.size;
              for (int64_t j = 0; j < p.size; ++j) { to[j] += more[j]; }
            }
          }
        });
        return;
      }
    }
    // Or the scores are computed twice, and the work cut by keys for their gradients and by rows
    // for the queries'.
    const int64_t key_parts = (p.keys + kKeys - 1) / kKeys;
    share_out<Memory<C>>(pairs * key_parts, [&](Memory<C>& memory, int64_t i) {
      const int64_t begin = i % key_parts * kKeys;
      run(memory, i / key_parts, begin, std::min(p.keys, begin + kKeys), false, true);
    });
    const int64_t row_parts = (p.length + kKeys - 1) / kKeys;
    share_out<Memory<C>>(pairs * row_parts, [&](Memory<C>& memory, int64_t i) {
      const int64_t pair = i / row_parts, begin = i % row_parts * kKeys;
      part(p, memory, out, gradient, logs, means.data(), pair / p.key_heads, pair % p.key_heads,
           begin, std::min(p.length, begin + kKeys), 0, p.keys, dq, dk, dv, true, false);
    });
  }

  static void part(const Problem& p, Memory<C>& memory, const View&, const View& gradient,
                   const C* logs, const C* means, int64_t batch, int64_t key_head,
                   int64_t row_begin, int64_t row_end, int64_t key_begin, int64_t key_end,
                   const Output& dq, const Output& dk, const Output& dv, bool queries, bool keys) {
    const C scale = static_cast<C>(p.scale);
    Sum<T> key_sum(dk.at(batch, key_head) + key_begin * dk.stride[2], dk.stride[2],
                   keys ? key_end - key_begin : 0, p.size);
    Sum<T> value_sum(dv.at(batch, key_head) + key_begin * dv.stride[2], dv.stride[2],
                     keys ? key_end - key_begin : 0, p.width);
    for (int64_t g = 0; g < p.group(); ++g) {
      const int64_t head = key_head * p.group() + g;
      const C* log_row = logs + (batch * p.heads + head) * p.length;
      const C* mean_row = means + (batch * p.heads + head) * p.length;
      Sum<T> query_sum(dq.at(batch, head) + row_begin * dq.stride[2], dq.stride[2],
                       queries ? row_end - row_begin : 0, p.size);
      for (int64_t row = row_begin; row < row_end; row += kQueries) {
        const int64_t rows = std::min(kQueries, row_end - row);
        const auto q = rows_of<T>(p.query, batch, head, row, rows, &memory.query);
        const auto d = rows_of<T>(gradient, batch, head, row, rows, &memory.gradient);
        const int64_t end = std::min(key_end, p.keys_before(row + rows));
        for (int64_t key = key_begin; key < end; key += kKeys) {
          const int64_t count = std::min(kKeys, end - key);
          memory.scores.resize(rows * count);
          memory.weights.resize(rows * count);
          C* weights = memory.weights.data();
          C* slopes = memory.scores.data();
          const auto k = rows_of<T>(p.key, batch, key_head, key, count, &memory.key);
          const auto v = rows_of<T>(p.value, batch, key_head, key, count, &memory.value);
          scores_of<C>(p, batch, head, row, rows, key, count, q, k, weights);
          for (int64_t i = 0; i < rows; ++i) {
            exponentials(weights + i * count, count, log_row[row + i]);
          }
          if (keys) {
            gemm<C>(count, p.width, rows, C(1), {weights, 1, count}, d, true,
                    value_sum.row(key - key_begin), value_sum.stride);
          }
          gemm<C>(rows, count, p.width, C(1), d, {v.data, 1, v.row}, false, slopes, count);
          for (int64_t i = 0; i < rows; ++i) {
            const C mean = mean_row[row + i];
            for (int64_t j = 0; j < count; ++j) {
              slopes[i * count + j] = weights[i * count + j] * (slopes[i * count + j] - mean);
            }
          }
          if (queries) {
            gemm<C>(rows, p.size, count, scale, {slopes, count, 1}, k, true,
                    query_sum.row(row - row_begin), query_sum.stride);
          }
          if (keys) {
            gemm<C>(count, p.size, rows, scale, {slopes, 1, count}, q, true,
                    key_sum.row(key - key_begin), key_sum.stride);
          }
        }
      }
      query_sum.store();
    }
    key_sum.store();
    value_sum.store();
  }
};

// --- the operators -------------------------------------------------------------------------------

// A shape of four dimensions, in memory with the heads beside each other if `inside`: as the layers
// around an attention have them, which then need not copy.
void set_shape(user_op::InferContext* context, const char* name, const oneflow::Shape& shape,
               bool inside) {
  set_contiguous(context, name, shape);
  if (inside) {
    const int64_t heads = shape.At(1), length = shape.At(2), size = shape.At(3);
    context->SetOutputStride(name, 0, oneflow::Stride({heads * length * size, size, heads * size, 1}));
  }
}

Maybe<void> shapes(user_op::InferContext* context) {
  const auto& q = context->InputShape("query", 0);
  const auto& k = context->InputShape("key", 0);
  const auto& v = context->InputShape("value", 0);
  CHECK_OR_RETURN(q.NumAxes() == 4 && k.NumAxes() == 4 && v.NumAxes() == 4)
      << Error::RuntimeError() << "query, key and value must have four dimensions";
  CHECK_OR_RETURN(q.At(3) == k.At(3) && k.At(2) == v.At(2) && k.At(1) == v.At(1)
                  && q.At(0) == k.At(0) && k.At(0) == v.At(0) && k.At(1) > 0
                  && q.At(1) % k.At(1) == 0)
      << Error::RuntimeError() << "query, key and value do not fit: " << q.ToString() << ", "
      << k.ToString() << ", " << v.ToString();
  if (context->has_input("mask", 0)) {
    const auto& mask = context->InputShape("mask", 0);
    const int64_t missing = 4 - mask.NumAxes();
    CHECK_OR_RETURN(missing >= 0) << Error::RuntimeError() << "a mask has at most four dimensions";
    for (int64_t i = missing; i < 4; ++i) {
      const int64_t wanted = i == 3 ? k.At(2) : q.At(i), size = mask.At(i - missing);
      CHECK_OR_RETURN(size == 1 || size == wanted)
          << Error::RuntimeError() << "a mask of " << mask.ToString() << " does not broadcast";
    }
  }
  set_shape(context, "out", oneflow::Shape({q.At(0), q.At(1), q.At(2), v.At(3)}),
            context->Attr<bool>("heads_inside"));
  set_contiguous(context, "log_sums", oneflow::Shape({q.At(0), q.At(1), q.At(2)}));
  return Maybe<void>::Ok();
}

Maybe<void> dtypes(user_op::InferContext* context) {
  const DataType dtype = context->InputDType("query", 0);
  CHECK_OR_RETURN(context->InputDType("key", 0) == dtype && context->InputDType("value", 0) == dtype)
      << Error::RuntimeError() << "Expected query, key, and value to have the same dtype";
  context->SetOutputDType("out", 0, dtype);
  context->SetOutputDType("log_sums", 0, dtype == DataType::kDouble ? dtype : DataType::kFloat);
  return Maybe<void>::Ok();
}

Maybe<void> gradient_shapes(user_op::InferContext* context) {
  const bool inside = context->Attr<bool>("heads_inside");
  set_shape(context, "query_gradient", context->InputShape("query", 0), inside);
  set_shape(context, "key_gradient", context->InputShape("key", 0), inside);
  set_shape(context, "value_gradient", context->InputShape("value", 0), inside);
  return Maybe<void>::Ok();
}

Maybe<void> gradient_dtypes(user_op::InferContext* context) {
  for (const char* name : {"query_gradient", "key_gradient", "value_gradient"}) {
    context->SetOutputDType(name, 0, context->InputDType("query", 0));
  }
  return Maybe<void>::Ok();
}

REGISTER_USER_OP("ofm_attention")
    .Input("query")
    .Input("key")
    .Input("value")
    .OptionalInput("mask")
    .Output("out")
    .Output("log_sums")
    .Attr<double>("scale", 1.0)
    .Attr<bool>("causal", false)
    .Attr<bool>("heads_inside", false)
    .SupportNonContiguous()
    .SetLogicalTensorDescInferFn(shapes)
    .SetPhysicalTensorDescInferFn(shapes)
    .SetDataTypeInferFn(dtypes)
    .SetGetSbpFn(user_op::GetSbpFnUtil::DefaultBroadcastToBroadcast);

REGISTER_USER_OP("ofm_attention_grad")
    .Input("out_gradient")
    .Input("query")
    .Input("key")
    .Input("value")
    .Input("out")
    .Input("log_sums")
    .OptionalInput("mask")
    .Output("query_gradient")
    .Output("key_gradient")
    .Output("value_gradient")
    .Attr<double>("scale", 1.0)
    .Attr<bool>("causal", false)
    .Attr<bool>("heads_inside", false)
    .SupportNonContiguous()
    .SetLogicalTensorDescInferFn(gradient_shapes)
    .SetPhysicalTensorDescInferFn(gradient_shapes)
    .SetDataTypeInferFn(gradient_dtypes)
    .SetGetSbpFn(user_op::GetSbpFnUtil::DefaultBroadcastToBroadcast);

#define OFM_ATTENTION(type)                                                   \
  OFM_REGISTER("ofm_attention", Stateless<Attention<type>>,                   \
               OFM_ON_CPU("out", DtypeOf<type>::value))                       \
  OFM_REGISTER("ofm_attention_grad", Stateless<AttentionGradient<type>>,      \
               OFM_ON_CPU("query_gradient", DtypeOf<type>::value))
OFM_FOR_FLOATING(OFM_ATTENTION)

struct State : one::AutoGradCaptureState {
  double scale;
  bool causal, inside, masked;
  bool wanted[3];
};

class Gradient : public one::OpExprGradFunction<State> {
 public:
  Maybe<void> Init(const one::OpExpr&) override { return Maybe<void>::Ok(); }

  Maybe<void> Capture(State* state, const one::TensorTuple& inputs, const one::TensorTuple& outputs,
                      const oneflow::AttrMap& attributes) const override {
    state->scale = JUST(attributes.GetAttr<double>("scale"));
    state->causal = JUST(attributes.GetAttr<bool>("causal"));
    state->inside = JUST(attributes.GetAttr<bool>("heads_inside"));
    state->masked = inputs.size() == 4;
    for (int i = 0; i < 3; ++i) { state->wanted[i] = inputs.at(i)->requires_grad(); }
    for (int i = 0; i < 3; ++i) { state->SaveTensorForBackward(inputs.at(i)); }
    state->SaveTensorForBackward(outputs.at(0));
    state->SaveTensorForBackward(outputs.at(1));
    if (state->masked) { state->SaveTensorForBackward(inputs.at(3)); }
    return Maybe<void>::Ok();
  }

  Maybe<void> Apply(const State* state, const one::TensorTuple& out_grads,
                    one::TensorTuple* in_grads) const override {
    static const auto& plain =
        make_op("ofm_attention_grad", {"out_gradient", "query", "key", "value", "out", "log_sums"},
                {"query_gradient", "key_gradient", "value_gradient"});
    static const auto& masked = make_op(
        "ofm_attention_grad", {"out_gradient", "query", "key", "value", "out", "log_sums", "mask"},
        {"query_gradient", "key_gradient", "value_gradient"});
    auto& attributes = THREAD_CACHED_MUTABLE_ATTR_MAP("scale", "causal", "heads_inside");
    attributes.SetAllAttrs(state->scale, state->causal, state->inside);
    one::TensorTuple inputs{out_grads.at(0)};
    for (const auto& saved : state->SavedTensors()) { inputs.push_back(saved); }
    const auto found = JUST(one::OpInterpUtil::Dispatch<one::TensorTuple>(
        state->masked ? masked : plain, inputs, attributes));
    in_grads->resize(state->masked ? 4 : 3);
    for (int i = 0; i < 3; ++i) {
      if (state->wanted[i]) { in_grads->at(i) = found->at(i); }
    }
    return Maybe<void>::Ok();
  }
};
OFM_REGISTER_GRADIENT("ofm_attention", Gradient)

// attention(query, key, value, mask or None, scale, causal), of four dimensions each.
PyObject* attention(PyObject*, PyObject* const* arguments, ssize_t count) {
  return guarded([&] {
    if (count != 6) { throw TypeError{"attention takes 6 arguments"}; }
    static const auto& plain =
        make_op("ofm_attention", {"query", "key", "value"}, {"out", "log_sums"});
    static const auto& masked =
        make_op("ofm_attention", {"query", "key", "value", "mask"}, {"out", "log_sums"});
    auto& attributes = THREAD_CACHED_MUTABLE_ATTR_MAP("scale", "causal", "heads_inside");
    attributes.SetAllAttrs(number(arguments[4]), truth(arguments[5]),
                           !oneflow::LazyMode::is_enabled());
    one::TensorTuple inputs{tensor(arguments[0]), tensor(arguments[1]), tensor(arguments[2])};
    if (!is_none(arguments[3])) { inputs.push_back(tensor(arguments[3])); }
    return python(dispatch(inputs.size() == 4 ? masked : plain, inputs, attributes)->at(0));
  });
}
OFM_PYTHON_FUNCTION(attention, attention)

}  // namespace
}  // namespace ofm
