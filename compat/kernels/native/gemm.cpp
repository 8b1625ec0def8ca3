// Products of two matrices: in float by oneDNN, otherwise blocked for the caches here.
#include "gemm.h"

#include "onednn.h"

namespace ofm {
namespace {

#ifdef __AVX512F__
constexpr int kVectorBytes = 64;
#else
constexpr int kVectorBytes = 32;
#endif
// So many rows of C are kept in registers, two vectors wide.
constexpr int kRows = 6;
constexpr int64_t kDepth = 256;
constexpr int64_t kHeight = 96;
constexpr int64_t kWidth = 1024;

template<typename T>
struct Tile {
  typedef T Vector __attribute__((vector_size(kVectorBytes), aligned(sizeof(T)), may_alias));
  static constexpr int lanes = kVectorBytes / sizeof(T);
  static constexpr int columns = 2 * lanes;

  // c[kRows][columns] = a b for packed panels.
  static void multiply(int64_t k, const T* a, const T* b, T* c) {
    Vector sum[kRows][2] = {};
    for (int64_t p = 0; p < k; ++p) {
      const Vector left = *reinterpret_cast<const Vector*>(b + p * columns);
      const Vector right = *reinterpret_cast<const Vector*>(b + p * columns + lanes);
#pragma GCC unroll 6
      for (int i = 0; i < kRows; ++i) {
        sum[i][0] += a[p * kRows + i] * left;
        sum[i][1] += a[p * kRows + i] * right;
      }
    }
    for (int i = 0; i < kRows; ++i) {
      *reinterpret_cast<Vector*>(c + i * columns) = sum[i][0];
      *reinterpret_cast<Vector*>(c + i * columns + lanes) = sum[i][1];
    }
  }
};

// Panels of `width` vectors beside each other, the last filled up with zeros: along is the stride
// within a vector of the panel, across the one between its elements.
template<typename T>
void pack(const T* from, int64_t across, int64_t along, int64_t count, int64_t depth, int width,
          T* to) {
  for (int64_t begin = 0; begin < count; begin += width) {
    const int64_t used = std::min<int64_t>(width, count - begin);
    for (int64_t p = 0; p < depth; ++p) {
      const T* source = from + begin * across + p * along;
      int64_t i = 0;
      for (; i < used; ++i) { to[i] = source[i * across]; }
      for (; i < width; ++i) { to[i] = 0; }
      to += width;
    }
  }
}

template<typename T>
void gemm_blocked(int64_t m, int64_t n, int64_t k, T alpha, Matrix<T> a, Matrix<T> b, bool add,
                  T* c, int64_t stride) {
  constexpr int kColumns = Tile<T>::columns;
  if (!add) {
    for (int64_t i = 0; i < m; ++i) { std::fill_n(c + i * stride, n, T(0)); }
  }
  std::vector<T> a_panels((kHeight + kRows) * std::min(k, kDepth));
  std::vector<T> b_panels((std::min(n, kWidth) + kColumns) * std::min(k, kDepth));
  alignas(64) T tile[kRows * kColumns];
  for (int64_t j = 0; j < n; j += kWidth) {
    const int64_t width = std::min(kWidth, n - j);
    for (int64_t p = 0; p < k; p += kDepth) {
      const int64_t depth = std::min(kDepth, k - p);
      pack(b.data + p * b.row + j * b.column, b.column, b.row, width, depth, kColumns,
           b_panels.data());
      for (int64_t i = 0; i < m; i += kHeight) {
        const int64_t height = std::min(kHeight, m - i);
        pack(a.data + i * a.row + p * a.column, a.row, a.column, height, depth, kRows,
             a_panels.data());
        for (int64_t jj = 0; jj < width; jj += kColumns) {
          for (int64_t ii = 0; ii < height; ii += kRows) {
            Tile<T>::multiply(depth, a_panels.data() + ii * depth, b_panels.data() + jj * depth,
                              tile);
            const int64_t rows = std::min<int64_t>(kRows, height - ii);
            const int64_t columns = std::min<int64_t>(kColumns, width - jj);
            for (int64_t r = 0; r < rows; ++r) {
              T* out = c + (i + ii + r) * stride + j + jj;
              for (int64_t q = 0; q < columns; ++q) { out[q] += alpha * tile[r * kColumns + q]; }
            }
          }
        }
      }
    }
  }
}

// Overflow of signed integers is undefined in C++, and the same bits as of unsigned ones.
template<typename T, bool = std::is_integral<T>::value>
struct Wrapping {
  using type = typename std::make_unsigned<T>::type;
};
template<typename T>
struct Wrapping<T, false> {
  using type = T;
};

}  // namespace

template<typename T>
void gemm(int64_t m, int64_t n, int64_t k, T alpha, Matrix<T> a, Matrix<T> b, bool add, T* c,
          int64_t stride) {
  using W = typename Wrapping<T>::type;
  const auto part = [&](int64_t i, int64_t rows, int64_t j, int64_t columns) {
    gemm_blocked<W>(rows, columns, k, static_cast<W>(alpha),
                    {reinterpret_cast<const W*>(a.data + i * a.row), a.row, a.column},
                    {reinterpret_cast<const W*>(b.data + j * b.column), b.row, b.column}, add,
                    reinterpret_cast<W*>(c + i * stride + j), stride);
  };
  if (m >= n) {
    const int64_t grain = std::max<int64_t>(kRows, 65536 / std::max<int64_t>(n * k, 1));
    parallel_for(m, grain, [&](int64_t begin, int64_t end) { part(begin, end - begin, 0, n); });
  } else {
    const int64_t grain = std::max<int64_t>(16, 65536 / std::max<int64_t>(m * k, 1));
    parallel_for(n, grain, [&](int64_t begin, int64_t end) { part(0, m, begin, end - begin); });
  }
}

namespace {

// A matrix that oneDNN takes, with one of the strides 1: itself, or a copy.
struct Blas {
  Blas(const Matrix<float>& from, int64_t rows, int64_t columns) {
    const int64_t row = rows == 1 ? std::max<int64_t>(columns, from.row) : from.row;
    const int64_t column = columns == 1 ? std::max<int64_t>(rows, from.column) : from.column;
    data = from.data;
    if ((from.column == 1 || columns == 1) && row >= columns) {
      order = 'N';
      leading = std::max<int64_t>(row, 1);
    } else if ((from.row == 1 || rows == 1) && column >= rows) {
      order = 'T';
      leading = std::max<int64_t>(column, 1);
    } else {
      copy.resize(rows * columns);
      parallel_for(rows, std::max<int64_t>(1, kGrain / std::max<int64_t>(columns, 1)),
                   [&](int64_t begin, int64_t end) {
                     for (int64_t i = begin; i < end; ++i) {
                       for (int64_t j = 0; j < columns; ++j) {
                         copy[i * columns + j] = from.data[i * from.row + j * from.column];
                       }
                     }
                   });
      data = copy.data();
      order = 'N';
      leading = std::max<int64_t>(columns, 1);
    }
  }
  const float* data;
  char order;
  int64_t leading;
  std::vector<float> copy;
};

// Products this tiny are done before oneDNN, and signals kept from it, would have begun.
constexpr int64_t kTiny = 512;

bool is_tiny(int64_t m, int64_t n, int64_t k) {
  return m <= kTiny && n <= kTiny && k <= kTiny && m * n * k <= kTiny;
}

void tiny_product(int64_t m, int64_t n, int64_t k, float alpha, Matrix<float> a, Matrix<float> b,
                   bool add, float* c, int64_t stride) {
  float sums[kTiny];
  for (int64_t i = 0; i < m; ++i) {
    std::fill_n(sums, n, 0.0f);
    for (int64_t p = 0; p < k; ++p) {
      const float factor = a.data[i * a.row + p * a.column];
      const float* row = b.data + p * b.row;
      for (int64_t j = 0; j < n; ++j) { sums[j] += factor * row[j * b.column]; }
    }
    float* out = c + i * stride;
    for (int64_t j = 0; j < n; ++j) { out[j] = add ? out[j] + alpha * sums[j] : alpha * sums[j]; }
  }
}

}  // namespace

template<>
void gemm<float>(int64_t m, int64_t n, int64_t k, float alpha, Matrix<float> a, Matrix<float> b,
                 bool add, float* c, int64_t stride) {
  if (m <= 0 || n <= 0) { return; }
  if (k <= 0) {
    for (int64_t i = 0; !add && i < m; ++i) { std::fill_n(c + i * stride, n, 0.0f); }
    return;
  }
  if (alpha != 0 && is_tiny(m, n, k)) {
    return tiny_product(m, n, k, alpha, a, b, add, c, stride);
  }
  if (!in_parallel()) { stream(); }  // for the number of threads
  const Blas left(a, m, k), right(b, k, n);
  const Uninterrupted uninterrupted;
  dnnl_sgemm(left.order, right.order, m, n, k, alpha, left.data, left.leading, right.data,
             right.leading, add ? 1.0f : 0.0f, c, stride);
}

#define OFM_GEMM(type)                                                                        \
  template void gemm<type>(int64_t, int64_t, int64_t, type, Matrix<type>, Matrix<type>, bool, \
                           type*, int64_t);
OFM_GEMM(double) OFM_FOR_INTEGERS(OFM_GEMM)

namespace {

constexpr int64_t kSmall = 1 << 15;

// By four products of real matrices: the parts lie two elements apart.
template<typename R>
void complex_gemm(int64_t m, int64_t n, int64_t k, std::complex<R> alpha,
                  const Matrix<std::complex<R>>& a, const Matrix<std::complex<R>>& b, bool add,
                  std::complex<R>* c, int64_t stride) {
  if (m <= 0 || n <= 0) { return; }
  const auto part = [](const Matrix<std::complex<R>>& of, int which) {
    return Matrix<R>{reinterpret_cast<const R*>(of.data) + which, 2 * of.row, 2 * of.column};
  };
  // Few terms without rounding in between, where parts that cancel would show it.
  if (m * n * k <= kSmall) {
    using Wide = std::complex<double>;
    for (int64_t i = 0; i < m; ++i) {
      for (int64_t j = 0; j < n; ++j) {
        Wide sum = 0;
        for (int64_t q = 0; q < k; ++q) {
          const auto x = a.data[i * a.row + q * a.column], y = b.data[q * b.row + j * b.column];
          sum += Wide(1. * x.real() * y.real() - 1. * x.imag() * y.imag(),
                      1. * x.real() * y.imag() + 1. * x.imag() * y.real());
        }
        const std::complex<R> value = alpha * std::complex<R>(sum);
        std::complex<R>& to = c[i * stride + j];
        to = add ? to + value : value;
      }
    }
    return;
  }
  std::vector<R> real(m * n), imag(m * n);
  gemm<R>(m, n, k, 1, part(a, 0), part(b, 0), false, real.data(), n);
  gemm<R>(m, n, k, -1, part(a, 1), part(b, 1), true, real.data(), n);
  gemm<R>(m, n, k, 1, part(a, 0), part(b, 1), false, imag.data(), n);
  gemm<R>(m, n, k, 1, part(a, 1), part(b, 0), true, imag.data(), n);
  for (int64_t i = 0; i < m; ++i) {
    std::complex<R>* row = c + i * stride;
    for (int64_t j = 0; j < n; ++j) {
      const std::complex<R> value = alpha * std::complex<R>(real[i * n + j], imag[i * n + j]);
      row[j] = add ? row[j] + value : value;
    }
  }
}

}  // namespace

template<>
void gemm<std::complex<float>>(int64_t m, int64_t n, int64_t k, std::complex<float> alpha,
                               Matrix<std::complex<float>> a, Matrix<std::complex<float>> b,
                               bool add, std::complex<float>* c, int64_t stride) {
  complex_gemm(m, n, k, alpha, a, b, add, c, stride);
}
template<>
void gemm<std::complex<double>>(int64_t m, int64_t n, int64_t k, std::complex<double> alpha,
                                Matrix<std::complex<double>> a, Matrix<std::complex<double>> b,
                                bool add, std::complex<double>* c, int64_t stride) {
  complex_gemm(m, n, k, alpha, a, b, add, c, stride);
}

}  // namespace ofm
