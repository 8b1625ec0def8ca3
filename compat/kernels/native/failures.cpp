// A check of OneFlow's that fails raises an exception, instead of ending the process.
//
// OneFlow writes most of its checks so that they raise. Those written with glog's CHECK, about 4,600,
// end the process: `torch.stack` of shapes that differ, for example. No test before each call could
// find all of them, nor would it cost nothing.
//
// glog writes its message, lets go of its lock, writes a line that the stack's trace follows, and
// aborts. The two calls that write go through the table of calls.h. The first function below keeps
// the message; the second one leaves glog for good: it looks for the function whose check has failed,
// and goes on as if that had thrown. Everything above it is undone as for any exception. Its own
// local objects are not, since the compiler counted on no return: what they hold is lost.
//
// The same is done where OneFlow divides an integer by zero: by the number of a tensor's elements, of
// a kernel's taps, of channels in a group.
//
// What Python passes is looked at more closely than OneFlow does, which looks at the first item of a
// list and takes the others to be tensors, too.
#include "failures.h"
#include "new_op.h"
#include "oneflow/core/common/exception.h"

#include <signal.h>
#include <ucontext.h>
#include <unwind.h>

#include <cstdio>
#include <ostream>
#include <string>

extern "C" {
extern PyObject PyList_Type;
extern PyObject PyTuple_Type;
extern PyObject PyUnicode_Type;
extern PyObject PyBytes_Type;
extern PyObject PyLong_Type;
extern PyObject PyFloat_Type;
extern PyObject PyComplex_Type;
extern PyObject PyType_Type;
void* PyGILState_GetThisThreadState();
int PyGILState_Check();
void PyErr_Clear();
ssize_t PySequence_Size(PyObject*);
PyObject* PySequence_GetItem(PyObject*, ssize_t);
PyObject* PyNumber_Index(PyObject*);
int PyObject_HasAttrString(PyObject*, const char*);
void Py_DecRef(PyObject*);
}

