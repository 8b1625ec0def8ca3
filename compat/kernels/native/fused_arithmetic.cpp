// torch.lerp by a number, torch.addcmul and F.mse_loss: arithmetic of several steps in one pass.
//
// For float32 and float64 of one shape; what is broadcast, promoted or rounded between the steps
// the overlay composes.
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

Maybe<void> sum_shape(InferContext* context) {
  CHECK_OR_RETURN(context->InputShape("x", 0) == context->InputShape("target", 0))
      << "The tensors must have one shape";
  set_contiguous(context, "out", oneflow::Shape({}));
  return Maybe<void>::Ok();
}
REGISTER_USER_OP("ofm_squared_error")
    .Input("x")
    .Input("target")
    .Attr<bool>("mean")
    .Output("out")
    .SetLogicalTensorDescInferFn(sum_shape)
    .SetPhysicalTensorDescInferFn(sum_shape)
    .SetDataTypeInferFn(same_dtype)
    .SetGetSbpFn(user_op::GetSbpFnUtil::DefaultBroadcastToBroadcast);

// Blocks of one size are added up, whatever the number of threads, and their sums in double.
template<typename T>
struct SquaredError {
  static constexpr int64_t kAtATime = 4096, kSums = 64 / sizeof(T);

  static T of_block(const T* x, const T* y, int64_t count) {
    T sums[2 * kSums] = {};
    int64_t i = 0;
    for (; i + 2 * kSums <= count; i += 2 * kSums) {
      for (int64_t j = 0; j < 2 * kSums; ++j) {
        const T error = x[i + j] - y[i + j];
        sums[j] += error * error;
      }
    }
    for (int64_t j = 0; i < count; ++i, ++j) { sums[j] += (x[i] - y[i]) * (x[i] - y[i]); }
    for (int64_t width = kSums; width > 0; width /= 2) {
      for (int64_t j = 0; j < width; ++j) { sums[j] += sums[j + width]; }
    }
    return sums[0];
  }

  static void compute(Context* context) {
    const T *x = data<T>(context, "x"), *y = data<T>(context, "target");
    const int64_t count = elements(context, "x"), blocks = (count + kAtATime - 1) / kAtATime;
    std::vector<T> sums(blocks);
    parallel_for(blocks, kGrain / kAtATime, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const int64_t first = i * kAtATime;
        sums[i] = of_block(x + first, y + first, std::min(kAtATime, count - first));
      }
    });
    double sum = 0;
    for (T part : sums) { sum += part; }
    // Of no elements the mean is no number.
    *mut_data<T>(context, "out") =
        static_cast<T>(context->Attr<bool>("mean") ? sum / static_cast<double>(count) : sum);
  }
};
OFM_REGISTER("ofm_squared_error", Stateless<SquaredError<float>>, OFM_ON_CPU("x", DataType::kFloat))
OFM_REGISTER("ofm_squared_error", Stateless<SquaredError<double>>,
             OFM_ON_CPU("x", DataType::kDouble))

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

// 2 (x - target), and its negative.
class SquaredErrorGradient final : public one::OpExprGradFunction<NumberState> {
 public:
  Maybe<void> Init(const one::OpExpr&) override { return Maybe<void>::Ok(); }

  Maybe<void> Capture(NumberState* state, const one::TensorTuple& inputs, const one::TensorTuple&,
                      const oneflow::AttrMap& attributes) const override {
    for (int i = 0; i < 2; ++i) {
      state->wanted[i] = inputs.at(i)->requires_grad();
      state->SaveTensorForBackward(inputs.at(i));
    }
    const bool mean = JUST(attributes.GetAttr<bool>("mean"));
    state->number = mean ? 2. / static_cast<double>(inputs.at(0)->shape()->elem_cnt()) : 2.;
    return Maybe<void>::Ok();
  }

