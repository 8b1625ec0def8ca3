// In place of a header that the wheel lacks and tensor.h includes: what that one names.
#ifndef OFM_AUTOGRAD_ENGINE_H_
#define OFM_AUTOGRAD_ENGINE_H_

#include <memory>

#include "oneflow/core/common/maybe.h"

namespace oneflow {
namespace one {

class AutogradEngine;
class FunctionNode;
class Tensor;

Maybe<void> AddAccumulateFunctionNode(const std::shared_ptr<Tensor>& tensor);

}  // namespace one
}  // namespace oneflow

#endif  // OFM_AUTOGRAD_ENGINE_H_
