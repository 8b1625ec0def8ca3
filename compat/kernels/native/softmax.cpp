// Softmax and its logarithm along any dimension, cross entropy with classes, and their gradients.
//
// The input is outer × size × inner, with the softmax along size. What is not the last dimension is
// taken some columns at a time, without transposing anything.
#include "exponentials.h"
#include "functional.h"

namespace ofm {
namespace {

struct Along {
  int64_t outer = 1, size = 1, inner = 1;
};

template<typename Shape>
Along along(const Shape& shape, int64_t dim) {
  Along out;
  for (int64_t d = 0; d < shape.NumAxes(); ++d) {
    (d < dim ? out.outer : d == dim ? out.size : out.inner) *= shape.At(d);
  }
  return out;
}

// What PyTorch keeps in the input's dtype between the steps of a half's softmax.
template<typename T>
inline compute_t<T> kept_as(compute_t<T> value) {
  return to_compute(from_compute<T>(value));
}

// Of a row x to y, which is also where the exponentials are, unless they are of another type.
template<bool logarithm, typename T>
void softmax_row(const T* x, T* y, compute_t<T>* buffer, int64_t size) {
  using C = compute_t<T>;
  const C high = largest(x, size);
  C* const e = scratch(y, buffer);
  if (logarithm) {
    const C sum = kept_as<T>(static_cast<C>(exponentials<T>(x, nullptr, size, high)));
    const C low = kept_as<T>(std::log(sum));
    if constexpr (lanes::has_lanes<T>) {
      lanes::each_of_row(size, [&](int64_t i, auto part) {
        part.store(part.load(x + i) - high - low, y + i);
      });
    } else {
#pragma GCC ivdep
      for (int64_t i = 0; i < size; ++i) { y[i] = x[i] - high - low; }
    }
  } else {
    const C factor = static_cast<C>(1 / exponentials(x, e, size, high));
    if constexpr (lanes::has_lanes<T>) {
      lanes::each_of_row(size, [&](int64_t i, auto part) {
        part.store(part.load(e + i) * factor, y + i);
      });
    } else {
      for (int64_t i = 0; i < size; ++i) { y[i] *= factor; }
    }
  }
}

// Columns of a tile: x and y are size rows of width numbers.
template<bool logarithm, typename T, typename C>
void softmax_columns(const C* x, C* y, int64_t size, int64_t width) {
  std::vector<C> kept(2 * width, -std::numeric_limits<C>::infinity());
  C *high = kept.data(), *sum = high + width;
  std::fill(sum, sum + width, C(0));
  for (int64_t row = 0; row < size; ++row) {
    const C* v = x + row * width;
    for (int64_t i = 0; i < width; ++i) { high[i] = v[i] > high[i] ? v[i] : high[i]; }
  }
  for (int64_t row = 0; row < size; ++row) {
    const C* v = x + row * width;
    C* e = y + row * width;
    if (logarithm) {
      for (int64_t i = 0; i < width; ++i) { sum[i] += exp_below(v[i] - high[i]); }
    } else {
#pragma GCC ivdep
      for (int64_t i = 0; i < width; ++i) { e[i] = exp_below(v[i] - high[i]); }
      for (int64_t i = 0; i < width; ++i) { sum[i] += e[i]; }
      if constexpr (!std::is_same<T, C>::value) {
        for (int64_t i = 0; i < width; ++i) { e[i] = kept_as<T>(e[i]); }
      }
    }
  }
  if (logarithm) {
    for (int64_t i = 0; i < width; ++i) { sum[i] = math::log(sum[i]); }
  } else {
    for (int64_t i = 0; i < width; ++i) { sum[i] = 1 / sum[i]; }
  }
  for (int64_t row = 0; row < size; ++row) {
    const C* v = x + row * width;
    C* e = y + row * width;
#pragma GCC ivdep
    for (int64_t i = 0; i < width; ++i) { e[i] = logarithm ? v[i] - high[i] - sum[i] : e[i] * sum[i]; }
  }
}

template<bool logarithm, typename T>
void gradient_row(const T* y, const T* dy, T* dx, int64_t size) {
  double all = 0;
  for (int64_t first = 0; first < size; first += kBlock) {
    const int64_t part = std::min(kBlock, size - first);
    const T *v = y + first, *d = dy + first;
    if constexpr (lanes::has_lanes<T>) {
      lanes::Four sum(0.f);
      lanes::over_row(part, [&](int64_t i, auto some, int which) {
        const lanes::Lanes one = some.load(d + i);
        sum[which] = logarithm ? sum[which] + one : fma(one, some.load(v + i), sum[which]);
      });
      all += sum.total();
    } else {
      all += sum_of<T>(part, [=](int64_t i) { return logarithm ? d[i] : d[i] * v[i]; });
    }
  }
  const auto sum = static_cast<compute_t<T>>(all);
  if constexpr (lanes::has_lanes<T>) {
    lanes::each_of_row(size, [&](int64_t i, auto part) {
      const lanes::Lanes d = part.load(dy + i), v = part.load(y + i);
      part.store(logarithm ? less_product(lanes::exp(v), sum, d) : v * (d - sum), dx + i);
    });
  } else {
#pragma GCC ivdep
    for (int64_t i = 0; i < size; ++i) {
      dx[i] = logarithm ? dy[i] - math::exp(y[i]) * sum : y[i] * (dy[i] - sum);
    }
  }
}

template<bool logarithm, typename C>
void gradient_columns(const C* y, const C* dy, C* dx, int64_t size, int64_t width) {
  std::vector<C> kept(width);
  C* sum = kept.data();
  for (int64_t row = 0; row < size; ++row) {
    const C *v = y + row * width, *d = dy + row * width;
    for (int64_t i = 0; i < width; ++i) { sum[i] += logarithm ? d[i] : d[i] * v[i]; }
  }
  for (int64_t row = 0; row < size; ++row) {
    const C *v = y + row * width, *d = dy + row * width;
    C* to = dx + row * width;
#pragma GCC ivdep
    for (int64_t i = 0; i < width; ++i) {
      to[i] = logarithm ? d[i] - math::exp(v[i]) * sum[i] : v[i] * (d[i] - sum[i]);
    }
  }
}

// Rows for work(row, buffer).
template<typename T, typename Work>
void for_rows(int64_t rows, int64_t size, const Work& work) {
  using C = compute_t<T>;
  const int64_t grain = std::max<int64_t>(1, kGrain / 16 / std::max<int64_t>(size, 1));
  parallel_for(rows, grain, [&](int64_t begin, int64_t end) {
    std::vector<C> buffer(std::is_same<T, C>::value ? 0 : size);
    for (int64_t row = begin; row < end; ++row) { work(row, buffer.data()); }
  });
}

// Tiles of columns for work(inputs, output, width), copied together.
template<typename T, int inputs, typename Work>
void for_tiles(const Along& shape, const T* const* from, T* to, const Work& work) {
  using C = compute_t<T>;
  // As many columns as stay in the second-level cache with their rows, but whole cache lines.
  const int64_t fit = (1 << 17) / std::max<int64_t>(1, shape.size * sizeof(C)) / 16 * 16;
  const int64_t width = std::min(shape.inner, std::min<int64_t>(512, std::max<int64_t>(16, fit)));
  const int64_t tiles = (shape.inner + width - 1) / width;
  const int64_t grain = std::max<int64_t>(1, kGrain / 16 / std::max<int64_t>(shape.size * width, 1));
  parallel_for(shape.outer * tiles, grain, [&](int64_t begin, int64_t end) {
    std::vector<C> buffer((inputs + 1) * shape.size * width);
    for (int64_t tile = begin; tile < end; ++tile) {
      const int64_t first = tile % tiles * width, count = std::min(width, shape.inner - first);
      const int64_t at = tile / tiles * shape.size * shape.inner + first;
      const C* in[inputs];
      for (int k = 0; k < inputs; ++k) {
        C* const copy = buffer.data() + (k + 1) * shape.size * width;
        for (int64_t row = 0; row < shape.size; ++row) {
          load_row(from[k] + at + row * shape.inner, copy + row * count, count);
        }
        in[k] = copy;
      }
      C* const result = buffer.data();
      work(in, result, count);
      for (int64_t row = 0; row < shape.size; ++row) {
        store_row(result + row * count, to + at + row * shape.inner, count);
      }
    }
  });
}

template<bool logarithm, typename T>
void softmax(const Along& shape, const T* x, T* y) {
  using C = compute_t<T>;
  const T* const from[] = {x};
  if (shape.inner == 1) {
    for_rows<T>(shape.outer, shape.size, [=](int64_t row, C* buffer) {
      softmax_row<logarithm>(x + row * shape.size, y + row * shape.size, buffer, shape.size);
    });
  } else {
    for_tiles<T, 1>(shape, from, y, [&](const C* const* in, C* out, int64_t width) {
      softmax_columns<logarithm, T>(in[0], out, shape.size, width);
    });
  }
}

template<bool logarithm, typename T>
void softmax_gradient(const Along& shape, const T* y, const T* dy, T* dx) {
  using C = compute_t<T>;
  const T* const from[] = {y, dy};
  if (shape.inner == 1) {
    for_rows<T>(shape.outer, shape.size, [=](int64_t row, C*) {
      const int64_t at = row * shape.size;
      gradient_row<logarithm>(y + at, dy + at, dx + at, shape.size);
    });
  } else {
    for_tiles<T, 2>(shape, from, dx, [&](const C* const* in, C* out, int64_t width) {
      gradient_columns<logarithm>(in[0], in[1], out, shape.size, width);
    });
  }
}

// --- kernels -------------------------------------------------------------------------------------

Along along(Context* context, const char* name) {
  const auto shape = context->Tensor4ArgNameAndIndex(name, 0)->shape_view();
  return along(shape, context->Attr<int64_t>("dim"));
}

// OneFlow's own operators, along the last dimension.
Along last(Context* context, const char* name) {
  const auto shape = context->Tensor4ArgNameAndIndex(name, 0)->shape_view();
  return along(shape, shape.NumAxes() - 1);
}

template<typename T>
struct Softmax {
  static void compute(Context* context) {
    const Along shape = along(context, "x");
    const T* x = data<T>(context, "x");
    T* y = mut_data<T>(context, "y");
    context->Attr<bool>("log") ? softmax<true>(shape, x, y) : softmax<false>(shape, x, y);
  }
};
template<typename T>
struct SoftmaxGrad {
  static void compute(Context* context) {
    const Along shape = along(context, "y");
    const T *y = data<T>(context, "y"), *dy = data<T>(context, "dy");
    T* dx = mut_data<T>(context, "dx");
    context->Attr<bool>("log") ? softmax_gradient<true>(shape, y, dy, dx)
                               : softmax_gradient<false>(shape, y, dy, dx);
  }
};
template<typename T>
struct LastSoftmax {
  static void compute(Context* context) {
    softmax<false>(last(context, "in"), data<T>(context, "in"), mut_data<T>(context, "out"));
  }
};
template<typename T>
struct LastLogSoftmax {
  static void compute(Context* context) {
    softmax<true>(last(context, "in"), data<T>(context, "in"), mut_data<T>(context, "prob"));
  }
};
template<typename T>
struct LastSoftmaxGrad {
  static void compute(Context* context) {
    softmax_gradient<false>(last(context, "y"), data<T>(context, "y"), data<T>(context, "dy"),
                            mut_data<T>(context, "dx"));
  }
};
template<typename T>
struct LastLogSoftmaxGrad {
  static void compute(Context* context) {
    softmax_gradient<true>(last(context, "prob"), data<T>(context, "prob"), data<T>(context, "dy"),
                           mut_data<T>(context, "dx"));
  }
};

#define OFM_SOFTMAX(type)                                                                        \
  OFM_REGISTER("ofm_softmax", Stateless<Softmax<type>>, OFM_ON_CPU("x", DtypeOf<type>::value))   \
  OFM_REGISTER("ofm_softmax_grad", Stateless<SoftmaxGrad<type>>,                                 \
               OFM_ON_CPU("y", DtypeOf<type>::value))                                            \
  OFM_REGISTER("softmax", Stateless<LastSoftmax<type>>, OFM_ON_CPU("in", DtypeOf<type>::value))  \
  OFM_REGISTER("log_softmax", Stateless<LastLogSoftmax<type>>,                                   \
               OFM_ON_CPU("in", DtypeOf<type>::value))                                           \
  OFM_REGISTER("softmax_grad", Stateless<LastSoftmaxGrad<type>>,                                 \
               OFM_ON_CPU("y", DtypeOf<type>::value))                                            \
  OFM_REGISTER("log_softmax_grad", Stateless<LastLogSoftmaxGrad<type>>,                          \
               OFM_ON_CPU("prob", DtypeOf<type>::value))
OFM_FOR_FLOATING(OFM_SOFTMAX)

// --- cross entropy -------------------------------------------------------------------------------

// Of logits (N, C, *) and int64 classes (N, *), with a weight for each class and a share of the
// loss that is spread over all classes. What is not a class is ignored: the caller has looked
// whether there is one that should be an error.
template<typename C>
class Classes {
 public:
  Classes(Context* context, int64_t count)
      : classes(data<int64_t>(context, "classes")),
        smoothing(static_cast<C>(context->Attr<double>("smoothing"))),
        count_(count) {
    if (context->has_input("weight", 0)) {
      const user_op::Tensor* tensor = context->Tensor4ArgNameAndIndex("weight", 0);
      const void* from = tensor->raw_dptr();
      switch (tensor->data_type()) {
        case DataType::kFloat: keep(static_cast<const float*>(from)); break;
        case DataType::kDouble: keep(static_cast<const double*>(from)); break;
        case DataType::kFloat16: keep(static_cast<const Half*>(from)); break;
        default: keep(static_cast<const BFloat16*>(from));
      }
    }
    if (smoothing == 0) { return; }
    everywhere_.resize(count);
    double sum = 0;
    for (int64_t c = 0; c < count; ++c) {
      everywhere_[c] = smoothing / static_cast<C>(count) * weight(c);
      sum += everywhere_[c];
    }
    sum_ = static_cast<C>(sum);
  }

