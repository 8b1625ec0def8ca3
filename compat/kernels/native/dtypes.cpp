// Dtypes of which OneFlow knows the name and the size, but has no tensors: memory of them, views of
// a tensor's memory as another dtype, and conversions. complex.cpp computes with complex numbers.
#include "dtypes.h"

#include "calls.h"
#include "functional.h"

#include <complex>
#include <map>

#include "oneflow/core/framework/tensor_impl.h"
#include "strided_copy.h"

extern "C" {
ssize_t PyTuple_Size(PyObject*);
const char* PyUnicode_AsUTF8(PyObject*);
PyObject* PyTuple_GetItem(PyObject*, ssize_t);
}

namespace oneflow {
namespace one {
namespace functional {
Maybe<Tensor> Empty(const Shape& shape, const Symbol<DType>& dtype,
                    const Optional<Symbol<Device>>& device, bool pin_memory);
}  // namespace functional
namespace view {
Maybe<Tensor> BasicView(const std::shared_ptr<Tensor>& input, const Shape& shape,
                        const Stride& stride, int64_t storage_offset);
}  // namespace view
}  // namespace one
}  // namespace oneflow

namespace ofm {

#define OFM_DTYPE(type, name)                         \
  template<>                                          \
  struct DtypeOf<type> {                              \
    static constexpr DataType value = DataType::name; \
  };
OFM_DTYPE(uint16_t, kUInt16)
OFM_DTYPE(uint32_t, kUInt32)
OFM_DTYPE(uint64_t, kUInt64)
#undef OFM_DTYPE

namespace {

constexpr DataType kComplexDouble = DtypeOf<std::complex<double>>::value;

using oneflow::Shape;
using oneflow::Stride;

// vm::EagerBlobObject, whose header the wheel lacks.
void set_storage_offset(void* blob, int64_t offset)
    asm("_ZN7oneflow2vm15EagerBlobObject18set_storage_offsetEl");

// A tensor of one element, of which views have any shape: for its description only.
const TensorPointer& model(DataType dtype, const oneflow::Symbol<oneflow::Device>& device) {
  static std::map<DataType, TensorPointer>& models = *new std::map<DataType, TensorPointer>;
  TensorPointer& found = models[dtype];
  if (!found) {
    const auto& type = oneflow::DType::Get(dtype).GetOrThrow();
    found = one::functional::Empty(Shape({1}), type, device, false).GetPtrOrThrow();
  }
  return found;
}

}  // namespace

TensorPointer retyped(const TensorPointer& from, DataType dtype, const Shape& shape,
                      const Stride& stride, int64_t offset) {
  const auto described = one::view::BasicView(model(dtype, from->device().GetOrThrow()), shape,
                                              stride, 0).GetPtrOrThrow();
  const auto impl = std::make_shared<one::EagerLocalTensorImpl>(
      from->tensor_storage().GetPtrOrThrow(), offset, false, true);
  // What intrusive::shared_ptr is; whoever takes it counts for himself.
  const auto* dependence = from->compute_local_dep_object().GetOrThrow();
  impl->InitEagerBlobObject(
          described->local_tensor_meta().GetOrThrow(), std::shared_ptr<const one::MutLocalTensorMeta>(),
          reinterpret_cast<const oneflow::intrusive::shared_ptr<oneflow::LocalDepObject>&>(dependence))
      .GetOrThrow();
  set_storage_offset(impl->eager_blob_object().GetPtrOrThrow().get(), offset);
  return std::make_shared<one::LocalTensor>(impl);
}

namespace {

// --- memory of any dtype -------------------------------------------------------------------------

struct Empty {
  static void compute(Context*) {}
};
OFM_REGISTER("empty", Stateless<Empty>, any_on_cpu("out"))

// --- from any dtype to any other -----------------------------------------------------------------

template<typename T>
struct IsComplex : std::false_type {};
template<typename T>
struct IsComplex<std::complex<T>> : std::true_type {};

// As a number that the language converts.
template<typename T>
inline T plain(T value) {
  return value;
}
inline float plain(Half value) { return to_compute(value); }
inline float plain(BFloat16 value) { return to_compute(value); }
inline float plain(E4M3 value) { return to_float(value); }
inline float plain(E5M2 value) { return to_float(value); }

// As PyTorch does on x86: what does not fit wraps around, by way of a wider integer.
template<typename To, typename From>
inline To converted(From from) {
  const auto value = plain(from);
  using Value = std::remove_const_t<decltype(value)>;
  if constexpr (IsComplex<Value>::value && IsComplex<To>::value) {
    return To(value.real(), value.imag());
  } else if constexpr (IsComplex<Value>::value && std::is_same_v<To, bool>) {
    return value.real() != 0 || value.imag() != 0;
  } else if constexpr (IsComplex<Value>::value) {
    return converted<To>(value.real());
  } else if constexpr (IsComplex<To>::value) {
    return To(static_cast<typename To::value_type>(value), 0);
  } else if constexpr (std::is_same_v<To, Half> || std::is_same_v<To, BFloat16>) {
    return from_compute<To>(static_cast<float>(value));
  } else if constexpr (std::is_same_v<To, E4M3>) {
    return to_e4m3(static_cast<float>(value));
  } else if constexpr (std::is_same_v<To, E5M2>) {
    return to_e5m2(static_cast<float>(value));
  } else if constexpr (std::is_same_v<To, bool>) {
    return value != 0;
  } else if constexpr (std::is_floating_point_v<Value> && std::is_same_v<To, uint64_t>) {
    constexpr Value kHalf = 9223372036854775808.;
    return value >= kHalf ? static_cast<uint64_t>(static_cast<int64_t>(value - kHalf)) ^ (1ull << 63)
                          : static_cast<uint64_t>(static_cast<int64_t>(value));
  } else if constexpr (std::is_floating_point_v<Value> && std::is_integral_v<To> && sizeof(To) < 8) {
    return static_cast<To>(static_cast<int64_t>(value));
  } else {
    return static_cast<To>(value);
  }
}

template<typename From, typename To>
void convert(const void* from, void* to, int64_t count) {
  const From* source = static_cast<const From*>(from);
  To* target = static_cast<To*>(to);
  for (int64_t i = 0; i < count; ++i) { target[i] = converted<To>(source[i]); }
}

using Conversion = void (*)(const void*, void*, int64_t);

#define OFM_FOR_EVERY(macro)                                                                       \
  OFM_FOR_ALL(macro)                                                                               \
  macro(uint16_t) macro(uint32_t) macro(uint64_t) macro(std::complex<float>)                       \
      macro(std::complex<double>) macro(E4M3) macro(E5M2)

template<typename From>
Conversion conversion_to(DataType to) {
  switch (to) {
#define OFM_CASE(type) \
  case DtypeOf<type>::value: return convert<From, type>;
    OFM_FOR_EVERY(OFM_CASE)
#undef OFM_CASE
    default: return nullptr;
  }
}
Conversion conversion(DataType from, DataType to) {
  switch (from) {
#define OFM_CASE(type) \
  case DtypeOf<type>::value: return conversion_to<type>(to);
    OFM_FOR_EVERY(OFM_CASE)
#undef OFM_CASE
    default: return nullptr;
  }
}

struct Cast {
  static void compute(Context* context) {
    const user_op::Tensor* in = context->Tensor4ArgNameAndIndex("in", 0);
    user_op::Tensor* out = context->Tensor4ArgNameAndIndex("out", 0);
    const auto* from = static_cast<const char*>(in->raw_dptr());
    auto* to = static_cast<char*>(out->mut_raw_dptr());
    const Conversion loop = conversion(in->data_type(), out->data_type());
    const int64_t in_width = element_width(in->data_type());
    const int64_t out_width = element_width(out->data_type());
    if (loop == nullptr) { return; }
    parallel_for(in->shape_view().elem_cnt(), kGrain, [=](int64_t begin, int64_t end) {
      loop(from + begin * in_width, to + begin * out_width, end - begin);
    });
  }
};

bool is_eighth(DataType dtype) {
  return dtype == DtypeOf<E4M3>::value || dtype == DtypeOf<E5M2>::value;
}
bool is_new(DataType dtype) {
  return is_eighth(dtype) || dtype == DataType::kInt16 || dtype == DataType::kUInt16 || dtype == DataType::kUInt32
         || dtype == DataType::kUInt64 || dtype == DataType::kComplex64
         || dtype == kComplexDouble;
}
auto of_new_dtypes() {
  return oneflow::hob::make_custom("new", [](const user_op::KernelRegContext& context) {
    const DataType in = context.TensorDesc4ArgNameAndIndex("in", 0)->data_type();
    const DataType out = context.TensorDesc4ArgNameAndIndex("out", 0)->data_type();
    return context.device_type() == DeviceType::kCPU && (is_new(in) || is_new(out))
           && conversion(in, out) != nullptr;
  });
}
OFM_REGISTER("cast", Stateless<Cast>, of_new_dtypes())
OFM_REGISTER("cast_like", Stateless<Cast>, of_new_dtypes())

// --- filled memory -------------------------------------------------------------------------------

template<typename T>
struct Constant {
  static void compute(Context* context) {
    const T value = context->Attr<bool>("is_floating_value")
                        ? converted<T>(context->Attr<double>("floating_value"))
                        : converted<T>(context->Attr<int64_t>("integer_value"));
    T* to = mut_data<T>(context, "out");
    parallel_for(elements(context, "out"), kGrain, [=](int64_t begin, int64_t end) {
      std::fill(to + begin, to + end, value);
    });
  }
};
#define OFM_CONSTANT(type) \
  OFM_REGISTER("constant", Stateless<Constant<type>>, OFM_ON_CPU("out", DtypeOf<type>::value))
OFM_FOR_FLOATING(OFM_CONSTANT)
OFM_FOR_INTEGERS(OFM_CONSTANT)
OFM_CONSTANT(bool)
OFM_CONSTANT(uint16_t)
OFM_CONSTANT(uint32_t)
OFM_CONSTANT(uint64_t)
OFM_CONSTANT(std::complex<float>)
OFM_CONSTANT(std::complex<double>)
OFM_CONSTANT(E4M3)
OFM_CONSTANT(E5M2)

template<typename T>
struct Eye {
  static void compute(Context* context) {
    const int64_t rows = context->Attr<int64_t>("rows"), columns = context->Attr<int64_t>("cols");
    T* to = mut_data<T>(context, "out");
    std::fill(to, to + rows * columns, T(0));
    for (int64_t i = 0; i < std::min(rows, columns); ++i) { to[i * (columns + 1)] = T(1); }
  }
};
#define OFM_EYE(type) OFM_REGISTER("eye", Stateless<Eye<type>>, OFM_ON_CPU("out", DtypeOf<type>::value))
OFM_EYE(int16_t)
OFM_EYE(uint16_t)
OFM_EYE(uint32_t)
OFM_EYE(uint64_t)
OFM_FOR_COMPLEX(OFM_EYE)

// --- complex numbers -----------------------------------------------------------------------------
//
// OneFlow's gradients know nothing of complex numbers: what it takes back through z w is dz times w,
// where PyTorch's convention has the conjugate of w. All such gradients are right if the gradient of
// a complex tensor is its conjugate wherever it flows. So it is here: what goes between complex and
// real numbers below takes it so, and compat/tensor/autograd.py gives a leaf its own.

bool is_complex(DataType dtype) {
  return dtype == DataType::kComplex64 || dtype == kComplexDouble;
}
DataType real_of(DataType dtype) {
  return dtype == DataType::kComplex64 ? DataType::kFloat : DataType::kDouble;
}

template<typename T>
struct Conjugate {
  static void compute(Context* context) {
    const T* x = data<T>(context, "x");
    T* y = mut_data<T>(context, "y");
    parallel_for(2 * elements(context, "x"), kGrain, [=](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) { y[i] = i % 2 ? -x[i] : x[i]; }
    });
  }
};
OFM_REGISTER("ofm_conj", Stateless<Conjugate<float>>, OFM_ON_CPU("x", DataType::kComplex64))
OFM_REGISTER("ofm_conj", Stateless<Conjugate<double>>, OFM_ON_CPU("x", kComplexDouble))

using user_op::InferContext;
Maybe<void> conj_shape(InferContext* context) {
  set_contiguous(context, "y", context->InputShape("x", 0));
  return Maybe<void>::Ok();
}
Maybe<void> conj_dtype(InferContext* context) {
  context->SetOutputDType("y", 0, context->InputDType("x", 0));
  return Maybe<void>::Ok();
}
}  // namespace
REGISTER_USER_OP("ofm_conj")
    .Input("x")
    .Output("y")
    .SetLogicalTensorDescInferFn(conj_shape)
    .SetPhysicalTensorDescInferFn(conj_shape)
    .SetDataTypeInferFn(conj_dtype)
    .SetGetSbpFn(user_op::GetSbpFnUtil::DefaultBroadcastToBroadcast);
