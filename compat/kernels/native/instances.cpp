// Instances of Tensor's subclasses, without the detour by which OneFlow makes them.
#include "new_op.h"

extern "C" void Py_DecRef(PyObject*);

namespace ofm {
namespace {

// Have a new instance of a class, which holds no tensor yet, hold another one's values, outside of
// its graph: as Tensor.__init__ and then the setter of `data`, of which the first makes an empty
// tensor (2 µs) for the second to take away.
PyObject* hold(PyObject*, PyObject* const* arguments, ssize_t count) {
  return guarded([&]() -> PyObject* {
    if (count != 2) { throw TypeError{"hold(instance, source) takes two tensors"}; }
    auto& held = const_cast<TensorPointer&>(tensor(arguments[0]));
    const TensorPointer& source = tensor(arguments[1]);
    if (held || !source) { throw TypeError{"hold() takes a new instance and a tensor"}; }
    TensorPointer data = source->detach().GetPtrOrThrow();
    data->set_pyobject_ptr(std::unique_ptr<void, void (*)(void*)>(
        arguments[0], [](void* instance) { Py_DecRef(static_cast<PyObject*>(instance)); }));
    data->set_owns_pyobj(false);
    held = std::move(data);
    return none();
  });
}
OFM_PYTHON_FUNCTION(hold, hold)

}  // namespace
}  // namespace ofm
