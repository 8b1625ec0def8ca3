// Products of matrices, in batches and with broadcasting; the linear layer with its bias.
#include <unistd.h>

#include "convolution.h"
#include "gemm.h"
#include "new_op.h"
#include "onednn.h"
#include "products.h"
#include "strided_copy.h"

namespace oneflow {
namespace one {
namespace functional {
Maybe<Tensor> MatMul(const std::shared_ptr<Tensor>& a, const std::shared_ptr<Tensor>& b,
                     bool transpose_a, bool transpose_b, double alpha);
}  // namespace functional
}  // namespace one
}  // namespace oneflow

namespace ofm {
namespace {

template<typename T>
struct IsShort : std::integral_constant<bool, sizeof(compute_t<T>) != sizeof(T)> {};

// --- vectors and matrices ------------------------------------------------------------------------

// A sum that is complete, where it belongs.
template<typename T>
inline void put(const Product<T>& p, int64_t i, int64_t j, compute_t<T> sum) {
  T& to = p.c[i * p.stride + j];
  sum *= static_cast<compute_t<T>>(p.alpha);
  if (p.bias != nullptr) { sum += to_compute(p.bias[j]); }
  if (p.add) { sum += to_compute(to); }
  to = from_compute<T>(sum);
}

template<typename C>
inline C dot(const C* x, const C* y, int64_t count) {
  constexpr int kLanes = 256 / sizeof(C);
  C sums[kLanes] = {};
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (int lane = 0; lane < kLanes; ++lane) { sums[lane] += x[i + lane] * y[i + lane]; }
  }
  for (; i < count; ++i) { sums[0] += x[i] * y[i]; }
  for (int width = kLanes / 2; width > 0; width /= 2) {
    for (int lane = 0; lane < width; ++lane) { sums[lane] += sums[lane + width]; }
  }
  return sums[0];
}

#ifdef __AVX512F__
inline float total(__m512 v) { return _mm512_reduce_add_ps(v); }
inline double total(__m512d v) { return _mm512_reduce_add_pd(v); }
template<typename C>
using Wide = typename std::conditional<std::is_same<C, float>::value, __m512, __m512d>::type;
#else
inline float total(__m256 v) {
  const __m128 four = _mm256_castps256_ps128(v) + _mm256_extractf128_ps(v, 1);
  const __m128 two = four + _mm_movehl_ps(four, four);
  return two[0] + two[1];
}
inline double total(__m256d v) {
  const __m128d two = _mm256_castpd256_pd128(v) + _mm256_extractf128_pd(v, 1);
  return two[0] + two[1];
}
template<typename C>
using Wide = typename std::conditional<std::is_same<C, float>::value, __m256, __m256d>::type;
#endif

template<typename C>
inline Wide<C> wide_at(const C* from) {
  Wide<C> out;
  std::memcpy(&out, from, sizeof out);
  return out;
}

// The dot products of x with four vectors that lie a step apart.
template<typename C>
inline void four_dots(const C* x, const C* y, int64_t step, int64_t count, C* out) {
  constexpr int kLanes = sizeof(Wide<C>) / sizeof(C);
  Wide<C> even[4] = {}, odd[4] = {};
  int64_t i = 0;
  for (; i + 2 * kLanes <= count; i += 2 * kLanes) {
    const Wide<C> one = wide_at(x + i), other = wide_at(x + i + kLanes);
#pragma GCC unroll 4
    for (int row = 0; row < 4; ++row) {
      even[row] += one * wide_at(y + row * step + i);
      odd[row] += other * wide_at(y + row * step + i + kLanes);
    }
  }
  if (i + kLanes <= count) {
    const Wide<C> one = wide_at(x + i);
    for (int row = 0; row < 4; ++row) { even[row] += one * wide_at(y + row * step + i); }
    i += kLanes;
  }
  for (int row = 0; row < 4; ++row) {
    C sum = total(even[row] + odd[row]);
    for (int64_t j = i; j < count; ++j) { sum += x[j] * y[row * step + j]; }
    out[row] = sum;
  }
}

constexpr int64_t kPiece = 4096;

// A vector times the rows of a matrix: out(j) = Σ x(k) rows(j, k), for rows that are dense.
template<typename T, typename Put>
void dot_rows(const compute_t<T>* x, const T* rows, int64_t step, int64_t count, int64_t k,
              const Put& put_one) {
  using C = compute_t<T>;
  const int64_t fours = (count + 3) / 4;
  parallel_for(fours, std::max<int64_t>(1, kGrain / 4 / k), [&](int64_t begin, int64_t end) {
    int64_t j = begin * 4;
    end = std::min(end * 4, count);
    if constexpr (std::is_same<T, C>::value) {
      for (; j + 4 <= end; j += 4) {
        C sums[4];
        four_dots<C>(x, rows + j * step, step, k, sums);
        for (int i = 0; i < 4; ++i) { put_one(j + i, sums[i]); }
      }
    }
    C piece[kPiece];
    for (; j < end; ++j) {
      C sum = 0;
      for (int64_t from = 0; from < k; from += kPiece) {
        const int64_t length = std::min(kPiece, k - from);
        const T* row = rows + j * step + from;
        const C* wide;
        if constexpr (std::is_same<T, C>::value) {
          wide = row;
        } else {
          load_row(row, piece, length);
          wide = piece;
        }
        sum += dot<C>(x + from, wide, length);
      }
      put_one(j, sum);
    }
  });
}

// The same for columns that are dense: out(j) = Σ x(k) rows(k, j).
template<typename T, typename Put>
void add_rows(const compute_t<T>* x, const T* rows, int64_t step, int64_t count, int64_t k,
              const Put& put_one) {
  using C = compute_t<T>;
  const int64_t grain = std::max<int64_t>(64, kGrain / k);
  parallel_for(count, grain, [&](int64_t begin, int64_t end) {
    C sums[kPiece], piece[kPiece];
    for (int64_t from = begin; from < end; from += kPiece) {
      const int64_t length = std::min(kPiece, end - from);
      std::fill_n(sums, length, C(0));
      int64_t q = 0;
      if constexpr (std::is_same<T, C>::value) {
        // Four rows in one pass over the sums.
        for (; q + 4 <= k; q += 4) {
          const C* __restrict r0 = rows + q * step + from;
          const C* __restrict r1 = r0 + step;
          const C* __restrict r2 = r1 + step;
          const C* __restrict r3 = r2 + step;
          const C f0 = x[q], f1 = x[q + 1], f2 = x[q + 2], f3 = x[q + 3];
          for (int64_t j = 0; j < length; ++j) {
            sums[j] = sums[j] + f0 * r0[j] + f1 * r1[j] + f2 * r2[j] + f3 * r3[j];
          }
        }
      }
      for (; q < k; ++q) {
        const T* row = rows + q * step + from;
        const C* wide;
        if constexpr (std::is_same<T, C>::value) {
          wide = row;
        } else {
          load_row(row, piece, length);
          wide = piece;
        }
        const C factor = x[q];
        for (int64_t j = 0; j < length; ++j) { sums[j] += factor * wide[j]; }
      }
      for (int64_t j = 0; j < length; ++j) { put_one(from + j, sums[j]); }
    }
  });
}

// Products with one row, one column or one term, which only read or write a matrix once.
template<typename T>
bool multiply_thin(const Product<T>& p) {
  using C = compute_t<T>;
  if (!std::is_floating_point<C>::value || p.batch != 1 || p.k < 1) { return false; }
  if (p.k == 1 && p.bias == nullptr && !p.add) {
    std::vector<C> right(p.n);
    for (int64_t j = 0; j < p.n; ++j) { right[j] = to_compute(p.b.data[j * p.b.column]); }
    parallel_for(p.m, std::max<int64_t>(1, kGrain / std::max<int64_t>(p.n, 1)),
                 [&](int64_t begin, int64_t end) {
                   for (int64_t i = begin; i < end; ++i) {
                     const C factor = to_compute(p.a.data[i * p.a.row]) * static_cast<C>(p.alpha);
                     T* to = p.c + i * p.stride;
                     if constexpr (std::is_same<T, C>::value) {
                       for (int64_t j = 0; j < p.n; ++j) { to[j] = factor * right[j]; }
                       continue;
                     }
                     C piece[kPiece];
                     for (int64_t from = 0; from < p.n; from += kPiece) {
                       const int64_t length = std::min(kPiece, p.n - from);
                       const C* b = right.data() + from;
                       for (int64_t j = 0; j < length; ++j) { piece[j] = factor * b[j]; }
                       store_row(piece, to + from, length);
                     }
                   }
                 });
    return true;
  }
  const bool is_row = p.m == 1;
  if (!is_row && p.n != 1) { return false; }
  // The vector, and the matrix as so many columns.
  const Matrix<T>& matrix = is_row ? p.b : p.a;
  const int64_t count = is_row ? p.n : p.m;
  const int64_t across = is_row ? matrix.column : matrix.row;
  const int64_t along = is_row ? matrix.row : matrix.column;
  if (along != 1 && across != 1) { return false; }
  const T* vector = is_row ? p.a.data : p.b.data;
  const int64_t step = is_row ? p.a.column : p.b.row;
  std::vector<C> copy(p.k);
  for (int64_t q = 0; q < p.k; ++q) { copy[q] = to_compute(vector[q * step]); }
  const auto put_one = [&](int64_t j, C sum) { is_row ? put(p, 0, j, sum) : put(p, j, 0, sum); };
  if (along == 1) {
    dot_rows<T>(copy.data(), matrix.data, across, count, p.k, put_one);
  } else {
    add_rows<T>(copy.data(), matrix.data, along, count, p.k, put_one);
  }
  return true;
}

// --- one product ---------------------------------------------------------------------------------

template<typename T>
void start_with_bias(const Product<T>& p) {
  parallel_for(p.batch * p.m, std::max<int64_t>(1, kGrain / std::max<int64_t>(p.n, 1)),
               [&](int64_t begin, int64_t end) {
                 for (int64_t i = begin; i < end; ++i) {
                   T* to = p.c + i * p.stride;
                   if (p.add) {
                     for (int64_t j = 0; j < p.n; ++j) { to[j] += p.bias[j]; }
                   } else {
                     std::memcpy(to, p.bias, p.n * sizeof(T));
                   }
                 }
               });
}

// One of many small products: for these, the way into a library is longer than the work.
template<typename T>
void multiply_small(const Product<T>& p, int64_t i, T* b_rows, T* sums) {
  constexpr int64_t size = Vector<T>::size;
  const int64_t width = (p.n + size - 1) / size * size;
  const T *a = p.a.data + i * p.a_batch, *b = p.b.data + i * p.b_batch;
  for (int64_t q = 0; q < p.k; ++q) {
    T* row = b_rows + q * width;
    const T* from = b + q * p.b.row;
    if (p.b.column == 1) {
      std::copy_n(from, p.n, row);
    } else {
      for (int64_t j = 0; j < p.n; ++j) { row[j] = from[j * p.b.column]; }
    }
    std::fill(row + p.n, row + width, T(0));
  }
  std::fill_n(sums, p.m * width, T(0));
  product(p.m, width, p.k, a, p.a.row, p.a.column, b_rows, width, sums, width);
  const T alpha = static_cast<T>(p.alpha);
  for (int64_t r = 0; r < p.m; ++r) {
    T* to = p.c + (i * p.m + r) * p.stride;
    const T* from = sums + r * width;
    if (p.add) {
      for (int64_t j = 0; j < p.n; ++j) { to[j] += alpha * from[j]; }
    } else {
      for (int64_t j = 0; j < p.n; ++j) { to[j] = alpha * from[j]; }
    }
  }
}

template<typename T>
bool multiply_many_small(const Product<T>& p) {
  if constexpr (std::is_floating_point<T>::value) {
    constexpr int64_t size = Vector<T>::size;
    const int64_t width = (p.n + size - 1) / size * size, work = p.m * width * p.k;
    if (p.batch < 2 || work > 32768 || p.k < 1) { return false; }
    parallel_for(p.batch, std::max<int64_t>(1, 131072 / std::max<int64_t>(work, 1)),
                 [&](int64_t begin, int64_t end) {
                   Scratch<T> b_rows(p.k * width), sums(p.m * width);
                   for (int64_t i = begin; i < end; ++i) {
                     multiply_small(p, i, b_rows.data, sums.data);
                   }
                 });
    return true;
  }
  return false;
}

template<typename T>
typename std::enable_if<!IsShort<T>::value>::type multiply(Product<T> p) {
  if (multiply_thin(p)) { return; }
  if (p.bias != nullptr) {
    start_with_bias(p);
    p.add = true;
  }
  if (multiply_many_small(p)) { return; }
  const auto one = [&](int64_t i) {
    gemm<T>(p.m, p.n, p.k, static_cast<T>(p.alpha),
            {p.a.data + i * p.a_batch, p.a.row, p.a.column},
            {p.b.data + i * p.b_batch, p.b.row, p.b.column}, p.add, p.c + i * p.m * p.stride,
            p.stride);
  };
  const int64_t work = p.m * p.n * p.k;
  // Whole products on each thread, where there are enough of them to share out evenly.
  if (p.batch >= 4 * threads() || (p.batch > 1 && p.batch % threads() == 0)
      || (p.batch > 1 && work < 262144)) {
    parallel_for(p.batch, std::max<int64_t>(1, 131072 / std::max<int64_t>(work, 1)),
                 [&](int64_t begin, int64_t end) {
                   for (int64_t i = begin; i < end; ++i) { one(i); }
                 });
  } else {
    for (int64_t i = 0; i < p.batch; ++i) { one(i); }
  }
}

// --- float16 and bfloat16 ------------------------------------------------------------------------

struct Primitive {
  dnnl::matmul primitive;
  dnnl::memory::desc a, b, bias, c;
  bool usable = false;
};

// oneDNN has products of these only for processors that have instructions for them.
template<typename T>
Primitive make_primitive(const Product<T>& p) {
  Primitive made;
  constexpr auto type = OnednnType<T>::value;
  const auto desc = [&](int64_t batch, int64_t step, int64_t rows, int64_t columns, int64_t row,
                        int64_t column) {
    if (batch == 1) { step = std::max<int64_t>(rows * row, columns * column); }
    return dnnl::memory::desc({batch, rows, columns}, type, {step, row, column});
  };
  try {
    const int64_t a_count = p.a_batch == 0 ? 1 : p.batch, b_count = p.b_batch == 0 ? 1 : p.batch;
    made.a = desc(a_count, p.a_batch, p.m, p.k, p.a.row, p.a.column);
    made.b = desc(b_count, p.b_batch, p.k, p.n, p.b.row, p.b.column);
    made.c = desc(p.batch, p.m * p.stride, p.m, p.n, p.stride, 1);
    dnnl::primitive_attr attributes;
    dnnl::post_ops after;
    if (p.alpha != 1) {
      after.append_eltwise(dnnl::algorithm::eltwise_linear, static_cast<float>(p.alpha), 0);
    }
    if (p.add) { after.append_sum(); }
    attributes.set_post_ops(after);
    dnnl::matmul::primitive_desc found;
    if (p.bias != nullptr) {
      made.bias = dnnl::memory::desc({1, 1, p.n}, type, {p.n, p.n, 1});
      found = dnnl::matmul::primitive_desc(engine(), made.a, made.b, made.bias, made.c, attributes);
    } else {
      found = dnnl::matmul::primitive_desc(engine(), made.a, made.b, made.c, attributes);
    }
    if (std::strncmp(found.impl_info_str(), "ref", 3) == 0) { return made; }
    made.primitive = dnnl::matmul(found);
    made.usable = true;
  } catch (const std::exception&) { made.usable = false; }
  return made;
}

template<typename T>
bool multiply_by_onednn(const Product<T>& p) {
  // oneDNN multiplies by alpha after it has added the bias.
  if (p.alpha != 1 && p.bias != nullptr) { return false; }
  static thread_local Recent<Primitive> primitives(256);
  const Key key = {static_cast<int64_t>(OnednnType<T>::value), p.batch, p.m, p.n, p.k, p.a.row,
                   p.a.column, p.b.row, p.b.column, p.a_batch, p.b_batch, p.stride, p.add,
                   p.bias != nullptr, static_cast<int64_t>(p.alpha * 1048576), threads()};
  if (p.alpha * 1048576 != static_cast<double>(key[14])) { return false; }
  const Primitive& found = primitives.get(key, [&] { return make_primitive(p); });
  if (!found.usable) { return false; }
  try {
    std::unordered_map<int, dnnl::memory> arguments = {
        {DNNL_ARG_SRC, wrap(found.a, p.a.data)},
        {DNNL_ARG_WEIGHTS, wrap(found.b, p.b.data)},
        {DNNL_ARG_DST, wrap(found.c, p.c)}};
    if (p.bias != nullptr) { arguments.emplace(DNNL_ARG_BIAS, wrap(found.bias, p.bias)); }
    const Uninterrupted uninterrupted;
    found.primitive.execute(stream(), arguments);
    stream().wait();
    return true;
  } catch (const std::exception&) { return false; }
}

template<typename T>
void widen(const Matrix<T>& from, int64_t rows, int64_t columns, float* to) {
  parallel_for(rows, std::max<int64_t>(1, kGrain / std::max<int64_t>(columns, 1)),
               [&](int64_t begin, int64_t end) {
                 for (int64_t i = begin; i < end; ++i) {
                   const T* source = from.data + i * from.row;
                   if (from.column == 1) {
                     load_row(source, to + i * columns, columns);
                   } else {
                     for (int64_t j = 0; j < columns; ++j) {
                       to[i * columns + j] = to_compute(source[j * from.column]);
                     }
                   }
                 }
               });
}

// A product as wide as its rows in memory, transposed if that is how they lie.
template<typename T>
Matrix<float> widened(const Matrix<T>& from, int64_t rows, int64_t columns,
                      std::vector<float>* memory) {
  memory->resize(rows * columns);
  if (from.row == 1 && from.column != 1) {
    widen(Matrix<T>{from.data, from.column, 1}, columns, rows, memory->data());
    return {memory->data(), 1, rows};
  }
  widen(from, rows, columns, memory->data());
  return {memory->data(), columns, 1};
}

template<typename T>
typename std::enable_if<IsShort<T>::value>::type multiply(Product<T> p) {
  if (multiply_thin(p) || multiply_by_tiles(p)) { return; }
  if (p.k > 0 && multiply_by_onednn(p)) { return; }
  std::vector<float> a_wide, b_wide, c_wide(p.m * p.n);
  Matrix<float> a{}, b{};
  for (int64_t i = 0; i < p.batch; ++i) {
    if (i == 0 || p.a_batch != 0) {
      a = widened(Matrix<T>{p.a.data + i * p.a_batch, p.a.row, p.a.column}, p.m, p.k, &a_wide);
    }
    if (i == 0 || p.b_batch != 0) {
      b = widened(Matrix<T>{p.b.data + i * p.b_batch, p.b.row, p.b.column}, p.k, p.n, &b_wide);
    }
    gemm<float>(p.m, p.n, p.k, static_cast<float>(p.alpha), a, b, false, c_wide.data(), p.n);
    T* c = p.c + i * p.m * p.stride;
    for (int64_t r = 0; r < p.m; ++r) {
      float* row = c_wide.data() + r * p.n;
      for (int64_t j = 0; j < p.n; ++j) {
        if (p.bias != nullptr) { row[j] += to_compute(p.bias[j]); }
        if (p.add) { row[j] += to_compute(c[r * p.stride + j]); }
      }
      store_row(row, c + r * p.stride, p.n);
    }
  }
}

// --- tensors -------------------------------------------------------------------------------------

// A stack of matrices: the last two dimensions, and those before them as those of the result.
template<typename T>
struct Stack {
  Matrix<T> matrix;
  int64_t rows, columns;
  std::vector<int64_t> steps;
};

template<typename T>
Stack<T> stack(Context* context, const char* name, bool transposed, size_t batch_dims) {
  const auto* tensor = context->Tensor4ArgNameAndIndex(name, 0);
  const auto shape = tensor->shape_view();
  const auto& stride = tensor->stride();
  const size_t dims = shape.NumAxes();
  Stack<T> out;
  out.matrix = {static_cast<const T*>(tensor->raw_dptr()), stride[dims - 2], stride[dims - 1]};
  out.rows = shape.At(dims - 2);
  out.columns = shape.At(dims - 1);
  if (transposed) {
    std::swap(out.rows, out.columns);
    std::swap(out.matrix.row, out.matrix.column);
  }
  out.steps.assign(batch_dims, 0);
  for (size_t i = 0; i + 2 < dims; ++i) {
    if (shape.At(i) != 1) { out.steps[batch_dims - (dims - 2) + i] = stride[i]; }
  }
  return out;
}

// Calls one(offset in a, offset in b, offset in c, count, step in a, step in b) for the runs of
// batches that lie evenly in both.
template<typename One>
void over_batches(const std::vector<int64_t>& sizes, std::vector<int64_t> a, std::vector<int64_t> b,
                  int64_t c_step, const One& one) {
  int64_t run = 1, a_step = 0, b_step = 0;
  size_t outer = sizes.size();
  while (outer > 0) {
    const size_t i = outer - 1;
    if (sizes[i] != 1) {
      if (run == 1) {
        a_step = a[i];
        b_step = b[i];
      } else if (a[i] != a_step * run || b[i] != b_step * run) {
        break;
      }
      run *= sizes[i];
    }
    --outer;
  }
  int64_t count = 1;
  for (size_t i = 0; i < outer; ++i) { count *= sizes[i]; }
  for (int64_t index = 0; index < count; ++index) {
    int64_t rest = index, a_offset = 0, b_offset = 0;
    for (size_t i = outer; i-- > 0;) {
      a_offset += rest % sizes[i] * a[i];
      b_offset += rest % sizes[i] * b[i];
      rest /= sizes[i];
    }
    one(a_offset, b_offset, index * run * c_step, run, a_step, b_step);
  }
}

template<typename T>
void product_of(Context* context, const char* a_name, const char* b_name, bool transpose_a,
                bool transpose_b, double alpha, const T* bias) {
  const std::vector<int64_t> shape = sizes(context, "out");
  const size_t batch_dims = shape.size() - 2;
  Stack<T> a = stack<T>(context, a_name, transpose_a, batch_dims);
  const Stack<T> b = stack<T>(context, b_name, transpose_b, batch_dims);
  T* out = mut_data<T>(context, "out");
  const std::vector<int64_t> batches(shape.begin(), shape.end() - 2);
  const int64_t m = a.rows, n = b.columns, k = a.columns;
  // A few rows of each batch, which do not lie evenly, times one matrix: copied, they are one product.
  std::vector<T> a_copy;
  const auto is_zero = [](int64_t step) { return step == 0; };
  if (m < 64 && batch_dims > 0 && std::all_of(b.steps.begin(), b.steps.end(), is_zero)) {
    std::vector<int64_t> full(batches);
    full.insert(full.end(), {m, k});
    const auto to = contiguous_strides(full);
    std::vector<CopyDim> plan;
    for (size_t i = 0; i < batch_dims; ++i) { plan.push_back({full[i], to[i], a.steps[i]}); }
    plan.push_back({m, k, a.matrix.row});
    int64_t run = 1, step = 0;
    bool even = true;
    for (size_t i = plan.size(); i-- > 0;) {
      if (plan[i].size == 1) { continue; }
      if (run == 1) { step = plan[i].from; }
      even = even && plan[i].from == step * run;
      run *= plan[i].size;
    }
    plan.push_back({k, 1, a.matrix.column});
    if (!even) {
      a_copy.resize(product(full, 0, full.size()));
      copy_strided(a_copy.data(), a.matrix.data, sizeof(T), plan);
      a.matrix = {a_copy.data(), k, 1};
      a.steps.assign(to.begin(), to.end() - 2);
    }
  }
  bool add = false;
  if (context->has_input("_add_to_output", 0)) {
    const auto* from = context->Tensor4ArgNameAndIndex("_add_to_output", 0);
    if (from->raw_dptr() != out) {
      std::vector<CopyDim> dims;
      const auto to = contiguous_strides(shape);
      for (size_t i = 0; i < shape.size(); ++i) {
        dims.push_back({shape[i], to[i], from->stride()[i]});
      }
      copy_strided(out, from->raw_dptr(), sizeof(T), dims);
    }
    add = true;
  }
  over_batches(batches, a.steps, b.steps, m * n,
               [&](int64_t a_offset, int64_t b_offset, int64_t c_offset, int64_t count,
                   int64_t a_step, int64_t b_step) {
                 Product<T> p{count, m, n, k, a.matrix, b.matrix, a_step, b_step, out + c_offset, n,
                              alpha, bias, add};
                 p.a.data += a_offset;
                 p.b.data += b_offset;
                 // Rows of all the matrices of a batch times one matrix are one product.
                 if (count > 1 && b_step == 0 && a_step == m * a.matrix.row) {
                   p.batch = 1;
                   p.m = count * m;
                   p.a_batch = 0;
                 } else if (count > 1 && m == 1 && b_step == 0) {
                   p.batch = 1;
                   p.m = count;
                   p.a.row = a_step;
                   p.a_batch = 0;
                 }
                 multiply(p);
               });
}

template<typename T>
struct MatMul {
  static void compute(Context* context) {
    product_of<T>(context, "a", "b", context->Attr<bool>("transpose_a"),
                  context->Attr<bool>("transpose_b"), context->Attr<double>("alpha"), nullptr);
  }
};

template<typename T>
struct LinearBias {
  static void compute(Context* context) {
    const auto* bias = context->Tensor4ArgNameAndIndex("bias", 0);
    const int64_t count = elements(context, "bias"), step = bias->stride()[0];
    const T* values = static_cast<const T*>(bias->raw_dptr());
    std::vector<T> copy;
    if (step != 1 && count > 1) {
      for (int64_t i = 0; i < count; ++i) { copy.push_back(values[i * step]); }
      values = copy.data();
    }
    product_of<T>(context, "x", "weight", false, true, 1.0, values);
  }
};

// out (m, n) = alpha Σ aᵀ b over all the leading dimensions: the gradient of a shared matrix.
template<typename T>
struct SharedGradient {
  static void compute(Context* context) {
    const auto* a = context->Tensor4ArgNameAndIndex("a", 0);
    const auto* b = context->Tensor4ArgNameAndIndex("b", 0);
    const auto shape = sizes(context, "a");
    const size_t dims = shape.size();
    const int64_t m = shape[dims - 1], n = sizes(context, "b")[dims - 1];
    const int64_t k = product(shape, 0, dims - 1);
    std::vector<T> a_copy, b_copy;
    const auto matrix = [&](const user_op::Tensor* tensor, int64_t width, std::vector<T>* copy) {
      const T* data = static_cast<const T*>(tensor->raw_dptr());
      const auto& stride = tensor->stride();
      // The leading dimensions as one, if they lie evenly.
      int64_t step = 0, run = 1;
      bool even = true;
      for (size_t i = dims - 1; i-- > 0;) {
        if (shape[i] == 1) { continue; }
        if (run == 1) {
          step = stride[i];
        } else {
          even = even && stride[i] == step * run;
        }
        run *= shape[i];
      }
      if (even && step != 0) { return Matrix<T>{data, step, stride[dims - 1]}; }
      std::vector<int64_t> full = shape;
      full[dims - 1] = width;
      const auto to = contiguous_strides(full);
      std::vector<CopyDim> plan;
      for (size_t i = 0; i < dims; ++i) { plan.push_back({full[i], to[i], stride[i]}); }
      copy->resize(k * width);
      copy_strided(copy->data(), data, sizeof(T), plan);
      return Matrix<T>{copy->data(), width, 1};
    };
    const Matrix<T> left = matrix(a, m, &a_copy), right = matrix(b, n, &b_copy);
    T* out = mut_data<T>(context, "out");
    bool add = context->has_input("_add_to_output", 0);
    if (add) {
      const auto* from = context->Tensor4ArgNameAndIndex("_add_to_output", 0);
      if (from->raw_dptr() != out) {
        copy_strided(out, from->raw_dptr(), sizeof(T),
                     {{m, n, from->stride()[0]}, {n, 1, from->stride()[1]}});
      }
    }
    Product<T> p{1, m, n, k, {left.data, left.column, left.row}, right, 0, 0, out, n,
                 context->Attr<double>("alpha"), nullptr, add};
    multiply(p);
  }
};

// --- vectors -------------------------------------------------------------------------------------

template<typename T>
void vector_product(const T* a, const T* b, int64_t m, int64_t n, int64_t k, T* c) {
  multiply(Product<T>{1, m, n, k, {a, k, 1}, {b, n, 1}, 0, 0, c, n, 1.0, nullptr, false});
}

template<typename T>
struct MatrixVector {  // out (m) = a (m, k) b (k)
  static void compute(Context* context) {
    const auto shape = sizes(context, "a");
    vector_product(data<T>(context, "a"), data<T>(context, "b"), shape[0], 1, shape[1],
                   mut_data<T>(context, "out"));
  }
};
template<typename T>
struct MatrixVectorGradA {  // dx (m, k) = dy (m) b (k)
  static void compute(Context* context) {
    vector_product(data<T>(context, "dy"), data<T>(context, "b"), elements(context, "dy"),
                   elements(context, "b"), 1, mut_data<T>(context, "dx"));
  }
};
template<typename T>
struct MatrixVectorGradB {  // dx (k) = dy (m) a (m, k)
  static void compute(Context* context) {
    const auto shape = sizes(context, "a");
    vector_product(data<T>(context, "dy"), data<T>(context, "a"), 1, shape[1], shape[0],
                   mut_data<T>(context, "dx"));
  }
};
template<typename T>
struct VectorMatrix {  // out (n) = a (k) b (k, n)
  static void compute(Context* context) {
    const auto shape = sizes(context, "b");
    vector_product(data<T>(context, "a"), data<T>(context, "b"), 1, shape[1], shape[0],
                   mut_data<T>(context, "out"));
  }
};
template<typename T>
struct VectorMatrixGradA {  // dx (k) = b (k, n) dy (n)
  static void compute(Context* context) {
    const auto shape = sizes(context, "b");
    vector_product(data<T>(context, "b"), data<T>(context, "dy"), shape[0], 1, shape[1],
                   mut_data<T>(context, "dx"));
  }
};
template<typename T>
struct VectorMatrixGradB {  // dx (k, n) = a (k) dy (n)
  static void compute(Context* context) {
    vector_product(data<T>(context, "a"), data<T>(context, "dy"), elements(context, "a"),
                   elements(context, "dy"), 1, mut_data<T>(context, "dx"));
  }
};
template<typename T>
struct Dot {
  static void compute(Context* context) {
    vector_product(data<T>(context, "x"), data<T>(context, "y"), 1, 1, elements(context, "x"),
                   mut_data<T>(context, "out"));
  }
};

// --- registration --------------------------------------------------------------------------------

Maybe<void> in_place(const user_op::InferContext& context,
                     const user_op::AddInplaceArgPair& add_pair) {
  if (context.has_input("_add_to_output", 0)) {
    OF_RETURN_IF_ERROR(add_pair("out", 0, "_add_to_output", 0, true));
  }
  return Maybe<void>::Ok();
}

#define OFM_ADDING(name, kernel, dtype)                                                \
  static ::oneflow::user_op::UserOpRegisterTrigger<::oneflow::user_op::OpKernelRegistry> \
      OFM_JOIN(ofm_kernel_, __COUNTER__) =                                              \
          ::oneflow::user_op::UserOpRegistryMgr::Get()                                  \
              .CheckAndGetOpKernelRegistry(name)                                        \
              .SetCreateFn<Stateless<kernel>>()                                         \
              .SetIsMatchedHob(OFM_ON_CPU("out", dtype))                                \
              .SetPriority(kPriority)                                                   \
              .SetInplaceProposalFn(in_place);

#define OFM_MATMUL(type)                                                       \
  OFM_ADDING("matmul", MatMul<type>, DtypeOf<type>::value)                     \
  OFM_ADDING("batch_matmul", MatMul<type>, DtypeOf<type>::value)               \
  OFM_ADDING("broadcast_matmul", MatMul<type>, DtypeOf<type>::value)           \
  OFM_ADDING("broadcast_matmul_grad_b", SharedGradient<type>, DtypeOf<type>::value) \
  OFM_ADDING("fused_matmul_bias", LinearBias<type>, DtypeOf<type>::value)
#define OFM_VECTORS(type)                                                                        \
  OFM_REGISTER("matrix_vector_product", Stateless<MatrixVector<type>>,                           \
               OFM_ON_CPU("out", DtypeOf<type>::value))                                          \
  OFM_REGISTER("matrix_vector_product_grad_a", Stateless<MatrixVectorGradA<type>>,               \
               OFM_ON_CPU("dx", DtypeOf<type>::value))                                           \
  OFM_REGISTER("matrix_vector_product_grad_b", Stateless<MatrixVectorGradB<type>>,               \
               OFM_ON_CPU("dx", DtypeOf<type>::value))                                           \
  OFM_REGISTER("vector_matrix_product", Stateless<VectorMatrix<type>>,                           \
               OFM_ON_CPU("out", DtypeOf<type>::value))                                          \
  OFM_REGISTER("vector_matrix_product_grad_a", Stateless<VectorMatrixGradA<type>>,               \
               OFM_ON_CPU("dx", DtypeOf<type>::value))                                           \
  OFM_REGISTER("vector_matrix_product_grad_b", Stateless<VectorMatrixGradB<type>>,               \
               OFM_ON_CPU("dx", DtypeOf<type>::value))                                           \
  OFM_REGISTER("dot", Stateless<Dot<type>>, OFM_ON_CPU("out", DtypeOf<type>::value))
OFM_FOR_FLOATING(OFM_MATMUL)
OFM_FOR_INTEGERS(OFM_MATMUL)
OFM_FOR_FLOATING(OFM_VECTORS)
OFM_FOR_INTEGERS(OFM_VECTORS)
OFM_MATMUL(std::complex<float>)
OFM_MATMUL(std::complex<double>)
OFM_VECTORS(std::complex<float>)
OFM_VECTORS(std::complex<double>)

// --- the operators' shapes -----------------------------------------------------------------------

// Where OneFlow ends the process, an error.
Maybe<void> broadcast_shapes(user_op::InferContext* context) {
  const auto& a = context->InputShape("a", 0);
  const auto& b = context->InputShape("b", 0);
  const int64_t a_dims = a.NumAxes(), b_dims = b.NumAxes();
  CHECK_OR_RETURN(a_dims >= 2 && b_dims >= 2)
      << Error::RuntimeError() << "a product with a vector is not one with broadcasting";
  const bool transpose_a = context->Attr<bool>("transpose_a");
  const bool transpose_b = context->Attr<bool>("transpose_b");
  const int64_t m = a.At(a_dims - (transpose_a ? 1 : 2)), k = a.At(a_dims - (transpose_a ? 2 : 1));
  const int64_t n = b.At(b_dims - (transpose_b ? 2 : 1));
  const int64_t inner = b.At(b_dims - (transpose_b ? 1 : 2));
  CHECK_OR_RETURN(k == inner) << Error::RuntimeError()
                              << "mat1 and mat2 shapes cannot be multiplied (" << m << "x" << k
                              << " and " << inner << "x" << n << ")";
  const int64_t dims = std::max(a_dims, b_dims);
  oneflow::DimVector shape(dims);
  for (int64_t i = 0; i < dims - 2; ++i) {
    const int64_t from_a = i - (dims - a_dims), from_b = i - (dims - b_dims);
    const int64_t one = from_a < 0 ? 1 : a.At(from_a), other = from_b < 0 ? 1 : b.At(from_b);
    CHECK_OR_RETURN(one == other || one == 1 || other == 1)
        << Error::RuntimeError() << "The size of tensor a (" << one
        << ") must match the size of tensor b (" << other << ") at non-singleton dimension " << i;
    shape[i] = one == 1 ? other : one;
  }
  shape[dims - 2] = m;
  shape[dims - 1] = n;
  context->SetOutputShape("out", 0, oneflow::Shape(shape));
  return Maybe<void>::Ok();
}

// Lets strided views through to the kernels above, which OneFlow would copy first. Not where there
// is a GPU, whose kernels expect OneFlow to.
const bool strided_views = [] {
  const bool is_cpu = access("/dev/nvidiactl", F_OK) != 0;
  auto& manager = user_op::UserOpRegistryMgr::Get();
  for (const char* name : {"matmul", "batch_matmul", "broadcast_matmul", "broadcast_matmul_grad_b",
                           "fused_matmul_bias"}) {
    auto* op = const_cast<user_op::OpRegistryResult*>(manager.GetOpRegistryResult(name));
    if (op == nullptr) { continue; }
    const bool broadcasts = std::strcmp(name, "broadcast_matmul") == 0;
    op->non_contiguous_supported = op->non_contiguous_supported || is_cpu;
    for (auto* infer : {&op->logical_tensor_desc_infer_fn, &op->physical_tensor_desc_infer_fn}) {
      const user_op::TensorDescInferFn stock = broadcasts ? broadcast_shapes : *infer;
      *infer = [stock](user_op::InferContext* context) -> Maybe<void> {
        JUST(stock(context));
        context->SetOutputStride("out", 0, oneflow::Stride(context->OutputTensorDesc("out", 0).shape()));
        return Maybe<void>::Ok();
      };
    }
  }
  return is_cpu;
}();

// --- for Python ----------------------------------------------------------------------------------

bool on_cpu(const TensorPointer& tensor) { return tensor->is_local() && !tensor->is_cuda(); }

// linear(input, weight, bias or None): the layer as one operator, or None for what Python has to
// compose or to refuse.
PyObject* linear(PyObject*, PyObject* const* arguments, ssize_t count) {
  return guarded([&]() -> PyObject* {
    if (count != 3) { throw TypeError{"linear takes 3 arguments"}; }
    const auto& input = tensor(arguments[0]);
    const auto& weight = tensor(arguments[1]);
    const bool biased = !is_none(arguments[2]);
    if (input->ndim() < 2 || weight->ndim() != 2 || !on_cpu(input)) { return none(); }
    if (!biased) {
      return python(one::functional::MatMul(input, weight, false, true, 1.0).GetPtrOrThrow());
    }
    const auto& bias = tensor(arguments[2]);
    if (bias->ndim() != 1 || bias->dim(0) != weight->dim(0)
        || weight->dim(1) != input->dim(input->ndim() - 1)) {
      return none();
    }
    static const auto& op = make_op("fused_matmul_bias", {"x", "weight", "bias"}, {"out"});
    return python(dispatch(op, {input, weight, bias})->at(0));
  });
}
OFM_PYTHON_FUNCTION(linear, linear)

bool of_one_batch(const oneflow::Shape& a, const oneflow::Shape& b) {
  if (a.NumAxes() != b.NumAxes()) { return false; }
  for (int64_t d = 0; d + 2 < a.NumAxes(); ++d) {
    if (a.At(d) != b.At(d)) { return false; }
  }
  return true;
}

// product(a, b): what a @ b is for two dimensions and more, or None. Integers stay integers, which
// OneFlow's own function would take through float.
PyObject* product(PyObject*, PyObject* const* arguments, ssize_t count) {
  return guarded([&]() -> PyObject* {
    if (count != 2) { throw TypeError{"product takes 2 arguments"}; }
    const auto& a = tensor(arguments[0]);
    const auto& b = tensor(arguments[1]);
    if (a->ndim() < 2 || b->ndim() < 2 || !on_cpu(a)) { return none(); }
    // How often a half's gradient rounds depends on what is multiplied as one product.
    const DataType dtype = a->dtype()->data_type();
    if ((dtype == DataType::kFloat16 || dtype == DataType::kBFloat16) && b->ndim() > 2
        && !of_one_batch(*a->shape(), *b->shape())) {
      return none();
    }
    if (!a->dtype()->is_integer() || a->dtype() != b->dtype()) {
      return python(one::functional::MatMul(a, b, false, false, 1.0).GetPtrOrThrow());
    }
    static const auto& op = make_op("broadcast_matmul", {"a", "b"}, {"out"});
    auto& attributes = THREAD_CACHED_MUTABLE_ATTR_MAP("transpose_a", "transpose_b", "alpha");
    attributes.SetAllAttrs(false, false, 1.0);
    return python(dispatch(op, {a, b}, attributes)->at(0));
  });
}
OFM_PYTHON_FUNCTION(product, product)

}  // namespace
}  // namespace ofm
