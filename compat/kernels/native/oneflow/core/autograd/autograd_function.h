// In place of a header that the wheel lacks and op_expr.h includes: of it only this type's name.
#ifndef OFM_AUTOGRAD_FUNCTION_H_
#define OFM_AUTOGRAD_FUNCTION_H_

#include <functional>
#include <memory>

namespace oneflow {
namespace one {

class TensorTuple;
class FunctionAutoGradCaptureState;

struct AutogradFunctionBase {
  using FType = std::function<std::shared_ptr<TensorTuple>(
      const std::shared_ptr<FunctionAutoGradCaptureState>&, const TensorTuple&)>;
};

}  // namespace one
}  // namespace oneflow

#endif  // OFM_AUTOGRAD_FUNCTION_H_
