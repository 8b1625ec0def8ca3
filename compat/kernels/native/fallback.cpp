// OneFlow's own functions with another behind them, for what they refuse: no Python stands before
// the calls that they take.
#include "new_op.h"

extern "C" {
// Of these only the addresses and the calls are needed, as in all of CPython 3.7 to 3.10.
PyObject* PyTuple_GetItem(PyObject*, ssize_t);
PyObject* PyObject_Call(PyObject*, PyObject*, PyObject*);
PyObject* PyObject_GetAttrString(PyObject*, const char*);
const char* PyUnicode_AsUTF8(PyObject*);
PyObject* PyCFunction_NewEx(const ofm::PythonMethod*, PyObject*, PyObject*);
void* PyCFunction_GetFunction(PyObject*);
PyObject* PyCFunction_GetSelf(PyObject*);
int PyCFunction_GetFlags(PyObject*);
int PyErr_ExceptionMatches(PyObject*);
void PyErr_Clear();
}

namespace ofm {
namespace {

constexpr int kKeywords = 0x1 | 0x2;  // METH_VARARGS | METH_KEYWORDS
using Function = PyObject* (*)(PyObject*, PyObject*, PyObject*);

// `pair` is (the function, what is called instead).
PyObject* call(PyObject* pair, PyObject* arguments, PyObject* keywords) {
  if (keywords == nullptr) {
    PyObject* const first = PyTuple_GetItem(pair, 0);
    const auto function = reinterpret_cast<Function>(PyCFunction_GetFunction(first));
    PyObject* const answer = function(PyCFunction_GetSelf(first), arguments, keywords);
    if (answer != nullptr) { return answer; }
    if (!PyErr_ExceptionMatches(PyExc_TypeError) && !PyErr_ExceptionMatches(PyExc_RuntimeError)) {
      return nullptr;
    }
    PyErr_Clear();
  }
  return PyObject_Call(PyTuple_GetItem(pair, 1), arguments, keywords);
}

// with_fallback(function, fallback): a builtin with the fallback's name and docstring. The fallback
// gets the calls with keywords, and those that the function refuses.
PyObject* with_fallback(PyObject*, PyObject* const* arguments, ssize_t count) {
  return guarded([&]() -> PyObject* {
    if (count != 2 || PyCFunction_GetFlags(arguments[0]) != kKeywords) {
      PyErr_Clear();
      throw TypeError{"with_fallback takes a builtin with keywords, and a function"};
    }
    PyObject* const name = PyObject_GetAttrString(arguments[1], "__name__");
    PyObject* const documentation = PyObject_GetAttrString(arguments[1], "__doc__");
    if (name == nullptr || documentation == nullptr) { throw PythonError{}; }
    PyObject* const pair = PyTuple_New(2);
    for (ssize_t i = 0; i < 2; ++i) {
      ++arguments[i]->count;
      PyTuple_SetItem(pair, i, arguments[i]);
    }
    // Python keeps a pointer to the method and to its texts.
    const auto* const method =
        new PythonMethod{PyUnicode_AsUTF8(name), reinterpret_cast<PythonFunction>(call), kKeywords,
                         PyUnicode_AsUTF8(documentation)};
    return PyCFunction_NewEx(method, pair, nullptr);
  });
}
OFM_PYTHON_FUNCTION(with_fallback, with_fallback)

}  // namespace
}  // namespace ofm
