// The tile instructions themselves, in assembly: the compilers' own functions for them do not say
// that they read memory.
#include "amx.h"

#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace ofm {
namespace amx {

#ifdef OFM_AMX

bool usable() {
  static const bool found = [] {
    unsigned a = 0, b = 0, c = 0, d = 0;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) { return false; }
    const bool has_tiles = (d >> 24 & 1) != 0 && (d >> 22 & 1) != 0;
    if (!__get_cpuid_count(7, 1, &a, &b, &c, &d)) { return false; }
    const bool has_bfloat16 = (a >> 5 & 1) != 0;
    constexpr int kRequestPermission = 0x1023, kTileData = 18;
    return has_tiles && has_bfloat16
           && syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
  }();
  return found;
}

namespace {

struct alignas(64) Layout {
  uint8_t palette = 1;
  uint8_t first_row = 0;
  uint8_t unused[14] = {};
  uint16_t bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
  uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};

#define OFM_ZERO(tile) asm volatile("tilezero %%tmm" #tile ::)
#define OFM_LOAD(tile, from, step) \
  asm volatile("tileloadd (%0,%1,1), %%tmm" #tile ::"r"(from), "r"(step) : "memory")
#define OFM_STORE(tile, to, step) \
  asm volatile("tilestored %%tmm" #tile ", (%0,%1,1)" ::"r"(to), "r"(step) : "memory")
#define OFM_MULTIPLY(sum, a, b) asm volatile("tdpbf16ps %%tmm" #b ", %%tmm" #a ", %%tmm" #sum ::)

// Up to two by two tiles of sums.
template<bool kBelow, bool kBeside>
void corner(int64_t k, const Tiles& a, const Tiles& b, float* c, int64_t stride, bool add) {
  const int64_t c_step = stride * sizeof(float);
  const int64_t a_step = a.row * sizeof(uint16_t), b_step = b.row * sizeof(uint16_t);
  float* below = c + kSide * stride;
  if (add) {
    OFM_LOAD(0, c, c_step);
    if (kBeside) { OFM_LOAD(1, c + kSide, c_step); }
    if (kBelow) { OFM_LOAD(2, below, c_step); }
    if (kBelow && kBeside) { OFM_LOAD(3, below + kSide, c_step); }
  } else {
    OFM_ZERO(0);
    if (kBeside) { OFM_ZERO(1); }
    if (kBelow) { OFM_ZERO(2); }
    if (kBelow && kBeside) { OFM_ZERO(3); }
  }
  const uint16_t* left = a.data;
  const uint16_t* right = b.data;
  for (int64_t p = 0; p < k; ++p) {
    OFM_LOAD(6, right, b_step);
    OFM_LOAD(4, left, a_step);
    OFM_MULTIPLY(0, 4, 6);
    if (kBeside) {
      OFM_LOAD(7, right + b.across, b_step);
      OFM_MULTIPLY(1, 4, 7);
    }
    if (kBelow) {
      OFM_LOAD(5, left + a.across, a_step);
      OFM_MULTIPLY(2, 5, 6);
    }
    if (kBelow && kBeside) { OFM_MULTIPLY(3, 5, 7); }
    left += a.along;
    right += b.along;
  }
  OFM_STORE(0, c, c_step);
  if (kBeside) { OFM_STORE(1, c + kSide, c_step); }
  if (kBelow) { OFM_STORE(2, below, c_step); }
  if (kBelow && kBeside) { OFM_STORE(3, below + kSide, c_step); }
}

}  // namespace

Configured::Configured() {
  static const Layout layout;
  asm volatile("ldtilecfg %0" ::"m"(layout));
}

Configured::~Configured() { asm volatile("tilerelease" ::); }

void multiply(int64_t m, int64_t n, int64_t k, Tiles a, Tiles b, float* c, int64_t stride,
              bool add) {
  for (int64_t j = 0; j < n; j += 2) {
    const Tiles right{b.data + j * b.across, b.across, b.along, b.row};
    for (int64_t i = 0; i < m; i += 2) {
      const Tiles left{a.data + i * a.across, a.across, a.along, a.row};
      float* to = c + i * kSide * stride + j * kSide;
      if (i + 1 < m) {
        if (j + 1 < n) {
          corner<true, true>(k, left, right, to, stride, add);
        } else {
          corner<true, false>(k, left, right, to, stride, add);
        }
      } else if (j + 1 < n) {
        corner<false, true>(k, left, right, to, stride, add);
      } else {
        corner<false, false>(k, left, right, to, stride, add);
      }
    }
  }
}

#else

bool usable() { return false; }
Configured::Configured() = default;
Configured::~Configured() = default;
void multiply(int64_t, int64_t, int64_t, Tiles, Tiles, float*, int64_t, bool) {}

#endif

}  // namespace amx
}  // namespace ofm
