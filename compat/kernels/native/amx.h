// Products of bfloat16 matrices by the processor's tile instructions (AMX), summed in float.
//
// A tile of a factor is 16 rows of 32 numbers. Of the left factor it is 16 rows by 32 columns; of the
// right one 32 rows by 16 columns, with pairs of rows interleaved, as the instruction wants them.
#ifndef OFM_AMX_H_
#define OFM_AMX_H_

#include <cstdlib>
#include <new>

#include "kernel.h"

// Only compilers that know the instructions.
#if defined(__AVX512F__) && __GNUC__ >= 11
#define OFM_AMX 1
#endif

namespace ofm {
namespace amx {

constexpr int64_t kSide = 16;   // rows of a tile, and columns of a tile of sums
constexpr int64_t kDepth = 32;  // how many products one step adds up
constexpr int64_t kTile = kSide * kDepth;

// Whether this processor and system have them; asks the system the first time.
bool usable();

inline int64_t tiles(int64_t count, int64_t side) { return (count + side - 1) / side; }
inline int64_t padded(int64_t count, int64_t side) { return tiles(count, side) * side; }
// A row's length in elements so that rows do not share a place in the cache.
template<typename T>
inline int64_t spread(int64_t count) {
  constexpr int64_t line = 64 / sizeof(T);
  const int64_t lines = tiles(count, line);
  return (lines % 2 == 0 ? lines + 1 : lines) * line;
}

// Memory that grows, aligned as tiles are read best; what was in it is lost when it does.
template<typename T>
class Scratch {
 public:
  Scratch() = default;
  ~Scratch() { std::free(data_); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  T* need(int64_t count) {
    if (count > size_) {
      std::free(data_);
      data_ = nullptr;
      size_ = 0;
      void* got = nullptr;
      if (posix_memalign(&got, 64, count * sizeof(T)) != 0) { throw std::bad_alloc(); }
      data_ = static_cast<T*>(got);
      size_ = count;
    }
    return data_;
  }
  T* get() const { return data_; }

 private:
  T* data_ = nullptr;
  int64_t size_ = 0;
};

// The calling thread's tiles are set up while one lives.
class Configured {
 public:
  Configured();
  ~Configured();
  Configured(const Configured&) = delete;
  Configured& operator=(const Configured&) = delete;
};

// Where the tiles of a factor lie, in elements: from one to the next across the sum and along it,
// and from row to row within one.
struct Tiles {
  const uint16_t* data;
  int64_t across, along, row;
};

// The sums (m × n tiles, rows `stride` apart) = or += a b over k tiles. A Configured must live.
void multiply(int64_t m, int64_t n, int64_t k, Tiles a, Tiles b, float* c, int64_t stride, bool add);

}  // namespace amx
}  // namespace ofm

#endif  // OFM_AMX_H_
