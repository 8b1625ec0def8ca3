// Rows of numbers as the tile instructions take them: in bfloat16, and where the dtype has more bits
// than that in two parts whose sum is the number. To be included last: what follows is compiled for
// processors that have instructions for bfloat16.
#ifndef OFM_AMX_ROWS_H_
#define OFM_AMX_ROWS_H_

#include "amx.h"

#ifdef OFM_AMX
#pragma GCC target("avx512bf16")

namespace ofm {
namespace amx {

// float16 is a sum of two numbers of bfloat16, exactly.
template<typename T>
constexpr int parts = std::is_same<T, BFloat16>::value ? 1 : 2;
// All the products of two numbers' parts; bit i of each side tells which part is the i-th one's.
template<typename T>
constexpr int terms = parts<T> * parts<T>;
constexpr unsigned kLeft = 0xc, kRight = 0xa;

#define OFM_ROWS __attribute__((always_inline)) inline

OFM_ROWS __mmask16 first(int64_t count) {
  return static_cast<__mmask16>(count >= 16 ? 0xffff : count <= 0 ? 0 : (1u << count) - 1);
}

OFM_ROWS __m512 widened(__m256i bits) {
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(bits), 16));
}
OFM_ROWS __m512 load(const float* from, __mmask16 mask) { return _mm512_maskz_loadu_ps(mask, from); }
OFM_ROWS __m512 load(const Half* from, __mmask16 mask) {
  return _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(mask, from));
}
OFM_ROWS __m512 load(const BFloat16* from, __mmask16 mask) {
  return widened(_mm256_maskz_loadu_epi16(mask, from));
}
OFM_ROWS __m256i narrowed(__m512 x) {
  return reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(x));
}
OFM_ROWS __m256i rest(__m512 x, __m256i high) { return narrowed(_mm512_sub_ps(x, widened(high))); }
OFM_ROWS __m256i part(__m512 x, bool low) {
  const __m256i high = narrowed(x);
  return low ? rest(x, high) : high;
}
// The bits of two rows, of which each pair of numbers becomes one of 32 bits.
OFM_ROWS __m512i paired(__m256i first, __m256i second) {
  return _mm512_or_si512(_mm512_cvtepu16_epi32(first),
                         _mm512_slli_epi32(_mm512_cvtepu16_epi32(second), 16));
}

// 16 vectors of 16 numbers of 32 bits, transposed.
OFM_ROWS void transpose(__m512i* v) {
  __m512i t[16];
#pragma GCC unroll 8
  for (int i = 0; i < 8; ++i) {
    t[2 * i] = _mm512_unpacklo_epi32(v[2 * i], v[2 * i + 1]);
    t[2 * i + 1] = _mm512_unpackhi_epi32(v[2 * i], v[2 * i + 1]);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    v[4 * i] = _mm512_unpacklo_epi64(t[4 * i], t[4 * i + 2]);
    v[4 * i + 1] = _mm512_unpackhi_epi64(t[4 * i], t[4 * i + 2]);
    v[4 * i + 2] = _mm512_unpacklo_epi64(t[4 * i + 1], t[4 * i + 3]);
    v[4 * i + 3] = _mm512_unpackhi_epi64(t[4 * i + 1], t[4 * i + 3]);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    t[i] = _mm512_shuffle_i32x4(v[i], v[i + 4], 0x88);
    t[i + 4] = _mm512_shuffle_i32x4(v[i], v[i + 4], 0xdd);
    t[i + 8] = _mm512_shuffle_i32x4(v[i + 8], v[i + 12], 0x88);
    t[i + 12] = _mm512_shuffle_i32x4(v[i + 8], v[i + 12], 0xdd);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    v[i] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0x88);
    v[i + 8] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0xdd);
    v[i + 4] = _mm512_shuffle_i32x4(t[i + 4], t[i + 12], 0x88);
    v[i + 12] = _mm512_shuffle_i32x4(t[i + 4], t[i + 12], 0xdd);
  }
}

// Rows in memory, `row` apart, with their numbers `column` apart.
template<typename T>
struct Source {
  const T* data;
  int64_t row, column;
  int64_t rows, width;
};

// One row as it lies, or copied beside each other; null behind the last.
template<typename T>
inline const T* dense_row(const Source<T>& from, int64_t i, T* memory) {
  const T* row = from.data + i * from.row;
  if (from.column == 1) { return row; }
  for (int64_t j = 0; j < from.width; ++j) { memory[j] = row[j * from.column]; }
  return memory;
}

// A row's parts one after the other, `count` of them, filled up with zeros to `length`.
template<typename T>
inline void split_row(const T* from, int64_t width, int count, unsigned which, uint16_t* to,
                      int64_t length) {
  std::memset(to + count * width, 0, (length - count * width) * sizeof(uint16_t));
  if (parts<T> == 1) {
    std::memcpy(to, from, width * sizeof(uint16_t));
    return;
  }
  for (int64_t j = 0; j < width; j += kSide) {
    const __mmask16 mask = first(width - j);
    const __m512 x = load(from + j, mask);
    const __m256i high = narrowed(x), low = rest(x, high);
    for (int i = 0; i < count; ++i) {
      _mm256_mask_storeu_epi16(to + i * width + j, mask, which >> i & 1 ? low : high);
    }
  }
}

// How many tiles deep rows of this width are.
template<typename T>
inline int64_t depth(int64_t width) {
  return tiles(terms<T> * width, kDepth);
}

