// Memory that a kernel needs while it computes, and the next one again.
#ifndef OFM_SCRATCH_H_
#define OFM_SCRATCH_H_

#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>

namespace ofm {

// A thread's scratch memory: what is taken last is given back first. From malloc it would leave holes
// that results of other sizes are put into, until the next scratch finds no hole large enough: a step
// of Stable Diffusion's UNet held 600 MB more than it needed.
class ScratchStack {
 public:
  ScratchStack() = default;
  ScratchStack(const ScratchStack&) = delete;
  ~ScratchStack() {
    if (base_) { munmap(base_, kReserved); }
  }

  // Null where there is no room.
  void* take(size_t size) {
    if (!base_ && !reserve()) { return nullptr; }
    if (size > kReserved - used_) { return nullptr; }
    char* const place = base_ + used_;
    used_ += size;
    touched_ = std::max(touched_, used_);
    return place;
  }

  void give_back(void* place) {
    used_ = static_cast<char*>(place) - base_;
    if (used_ == 0 && touched_ > kKept) {
      madvise(base_ + kKept, touched_ - kKept, MADV_DONTNEED);
      touched_ = kKept;
    }
  }

 private:
  // Addresses only. Memory comes with the first use, and stays as far as kKept.
  static constexpr size_t kReserved = size_t{8} << 30, kKept = size_t{64} << 20;

  bool reserve() {
    if (refused_) { return false; }
    void* const found = mmap(nullptr, kReserved, PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    refused_ = found == MAP_FAILED;
    if (refused_) { return false; }
    base_ = static_cast<char*>(found);
    madvise(base_, kReserved, MADV_HUGEPAGE);
    return true;
  }

  char* base_ = nullptr;
  size_t used_ = 0, touched_ = 0;
  bool refused_ = false;
};

inline ScratchStack& scratch_stack() {
  thread_local ScratchStack ours;
  return ours;
}

// Memory of one call's, on its own cache lines: a local variable.
template<typename T>
struct Scratch {
  explicit Scratch(int64_t count) {
    const size_t size = (std::max<int64_t>(count, 1) * sizeof(T) + 63) / 64 * 64;
#ifndef __SANITIZE_ADDRESS__  // which is to see where it ends
    data = static_cast<T*>(scratch_stack().take(size));
#endif
    is_own = data == nullptr;
    if (is_own) { data = static_cast<T*>(aligned_alloc(64, size)); }
  }
  Scratch(const Scratch&) = delete;
  ~Scratch() {
    if (is_own) {
      free(data);
    } else {
      scratch_stack().give_back(data);
    }
  }
  T* data = nullptr;
  bool is_own;
};

}  // namespace ofm

#endif  // OFM_SCRATCH_H_