namespace {

TensorPointer conjugate(const TensorPointer& x) {
  static const one::UserOpExpr& op = make_op("ofm_conj", {"x"}, {"y"});
  return dispatch(op, {x})->at(0);
}

class ConjugateGradient final : public one::OpExprGradFunction<one::AutoGradCaptureState> {
 public:
  Maybe<void> Init(const one::OpExpr&) override { return Maybe<void>::Ok(); }
  Maybe<void> Capture(one::AutoGradCaptureState*, const one::TensorTuple&, const one::TensorTuple&,
                      const oneflow::AttrMap&) const override {
    return Maybe<void>::Ok();
  }
  Maybe<void> Apply(const one::AutoGradCaptureState*, const one::TensorTuple& out_grads,
                    one::TensorTuple* in_grads) const override {
    in_grads->resize(1);
    in_grads->at(0) = conjugate(out_grads.at(0));
    return Maybe<void>::Ok();
  }
};
OFM_REGISTER_GRADIENT("ofm_conj", ConjugateGradient)

// A view with a gradient.
template<typename Backward>
TensorPointer recorded(const char* name, const TensorPointer& from, const TensorPointer& view,
                       const Backward& backward) {
  if (!gradient_is_recorded() || !from->requires_grad()) { return view; }
  const auto function = std::make_shared<one::BackwardFunction>();
  function->body = [backward](const one::TensorTuple& out, one::TensorTuple* in, bool) {
    in->resize(1);
    in->at(0) = backward(out.at(0));
    return Maybe<void>(Maybe<void>::Ok());
  };
  function->status = [] { return false; };
  one::TensorTuple outputs{view};
  one::GetThreadLocalAutogradEngine()->AddNode(name, function, {from}, &outputs).GetPtrOrThrow();
  view->set_is_leaf(false);
  view->set_requires_grad(true).GetOrThrow();
  return view;
}

TensorPointer as_complex(const TensorPointer& x);

TensorPointer as_real(const TensorPointer& z) {
  oneflow::DimVector shape(z->shape()->dim_vec());
  Stride stride(*z->stride().GetPtrOrThrow());
  for (auto& step : stride) { step *= 2; }
  shape.push_back(2);
  stride.push_back(1);
  const DataType real = real_of(z->dtype()->data_type());
  const auto view = retyped(z, real, Shape(shape), stride, 2 * z->storage_offset().GetOrThrow());
  return recorded("view_as_real_backward", z, view, [](const TensorPointer& gradient) {
    return conjugate(as_complex(gradient->contiguous()));
  });
}

TensorPointer as_complex(const TensorPointer& x) {
  oneflow::DimVector shape(x->shape()->dim_vec());
  Stride stride(*x->stride().GetPtrOrThrow());
  shape.pop_back();
  stride.pop_back();
  for (auto& step : stride) { step /= 2; }
  const DataType whole = x->dtype()->data_type() == DataType::kFloat ? DataType::kComplex64
                                                                      : kComplexDouble;
  const auto view = retyped(x, whole, Shape(shape), stride, x->storage_offset().GetOrThrow() / 2);
  return recorded("view_as_complex_backward", x, view, [](const TensorPointer& gradient) {
    return as_real(conjugate(gradient->contiguous()));
  });
}

// --- gradients of complex tensors ----------------------------------------------------------------

constexpr char kMayRequire[] = "_ZN7oneflow28IsSupportRequireGradDataTypeENS_8DataTypeE";
bool (*may_require)(DataType) = nullptr;

bool may_require_gradient(DataType dtype) {
  return is_complex(dtype) || is_eighth(dtype) || may_require(dtype);
}

constexpr char kSetRequires[] = "_ZN7oneflow3one10TensorImpl17set_requires_gradEb";
Maybe<void> (*set_requires)(one::TensorImpl*, bool) = nullptr;

// TensorImpl::set_requires_grad, which refuses what is not floating.
Maybe<void> set_requires_gradient(one::TensorImpl* self, bool wanted) {
  if (!wanted || !(is_complex(self->dtype()) || is_eighth(self->dtype()))) { return set_requires(self, wanted); }
  self->mut_autograd_meta()->set_requires_grad(true);
  return Maybe<void>::Ok();
}

// The file of Python's side has copies of what calls some functions.
void replace_for_python(const char* name, void* own) {
  const calls::Library python = calls::library("/_oneflow_internal");
  if (python.symbols == nullptr) { return; }
  void** slot = calls::slot_of(python, calls::foreign_symbol_number(python, name));
  if (slot != nullptr) { calls::replace(python, slot, own); }
}

bool let_complex_require() {
  const calls::Library library = calls::library();
  if (library.symbols == nullptr) { return false; }
  void** slot = calls::slot_of(library, kMayRequire);
  void** set_slot = calls::slot_of(library, kSetRequires);
  if (slot == nullptr || set_slot == nullptr) { return false; }
  set_requires = reinterpret_cast<Maybe<void> (*)(one::TensorImpl*, bool)>(
      calls::address_of(library, kSetRequires));
  calls::replace(library, set_slot, reinterpret_cast<void*>(set_requires_gradient));
  replace_for_python(kSetRequires, reinterpret_cast<void*>(set_requires_gradient));
  may_require = reinterpret_cast<bool (*)(DataType)>(calls::address_of(library, kMayRequire));
  return calls::replace(library, slot, reinterpret_cast<void*>(may_require_gradient));
}
const bool complex_requires = let_complex_require();

// --- what complex numbers are to OneFlow's functions -----------------------------------------------
//
// They ask whether a dtype is of integers, which complex128's stand-in is, or of floats, which have
// all that complex numbers need, and convert or refuse what is neither.

constexpr char kSize[] = "_ZN7oneflow17GetSizeOfDataTypeENS_8DataTypeE";
constexpr char kIsIntegral[] = "_ZN7oneflow18IsIntegralDataTypeENS_8DataTypeE";
constexpr char kIsFloating[] = "_ZN7oneflow18IsFloatingDataTypeENS_8DataTypeE";
constexpr char kIsInteger[] = "_ZNK7oneflow5DType10is_integerEv";
size_t (*stock_size)(DataType) = nullptr;
bool (*stock_is_integral)(DataType) = nullptr;
bool (*stock_is_floating)(DataType) = nullptr;
constexpr char kIsFloatingPoint[] = "_ZNK7oneflow5DType17is_floating_pointEv";
bool (*stock_is_integer)(const oneflow::DType*) = nullptr;
bool (*stock_is_floating_point)(const oneflow::DType*) = nullptr;

size_t size_of(DataType dtype) { return is_eighth(dtype) ? 1 : stock_size(dtype); }
bool is_integral(DataType dtype) {
  return !is_complex(dtype) && !is_eighth(dtype) && stock_is_integral(dtype);
}
bool is_floating(DataType dtype) {
  return is_complex(dtype) || is_eighth(dtype) || stock_is_floating(dtype);
}
bool is_integer(const oneflow::DType* dtype) {
  return !is_complex(dtype->data_type()) && !is_eighth(dtype->data_type()) && stock_is_integer(dtype);
}

bool is_floating_point(const oneflow::DType* dtype) {
  return is_eighth(dtype->data_type()) || stock_is_floating_point(dtype);
}

template<typename Function>
void take_over(const calls::Library& library, const char* name, Function** stock, Function* own) {
  void** slot = calls::slot_of(library, name);
  if (slot == nullptr) { return; }
  *stock = reinterpret_cast<Function*>(calls::address_of(library, name));
  calls::replace(library, slot, reinterpret_cast<void*>(own));
}

const bool complex_is_floating = [] {
  const calls::Library library = calls::library();
  if (library.symbols == nullptr) { return false; }
  take_over(library, kSize, &stock_size, size_of);
  replace_for_python(kSize, reinterpret_cast<void*>(size_of));
  stock_is_floating_point = reinterpret_cast<bool (*)(const oneflow::DType*)>(
      calls::address_of(library, kIsFloatingPoint));
  replace_for_python(kIsFloatingPoint, reinterpret_cast<void*>(is_floating_point));
  take_over(library, kIsIntegral, &stock_is_integral, is_integral);
  take_over(library, kIsFloating, &stock_is_floating, is_floating);
  take_over(library, kIsInteger, &stock_is_integer, is_integer);
  return true;
}();

// --- for Python ----------------------------------------------------------------------------------

std::vector<int64_t> integers(PyObject* tuple) {
  std::vector<int64_t> out(PyTuple_Size(tuple));
  for (size_t i = 0; i < out.size(); ++i) { out[i] = integer(PyTuple_GetItem(tuple, i)); }
  return out;
}

// retyped(tensor, number of the dtype, shape, strides, offset)
PyObject* retyped_for_python(PyObject*, PyObject* const* arguments, ssize_t count) {
  return guarded([&]() -> PyObject* {
    if (count != 5) { throw TypeError{"retyped takes 5 arguments"}; }
    const auto shape = integers(arguments[2]), stride = integers(arguments[3]);
    return python(retyped(tensor(arguments[0]), static_cast<DataType>(integer(arguments[1])),
                          Shape(oneflow::DimVector(shape.begin(), shape.end())),
                          Stride(stride.begin(), stride.end()), integer(arguments[4])));
  });
}
OFM_PYTHON_FUNCTION(retyped, retyped_for_python)

// view_as_real(z), of which the caller knows that it is complex.
PyObject* view_as_real(PyObject*, PyObject* const* arguments, ssize_t count) {
  return guarded([&]() -> PyObject* {
    if (count != 1 || !is_complex(tensor(arguments[0])->dtype()->data_type())) {
      throw TypeError{"view_as_real takes a complex tensor"};
    }
    return python(as_real(tensor(arguments[0])));
  });
}
OFM_PYTHON_FUNCTION(view_as_real, view_as_real)

// view_as_complex(x), whose last dimension the caller has looked at.
PyObject* view_as_complex(PyObject*, PyObject* const* arguments, ssize_t count) {
  return guarded([&]() -> PyObject* {
    if (count != 1 || tensor(arguments[0])->ndim() == 0) {
      throw TypeError{"view_as_complex takes a tensor of pairs"};
    }
    return python(as_complex(tensor(arguments[0])));
  });
}
OFM_PYTHON_FUNCTION(view_as_complex, view_as_complex)

// function("exp", z): a function of one number whose OneFlow form makes floats of complex numbers.
PyObject* function_of_complex(PyObject*, PyObject* const* arguments, ssize_t count) {
  return guarded([&]() -> PyObject* {
    if (count != 2) { throw TypeError{"function takes 2 arguments"}; }
    const char* name = PyUnicode_AsUTF8(arguments[0]);
    if (name == nullptr) { throw PythonError{}; }
    static auto& ops = *new std::map<std::string, const one::UserOpExpr*>;
    auto& op = ops[name];
    if (op == nullptr) { op = &make_op(name, {"x"}, {"y"}); }
    return python(dispatch(*op, {tensor(arguments[1])->contiguous()})->at(0));
  });
}
OFM_PYTHON_FUNCTION(function_of_complex, function_of_complex)

// conj(z), in new memory.
PyObject* conj(PyObject*, PyObject* const* arguments, ssize_t count) {
  return guarded([&]() -> PyObject* {
    if (count != 1 || !is_complex(tensor(arguments[0])->dtype()->data_type())) {
      throw TypeError{"conj takes a complex tensor"};
    }
    return python(conjugate(tensor(arguments[0])));
  });
}
OFM_PYTHON_FUNCTION(conj, conj)

}  // namespace
}  // namespace ofm