// Rows as a left factor: `rows` of them, those that are missing zero, `stride` elements apart.
template<typename T>
inline void pack_left(const Source<T>& from, int64_t rows, uint16_t* to, int64_t stride,
                      T* memory) {
  const int64_t length = depth<T>(from.width) * kDepth;
  for (int64_t i = 0; i < rows; ++i) {
    if (i < from.rows) {
      split_row(dense_row(from, i, memory), from.width, terms<T>, kLeft, to + i * stride, length);
    } else {
      std::memset(to + i * stride, 0, length * sizeof(uint16_t));
    }
  }
}

// Rows as the columns of a right factor, with zeros behind them up to `columns`; the tiles of 16
// columns follow each other downwards. memory: 16 rows of depth * kDepth.
template<typename T>
inline void pack_right(const Source<T>& from, int64_t columns, uint16_t* to, uint16_t* memory,
                       T* row_memory) {
  const int64_t deep = depth<T>(from.width), length = deep * kDepth;
  for (int64_t begin = 0; begin < columns; begin += kSide) {
    for (int64_t i = 0; i < kSide; ++i) {
      uint16_t* line = memory + i * length;
      if (begin + i < from.rows) {
        split_row(dense_row(from, begin + i, row_memory), from.width, terms<T>, kRight, line,
                  length);
      } else {
        std::memset(line, 0, length * sizeof(uint16_t));
      }
    }
    for (int64_t p = 0; p < deep; ++p) {
      __m512i v[16];
#pragma GCC unroll 16
      for (int i = 0; i < 16; ++i) { v[i] = _mm512_loadu_si512(memory + i * length + p * kDepth); }
      transpose(v);
#pragma GCC unroll 16
      for (int i = 0; i < 16; ++i) { _mm512_storeu_si512(to + i * kDepth, v[i]); }
      to += kTile;
    }
  }
}

// Rows as the rows of a right factor, with zeros behind them up to `rows`, a multiple of 32: for
// each 16 columns the tiles of all rows, `across` elements apart. Each part goes to its own place.
template<typename T>
inline void pack_rows(const Source<T>& from, int64_t rows, uint16_t* const* to, int64_t across,
                      T* memory) {
  T* const second_memory = memory + from.width;
  for (int64_t i = 0; i < rows; i += 2) {
    const T* one = i < from.rows ? dense_row(from, i, memory) : nullptr;
    const T* other = i + 1 < from.rows ? dense_row(from, i + 1, second_memory) : nullptr;
    for (int64_t j = 0; j * kSide < from.width; ++j) {
      const __mmask16 mask = first(from.width - j * kSide);
      const __m512 x = one ? load(one + j * kSide, mask) : _mm512_setzero_ps();
      const __m512 y = other ? load(other + j * kSide, mask) : _mm512_setzero_ps();
      const int64_t place = j * across + i / kDepth * kTile + i % kDepth / 2 * kDepth;
      for (int q = 0; q < parts<T>; ++q) {
        _mm512_storeu_si512(to[q] + place, paired(part(x, q > 0), part(y, q > 0)));
      }
    }
  }
}

// Rows as the columns of a left factor, with zeros behind them up to `columns`, a multiple of 16;
// the factor's rows, as many as the width up to a multiple of 16, are `stride` apart.
template<typename T>
inline void pack_columns(const Source<T>& from, int64_t columns, uint16_t* const* to,
                         int64_t stride, T* memory) {
  for (int64_t begin = 0; begin < columns; begin += kSide) {
    for (int64_t j = 0; j < from.width; j += kSide) {
      const __mmask16 mask = first(from.width - j);
      __m512i v[16];
      for (int64_t i = 0; i < kSide; ++i) {
        v[i] = _mm512_setzero_si512();
        if (begin + i >= from.rows) { continue; }
        const T* row = from.data + (begin + i) * from.row;
        if (from.column != 1) {
          for (int64_t q = 0; q < std::min(kSide, from.width - j); ++q) {
            memory[q] = row[(j + q) * from.column];
          }
          v[i] = _mm512_castps_si512(load(memory, mask));
        } else {
          v[i] = _mm512_castps_si512(load(row + j, mask));
        }
      }
      transpose(v);
      for (int64_t i = 0; i < kSide; ++i) {
        const __m512 x = _mm512_castsi512_ps(v[i]);
        for (int q = 0; q < parts<T>; ++q) {
          _mm256_storeu_si256(reinterpret_cast<__m256i*>(to[q] + (j + i) * stride + begin),
                              part(x, q > 0));
        }
      }
    }
  }
}

// Whether all of the numbers have parts: infinity less infinity would be NaN.
template<typename T>
inline bool splits(const Source<T>& from) {
  if (parts<T> == 1) { return true; }
  __mmask16 wild = 0;
  for (int64_t i = 0; i < from.rows; ++i) {
    const T* row = from.data + i * from.row;
    if (from.column != 1) {
      for (int64_t j = 0; j < from.width; ++j) {
        wild |= !std::isfinite(to_compute(row[j * from.column]));
      }
      continue;
    }
    for (int64_t j = 0; j < from.width; j += kSide) {
      const __m512 x = load(row + j, first(from.width - j));
      wild |= _mm512_cmp_ps_mask(_mm512_sub_ps(x, x), _mm512_setzero_ps(), _CMP_NEQ_UQ);
    }
  }
  return wild == 0;
}

}  // namespace amx
}  // namespace ofm
#endif

#endif  // OFM_AMX_ROWS_H_
