// One product of two matrices: C = alpha A B + beta C, for A and B with any strides.
#ifndef OFM_GEMM_H_
#define OFM_GEMM_H_

#include "kernel.h"

namespace ofm {

// A matrix in memory; strides in elements.
template<typename T>
struct Matrix {
  const T* data;
  int64_t row;
  int64_t column;
};

// C is m × n with rows `stride` apart; beta is 0 (C is not read) or 1. On several threads unless it
// is called on one of several. For float, double, complex numbers of
// them, and the integers, which wrap around.
template<typename T>
void gemm(int64_t m, int64_t n, int64_t k, T alpha, Matrix<T> a, Matrix<T> b, bool add, T* c,
          int64_t stride);

}  // namespace ofm

#endif  // OFM_GEMM_H_
