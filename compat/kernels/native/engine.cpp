// Operators run at once, on the thread that asks for them, instead of on threads of OneFlow's.
//
// OneFlow hands every operator to a scheduler thread, which hands it to a worker. On a CPU that
// buys nothing: it costs more than a small operator does, the threads spin on processors that the
// kernels need, and memory shared with NumPy is written some time later, where PyTorch has written
// it when the call returns. In a forked child OneFlow does without its threads: what it is given
// it runs then and there. The two functions below make it do the same here.
//
// A third keeps OneFlow from setting new memory to zero, 20 MB at a time, before anybody needs it:
// a model that is laid out and then loaded from a file took 0.1 s and 230 MB for nothing. Tensors
// over memory that was used before have what was in it anyway, so no kernel counts on zeros.
#include "calls.h"
#include "failures.h"
#include "kernel.h"

#include <pthread.h>

#include <mutex>
#include <new>

namespace ofm {

void stay_single();                             // library.cpp
void interpret_at_once(const calls::Library&);  // interpret.cpp
void* take_turn();
void end_turn(void* state);

namespace {

constexpr char kReceive[] =
    "_ZN7oneflow14VirtualMachine7ReceiveEPNS_9intrusive4ListINS1_14PtrStructFieldINS_2vm"
    "11InstructionENS1_8ListHookEXadL_ZNS5_22main_instruction_hook_EEEEEEE";
constexpr char kIsForked[] = "_ZN7oneflow12pthread_fork18IsForkedSubProcessEv";

// VirtualMachine::Receive(InstructionList*) returns a Maybe<void>, in memory that the caller gives.
using Receive = void* (*)(void* result, void* machine, void* instructions);
using IsForked = bool (*)();
Receive original_receive = nullptr;
IsForked original_is_forked = nullptr;

std::atomic<bool> at_once{false};
// Receive() asks first of all whether this is a forked child, and others ask later.
thread_local bool answer_forked = false;

// Whether this thread has run operators, for which OpenMP may have started threads that wait.
thread_local bool has_run = false;

// One operator at a time: what OneFlow keeps with each is not made for several threads.
std::recursive_mutex running;

int (*has_gil)() = nullptr;
void* (*save_thread)() = nullptr;
void (*restore_thread)(void*) = nullptr;

// Python's threads, as of its C interface; what is not there is not asked.
void* (*main_interpreter)() = nullptr;
void* (*first_thread)(void*) = nullptr;
void* (*next_thread)(void*) = nullptr;

// With one thread nobody waits for Python's lock, and none can begin while this one has it.
bool is_alone() {
  if (!main_interpreter || !first_thread || !next_thread) { return false; }
  void* first = first_thread(main_interpreter());
  return first != nullptr && next_thread(first) == nullptr;
}

class Turn {
 public:
  Turn() : state_(take_turn()) {}
  ~Turn() { end_turn(state_); }

 private:
  void* state_;
};

void* receive(void* result, void* machine, void* instructions) {
  if (!at_once.load(std::memory_order_relaxed)) {
    return original_receive(result, machine, instructions);
  }
  const Turn turn;
  if (at_once.load(std::memory_order_relaxed)) { answer_forked = true; }
  return original_receive(result, machine, instructions);
}

bool is_forked() {
  if (answer_forked) {
    answer_forked = false;
    return true;
  }
  return original_is_forked();
}

constexpr char kAllocate[] =
    "_ZN7oneflow2ep9CpuDevice5AllocERKNS0_17AllocationOptionsEPPvm";
uintptr_t allocate_begin = 0, allocate_size = 0;

void* fill(void* where, int value, size_t count) {
  const auto caller = reinterpret_cast<uintptr_t>(__builtin_return_address(0));
  if (caller - allocate_begin < allocate_size) { return where; }
  return std::memset(where, value, count);
}

// A child is made between two operators. The threads that OpenMP has for this one do not come
// along, and it would wait for them for ever: the child's operators do without.
void before_fork() {
  void* state = has_gil() ? save_thread() : nullptr;
  running.lock();
  if (state != nullptr) { restore_thread(state); }
}
void after_fork() { running.unlock(); }
void in_child() {
  new (&running) std::recursive_mutex;  // the old one's owner has another number here
  if (has_run) { stay_single(); }
}

void leave_memory_as_it_is(const calls::Library& library) {
  void** fill_slot = calls::slot_of(library, calls::foreign_symbol_number(library, "memset"));
  const uint32_t number = calls::symbol_number(library, kAllocate);
  if (fill_slot == nullptr || number == 0) { return; }
  allocate_begin = library.base + library.symbols[number].st_value;
  allocate_size = library.symbols[number].st_size;
  calls::replace(library, fill_slot, reinterpret_cast<void*>(fill));
}

bool take_over() {
  const calls::Library library = calls::library();
  if (library.symbols == nullptr) { return false; }
  leave_memory_as_it_is(library);
  raise_failures(library);
  void** receive_slot = calls::slot_of(library, kReceive);
  void** forked_slot = calls::slot_of(library, kIsForked);
  has_gil = reinterpret_cast<int (*)()>(dlsym(RTLD_DEFAULT, "PyGILState_Check"));
  save_thread = reinterpret_cast<void* (*)()>(dlsym(RTLD_DEFAULT, "PyEval_SaveThread"));
  restore_thread = reinterpret_cast<void (*)(void*)>(dlsym(RTLD_DEFAULT, "PyEval_RestoreThread"));
  if (!receive_slot || !forked_slot || !has_gil || !save_thread || !restore_thread) {
    return false;
  }
  main_interpreter = reinterpret_cast<void* (*)()>(dlsym(RTLD_DEFAULT, "PyInterpreterState_Main"));
  first_thread =
      reinterpret_cast<void* (*)(void*)>(dlsym(RTLD_DEFAULT, "PyInterpreterState_ThreadHead"));
  next_thread = reinterpret_cast<void* (*)(void*)>(dlsym(RTLD_DEFAULT, "PyThreadState_Next"));
  original_receive = reinterpret_cast<Receive>(calls::address_of(library, kReceive));
  original_is_forked = reinterpret_cast<IsForked>(calls::address_of(library, kIsForked));
  interpret_at_once(library);
  pthread_atfork(before_fork, after_fork, in_child);
  return calls::replace(library, forked_slot, reinterpret_cast<void*>(is_forked))
         && calls::replace(library, receive_slot, reinterpret_cast<void*>(receive));
}

}  // namespace

// Python's other threads, if any, go on while an operator runs, as in PyTorch; and since nobody waits for
// his turn with Python's lock in his hand, the operator that runs can take it.
void* take_turn() {
  void* state = has_gil() && !is_alone() ? save_thread() : nullptr;
  running.lock();
  has_run = true;
  return state;
}
void end_turn(void* state) {
  running.unlock();
  if (state != nullptr) { restore_thread(state); }
}

bool runs_at_once() { return at_once.load(std::memory_order_relaxed); }

}  // namespace ofm

extern "C" {

// Run operators at once, or through OneFlow's threads as nn.Graph needs it. To be called when the
// threads have nothing to do. Returns whether that is how they run now.
__attribute__((visibility("default"))) int ofm_run_at_once(int wanted) {
  static const bool able = ofm::take_over();
  const std::lock_guard<std::recursive_mutex> between_operators(ofm::running);
  ofm::at_once = able && wanted != 0;
  return ofm::at_once == (wanted != 0);
}
}