  bool counts(int64_t i) const { return 0 <= classes[i] && classes[i] < count_; }
  C weight(int64_t c) const { return weights_.empty() ? C(1) : weights_[c]; }
  // With these the gradient of a loss is all × softmax - chosen where the class is - everywhere.
  C all(int64_t i) const { return counts(i) ? chosen(classes[i]) + sum_ : C(0); }
  C chosen(int64_t c) const { return (1 - smoothing) * weight(c); }
  // Null without smoothing.
  const C* everywhere() const { return everywhere_.empty() ? nullptr : everywhere_.data(); }

  const int64_t* const classes;
  const C smoothing;

 private:
  template<typename W>
  void keep(const W* from) {
    weights_.resize(count_);
    for (int64_t c = 0; c < count_; ++c) { weights_[c] = static_cast<C>(to_compute(from[c])); }
  }

  const int64_t count_;
  C sum_ = 0;
  std::vector<C> weights_, everywhere_;
};

template<typename T>
struct CrossEntropy {
  using C = compute_t<T>;

  static void compute(Context* context) {
    const auto shape = context->Tensor4ArgNameAndIndex("x", 0)->shape_view();
    const Along as = along(shape, 1);
    const Classes<C> classes(context, as.size);
    const T* x = data<T>(context, "x");
    T* loss = mut_data<T>(context, "loss");
    T* whether = mut_data<T>(context, "counts");
    T* all = mut_data<T>(context, "all");
    C* norm = mut_data<C>(context, "norm");
    // spread: the sum of everywhere × (norm - logit).
    const auto finish = [=, &classes](int64_t i, C value, C chosen, C spread) {
      norm[i] = value;
      const bool counts = classes.counts(i);
      const C own =
          counts ? classes.chosen(classes.classes[i]) * (value - chosen) + spread : C(0);
      loss[i] = from_compute<T>(own);
      whether[i] = from_compute<T>(counts ? classes.weight(classes.classes[i]) : C(0));
      all[i] = from_compute<T>(classes.all(i));
    };
    const C* const everywhere = classes.everywhere();
    if (as.inner == 1) {
      const int64_t grain = std::max<int64_t>(1, kGrain / 16 / std::max<int64_t>(as.size, 1));
      parallel_for(as.outer, grain, [&](int64_t begin, int64_t end) {
        for (int64_t row = begin; row < end; ++row) {
          const T* v = x + row * as.size;
          const C high = largest(v, as.size);
          const C value =
              static_cast<C>(high + std::log(exponentials<T>(v, nullptr, as.size, high)));
          C spread = 0;
          if (everywhere != nullptr) {
            spread = sum_of<C>(as.size, [=](int64_t c) {
              return everywhere[c] * (value - to_compute(v[c]));
            });
          }
          const int64_t chosen = classes.classes[row];
          finish(row, value, classes.counts(row) ? to_compute(v[chosen]) : C(0), spread);
        }
      });
      return;
    }
    constexpr int64_t kWidth = 256;
    const int64_t tiles = (as.inner + kWidth - 1) / kWidth;
    parallel_for(as.outer * tiles, 1, [&](int64_t begin, int64_t end) {
      C in[kWidth], high[kWidth], sum[kWidth], spread[kWidth];
      for (int64_t tile = begin; tile < end; ++tile) {
        const int64_t n = tile / tiles, first = tile % tiles * kWidth;
        const int64_t count = std::min(kWidth, as.inner - first);
        const T* from = x + n * as.size * as.inner + first;
        std::fill(high, high + count, -std::numeric_limits<C>::infinity());
        std::fill(sum, sum + count, C(0));
        std::fill(spread, spread + count, C(0));
        for (int64_t c = 0; c < as.size; ++c) {
          const C* v = loaded(from + c * as.inner, in, count);
          for (int64_t i = 0; i < count; ++i) { high[i] = v[i] > high[i] ? v[i] : high[i]; }
        }
        for (int64_t c = 0; c < as.size; ++c) {
          const C* v = loaded(from + c * as.inner, in, count);
          for (int64_t i = 0; i < count; ++i) { sum[i] += exp_below(v[i] - high[i]); }
        }
        for (int64_t i = 0; i < count; ++i) { sum[i] = high[i] + math::log(sum[i]); }
        for (int64_t c = 0; everywhere != nullptr && c < as.size; ++c) {
          const C* v = loaded(from + c * as.inner, in, count);
          const C share = everywhere[c];
          for (int64_t i = 0; i < count; ++i) { spread[i] += share * (sum[i] - v[i]); }
        }
        for (int64_t i = 0; i < count; ++i) {
          const int64_t at = n * as.inner + first + i, chosen = classes.classes[at];
          const C logit = classes.counts(at) ? to_compute(from[chosen * as.inner + i]) : C(0);
          finish(at, sum[i], logit, spread[i]);
        }
      }
    });
  }
};

template<typename T>
struct CrossEntropyGrad {
  using C = compute_t<T>;

