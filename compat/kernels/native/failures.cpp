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
#include "calls.h"
#include "failures.h"
#include "oneflow/core/common/exception.h"

#include <unwind.h>

#include <cstdio>
#include <ostream>
#include <string>

extern "C" {
extern void* PyExc_RuntimeError;
void PyErr_SetString(void*, const char*);
void* PyGILState_GetThisThreadState();
int PyGILState_Check();
}

namespace ofm {
namespace {

constexpr char kTrace[] = "*** Check failure stack trace: ***";
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
  int number = -1;  // of the frame
  uintptr_t first = 0;
  bool ours = false;
  Place place{};
};

_Unwind_Reason_Code step(_Unwind_Context* context, void* state) {
  auto* walk = static_cast<Walk*>(state);
  const uintptr_t ip = _Unwind_GetIP(context);
  // First the function that writes, then glog's, the check's, and its caller.
  if (++walk->number < 1) { return _URC_NO_REASON; }
  if (walk->number == 1) { walk->first = ip; }
  const bool near = ip - walk->first + kNear < 2 * kNear;
  if (walk->number <= kFrames) { return near ? _URC_NO_REASON : _URC_END_OF_STACK; }
  if (walk->number == kFrames + 1) { return near ? _URC_END_OF_STACK : _URC_NO_REASON; }
  walk->place = {_Unwind_GetGR(context, 3),  _Unwind_GetGR(context, 6),
                 _Unwind_GetGR(context, 12), _Unwind_GetGR(context, 13),
                 _Unwind_GetGR(context, 14), _Unwind_GetGR(context, 15),
                 _Unwind_GetCFA(context),    ip};
  walk->ours = true;
  return _URC_END_OF_STACK;
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

__attribute__((noinline)) ssize_t write(int file, const void* text, size_t size) {
  const bool is_trace = file == STDERR_FILENO && size >= sizeof(kTrace) - 1
                        && std::memcmp(text, kTrace, sizeof(kTrace) - 1) == 0;
  if (is_trace && message != nullptr && !message->empty()) {
    Walk walk;
    _Unwind_Backtrace(step, &walk);
    if (walk.ours && base_of(walk.place.ip) != python_base) { go_on(walk.place, raise); }
    if (walk.ours && PyGILState_Check()) {  // it was called by Python itself
      PyErr_SetString(PyExc_RuntimeError, message->c_str());
      message->clear();
      go_on(walk.place, nullptr);
    }
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

}  // namespace

void raise_failed_checks(const calls::Library& library) {
  void** write_slot = calls::slot_of(library, calls::foreign_symbol_number(library, "write"));
  void** fwrite_slot = calls::slot_of(library, calls::foreign_symbol_number(library, "fwrite"));
  if (write_slot == nullptr || fwrite_slot == nullptr) { return; }
  original_write = ::write;
  original_fwrite = ::fwrite;
  python_base = base_of(reinterpret_cast<uintptr_t>(&PyErr_SetString));
  if (calls::replace(library, fwrite_slot, reinterpret_cast<void*>(fwrite))) {
    calls::replace(library, write_slot, reinterpret_cast<void*>(write));
  }
}

}  // namespace ofm
