// A convolution's sizes, and the small matrix product that kernels of our own are made of.
#ifndef OFM_CONVOLUTION_H_
#define OFM_CONVOLUTION_H_

#include <cstdlib>
#include <memory>

#include "kernel.h"
#include "scratch.h"

namespace ofm {

// Three spatial dimensions always: those that are missing have size 1.
struct Convolution {
  int dims;
  bool channels_last;
  int64_t batch, in_channels, out_channels, groups;
  int64_t in[3], out[3], kernel[3], stride[3], dilation[3], padding[3];

  int64_t in_points() const { return in[0] * in[1] * in[2]; }
  int64_t out_points() const { return out[0] * out[1] * out[2]; }
  int64_t taps() const { return kernel[0] * kernel[1] * kernel[2]; }
  int64_t group_in() const { return in_channels / groups; }
  int64_t group_out() const { return out_channels / groups; }
  // How many additions of products it takes.
  double work() const {
    return double(batch) * out_points() * out_channels * group_in() * taps();
  }
  // A product of matrices as it stands: every point on its own.
  bool is_product() const {
    bool yes = groups == 1 && !channels_last && taps() == 1;
    for (int i = 0; i < 3; ++i) { yes = yes && stride[i] == 1 && padding[i] == 0; }
    return yes;
  }
};

// What is computed; the other two of input, weight and output are given.
enum class Wanted { kOut, kIn, kWeight };

struct Operands {
  const void* in;
  const void* weight;
  const void* out;
  const void* bias;
};

#ifdef __AVX512F__
constexpr int kVectorBytes = 64;
constexpr int kTileRows = 8;
#else
constexpr int kVectorBytes = 32;
constexpr int kTileRows = 4;
#endif

template<typename T>
struct Vector {
  typedef T type __attribute__((vector_size(kVectorBytes), aligned(alignof(T)), may_alias));
  static constexpr int64_t size = kVectorBytes / sizeof(T);
};

// C (rows × vectors) += A (rows × depth) · B (depth × vectors), all of C in registers. Columns of B
// and C are contiguous; A is read at any strides.
template<typename T, int kRows, int kVectors>
inline void product_tile(int64_t depth, const T* a, int64_t a_row, int64_t a_depth, const T* b,
                         int64_t b_depth, T* c, int64_t c_row) {
  using V = typename Vector<T>::type;
  constexpr int64_t size = Vector<T>::size;
  V sum[kRows][kVectors];
  for (int r = 0; r < kRows; ++r) {
    for (int v = 0; v < kVectors; ++v) {
      sum[r][v] = *reinterpret_cast<const V*>(c + r * c_row + v * size);
    }
  }
  for (int64_t k = 0; k < depth; ++k) {
    V right[kVectors];
    for (int v = 0; v < kVectors; ++v) {
      right[v] = *reinterpret_cast<const V*>(b + k * b_depth + v * size);
    }
    for (int r = 0; r < kRows; ++r) {
      const T left = a[r * a_row + k * a_depth];
      for (int v = 0; v < kVectors; ++v) { sum[r][v] += left * right[v]; }
    }
  }
  for (int r = 0; r < kRows; ++r) {
    for (int v = 0; v < kVectors; ++v) {
      *reinterpret_cast<V*>(c + r * c_row + v * size) = sum[r][v];
    }
  }
}

template<typename T, int kVectors>
inline void product_rows(int64_t rows, int64_t depth, const T* a, int64_t a_row, int64_t a_depth,
                         const T* b, int64_t b_depth, T* c, int64_t c_row) {
  int64_t r = 0;
  for (; r + kTileRows <= rows; r += kTileRows) {
    product_tile<T, kTileRows, kVectors>(depth, a + r * a_row, a_row, a_depth, b, b_depth,
                                         c + r * c_row, c_row);
  }
  for (; r < rows; ++r) {
    product_tile<T, 1, kVectors>(depth, a + r * a_row, a_row, a_depth, b, b_depth, c + r * c_row,
                                 c_row);
  }
}

// C (rows × columns) += A · B. Rows of B and C may be read, and those of C written, up to the next
// multiple of a vector.
template<typename T>
inline void product(int64_t rows, int64_t columns, int64_t depth, const T* a, int64_t a_row,
                    int64_t a_depth, const T* b, int64_t b_depth, T* c, int64_t c_row) {
  constexpr int64_t size = Vector<T>::size;
  int64_t j = 0;
  for (; j + 3 * size <= columns; j += 3 * size) {
    product_rows<T, 3>(rows, depth, a, a_row, a_depth, b + j, b_depth, c + j, c_row);
  }
  for (; j + size < columns; j += 2 * size) {
    product_rows<T, 2>(rows, depth, a, a_row, a_depth, b + j, b_depth, c + j, c_row);
  }
  for (; j < columns; j += size) {
    product_rows<T, 1>(rows, depth, a, a_row, a_depth, b + j, b_depth, c + j, c_row);
  }
}

// A convolution of 3 × 3 at stride 1, or the gradient for its input, by fewer multiplications. False
// where that is not quicker, or would be less exact: nothing was written then.
bool convolve_by_winograd(const Convolution& sizes, bool gradient, const float* from,
                          const float* weight, const float* bias, float* to);

// A convolution of each channel on its own, or a gradient; false where it is none, or is better
// computed otherwise: nothing was written then.
template<typename T>
bool convolve_by_channels(const Convolution& sizes, Wanted wanted, const Operands& operands);

}  // namespace ofm

#endif  // OFM_CONVOLUTION_H_