  static void compute(Context* context) {
    const auto shape = context->Tensor4ArgNameAndIndex("x", 0)->shape_view();
    const Along as = along(shape, 1);
    const Classes<C> classes(context, as.size);
    const T *x = data<T>(context, "x"), *dloss = data<T>(context, "dloss");
    const C* norm = data<C>(context, "norm");
    T* dx = mut_data<T>(context, "dx");
    const auto factor = [&](int64_t i) { return classes.counts(i) ? to_compute(dloss[i]) : C(0); };
    const C* const everywhere = classes.everywhere();
    const int64_t grain = std::max<int64_t>(1, kGrain / 16 / std::max<int64_t>(as.size, 1));
    // Of one logit, for the class that is chosen: computed again, not rounded twice.
    const auto choose = [&](int64_t i, int64_t at) {
      const int64_t c = classes.classes[i];
      const C share = classes.all(i) * exp_below(to_compute(x[at]) - norm[i]);
      const C rest = classes.chosen(c) + (everywhere != nullptr ? everywhere[c] : C(0));
      dx[at] = from_compute<T>((share - rest) * factor(i));
    };
    if (as.inner == 1) {
      parallel_for(as.outer, grain, [&](int64_t begin, int64_t end) {
        for (int64_t row = begin; row < end; ++row) {
          const C by = factor(row), lse = norm[row], all = by * classes.all(row);
          const int64_t at = row * as.size;
          if constexpr (lanes::has_lanes<T>) {
            lanes::each_of_row(as.size, [&](int64_t i, auto part) {
              lanes::Lanes value = lanes::exp_below(part.load(x + at + i) - lse) * all;
              if (everywhere != nullptr) {
                value = less_product(part.load(everywhere + i), by, value);
              }
              part.store(value, dx + at + i);
            });
          } else {
            for (int64_t c = 0; c < as.size; ++c) {
              const C spread = everywhere != nullptr ? everywhere[c] : C(0);
              dx[at + c] = all * exp_below(x[at + c] - lse) - by * spread;
            }
          }
          if (classes.counts(row)) { choose(row, at + classes.classes[row]); }
        }
      });
      return;
    }
    parallel_for(as.outer * as.size, std::max<int64_t>(1, kGrain / 16 / as.inner),
                 [&](int64_t begin, int64_t end) {
      C in[kBlock], out[kBlock], by[kBlock], all[kBlock], chosen[kBlock];
      for (int64_t plane = begin; plane < end; ++plane) {
        const int64_t n = plane / as.size, own = plane % as.size;
        const C spread = everywhere != nullptr ? everywhere[own] : C(0);
        const C hit = classes.chosen(own) + spread;
        for (int64_t first = 0; first < as.inner; first += kBlock) {
          const int64_t part = std::min(kBlock, as.inner - first);
          const int64_t at = plane * as.inner + first, place = n * as.inner + first;
          const C* v = loaded(x + at, in, part);
          const C* lse = norm + place;
          C* to = scratch(dx + at, out);
          for (int64_t i = 0; i < part; ++i) {
            by[i] = factor(place + i);
            all[i] = by[i] * classes.all(place + i);
            chosen[i] = by[i] * (classes.classes[place + i] == own ? hit : spread);
          }
#pragma GCC ivdep
          for (int64_t i = 0; i < part; ++i) {
            to[i] = all[i] * exp_below(v[i] - lse[i]) - chosen[i];
          }
          store_block(to, dx + at, part);
        }
      }
    });
  }
};

#define OFM_CROSS_ENTROPY(type)                                            \
  OFM_REGISTER("ofm_cross_entropy", Stateless<CrossEntropy<type>>,         \
               OFM_ON_CPU("x", DtypeOf<type>::value))                      \
  OFM_REGISTER("ofm_cross_entropy_grad", Stateless<CrossEntropyGrad<type>>, \
               OFM_ON_CPU("x", DtypeOf<type>::value))
OFM_FOR_FLOATING(OFM_CROSS_ENTROPY)

// --- operators -----------------------------------------------------------------------------------

using InferContext = user_op::InferContext;
using oneflow::Shape;

Maybe<void> softmax_shape(InferContext* context) {
  const int64_t dim = context->Attr<int64_t>("dim");
  CHECK_OR_RETURN(0 <= dim && dim < context->InputShape("x", 0).NumAxes())
      << "Dimension out of range";
  set_contiguous(context, "y", context->InputShape("x", 0));
  return Maybe<void>::Ok();
}
Maybe<void> softmax_dtype(InferContext* context) {
  context->SetOutputDType("y", 0, context->InputDType("x", 0));
  return Maybe<void>::Ok();
}
REGISTER_USER_OP("ofm_softmax")
    .Input("x")
    .Attr<int64_t>("dim")
    .Attr<bool>("log")
    .Output("y")
    .SetLogicalTensorDescInferFn(softmax_shape)
    .SetPhysicalTensorDescInferFn(softmax_shape)
    .SetDataTypeInferFn(softmax_dtype)
    .SetGetSbpFn(user_op::GetSbpFnUtil::DefaultBroadcastToBroadcast);

Maybe<void> softmax_grad_shape(InferContext* context) {
  set_contiguous(context, "dx", context->InputShape("y", 0));
  return Maybe<void>::Ok();
}
Maybe<void> softmax_grad_dtype(InferContext* context) {
  context->SetOutputDType("dx", 0, context->InputDType("y", 0));
  return Maybe<void>::Ok();
}
REGISTER_USER_OP("ofm_softmax_grad")
    .Input("y")
    .Input("dy")
    .Attr<int64_t>("dim")
    .Attr<bool>("log")
    .Output("dx")
    .SetLogicalTensorDescInferFn(softmax_grad_shape)
    .SetPhysicalTensorDescInferFn(softmax_grad_shape)
    .SetDataTypeInferFn(softmax_grad_dtype)
    .SetGetSbpFn(user_op::GetSbpFnUtil::DefaultBroadcastToBroadcast)
    .NoGrad();

Maybe<void> cross_entropy_shape(InferContext* context) {
  const Shape &x = context->InputShape("x", 0), &classes = context->InputShape("classes", 0);
  CHECK_OR_RETURN(x.NumAxes() >= 2 && classes.NumAxes() == x.NumAxes() - 1)
      << "Expected classes of " << x.NumAxes() - 1 << " dimensions, not " << classes.ToString();
  for (int64_t d = 0; d < classes.NumAxes(); ++d) {
    CHECK_OR_RETURN(classes.At(d) == x.At(d == 0 ? 0 : d + 1))
        << "Expected input " << x.ToString() << " to match target " << classes.ToString();
  }
  set_contiguous(context, "loss", classes);
  set_contiguous(context, "norm", classes);
  set_contiguous(context, "counts", classes);
  set_contiguous(context, "all", classes);
  if (context->has_input("weight", 0)) {
    CHECK_EQ_OR_RETURN(context->InputShape("weight", 0).elem_cnt(), x.At(1))
        << "weight tensor should be defined either for all " << x.At(1) << " classes or no classes";
  }
  return Maybe<void>::Ok();
}
Maybe<void> cross_entropy_dtype(InferContext* context) {
  const DataType dtype = context->InputDType("x", 0);
  CHECK_OR_RETURN(context->InputDType("classes", 0) == DataType::kInt64)
      << "expected scalar type Long for the classes";
  context->SetOutputDType("loss", 0, dtype);
  context->SetOutputDType("counts", 0, dtype);
  context->SetOutputDType("all", 0, dtype);
  context->SetOutputDType("norm", 0,
                          dtype == DataType::kDouble ? DataType::kDouble : DataType::kFloat);
  return Maybe<void>::Ok();
}
REGISTER_USER_OP("ofm_cross_entropy")
    .Input("x")
    .Input("classes")
    .OptionalInput("weight")
    .Attr<double>("smoothing")
    .Output("loss")
    .Output("norm")
    .Output("counts")
    .Output("all")
    .SetLogicalTensorDescInferFn(cross_entropy_shape)
    .SetPhysicalTensorDescInferFn(cross_entropy_shape)
    .SetDataTypeInferFn(cross_entropy_dtype)
    .SetGetSbpFn(user_op::GetSbpFnUtil::DefaultBroadcastToBroadcast);

Maybe<void> cross_entropy_grad_shape(InferContext* context) {
  set_contiguous(context, "dx", context->InputShape("x", 0));
  return Maybe<void>::Ok();
}
Maybe<void> cross_entropy_grad_dtype(InferContext* context) {
  context->SetOutputDType("dx", 0, context->InputDType("x", 0));
  return Maybe<void>::Ok();
}
REGISTER_USER_OP("ofm_cross_entropy_grad")
    .Input("x")
    .Input("classes")
    .Input("norm")
    .Input("dloss")
    .OptionalInput("weight")
    .Attr<double>("smoothing")
    .Output("dx")
    .SetLogicalTensorDescInferFn(cross_entropy_grad_shape)
    .SetPhysicalTensorDescInferFn(cross_entropy_grad_shape)
    .SetDataTypeInferFn(cross_entropy_grad_dtype)
    .SetGetSbpFn(user_op::GetSbpFnUtil::DefaultBroadcastToBroadcast)
    .NoGrad();

// --- gradients -----------------------------------------------------------------------------------

struct SoftmaxState : public one::AutoGradCaptureState {
  int64_t dim = 0;
  bool log = false, wanted = false;
};

class SoftmaxGradient final : public one::OpExprGradFunction<SoftmaxState> {
 public:
  Maybe<void> Init(const one::OpExpr&) override { return Maybe<void>::Ok(); }

