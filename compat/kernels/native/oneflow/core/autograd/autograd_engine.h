// Stands in for a header that OneFlow's wheel lacks: what framework/tensor.h names of it.
#ifndef OFM_STAND_IN_AUTOGRAD_ENGINE_H_
#define OFM_STAND_IN_AUTOGRAD_ENGINE_H_

#include <memory>

#include "oneflow/core/common/maybe.h"
#include "oneflow/core/framework/device.h"

namespace oneflow {
namespace one {
class FunctionNode;
class Tensor;
Maybe<void> AddAccumulateFunctionNode(const std::shared_ptr<Tensor>& tensor);
}  // namespace one
}  // namespace oneflow

#endif  // OFM_STAND_IN_AUTOGRAD_ENGINE_H_
