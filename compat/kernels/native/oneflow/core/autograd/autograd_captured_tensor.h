// In place of a header that the wheel lacks and op_expr_grad_function.h includes: a tensor as a
// gradient's node keeps it. It has the history of the one it was made from, so that gradients of
// gradients work, but does not keep that history alive, since it is a part of it.
#ifndef OFM_AUTOGRAD_CAPTURED_TENSOR_H_
#define OFM_AUTOGRAD_CAPTURED_TENSOR_H_

#include "oneflow/core/framework/tensor.h"

namespace oneflow {
namespace one {

namespace functional {
Maybe<Tensor> ToContiguous(const std::shared_ptr<Tensor>& input);
}

class AutogradCapturedTensor final : public ProxyTensor<AutogradCapturedTensor> {
 public:
  explicit AutogradCapturedTensor(const std::shared_ptr<Tensor>& alone)
      : ProxyTensor<AutogradCapturedTensor>(alone) {}

  static Maybe<AutogradCapturedTensor> MakeTensor(const std::shared_ptr<Tensor>& from) {
    const auto kept = std::make_shared<AutogradCapturedTensor>(JUST(from->detach()));
    kept->set_autograd_meta(from->mut_autograd_meta());
    kept->history_ = from->mut_grad_fn_node();
    return kept;
  }

  std::shared_ptr<const FunctionNode> grad_fn_node() const override { return history_.lock(); }
  std::shared_ptr<FunctionNode> mut_grad_fn_node() override { return history_.lock(); }
  void set_grad_fn_node(const std::shared_ptr<FunctionNode>& node) override { history_ = node; }

  std::shared_ptr<Tensor> contiguous() const override {
    const auto self = std::const_pointer_cast<Tensor>(this->shared_from_this());
    return tensor_->is_contiguous() ? self : CHECK_JUST(functional::ToContiguous(self));
  }

 private:
  std::weak_ptr<FunctionNode> history_;
};

}  // namespace one
}  // namespace oneflow

#endif  // OFM_AUTOGRAD_CAPTURED_TENSOR_H_