  Maybe<void> Capture(SoftmaxState* state, const one::TensorTuple& inputs,
                      const one::TensorTuple& outputs,
                      const oneflow::AttrMap& attributes) const override {
    state->wanted = inputs.at(0)->requires_grad();
    if (!state->wanted) { return Maybe<void>::Ok(); }
    state->dim = JUST(attributes.GetAttr<int64_t>("dim"));
    state->log = JUST(attributes.GetAttr<bool>("log"));
    state->SaveTensorForBackward(outputs.at(0));
    return Maybe<void>::Ok();
  }

  Maybe<void> Apply(const SoftmaxState* state, const one::TensorTuple& out_grads,
                    one::TensorTuple* in_grads) const override {
    using namespace functional;
    in_grads->resize(1);
    if (!state->wanted) { return Maybe<void>::Ok(); }
    const TensorPointer &y = state->SavedTensors().at(0), &dy = out_grads.at(0);
    if (gradient_is_recorded()) {
      const std::vector<int32_t> over{static_cast<int32_t>(state->dim)};
      if (state->log) {
        const TensorPointer share = JUST(Mul(JUST(Exp(y)), JUST(ReduceSum(dy, over, true))));
        in_grads->at(0) = JUST(Sub(dy, share, 1, false));
      } else {
        const TensorPointer sum = JUST(ReduceSum(JUST(Mul(dy, y)), over, true));
        in_grads->at(0) = JUST(Mul(y, JUST(Sub(dy, sum, 1, false))));
      }
      return Maybe<void>::Ok();
    }
    static const one::UserOpExpr& op = make_op("ofm_softmax_grad", {"y", "dy"}, {"dx"});
    auto& attributes = THREAD_CACHED_MUTABLE_ATTR_MAP("dim", "log");
    attributes.SetAllAttrs(state->dim, state->log);
    in_grads->at(0) = dispatch(op, {y, dy}, attributes)->at(0);
    return Maybe<void>::Ok();
  }
};
OFM_REGISTER_GRADIENT("ofm_softmax", SoftmaxGradient)

struct CrossEntropyState : public one::AutoGradCaptureState {
  bool wanted = false;
  double smoothing = 0;
};

class CrossEntropyGradient final : public one::OpExprGradFunction<CrossEntropyState> {
 public:
  Maybe<void> Init(const one::OpExpr&) override { return Maybe<void>::Ok(); }

