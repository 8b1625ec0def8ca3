// Those of OneFlow's functions that gradients of gradients are composed of. The wheel's own header
// of them includes one that it lacks.
#ifndef OFM_FUNCTIONAL_H_
#define OFM_FUNCTIONAL_H_

#include "new_op.h"
#include "oneflow/core/common/scalar.h"

namespace oneflow {

namespace autograd {
struct GradMode {
  static bool is_enabled();
};
}  // namespace autograd

namespace one {
namespace functional {

using Pointer = std::shared_ptr<Tensor>;

Maybe<Tensor> Sub(const Pointer& x, const Pointer& y, const Scalar& alpha, bool inplace);
Maybe<Tensor> Mul(const Pointer& x, const Pointer& y);
Maybe<Tensor> Exp(const Pointer& x);
Maybe<Tensor> Rsqrt(const Pointer& x);
Maybe<Tensor> ScalarAdd(const Pointer& x, const Scalar& y, const Scalar& alpha, bool inplace);
Maybe<Tensor> ReduceMean(const Pointer& x, const std::vector<int32_t>& axis, bool keepdims);
Maybe<Tensor> ReduceSum(const Pointer& x, const std::vector<int32_t>& axis, bool keepdims);
Maybe<Tensor> BroadcastLike(const Pointer& x, const Pointer& like,
                            const std::vector<int32_t>& broadcast_axes);
Maybe<Tensor> ScalarMul(const Pointer& x, const Scalar& y, bool inplace);
Maybe<Tensor> Reshape(const Pointer& x, const Shape& shape);
Maybe<Tensor> Cast(const Pointer& x, const Symbol<DType>& dtype, bool pin_memory);

}  // namespace functional
}  // namespace one
}  // namespace oneflow

namespace ofm {

namespace functional = oneflow::one::functional;

// Whether a gradient that is computed now is to have a gradient itself.
inline bool gradient_is_recorded() { return oneflow::autograd::GradMode::is_enabled(); }

}  // namespace ofm

#endif  // OFM_FUNCTIONAL_H_
