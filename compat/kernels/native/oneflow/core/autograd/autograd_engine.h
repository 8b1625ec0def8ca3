// In place of a header that the wheel lacks and tensor.h includes: what that one names, and what it
// takes to record a gradient's node.
#ifndef OFM_AUTOGRAD_ENGINE_H_
#define OFM_AUTOGRAD_ENGINE_H_

#include <functional>
#include <memory>
#include <string>

#include "oneflow/core/common/maybe.h"

namespace oneflow {
namespace one {

class FunctionNode;
class Tensor;
class TensorTuple;

struct BackwardFunction {
  std::function<Maybe<void>(const TensorTuple&, TensorTuple*, bool)> body;
  std::function<bool()> status;
};

class AutogradEngine {
 public:
  virtual ~AutogradEngine() = default;
  virtual void ClearEngine() = 0;
  virtual Maybe<FunctionNode> AddNode(const std::string& name,
                                      const std::shared_ptr<BackwardFunction>& backward,
                                      const TensorTuple& inputs, TensorTuple* outputs) = 0;
};

AutogradEngine* GetThreadLocalAutogradEngine();
Maybe<void> AddAccumulateFunctionNode(const std::shared_ptr<Tensor>& tensor);

}  // namespace one
}  // namespace oneflow

#endif  // OFM_AUTOGRAD_ENGINE_H_