namespace ofm {
namespace {

constexpr char kTrace[] = "*** Check failure stack trace: ***";
// What the bindings' copy of glog, which nobody has set up, writes before its first message.
constexpr char kWarning[] = "WARNING: Logging before InitGoogleLogging()";
// What glog writes before the message: "F20221117 10:15:02.123456  1234 shape.cpp:30] ".
constexpr char kPrefix = 'F', kPrefixEnd[] = "] ";
// The frames of glog's between a call that writes and the check: SendToLog, Flush, ~LogMessageFatal.
constexpr int kFrames = 3;
// glog's functions lie side by side.
constexpr uintptr_t kNear = 0x10000;

using Wrote = ssize_t (*)(int, const void*, size_t);
using WroteTo = size_t (*)(const void*, size_t, size_t, FILE*);
Wrote original_write = nullptr;
WroteTo original_fwrite = nullptr;
uintptr_t python_base = 0;

thread_local std::string* message = nullptr;

// Operators of this thread are called from Python and run at once: somebody above catches.
bool is_caught() { return runs_at_once() && PyGILState_GetThisThreadState() != nullptr; }

// What the processor keeps for a function while it calls another, and where that returns to.
struct Place {
  uintptr_t rbx, rbp, r12, r13, r14, r15, sp, ip;
};

struct Walk {
  uintptr_t failed = 0;  // where, in a function that has failed; 0 for glog's caller
  int number = -1;       // of the frame
  uintptr_t first = 0;
  bool next = false, ours = false;
  Place place{};
};

// Walk to the caller of the function that has failed.
_Unwind_Reason_Code step(_Unwind_Context* context, void* state) {
  auto* walk = static_cast<Walk*>(state);
  const uintptr_t ip = _Unwind_GetIP(context);
  ++walk->number;
  if (walk->next) {
    walk->place = {_Unwind_GetGR(context, 3),  _Unwind_GetGR(context, 6),
                   _Unwind_GetGR(context, 12), _Unwind_GetGR(context, 13),
                   _Unwind_GetGR(context, 14), _Unwind_GetGR(context, 15),
                   _Unwind_GetCFA(context),    ip};
    walk->ours = true;
    return _URC_END_OF_STACK;
  }
  if (walk->failed != 0) {
    walk->next = ip == walk->failed;
    return _URC_NO_REASON;
  }
  // First the function that writes, then glog's, then the check's.
  if (walk->number < 1) { return _URC_NO_REASON; }
  if (walk->number == 1) { walk->first = ip; }
  const bool near = ip - walk->first + kNear < 2 * kNear;
  walk->next = walk->number == kFrames + 1;
  return near != walk->next ? _URC_NO_REASON : _URC_END_OF_STACK;
}

uintptr_t base_of(uintptr_t address) {
  Dl_info info;
  return dladdr(reinterpret_cast<void*>(address), &info) != 0
             ? reinterpret_cast<uintptr_t>(info.dli_fbase)
             : 0;
}

[[noreturn]] void raise() {
  const std::string text = *message;
  message->clear();
  throw oneflow::RuntimeException(text);
}

// Go on at a place with its registers, where a call (of what is now `function`, or, without one, of
// what returns null) was just made.
[[noreturn]] void go_on(const Place& place, void (*function)()) {
  const uintptr_t sp = function != nullptr ? place.sp - 8 : place.sp;
  const uintptr_t ip = function != nullptr ? reinterpret_cast<uintptr_t>(function) : place.ip;
  if (function != nullptr) { *reinterpret_cast<uintptr_t*>(sp) = place.ip; }
  asm volatile(
      "movq 0(%0), %%rbx\n\t"
      "movq 16(%0), %%r12\n\t"
      "movq 24(%0), %%r13\n\t"
      "movq 32(%0), %%r14\n\t"
      "movq 40(%0), %%r15\n\t"
      "movq 8(%0), %%rbp\n\t"
      "movq %1, %%rsp\n\t"
      "xorl %%eax, %%eax\n\t"
      "jmpq *%2"
      :
      : "c"(&place), "d"(sp), "S"(ip)
      : "memory");
  __builtin_unreachable();
}

// Go on as if the function that has failed had thrown; return where that cannot be done.
void leave(const Walk& walk) {
  if (walk.ours && base_of(walk.place.ip) != python_base) { go_on(walk.place, raise); }
  if (walk.ours && PyGILState_Check()) {  // it was called by Python itself
    PyErr_SetString(PyExc_RuntimeError, message->c_str());
    message->clear();
    go_on(walk.place, nullptr);
  }
}

__attribute__((noinline)) ssize_t write(int file, const void* text, size_t size) {
  const bool is_trace = file == STDERR_FILENO && size >= sizeof(kTrace) - 1
                        && std::memcmp(text, kTrace, sizeof(kTrace) - 1) == 0;
  if (is_trace && message != nullptr && !message->empty()) {
    Walk walk;
    _Unwind_Backtrace(step, &walk);
    leave(walk);
    *message += '\n';
    original_fwrite(message->data(), 1, message->size(), stderr);
  }
  return original_write(file, text, size);
}

// All fatal messages but the first one are written into the one buffer, which nobody empties since
// nobody should come back. glog's stream stands right behind it.
struct Buffer : std::streambuf {
  static void empty(const char* text) {
    constexpr uintptr_t kLongest = 30000;
    const uintptr_t stream = (reinterpret_cast<uintptr_t>(text) + kLongest + 8) & ~uintptr_t{7};
    std::streambuf& buffer = *reinterpret_cast<std::ostream*>(stream)->rdbuf();
    char* const begin = (buffer.*&Buffer::pbase)();
    if (begin == text) { (buffer.*&Buffer::setp)(begin, (buffer.*&Buffer::epptr)()); }
  }
};

size_t fwrite(const void* text, size_t size, size_t count, FILE* file) {
  const auto* begin = static_cast<const char*>(text);
  const bool is_warning = file == stderr && size * count >= sizeof(kWarning) - 1
                          && std::memcmp(text, kWarning, sizeof(kWarning) - 1) == 0;
  if (is_warning && is_caught()) { return count; }
  if (file == stderr && size * count > 10 && *begin == kPrefix && is_caught()) {
    std::string whole(begin, size * count);
    const size_t end = whole.find(kPrefixEnd);
    if (end != std::string::npos && whole[9] == ' ') {
      while (!whole.empty() && whole.back() == '\n') { whole.pop_back(); }
      if (message == nullptr) { message = new std::string; }
      *message = whole.substr(end + sizeof(kPrefixEnd) - 1);
      Buffer::empty(begin);
      return count;
    }
  }
  return original_fwrite(text, size, count, file);
}

struct sigaction before {};
uintptr_t oneflow_base = 0, own_base = 0;

__attribute__((noinline)) void on_division(int number, siginfo_t* info, void* context) {
  const auto* machine = static_cast<const ucontext_t*>(context);
  const auto ip = static_cast<uintptr_t>(machine->uc_mcontext.gregs[REG_RIP]);
  const uintptr_t base = base_of(ip);
  if (info->si_code == FPE_INTDIV && (base == oneflow_base || base == own_base) && is_caught()) {
    if (message == nullptr) { message = new std::string; }
    *message = "integer division by zero: an argument, or a size of a tensor, is zero";
    Walk walk;
    walk.failed = ip;
    _Unwind_Backtrace(step, &walk);
    leave(walk);
  }
  sigaction(number, &before, nullptr);  // and the instruction is tried again
}

// --- what Python passes ---------------------------------------------------------------------------

bool is_of(const PyObject* object, const PyObject& type) {
  return PyType_IsSubtype(object->type, const_cast<PyObject*>(&type)) != 0;
}

std::string type_name(const PyObject* object) {
  // The name follows the head of a type, which is an object of variable size.
  return *reinterpret_cast<const char* const*>(reinterpret_cast<const char*>(object->type) + 24);
}

using Unpack = void* (*)(void* result, PyObject* object);
using Infer = int (*)(PyObject* object);
Unpack original_tensors = nullptr, original_shape = nullptr;
Infer original_scalar_type = nullptr;
void (*original_slice)(PyObject*, ssize_t*, ssize_t*, ssize_t*) = nullptr;

void* unpack_tensors(void* result, PyObject* list) {
  PyObject* const wanted = python_side().tensor_type;
  const ssize_t size = PySequence_Size(list);
  for (ssize_t i = 0; i < size && wanted != nullptr; ++i) {
    PyObject* item = PySequence_GetItem(list, i);
    if (item != nullptr && !is_of(item, *wanted)) {
      const std::string name = type_name(item);
      Py_DecRef(item);
      throw oneflow::TypeException("expected Tensor as element " + std::to_string(i)
                                   + " in argument 0, but got " + name);
    }
    if (item != nullptr) { Py_DecRef(item); }
  }
  return original_tensors(result, list);
}

// OneFlow counts elements in 64 bits, and wraps around.
void check_room(PyObject* list) {
  const ssize_t size = PySequence_Size(list);
  int64_t count = 1;
  for (ssize_t i = 0; i < size; ++i) {
    PyObject* item = PySequence_GetItem(list, i);
    const long extent = item == nullptr ? -1 : PyLong_AsLong(item);
    if (item != nullptr) { Py_DecRef(item); }
    if (extent <= 0) { return; }  // to be inferred, or not a number
    if (__builtin_mul_overflow(count, int64_t{extent}, &count) || count > int64_t{1} << 60) {
      throw oneflow::RuntimeException("Storage size calculation overflowed");
    }
  }
}

void* unpack_shape(void* result, PyObject* list) {
  check_room(list);
  void* const shape = original_shape(result, list);
  if (PyErr_Occurred() != nullptr) {
    PyErr_Clear();
    throw oneflow::TypeException("a size must be a tuple of ints that fit into 64 bits");
  }
  return shape;
}

// A text is a sequence of texts, without end; a tensor without dimensions is none, and what Python
// could not give is not there at all.
int infer_scalar_type(PyObject* object) {
  if (object == nullptr || is_of(object, *python_side().tensor_type)) {
    PyErr_Clear();
    throw oneflow::TypeException("only one element tensors can be converted to Python scalars");
  }
  if (is_of(object, PyUnicode_Type) || is_of(object, PyBytes_Type)) {
    throw oneflow::TypeException("new(): invalid data type '" + type_name(object) + "'");
  }
  return original_scalar_type(object);
}

// OneFlow writes a slice into its message while Python's own error is set.
struct Slice {
  PyObject head;
  PyObject* parts[3];
};

void unpack_slice(PyObject* object, ssize_t* start, ssize_t* stop, ssize_t* step) {
  for (PyObject* part : reinterpret_cast<Slice*>(object)->parts) {
    if (part->type == &PyLong_Type || is_none(part)) { continue; }
    PyObject* const number = PyNumber_Index(part);
    if (number == nullptr) {
      PyErr_Clear();
      throw oneflow::TypeException(
          "slice indices must be integers or None or have an __index__ method");
    }
    Py_DecRef(number);
  }
  original_slice(object, start, stop, step);
}

// NumPy, asked for numbers of what is none, gives nothing, which OneFlow then reads.
void check_numbers(PyObject* data) {
  if (is_of(data, PyList_Type) || is_of(data, PyTuple_Type)) {
    const ssize_t size = PySequence_Size(data);
    for (ssize_t i = 0; i < size; ++i) {
      PyObject* item = PySequence_GetItem(data, i);  // which the list holds, too
      Py_DecRef(item);
      check_numbers(item);
    }
    return;
  }
  if (is_of(data, PyLong_Type)) {
    PyLong_AsLong(data);
    if (PyErr_Occurred() == nullptr) { return; }
    PyErr_Clear();
    throw oneflow::RuntimeException("Overflow when unpacking long long");
  }
  if (is_of(data, PyFloat_Type) || is_of(data, PyComplex_Type)) { return; }
  const bool is_type = is_of(data, PyType_Type);
  if (is_type || !PyObject_HasAttrString(data, "__array__")) {
    throw oneflow::TypeException("new(): invalid data type '"
                                 + (is_type ? std::string("type") : type_name(data)) + "'");
  }
}

using MakeTensor = void* (*)(void* result, PyObject* data, const void* dtype, const void* device,
                             bool requires_grad, bool pin_memory);
MakeTensor original_make_tensor = nullptr;

void* make_tensor(void* result, PyObject* data, const void* dtype, const void* device,
                  bool requires_grad, bool pin_memory) {
  check_numbers(data);
  return original_make_tensor(result, data, dtype, device, requires_grad, pin_memory);
}

// --- tensors that are written to ------------------------------------------------------------------

using CheckWritten = void* (*)(void* result, const TensorPointer& tensor);
CheckWritten original_check_written = nullptr;

// An expanded tensor has less memory than elements, and OneFlow finds out where it may not throw.
void check_apart(const TensorPointer& tensor) {
  if (tensor->is_eager() && tensor->is_local()) {
    const auto shape = tensor->shape();
    const auto stride = CHECK_JUST(tensor->stride());
    for (int64_t i = 0; i < shape->NumAxes(); ++i) {
      if (stride->at(i) == 0 && shape->At(i) > 1) {
        throw oneflow::RuntimeException(
            "unsupported operation: more than one element of the written-to tensor refers to a "
            "single memory location. Please clone() the tensor before performing the operation.");
      }
    }
  }
}

void* check_written(void* result, const TensorPointer& tensor) {
  check_apart(tensor);
  return original_check_written(result, tensor);
}

using CheckCast = void* (*)(void* result, const TensorPointer& tensor, const TensorPointer& cast);
CheckCast original_check_cast = nullptr;

// What subtracts, multiplies and divides in place asks this first, and the one above in a destructor.
void* check_cast(void* result, const TensorPointer& tensor, const TensorPointer& cast) {
  check_apart(tensor);
  return original_check_cast(result, tensor, cast);
}

template<typename Function>
void take_over(const calls::Library& library, const char* name, Function function,
               Function* original) {
  const uint32_t number = calls::symbol_number(library, name);
  void** slot = calls::slot_of(library, number);
  if (slot == nullptr) { return; }
  *original = reinterpret_cast<Function>(library.base + library.symbols[number].st_value);
  calls::replace(library, slot, reinterpret_cast<void*>(function));
}

void raise_checks_of(const calls::Library& library) {
  if (library.symbols == nullptr) { return; }
  void** write_slot = calls::slot_of(library, calls::foreign_symbol_number(library, "write"));
  void** fwrite_slot = calls::slot_of(library, calls::foreign_symbol_number(library, "fwrite"));
  if (write_slot == nullptr || fwrite_slot == nullptr) { return; }
  if (calls::replace(library, fwrite_slot, reinterpret_cast<void*>(fwrite))) {
    calls::replace(library, write_slot, reinterpret_cast<void*>(write));
  }
}

}  // namespace

void raise_failures(const calls::Library& library) {
  original_write = ::write;
  original_fwrite = ::fwrite;
  python_base = base_of(reinterpret_cast<uintptr_t>(&PyErr_SetString));
  oneflow_base = library.base;
  own_base = base_of(reinterpret_cast<uintptr_t>(&on_division));
  raise_checks_of(library);
  // It has a copy of glog of its own.
  const calls::Library bindings = calls::library("/_oneflow_internal");
  raise_checks_of(bindings);
  if (bindings.symbols != nullptr) {
    take_over(bindings, "_ZN7oneflow3one10functional22PyUnpackTensorSequenceEP7_object",
              unpack_tensors, &original_tensors);
    take_over(bindings, "_ZN7oneflow3one10functional13PyUnpackShapeEP7_object", unpack_shape,
              &original_shape);
    take_over(bindings, "_ZN7oneflow3one10functional6detail15InferScalarTypeEP7_object",
              infer_scalar_type, &original_scalar_type);
    take_over(bindings,
              "_ZN7oneflow3one23MakeLocalTensorFromDataEP7_objectRKNS_8OptionalINS_6SymbolINS_5"
              "DTypeEEEEERKNS3_INS4_INS_6DeviceEEEEEbb",
              make_tensor, &original_make_tensor);
    take_over(bindings, "_ZN7oneflow3one10functional6detail13PySliceUnpackEP7_objectPlS5_S5_",
              unpack_slice, &original_slice);
  }
  take_over(library, "_ZN7oneflow3one10functional17CheckInplaceValidERKSt10shared_ptrINS0_6TensorEE",
            check_written, &original_check_written);
  take_over(library,
            "_ZN7oneflow3one10functional21CheckInplaceCastValidERKSt10shared_ptrINS0_6TensorEES6_",
            check_cast, &original_check_cast);
  struct sigaction action {};
  action.sa_sigaction = on_division;
  action.sa_flags = SA_SIGINFO | SA_NODEFER;
  sigaction(SIGFPE, &action, &before);
}

}  // namespace ofm
