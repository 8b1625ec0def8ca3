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
#include "kernel.h"

#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include <mutex>
#include <new>

namespace ofm {

void stay_single();  // library.cpp

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

// Python's other threads go on while an operator runs, as in PyTorch; and since nobody waits for
// his turn with Python's lock in his hand, the operator that runs can take it.
class Turn {
 public:
  Turn() : state_(has_gil() ? save_thread() : nullptr) { running.lock(); }
  ~Turn() {
    running.unlock();
    if (state_ != nullptr) { restore_thread(state_); }
  }

 private:
  void* state_;
};

void* receive(void* result, void* machine, void* instructions) {
  if (!at_once.load(std::memory_order_relaxed)) {
    return original_receive(result, machine, instructions);
  }
  Turn turn;
  if (at_once.load(std::memory_order_relaxed)) { answer_forked = has_run = true; }
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

// --- the table by which OneFlow's library calls functions, its own and others' -------------------

struct Library {
  ElfW(Addr) base = 0;
  const ElfW(Sym)* symbols = nullptr;
  const char* names = nullptr;
  const uint32_t* hash = nullptr;
  const ElfW(Rela)* calls = nullptr;
  size_t call_count = 0;
  ElfW(Addr) sealed_begin = 0, sealed_end = 0;
};

int look_at(dl_phdr_info* info, size_t, void* out) {
  if (std::strstr(info->dlpi_name, "/liboneflow-") == nullptr) { return 0; }
  auto* library = static_cast<Library*>(out);
  library->base = info->dlpi_addr;
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    const auto& part = info->dlpi_phdr[i];
    if (part.p_type == PT_GNU_RELRO) {
      library->sealed_begin = info->dlpi_addr + part.p_vaddr;
      library->sealed_end = library->sealed_begin + part.p_memsz;
    }
    if (part.p_type != PT_DYNAMIC) { continue; }
    const auto* entry = reinterpret_cast<const ElfW(Dyn)*>(info->dlpi_addr + part.p_vaddr);
    for (; entry->d_tag != DT_NULL; ++entry) {
      const auto at = entry->d_un.d_ptr;
      if (entry->d_tag == DT_SYMTAB) { library->symbols = reinterpret_cast<ElfW(Sym)*>(at); }
      if (entry->d_tag == DT_STRTAB) { library->names = reinterpret_cast<const char*>(at); }
      if (entry->d_tag == DT_GNU_HASH) { library->hash = reinterpret_cast<const uint32_t*>(at); }
      if (entry->d_tag == DT_JMPREL) { library->calls = reinterpret_cast<const ElfW(Rela)*>(at); }
      if (entry->d_tag == DT_PLTRELSZ) {
        library->call_count = entry->d_un.d_val / sizeof(ElfW(Rela));
      }
    }
  }
  return 1;
}

// The number of a symbol in the library's table; 0 if it is not there. The first ones are of other
// libraries, and not in the index.
uint32_t foreign_symbol_number(const Library& library, const char* name) {
  for (uint32_t number = 1; number < library.hash[1]; ++number) {
    if (std::strcmp(library.names + library.symbols[number].st_name, name) == 0) { return number; }
  }
  return 0;
}
uint32_t symbol_number(const Library& library, const char* name) {
  uint32_t wanted = 5381;
  for (const char* at = name; *at != 0; ++at) {
    wanted = wanted * 33 + static_cast<unsigned char>(*at);
  }
  const uint32_t buckets = library.hash[0], first = library.hash[1], bloom = library.hash[2];
  const uint32_t* bucket = library.hash + 4 + bloom * (sizeof(ElfW(Addr)) / 4);
  const uint32_t* chain = bucket + buckets;
  uint32_t number = bucket[wanted % buckets];
  if (number < first) { return 0; }
  for (;; ++number) {
    const uint32_t found = chain[number - first];
    if ((found | 1) == (wanted | 1)
        && std::strcmp(library.names + library.symbols[number].st_name, name) == 0) {
      return number;
    }
    if (found & 1) { return 0; }
  }
}

void** slot_of(const Library& library, uint32_t number) {
  if (number == 0) { return nullptr; }
  for (size_t i = 0; i < library.call_count; ++i) {
    if (ELF64_R_SYM(library.calls[i].r_info) == number) {
      return reinterpret_cast<void**>(library.base + library.calls[i].r_offset);
    }
  }
  return nullptr;
}

bool replace(const Library& library, void** slot, void* function) {
  const auto at = reinterpret_cast<ElfW(Addr)>(slot);
  if (at < library.sealed_begin || at >= library.sealed_end) {
    *slot = function;
    return true;
  }
  const auto page = static_cast<ElfW(Addr)>(sysconf(_SC_PAGESIZE));
  auto* begin = reinterpret_cast<void*>(at & ~(page - 1));
  if (mprotect(begin, page, PROT_READ | PROT_WRITE) != 0) { return false; }
  *slot = function;
  mprotect(begin, page, PROT_READ);
  return true;
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

void leave_memory_as_it_is(const Library& library) {
  void** fill_slot = slot_of(library, foreign_symbol_number(library, "memset"));
  const uint32_t number = symbol_number(library, kAllocate);
  if (fill_slot == nullptr || number == 0) { return; }
  allocate_begin = library.base + library.symbols[number].st_value;
  allocate_size = library.symbols[number].st_size;
  replace(library, fill_slot, reinterpret_cast<void*>(fill));
}

bool take_over() {
  Library library;
  dl_iterate_phdr(look_at, &library);
  if (!library.symbols || !library.names || !library.hash || !library.calls) { return false; }
  leave_memory_as_it_is(library);
  void** receive_slot = slot_of(library, symbol_number(library, kReceive));
  void** forked_slot = slot_of(library, symbol_number(library, kIsForked));
  const auto* symbols = library.symbols;
  const auto address = [&](const char* name) {
    return library.base + symbols[symbol_number(library, name)].st_value;
  };
  has_gil = reinterpret_cast<int (*)()>(dlsym(RTLD_DEFAULT, "PyGILState_Check"));
  save_thread = reinterpret_cast<void* (*)()>(dlsym(RTLD_DEFAULT, "PyEval_SaveThread"));
  restore_thread = reinterpret_cast<void (*)(void*)>(dlsym(RTLD_DEFAULT, "PyEval_RestoreThread"));
  if (!receive_slot || !forked_slot || !has_gil || !save_thread || !restore_thread) {
    return false;
  }
  original_receive = reinterpret_cast<Receive>(address(kReceive));
  original_is_forked = reinterpret_cast<IsForked>(address(kIsForked));
  pthread_atfork(before_fork, after_fork, in_child);
  return replace(library, forked_slot, reinterpret_cast<void*>(is_forked))
         && replace(library, receive_slot, reinterpret_cast<void*>(receive));
}

}  // namespace
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
