// The plug-in itself: how many threads its kernels use, and where the memory comes from.
#include "new_op.h"

#include <malloc.h>

namespace ofm {
namespace {

std::atomic<int> wanted{0};
std::atomic<bool> single{false};

// A large result costs more in page faults than in arithmetic if malloc gives it back each time: a
// layer norm of 5 MB takes 0.5 instead of 4.4 ms. Some versions of glibc take no more than 32 MB.
const bool kept_memory = [] {
  if (!mallopt(M_MMAP_THRESHOLD, 1 << 30)) { mallopt(M_MMAP_THRESHOLD, 32 << 20); }
  mallopt(M_TRIM_THRESHOLD, -1);
  return true;
}();

}  // namespace

int threads() {
  if (single.load(std::memory_order_relaxed)) { return 1; }
  const int count = wanted.load(std::memory_order_relaxed);
  return count > 0 ? count : omp_get_max_threads();
}

// Use one thread from now on, whatever is asked for: OpenMP's others are not in this process.
void stay_single() {
  single = true;
  omp_set_num_threads(1);
}

PythonSide& python_side() {
  static PythonSide side;
  return side;
}

std::vector<const PythonMethod*>& python_methods() {
  static std::vector<const PythonMethod*> methods;
  return methods;
}

}  // namespace ofm

extern "C" {

PyObject* PyCFunction_NewEx(const ofm::PythonMethod*, PyObject*, PyObject*);
PyObject* PyDict_New();
int PyDict_SetItemString(PyObject*, const char*, PyObject*);

// The functions for Python by name; tensor_type is OneFlow's Tensor, wrap makes an instance of it.
__attribute__((visibility("default"))) PyObject* ofm_functions(
    PyObject* tensor_type, PyObject* (*wrap)(const ofm::TensorPointer&)) {
  ofm::python_side() = {tensor_type, wrap};
  PyObject* functions = PyDict_New();
  for (const ofm::PythonMethod* method : ofm::python_methods()) {
    PyDict_SetItemString(functions, method->name, PyCFunction_NewEx(method, nullptr, nullptr));
  }
  return functions;
}

// torch.set_num_threads; 0 for as many as OpenMP would use.
__attribute__((visibility("default"))) void ofm_set_num_threads(int count) { ofm::wanted = count; }

__attribute__((visibility("default"))) int ofm_num_threads() { return ofm::threads(); }
}
