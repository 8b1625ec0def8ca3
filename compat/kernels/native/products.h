// A product of matrices as the kernels see it, and who computes it in float16 and bfloat16.
#ifndef OFM_PRODUCTS_H_
#define OFM_PRODUCTS_H_

#include "gemm.h"

namespace ofm {

// What is multiplied: batch times C (m × n) = alpha A (m × k) B (k × n) + bias + what C was. The
// matrices of a batch follow each other at a_batch, b_batch (0 for the same one) and m * stride.
template<typename T>
struct Product {
  int64_t batch, m, n, k;
  Matrix<T> a, b;
  int64_t a_batch, b_batch;
  T* c;
  int64_t stride;
  double alpha;
  const T* bias;
  bool add;
};

// By the processor's tile instructions; false where that cannot be done, or not quicker, and
// nothing has been.
bool multiply_by_tiles(const Product<Half>& p);
bool multiply_by_tiles(const Product<BFloat16>& p);

}  // namespace ofm

#endif  // OFM_PRODUCTS_H_
