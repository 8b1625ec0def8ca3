// The plug-in itself: how many threads its kernels use, and where the memory comes from.
#include "kernel.h"

#include <malloc.h>

namespace ofm {
namespace {

std::atomic<int> wanted{0};
std::atomic<bool> single{false};

// A large result costs more in page faults than in arithmetic if malloc gives it back each time.
const bool kept_memory = [] {
  mallopt(M_MMAP_THRESHOLD, 1 << 30);
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

}  // namespace ofm

extern "C" {

// torch.set_num_threads; 0 for as many as OpenMP would use.
__attribute__((visibility("default"))) void ofm_set_num_threads(int count) { ofm::wanted = count; }

__attribute__((visibility("default"))) int ofm_num_threads() { return ofm::threads(); }
}
