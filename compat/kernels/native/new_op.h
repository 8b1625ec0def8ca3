// Operators that OneFlow does not have, with gradients in its own autograd, called from Python.
//
// Four pieces make one (attention.cpp is an example):
//
// 1. The operator: REGISTER_USER_OP("ofm_name").Input("x").Attr<double>("eps").Output("y")
//      .SetLogicalTensorDescInferFn(shapes)    // context->InputShape, SetOutputShape, SetOutputStride;
//      .SetPhysicalTensorDescInferFn(shapes)   // wrong arguments: CHECK_OR_RETURN(...) << "message",
//      .SetDataTypeInferFn(dtypes)             // which becomes a RuntimeError
//      .SetGetSbpFn(::oneflow::user_op::GetSbpFnUtil::DefaultBroadcastToBroadcast);
//    .SupportNonContiguous() lets strided views through to the kernel; then the shape function must
//    set the outputs' strides too (set_contiguous). Optional inputs: .OptionalInput("bias").
//
// 2. Its kernels: OFM_REGISTER("ofm_name", ...), as for any other operator.
//
// 3. Its gradient: a class derived from oneflow::one::OpExprGradFunction<State>, with Init, Capture
//    and Apply, and OFM_REGISTER_GRADIENT("ofm_name", Class). Gradients that need a kernel are an
//    operator of their own (add .NoGrad() there unless it has a gradient too). In Apply only the
//    gradients of inputs that require one may be set (input_requires_grad).
//
// 4. The function that Python calls: OFM_PYTHON_FUNCTION(name, function), with
//      PyObject* function(PyObject*, PyObject* const* arguments, ssize_t count)
//    written as `return guarded([&] { ... return python(dispatch(*op, inputs, attributes)); })`.
//    It is `hooks.native["name"]` for overlays, a builtin that takes positional arguments: about
//    0.1 microseconds above OneFlow's own dispatch.
#ifndef OFM_NEW_OP_H_
#define OFM_NEW_OP_H_

#include "kernel.h"
// The wheel lacks what this header includes, and nothing of it is used here.
#define ONEFLOW_CORE_FRAMEWORK_INSTRUCTIONS_BUILDER_H_
#include "oneflow/core/framework/mutable_attr_map.h"
#include "oneflow/core/framework/op_builder.h"
#include "oneflow/core/framework/op_expr_grad_function.h"
#include "oneflow/core/framework/op_interpreter/op_interpreter_util.h"
#include "oneflow/core/framework/tensor_tuple.h"

// --- Python, of which only what has been the same since 3.7 is used, so no headers are needed -----

extern "C" {
struct PyObject {
  ssize_t count;
  PyObject* type;
};
extern PyObject _Py_NoneStruct;
extern PyObject _Py_TrueStruct;
extern PyObject* PyExc_RuntimeError;
extern PyObject* PyExc_TypeError;
int PyType_IsSubtype(PyObject*, PyObject*);
void PyErr_SetString(PyObject*, const char*);
PyObject* PyErr_Occurred();
double PyFloat_AsDouble(PyObject*);
long PyLong_AsLong(PyObject*);
int PyObject_IsTrue(PyObject*);
PyObject* PyTuple_New(ssize_t);
int PyTuple_SetItem(PyObject*, ssize_t, PyObject*);
}

