// torch.lerp by a number and torch.addcmul: arithmetic of several steps in one pass.
//
// For tensors of one shape and dtype; the overlay composes what is broadcast or promoted.
#include "elementwise.h"
#include "functional.h"

namespace ofm {
namespace elementwise {
namespace {

using user_op::InferContext;

Maybe<void> same_shape(InferContext* context) {
  for (const auto& input : context->inputs()) {
    CHECK_OR_RETURN(context->InputShape(input.first, 0) == context->InputShape("x", 0))
        << "The tensors must have one shape";
  }
  set_contiguous(context, "out", context->InputShape("x", 0));
  return Maybe<void>::Ok();
}
Maybe<void> same_dtype(InferContext* context) {
  for (const auto& input : context->inputs()) {
    CHECK_OR_RETURN(context->InputDType(input.first, 0) == context->InputDType("x", 0))
        << "The tensors must have one dtype";
  }
  context->SetOutputDType("out", 0, context->InputDType("x", 0));
  return Maybe<void>::Ok();
}

REGISTER_USER_OP("ofm_lerp")
    .Input("x")
    .Input("end")
    .Attr<double>("weight")
    .Output("out")
    .SetLogicalTensorDescInferFn(same_shape)
    .SetPhysicalTensorDescInferFn(same_shape)
    .SetDataTypeInferFn(same_dtype)
    .SetGetSbpFn(user_op::GetSbpFnUtil::DefaultBroadcastToBroadcast);

REGISTER_USER_OP("ofm_addcmul")
    .Input("x")
    .Input("a")
    .Input("b")
    .Attr<double>("value")
    .Output("out")
    .SetLogicalTensorDescInferFn(same_shape)
    .SetPhysicalTensorDescInferFn(same_shape)
    .SetDataTypeInferFn(same_dtype)
    .SetGetSbpFn(user_op::GetSbpFnUtil::DefaultBroadcastToBroadcast);

// From the end that is nearer.
template<typename T>
struct Lerp {
  explicit Lerp(const Numbers& numbers)
      : weight(numbers.get<T>(0)), rest(1 - weight), near(math::abs(weight) < T(0.5)) {}
  OFM_MATH T operator()(T x, T end) const {
    return math::fma(near ? weight : -rest, end - x, near ? x : end);
  }
  const T weight, rest;
  const bool near;
};

template<typename T>
struct AddProduct {
  explicit AddProduct(const Numbers& numbers) : value(numbers.get<T>(0)) {}
  OFM_MATH T operator()(T x, T a, T b) const { return math::fma(value * a, b, x); }
  const T value;
};

void weight(Context* context, DataType, Numbers* numbers) {
  numbers->real[0] = context->Attr<double>("weight");
}
void value(Context* context, DataType, Numbers* numbers) {
  numbers->real[0] = context->Attr<double>("value");
}

const bool registered = [] {
  Plan lerp{"ofm_lerp", 2, {"x", "end"}, "out"};
  fill2<Lerp, float, double>(lerp);
  lerp.numbers = weight;
  add(lerp);
  Plan addcmul{"ofm_addcmul", 3, {"x", "a", "b"}, "out"};
  fill3<AddProduct, float, double>(addcmul);
  addcmul.numbers = value;
  add(addcmul);
  return true;
}();

struct NumberState : public one::AutoGradCaptureState {
  double number = 0;
  bool wanted[3] = {};
};

class LerpGradient final : public one::OpExprGradFunction<NumberState> {
 public:
  Maybe<void> Init(const one::OpExpr&) override { return Maybe<void>::Ok(); }

  Maybe<void> Capture(NumberState* state, const one::TensorTuple& inputs, const one::TensorTuple&,
                      const oneflow::AttrMap& attributes) const override {
    for (int i = 0; i < 2; ++i) { state->wanted[i] = inputs.at(i)->requires_grad(); }
    state->number = JUST(attributes.GetAttr<double>("weight"));
    return Maybe<void>::Ok();
  }

  Maybe<void> Apply(const NumberState* state, const one::TensorTuple& out_grads,
                    one::TensorTuple* in_grads) const override {
    in_grads->resize(2);
    const TensorPointer& dy = out_grads.at(0);
    for (int i = 0; i < 2; ++i) {
      if (!state->wanted[i]) { continue; }
      const double share = i == 0 ? 1 - state->number : state->number;
      in_grads->at(i) = JUST(functional::ScalarMul(dy, share, false));
    }
    return Maybe<void>::Ok();
  }
};
OFM_REGISTER_GRADIENT("ofm_lerp", LerpGradient)

class AddProductGradient final : public one::OpExprGradFunction<NumberState> {
 public:
  Maybe<void> Init(const one::OpExpr&) override { return Maybe<void>::Ok(); }

  Maybe<void> Capture(NumberState* state, const one::TensorTuple& inputs, const one::TensorTuple&,
                      const oneflow::AttrMap& attributes) const override {
    for (int i = 0; i < 3; ++i) { state->wanted[i] = inputs.at(i)->requires_grad(); }
    state->number = JUST(attributes.GetAttr<double>("value"));
    if (state->wanted[1]) { state->SaveTensorForBackward(inputs.at(2)); }
    if (state->wanted[2]) { state->SaveTensorForBackward(inputs.at(1)); }
    return Maybe<void>::Ok();
  }

  Maybe<void> Apply(const NumberState* state, const one::TensorTuple& out_grads,
                    one::TensorTuple* in_grads) const override {
    in_grads->resize(3);
    const TensorPointer& dy = out_grads.at(0);
    if (state->wanted[0]) { in_grads->at(0) = dy; }
    size_t saved = 0;
    for (int i = 1; i < 3; ++i) {
      if (!state->wanted[i]) { continue; }
      const TensorPointer product =
          JUST(functional::Mul(dy, state->SavedTensors().at(saved++)));
      in_grads->at(i) =
          state->number == 1 ? product : JUST(functional::ScalarMul(product, state->number, false));
    }
    return Maybe<void>::Ok();
  }
};
OFM_REGISTER_GRADIENT("ofm_addcmul", AddProductGradient)

// lerp(start, end, weight)
PyObject* lerp(PyObject*, PyObject* const* arguments, ssize_t count) {
  return guarded([&] {
    if (count != 3) { throw TypeError{"lerp takes 3 arguments"}; }
    static const one::UserOpExpr& op = make_op("ofm_lerp", {"x", "end"}, {"out"});
    auto& attributes = THREAD_CACHED_MUTABLE_ATTR_MAP("weight");
    attributes.SetAllAttrs(number(arguments[2]));
    return python(
        dispatch(op, {tensor(arguments[0]), tensor(arguments[1])}, attributes)->at(0));
  });
}
OFM_PYTHON_FUNCTION(lerp, lerp)

// addcmul(x, a, b, value)
PyObject* addcmul(PyObject*, PyObject* const* arguments, ssize_t count) {
  return guarded([&] {
    if (count != 4) { throw TypeError{"addcmul takes 4 arguments"}; }
    static const one::UserOpExpr& op = make_op("ofm_addcmul", {"x", "a", "b"}, {"out"});
    auto& attributes = THREAD_CACHED_MUTABLE_ATTR_MAP("value");
    attributes.SetAllAttrs(number(arguments[3]));
    return python(dispatch(op,
                           {tensor(arguments[0]), tensor(arguments[1]), tensor(arguments[2])},
                           attributes)
                      ->at(0));
  });
}
OFM_PYTHON_FUNCTION(addcmul, addcmul)

}  // namespace
}  // namespace elementwise
}  // namespace ofm
