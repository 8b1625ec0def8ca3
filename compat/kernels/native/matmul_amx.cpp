// Products in float16 and bfloat16 by the tile instructions: A and B are laid out in tiles, as much of
// B at a time as stays in the cache. float16 is the sum of two numbers of bfloat16, and all four
// products of these are added up, so that nothing is lost.
#include "products.h"

// After all others: it changes what is compiled for.
#include "amx_rows.h"

namespace ofm {

#ifdef OFM_AMX

namespace {

using amx::kDepth;
using amx::kSide;
using amx::kTile;
using amx::tiles;

constexpr int64_t kColumns = 2 * kSide;
// The part of B that stays in the nearest cache is so many tiles deep, all parts together.
constexpr int64_t kDeep = 16;
constexpr int64_t kRightBytes = int64_t{1} << 20;
constexpr int64_t kLeftBytes = int64_t{512} << 10;
constexpr int64_t kHeight = 256;
constexpr int64_t kLongest = 2048;
// Rows of the sums are 3 lines of the cache apart, which no two share a place in.
constexpr int64_t kStep = 48;

template<typename T>
constexpr int copies = amx::terms<T>;

struct Bits {
  __m512i high, low;
};

OFM_ROWS __m512i loaded(const void* from, __mmask32 mask) {
  return _mm512_maskz_loadu_epi16(mask, from);
}

// 32 numbers beside each other.
OFM_ROWS Bits split(const BFloat16*, __m512i bits) { return {bits, bits}; }
OFM_ROWS Bits split(const Half*, __m512i bits) {
  const __m512 x = _mm512_cvtph_ps(_mm512_castsi512_si256(bits));
  const __m512 y = _mm512_cvtph_ps(_mm512_extracti64x4_epi64(bits, 1));
  const __m256i a = amx::narrowed(x), b = amx::narrowed(y);
  const __m256i c = amx::rest(x, a), d = amx::rest(y, b);
  return {_mm512_inserti64x4(_mm512_castsi256_si512(a), b, 1),
          _mm512_inserti64x4(_mm512_castsi256_si512(c), d, 1)};
}

// Pairs of two rows' numbers.
OFM_ROWS __m512i interleaved(__m256i one, __m256i other) { return amx::paired(one, other); }

OFM_ROWS __mmask32 first_of_32(int64_t count) {
  return count >= 32 ? 0xffffffffu : (1u << std::max<int64_t>(count, 0)) - 1;
}

// One tile of a factor, 16 rows or columns of it by 32 terms of the sum, of which `count` and `deep`
// are there; the parts go to high and low.
template<typename T>
OFM_ROWS void pack_tile(const T* from, int64_t across, int64_t along, int64_t count, int64_t deep,
                        bool is_left, uint16_t* high, uint16_t* low) {
  __m512i h[16], l[16];
  bool transposed;
  alignas(64) T copy[kTile];
  if (along != 1 && across != 1) {
    for (int64_t i = 0; i < count; ++i) {
      for (int64_t j = 0; j < deep; ++j) { copy[i * kDepth + j] = from[i * across + j * along]; }
    }
    from = copy;
    across = kDepth;
    along = 1;
  }
  if (along == 1) {
    const __mmask32 mask = first_of_32(deep);
    for (int i = 0; i < 16; ++i) {
      const auto bits = split(from, i < count ? loaded(from + i * across, mask)
                                              : _mm512_setzero_si512());
      h[i] = bits.high;
      l[i] = bits.low;
    }
    transposed = !is_left;
  } else {
    const __mmask16 mask = amx::first(count);
    for (int i = 0; i < 16; ++i) {
      const T* row = from + 2 * i * along;
      const __m256i one = 2 * i < deep ? _mm256_maskz_loadu_epi16(mask, row) : _mm256_setzero_si256();
      const __m256i two =
          2 * i + 1 < deep ? _mm256_maskz_loadu_epi16(mask, row + along) : _mm256_setzero_si256();
      if (amx::parts<T> == 1) {
        h[i] = interleaved(one, two);
      } else {
        const auto bits =
            split(from, _mm512_inserti64x4(_mm512_castsi256_si512(one), two, 1));
        h[i] = interleaved(_mm512_castsi512_si256(bits.high),
                           _mm512_extracti64x4_epi64(bits.high, 1));
        l[i] = interleaved(_mm512_castsi512_si256(bits.low),
                           _mm512_extracti64x4_epi64(bits.low, 1));
      }
    }
    transposed = is_left;
  }
  if (transposed) { amx::transpose(h); }
  for (int i = 0; i < 16; ++i) { _mm512_store_si512(high + i * kDepth, h[i]); }
  if (amx::parts<T> > 1) {
    if (transposed) { amx::transpose(l); }
    for (int i = 0; i < 16; ++i) { _mm512_store_si512(low + i * kDepth, l[i]); }
  }
}

// Rows of A or columns of B in tiles, 16 of them after the other. They are cut in chunks of `chunk`
// terms, and of a chunk all copies follow each other: high, high, low and low of A's parts, high, low,
// high and low of B's.
template<typename T>
void pack(const T* from, int64_t across, int64_t along, int64_t count, int64_t k, int64_t chunk,
          bool is_left, uint16_t* to) {
  const int64_t steps = tiles(k, kDepth), length = copies<T> * steps * kTile;
  const auto one = [&](int64_t i, int64_t p) {
    const int64_t begin = p * kDepth / chunk * chunk, inside = p - begin / kDepth;
    const int64_t deep = std::min(chunk, k - begin), all = tiles(deep, kDepth);
    uint16_t* start = to + i * length + copies<T> * begin / kDepth * kTile;
    const auto copy = [&](int64_t index) { return start + (index * all + inside) * kTile; };
    uint16_t* high = copy(0);
    uint16_t* low = copy(is_left ? 2 : 1);
    pack_tile(from + i * kSide * across + p * kDepth * along, across, along,
              std::min(kSide, count - i * kSide), std::min(kDepth, k - p * kDepth), is_left, high,
              low);
    if (copies<T> > 1) {
      std::memcpy(copy(is_left ? 1 : 2), high, kTile * sizeof(uint16_t));
      std::memcpy(copy(3), low, kTile * sizeof(uint16_t));
    }
  };
  const int64_t high = tiles(count, kSide);
  // In the order that they lie in memory.
  if (along == 1) {
    for (int64_t i = 0; i < high; ++i) {
      for (int64_t p = 0; p < steps; ++p) { one(i, p); }
    }
  } else {
    for (int64_t p = 0; p < steps; ++p) {
      for (int64_t i = 0; i < high; ++i) { one(i, p); }
    }
  }
}

OFM_ROWS void store(BFloat16* to, __mmask16 mask, __m512 x) {
  _mm256_mask_storeu_epi16(to, mask, amx::narrowed(x));
}
OFM_ROWS void store(Half* to, __mmask16 mask, __m512 x) {
  _mm256_mask_storeu_epi16(to, mask, _mm512_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT));
}

template<typename T>
void store_sums(const Product<T>& p, const float* sums, int64_t rows, int64_t column, T* c) {
  const __m512 alpha = _mm512_set1_ps(static_cast<float>(p.alpha));
  for (int64_t j = column; j < std::min(p.n, column + kColumns); j += kSide) {
    const __mmask16 mask = amx::first(p.n - j);
    const __m512 bias = p.bias ? amx::load(p.bias + j, mask) : _mm512_setzero_ps();
    for (int64_t i = 0; i < rows; ++i) {
      T* to = c + i * p.stride + j;
      __m512 x = _mm512_fmadd_ps(_mm512_loadu_ps(sums + i * kStep + j - column), alpha, bias);
      if (p.add) { x = _mm512_add_ps(x, amx::load(to, mask)); }
      store(to, mask, x);
    }
  }
}

struct Memory {
  amx::Scratch<uint16_t> left;
  amx::Scratch<float> sums;
};

template<typename T>
void multiply_one(const Product<T>& p, const T* a, const T* b, T* c) {
  // One term more than a chunk has must not make two passes.
  const int64_t steps = tiles(p.k, kDepth), most = kDeep / copies<T>;
  const int64_t chunk = tiles(steps, tiles(steps, most)) * kDepth;
  const int64_t length = copies<T> * steps * kTile;  // of 16 rows or columns
  const int64_t column_tiles = tiles(p.n, kSide);
  int64_t width = std::max<int64_t>(kRightBytes / (2 * length), 8) / 2 * 2;
  width = std::min(width, tiles(column_tiles, 2) * 2);
  int64_t height = std::min(kHeight, kLeftBytes / (2 * length) * kSide) / kColumns * kColumns;
  height = std::max(height, kColumns);
  // Enough parts for all threads.
  while (height > kColumns && p.m < height * threads()) { height -= kColumns; }
  amx::Scratch<uint16_t> right;
  uint16_t* packed = right.need(width * length);
  const int64_t right_work = std::max<int64_t>(1, kGrain / (16 * p.k));
  for (int64_t tile = 0; tile < column_tiles; tile += width) {
    const int64_t here = std::min(width, column_tiles - tile);
    parallel_for(here, right_work, [&](int64_t begin, int64_t end) {
      const int64_t column = (tile + begin) * kSide;
      pack(b + column * p.b.column, p.b.column, p.b.row,
           std::min((end - begin) * kSide, p.n - column), p.k, chunk, false,
           packed + begin * length);
    });
    const int64_t blocks = tiles(p.m, height);
    const int64_t worth = std::max<int64_t>(1, 1048576 / (height * here * kSide * p.k));
    parallel_for(blocks, worth, [&](int64_t begin, int64_t end) {
      const amx::Configured configured;
      Memory memory;
      uint16_t* left = memory.left.need(tiles(height, kSide) * length);
      float* sums = memory.sums.need(tiles(height, kSide) * kSide * kStep);
      for (int64_t block = begin; block < end; ++block) {
        const int64_t row = block * height, rows = std::min(height, p.m - row);
        const int64_t high = tiles(rows, kSide);
        pack(a + row * p.a.row, p.a.row, p.a.column, rows, p.k, chunk, true, left);
        // Sums that one chunk completes are stored while they are near.
        const int64_t group = chunk >= p.k ? 2 : high;
        for (int64_t j = 0; j < here; j += 2) {
          for (int64_t i = 0; i < high; i += group) {
            int64_t place = 0;
            // Where the next sums go, before they are needed.
            for (int64_t r = (i + group) * kSide; r < std::min(rows, (i + 2 * group) * kSide); ++r) {
              __builtin_prefetch(c + (row + r) * p.stride + (tile + j) * kSide, 1);
            }
            for (int64_t k = 0; k < p.k; k += chunk) {
              const int64_t deep = copies<T> * tiles(std::min(chunk, p.k - k), kDepth);
              amx::multiply(std::min(group, high - i), std::min<int64_t>(2, here - j), deep,
                            {left + i * length + place, length, kTile, kDepth},
                            {packed + j * length + place, length, kTile, kDepth}, sums, kStep,
                            k > 0);
              place += deep * kTile;
            }
            const int64_t done = i * kSide;
            store_sums(p, sums, std::min(group * kSide, rows - done), (tile + j) * kSide,
                       c + (row + done) * p.stride);
          }
        }
      }
    });
  }
}

// Whether all numbers have parts; bfloat16 is its only one.
bool splits(const BFloat16*, int64_t, int64_t, const Matrix<BFloat16>&, int64_t, int64_t) {
  return true;
}
bool splits(const Half*, int64_t batch, int64_t step, const Matrix<Half>& matrix, int64_t rows,
            int64_t columns) {
  std::atomic<bool> wild{false};
  const bool across = matrix.column != 1 && matrix.row == 1;
  const int64_t lines = across ? columns : rows, width = across ? rows : columns;
  const int64_t line = across ? matrix.column : matrix.row, one = across ? 1 : matrix.column;
  const int64_t count = step == 0 ? 1 : batch;
  parallel_for(count * lines, std::max<int64_t>(1, 4 * kGrain / width), [&](int64_t begin, int64_t end) {
    const __m512i infinity = _mm512_set1_epi16(0x7c00);
    __mmask32 found = 0;
    for (int64_t i = begin; i < end; ++i) {
      const Half* from = matrix.data + i / lines * step + i % lines * line;
      if (one != 1) {
        for (int64_t j = 0; j < width; ++j) { found |= (from[j * one].bits & 0x7c00) == 0x7c00; }
        continue;
      }
      for (int64_t j = 0; j < width; j += 32) {
        const __m512i bits = loaded(from + j, first_of_32(width - j));
        found |= _mm512_cmpeq_epi16_mask(_mm512_and_si512(bits, infinity), infinity);
      }
    }
    if (found != 0) { wild = true; }
  });
  return !wild;
}

template<typename T>
bool multiply_tiles(const Product<T>& p) {
  if (!amx::usable() || p.m < 8 || p.n < 8 || p.k < 8 || p.m * p.n * p.k < 32768) { return false; }
  // Long sums would have A laid out again for each part of B that is at hand.
  if (p.k > kLongest) { return false; }
  // oneDNN has these too, and is slow only where sizes are odd, or matrices small and many.
  if (amx::parts<T> == 1 && p.batch == 1 && p.n % kDepth == 0 && p.k % kDepth == 0) { return false; }
  if (!splits(p.a.data, p.batch, p.a_batch, p.a, p.m, p.k)
      || !splits(p.b.data, p.batch, p.b_batch, p.b, p.k, p.n)) {
    return false;
  }
  const auto one = [&](int64_t i) {
    multiply_one(p, p.a.data + i * p.a_batch, p.b.data + i * p.b_batch, p.c + i * p.m * p.stride);
  };
  if (p.batch >= 4 * threads() || (p.batch > 1 && p.batch % threads() == 0)) {
    parallel_for(p.batch, std::max<int64_t>(1, 1048576 / (p.m * p.n * p.k)),
                 [&](int64_t begin, int64_t end) {
                   for (int64_t i = begin; i < end; ++i) { one(i); }
                 });
  } else {
    for (int64_t i = 0; i < p.batch; ++i) { one(i); }
  }
  return true;
}

}  // namespace

bool multiply_by_tiles(const Product<Half>& p) { return multiply_tiles(p); }
bool multiply_by_tiles(const Product<BFloat16>& p) { return multiply_tiles(p); }

#else

bool multiply_by_tiles(const Product<Half>&) { return false; }
bool multiply_by_tiles(const Product<BFloat16>&) { return false; }

#endif

}  // namespace ofm