namespace ofm {

namespace one = oneflow::one;
using oneflow::Maybe;
// OneFlow's macros (JUST, CHECK_OR_RETURN, THREAD_CACHED_MUTABLE_ATTR_MAP) expect its namespace.
using oneflow::Error;
using oneflow::ErrorStackFrame;
using oneflow::MutableAttrMap;
using oneflow::SymbolOf;
using TensorPointer = std::shared_ptr<one::Tensor>;

// An exception of Python's is set already.
struct PythonError {};
// What the caller got wrong, as a TypeError.
struct TypeError {
  const char* message;
};

struct PythonSide {
  PyObject* tensor_type = nullptr;
  PyObject* (*wrap)(const TensorPointer&) = nullptr;
};
PythonSide& python_side();

inline bool is_none(PyObject* object) { return object == &_Py_NoneStruct; }
inline PyObject* none() {
  ++_Py_NoneStruct.count;
  return &_Py_NoneStruct;
}

inline const TensorPointer& tensor(PyObject* object) {
  PyObject* const wanted = python_side().tensor_type;
  if (object->type != wanted && !PyType_IsSubtype(object->type, wanted)) {
    throw TypeError{"a Tensor was expected"};
  }
  return *reinterpret_cast<const TensorPointer*>(object + 1);
}
inline double number(PyObject* object) {
  const double value = PyFloat_AsDouble(object);
  if (value == -1 && PyErr_Occurred()) { throw PythonError{}; }
  return value;
}
inline int64_t integer(PyObject* object) {
  const int64_t value = PyLong_AsLong(object);
  if (value == -1 && PyErr_Occurred()) { throw PythonError{}; }
  return value;
}
inline bool truth(PyObject* object) {
  const int value = PyObject_IsTrue(object);
  if (value < 0) { throw PythonError{}; }
  return value != 0;
}

inline PyObject* python(const TensorPointer& result) { return python_side().wrap(result); }
inline PyObject* python(const one::TensorTuple& results) {
  PyObject* tuple = PyTuple_New(results.size());
  for (size_t i = 0; tuple != nullptr && i < results.size(); ++i) {
    PyTuple_SetItem(tuple, i, python(results[i]));
  }
  return tuple;
}

// What body returns; null with an exception set if it throws.
template<typename Body>
PyObject* guarded(const Body& body) {
  try {
    return body();
  } catch (const PythonError&) {
  } catch (const TypeError& error) {
    PyErr_SetString(PyExc_TypeError, error.message);
  } catch (const std::exception& error) { PyErr_SetString(PyExc_RuntimeError, error.what()); }
  return nullptr;
}

// --- operators -----------------------------------------------------------------------------------

using OpPointer = std::shared_ptr<one::UserOpExpr>;

// An operator to dispatch, of inputs and outputs of one tensor each. Never freed: its kernel may
// not outlive OneFlow's virtual machine.
inline const one::UserOpExpr& make_op(const char* name, std::initializer_list<const char*> inputs,
                                      std::initializer_list<const char*> outputs) {
  one::OpBuilder builder(name);
  for (const char* input : inputs) { builder.Input(input); }
  for (const char* output : outputs) { builder.Output(output); }
  return **new OpPointer(builder.Build().GetPtrOrThrow());
}

// The outputs; in eager mode, in nn.Graph, and recorded for the gradient as in any operator.
inline std::shared_ptr<one::TensorTuple> dispatch(const one::UserOpExpr& op,
                                                  const one::TensorTuple& inputs,
                                                  const oneflow::AttrMap& attributes = {}) {
  return one::OpInterpUtil::Dispatch<one::TensorTuple>(op, inputs, attributes).GetPtrOrThrow();
}

// The shape of an output, and the strides it has without gaps.
inline void set_contiguous(user_op::InferContext* context, const char* output,
                           const oneflow::Shape& shape) {
  context->SetOutputShape(output, 0, shape);
  context->SetOutputStride(output, 0, oneflow::Stride(shape));
}

// OneFlow's table of gradients is a static of an inline function, of which a hidden copy would be
// made here; its registration is called by name instead.
using GradientPointer = one::OpExprGradFunctionIf*;
__attribute__((visibility("default"))) void register_gradient(
    void* self, std::string name, std::function<GradientPointer()> create)
    asm("_ZN7oneflow23AutoRegistrationFactoryISsNS_3one20OpExprGradFunctionIfEJEE"
        "19CreatorRegisterTypeC1ESsSt8functionIFPS2_vEE");

struct GradientRegistration {
  GradientRegistration(const char* name, GradientPointer (*create)()) {
    register_gradient(this, name, create);
  }
};
#define OFM_REGISTER_GRADIENT(name, type)                                             \
  static ::ofm::GradientRegistration OFM_JOIN(ofm_gradient_, __COUNTER__)(            \
      name, []() -> ::ofm::GradientPointer { return new type; });

// --- functions for Python ------------------------------------------------------------------------

using PythonFunction = PyObject* (*)(PyObject*, PyObject* const*, ssize_t);

// PyMethodDef; Python keeps a pointer to it.
struct PythonMethod {
  const char* name;
  PythonFunction function;
  int flags;
  const char* documentation;
};
std::vector<const PythonMethod*>& python_methods();

struct PythonRegistration {
  PythonRegistration(const char* name, PythonFunction function) {
    constexpr int kFastCall = 0x80;
    python_methods().push_back(new PythonMethod{name, function, kFastCall, nullptr});
  }
};
#define OFM_PYTHON_FUNCTION(name, function) \
  static ::ofm::PythonRegistration OFM_JOIN(ofm_function_, __COUNTER__)(#name, function);

}  // namespace ofm

#endif  // OFM_NEW_OP_H_