  Maybe<void> Capture(CrossEntropyState* state, const one::TensorTuple& inputs,
                      const one::TensorTuple& outputs,
                      const oneflow::AttrMap& attributes) const override {
    state->wanted = inputs.at(0)->requires_grad();
    if (!state->wanted) { return Maybe<void>::Ok(); }
    state->smoothing = JUST(attributes.GetAttr<double>("smoothing"));
    state->SaveTensorForBackward(inputs.at(0));
    state->SaveTensorForBackward(inputs.at(1));
    state->SaveTensorForBackward(outputs.at(1));
    state->SaveTensorForBackward(outputs.at(3));
    if (inputs.size() > 2) { state->SaveTensorForBackward(inputs.at(2)); }
    return Maybe<void>::Ok();
  }

  Maybe<void> Apply(const CrossEntropyState* state, const one::TensorTuple& out_grads,
                    one::TensorTuple* in_grads) const override {
    const auto& saved = state->SavedTensors();
    const bool weighted = saved.size() > 4;
    in_grads->resize(weighted ? 3 : 2);
    if (!state->wanted) { return Maybe<void>::Ok(); }
    const TensorPointer &x = saved.at(0), &dloss = out_grads.at(0);
    if (!gradient_is_recorded()) {
      in_grads->at(0) = gradient(*state, x, saved.at(2), dloss);
      return Maybe<void>::Ok();
    }
    // dloss (all softmax(x) - rest), where the rest is known from the gradient of ones.
    using namespace functional;
    static const one::UserOpExpr& softmax = make_op("ofm_softmax", {"x"}, {"y"});
    auto& attributes = THREAD_CACHED_MUTABLE_ATTR_MAP("dim", "log");
    attributes.SetAllAttrs(int64_t{1}, false);
    const TensorPointer soft = dispatch(softmax, {x}, attributes)->at(0);
    oneflow::DimVector dims = x->shape()->dim_vec();
    dims[1] = 1;
    const TensorPointer ones = JUST(ScalarAdd(JUST(ScalarMul(JUST(dloss->detach()), 0., false)),
                                              1., 1, false));
    const TensorPointer plain =
        gradient(*state, JUST(x->detach()), JUST(saved.at(2)->detach()), ones);
    const TensorPointer all = JUST(Reshape(JUST(saved.at(3)->detach()), Shape(dims)));
    const TensorPointer rest = JUST(Sub(JUST(Mul(all, JUST(soft->detach()))), plain, 1, false));
    in_grads->at(0) = JUST(Mul(JUST(Reshape(dloss, Shape(dims))),
                               JUST(Sub(JUST(Mul(all, soft)), rest, 1, false))));
    return Maybe<void>::Ok();
  }