  Maybe<void> Apply(const NumberState* state, const one::TensorTuple& out_grads,
                    one::TensorTuple* in_grads) const override {
    using namespace functional;
    in_grads->resize(2);
    const TensorPointer &x = state->SavedTensors().at(0), &y = state->SavedTensors().at(1);
    // The number is multiplied first, which has no elements to pass over.
    const TensorPointer factor = JUST(ScalarMul(out_grads.at(0), state->number, false));
    const bool first = state->wanted[0];
    const TensorPointer error = JUST(first ? Sub(x, y, 1, false) : Sub(y, x, 1, false));
    const TensorPointer gradient = JUST(Mul(error, factor));
    in_grads->at(first ? 0 : 1) = gradient;
    if (first && state->wanted[1]) { in_grads->at(1) = JUST(ScalarMul(gradient, -1, false)); }
    return Maybe<void>::Ok();
  }
};
OFM_REGISTER_GRADIENT("ofm_squared_error", SquaredErrorGradient)

bool fit(const TensorPointer& x, const TensorPointer& other) {
  return x->dtype() == other->dtype() && *x->shape() == *other->shape();
}
bool fits(const TensorPointer& x) {
  const DataType dtype = x->dtype()->data_type();
  return (dtype == DataType::kFloat || dtype == DataType::kDouble) && x->is_eager()
         && x->is_local() && x->device().GetOrThrow()->enum_type() == DeviceType::kCPU;
}

// lerp(start, end, weight); None where that is not for here.
PyObject* lerp(PyObject*, PyObject* const* arguments, ssize_t count) {
  return guarded([&] {
    if (count != 3) { throw TypeError{"lerp takes 3 arguments"}; }
    static const one::UserOpExpr& op = make_op("ofm_lerp", {"x", "end"}, {"out"});
    const TensorPointer &start = tensor(arguments[0]), &end = tensor(arguments[1]);
    if (!fits(start) || !fit(start, end)) { return none(); }
    auto& attributes = THREAD_CACHED_MUTABLE_ATTR_MAP("weight");
    attributes.SetAllAttrs(number(arguments[2]));
    return python(dispatch(op, {start, end}, attributes)->at(0));
  });
}
OFM_PYTHON_FUNCTION(lerp, lerp)

// squared_error(x, target, mean), a number; None where that is not for here.
PyObject* squared_error(PyObject*, PyObject* const* arguments, ssize_t count) {
  return guarded([&] {
    if (count != 3) { throw TypeError{"squared_error takes 3 arguments"}; }
    static const one::UserOpExpr& op = make_op("ofm_squared_error", {"x", "target"}, {"out"});
    const TensorPointer &x = tensor(arguments[0]), &target = tensor(arguments[1]);
    if (!fits(x) || !fit(x, target)) { return none(); }
    auto& attributes = THREAD_CACHED_MUTABLE_ATTR_MAP("mean");
    attributes.SetAllAttrs(truth(arguments[2]));
    return python(dispatch(op, {x, target}, attributes)->at(0));
  });
}
OFM_PYTHON_FUNCTION(squared_error, squared_error)

// addcmul(x, a, b, value); None where that is not for here.
PyObject* addcmul(PyObject*, PyObject* const* arguments, ssize_t count) {
  return guarded([&] {
    if (count != 4) { throw TypeError{"addcmul takes 4 arguments"}; }
    static const one::UserOpExpr& op = make_op("ofm_addcmul", {"x", "a", "b"}, {"out"});
    const TensorPointer &x = tensor(arguments[0]), &a = tensor(arguments[1]);
    const TensorPointer& b = tensor(arguments[2]);
    if (!fits(x) || !fit(x, a) || !fit(x, b)) { return none(); }
    auto& attributes = THREAD_CACHED_MUTABLE_ATTR_MAP("value");
    attributes.SetAllAttrs(number(arguments[3]));
    return python(dispatch(op, {x, a, b}, attributes)->at(0));
  });
}
OFM_PYTHON_FUNCTION(addcmul, addcmul)

}  // namespace
}  // namespace elementwise
}  // namespace ofm