 private:
  static TensorPointer gradient(const CrossEntropyState& state, const TensorPointer& x,
                                const TensorPointer& norm, const TensorPointer& dloss) {
    static const one::UserOpExpr& plain =
        make_op("ofm_cross_entropy_grad", {"x", "classes", "norm", "dloss"}, {"dx"});
    static const one::UserOpExpr& weighted =
        make_op("ofm_cross_entropy_grad", {"x", "classes", "norm", "dloss", "weight"}, {"dx"});
    const auto& saved = state.SavedTensors();
    auto& attributes = THREAD_CACHED_MUTABLE_ATTR_MAP("smoothing");
    attributes.SetAllAttrs(state.smoothing);
    one::TensorTuple inputs{x, saved.at(1), norm, dloss};
    if (saved.size() > 4) { inputs.push_back(saved.at(4)); }
    return dispatch(saved.size() > 4 ? weighted : plain, inputs, attributes)->at(0);
  }
};
OFM_REGISTER_GRADIENT("ofm_cross_entropy", CrossEntropyGradient)

// --- for Python ----------------------------------------------------------------------------------

// softmax(x, dim, log)
PyObject* softmax_for_python(PyObject*, PyObject* const* arguments, ssize_t count) {
  return guarded([&] {
    if (count != 3) { throw TypeError{"softmax takes 3 arguments"}; }
    static const one::UserOpExpr& op = make_op("ofm_softmax", {"x"}, {"y"});
    auto& attributes = THREAD_CACHED_MUTABLE_ATTR_MAP("dim", "log");
    attributes.SetAllAttrs(integer(arguments[1]), truth(arguments[2]));
    return python(dispatch(op, {tensor(arguments[0])}, attributes)->at(0));
  });
}
OFM_PYTHON_FUNCTION(softmax, softmax_for_python)

// cross_entropy(x, classes, weight, smoothing): the losses, and for each the weight of its class, or
// 0 if it does not count.
PyObject* cross_entropy(PyObject*, PyObject* const* arguments, ssize_t count) {
  return guarded([&] {
    if (count != 4) { throw TypeError{"cross_entropy takes 4 arguments"}; }
    static const one::UserOpExpr& plain =
        make_op("ofm_cross_entropy", {"x", "classes"}, {"loss", "norm", "counts", "all"});
    static const one::UserOpExpr& weighted =
        make_op("ofm_cross_entropy", {"x", "classes", "weight"}, {"loss", "norm", "counts", "all"});
    one::TensorTuple inputs{tensor(arguments[0]), tensor(arguments[1])};
    const bool has_weight = !is_none(arguments[2]);
    if (has_weight) { inputs.push_back(tensor(arguments[2])); }
    auto& attributes = THREAD_CACHED_MUTABLE_ATTR_MAP("smoothing");
    attributes.SetAllAttrs(number(arguments[3]));
    const auto found = dispatch(has_weight ? weighted : plain, inputs, attributes);
    return python(one::TensorTuple{found->at(0), found->at(2)});
  });
}
OFM_PYTHON_FUNCTION(cross_entropy, cross_entropy)

}  // namespace
}  // namespace ofm
