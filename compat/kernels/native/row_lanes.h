// Rows of floats, Halfs and BFloat16s as registers of floats, whatever their length: the rest of a
// row is loaded and stored behind a mask, so that short and odd rows are no slower than others.
#ifndef OFM_ROW_LANES_H_
#define OFM_ROW_LANES_H_

#include "kernel.h"
#include "lanes.h"

namespace ofm {
namespace lanes {

// Dtypes that are computed in float.
template<typename T>
constexpr bool has_lanes = std::is_same<compute_t<T>, float>::value;

constexpr int64_t kWidth = Lanes::count;

// A whole register of a row.
struct Whole {
  template<typename T>
  OFM_MATH Lanes load(const T* from) const;
  template<typename T>
  OFM_MATH void store(Lanes value, T* to) const;
  OFM_MATH Lanes or_else(Lanes value, float) const { return value; }
};

#ifdef __AVX512F__
template<>
OFM_MATH Lanes Whole::load(const float* from) const { return _mm512_loadu_ps(from); }
template<>
OFM_MATH Lanes Whole::load(const Half* from) const {
  return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)));
}
OFM_MATH Lanes widened(__m256i bits) {
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(bits), 16));
}
// To the nearest, halves to even; a NaN keeps a bit of its own.
OFM_MATH __m256i narrowed(Lanes value) {
  const __m512i bits = _mm512_castps_si512(value.v);
  const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
  const __m512i up = _mm512_add_epi32(bits, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff)));
  const __mmask16 nan = _mm512_cmp_ps_mask(value.v, value.v, _CMP_UNORD_Q);
  const __m512i rounded = _mm512_srli_epi32(up, 16);
  return _mm512_cvtepi32_epi16(_mm512_mask_mov_epi32(rounded, nan, _mm512_set1_epi32(0x7fc0)));
}
template<>
OFM_MATH Lanes Whole::load(const BFloat16* from) const {
  return widened(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)));
}
template<>
OFM_MATH void Whole::store(Lanes value, float* to) const { _mm512_storeu_ps(to, value.v); }
template<>
OFM_MATH void Whole::store(Lanes value, Half* to) const {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(to),
                      _mm512_cvtps_ph(value.v, _MM_FROUND_TO_NEAREST_INT));
}
template<>
OFM_MATH void Whole::store(Lanes value, BFloat16* to) const {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), narrowed(value));
}

// The last numbers of a row; the others are loaded as 0.
struct Rest {
  __mmask16 mask;

  OFM_MATH explicit Rest(int64_t count) : mask(static_cast<__mmask16>((1u << count) - 1)) {}
  OFM_MATH Lanes load(const float* from) const { return _mm512_maskz_loadu_ps(mask, from); }
  OFM_MATH Lanes load(const Half* from) const {
    return _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(mask, from));
  }
  OFM_MATH Lanes load(const BFloat16* from) const {
    return widened(_mm256_maskz_loadu_epi16(mask, from));
  }
  OFM_MATH void store(Lanes value, float* to) const { _mm512_mask_storeu_ps(to, mask, value.v); }
  OFM_MATH void store(Lanes value, Half* to) const {
    _mm256_mask_storeu_epi16(to, mask, _mm512_cvtps_ph(value.v, _MM_FROUND_TO_NEAREST_INT));
  }
  OFM_MATH void store(Lanes value, BFloat16* to) const {
    _mm256_mask_storeu_epi16(to, mask, narrowed(value));
  }
  OFM_MATH Lanes or_else(Lanes value, float otherwise) const {
    return _mm512_mask_blend_ps(mask, _mm512_set1_ps(otherwise), value.v);
  }
};

OFM_MATH Lanes maximum(Lanes a, Lanes b) { return _mm512_max_ps(a.v, b.v); }
OFM_MATH Lanes minimum(Lanes a, Lanes b) { return _mm512_min_ps(a.v, b.v); }
OFM_MATH bool any_nan(Lanes x) { return _mm512_cmp_ps_mask(x.v, x.v, _CMP_UNORD_Q) != 0; }
OFM_MATH float sum(Lanes x) { return _mm512_reduce_add_ps(x.v); }
OFM_MATH float highest(Lanes x) { return _mm512_reduce_max_ps(x.v); }
OFM_MATH float lowest(Lanes x) { return _mm512_reduce_min_ps(x.v); }
#else
template<>
OFM_MATH Lanes Whole::load(const float* from) const { return _mm256_loadu_ps(from); }
template<>
OFM_MATH Lanes Whole::load(const Half* from) const {
  return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
}
template<>
OFM_MATH Lanes Whole::load(const BFloat16* from) const {
  const __m128i bits = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
  return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(bits), 16));
}
template<>
OFM_MATH void Whole::store(Lanes value, float* to) const { _mm256_storeu_ps(to, value.v); }
template<>
OFM_MATH void Whole::store(Lanes value, Half* to) const {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to),
                   _mm256_cvtps_ph(value.v, _MM_FROUND_TO_NEAREST_INT));
}
template<>
OFM_MATH void Whole::store(Lanes value, BFloat16* to) const {
  const __m256i bits = _mm256_castps_si256(value.v);
  const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
  const __m256i up = _mm256_add_epi32(bits, _mm256_add_epi32(odd, _mm256_set1_epi32(0x7fff)));
  const __m256 nan = _mm256_cmp_ps(value.v, value.v, _CMP_UNORD_Q);
  const __m256i kept = _mm256_blendv_epi8(_mm256_srli_epi32(up, 16), _mm256_set1_epi32(0x7fc0),
                                          _mm256_castps_si256(nan));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to),
                   _mm_packus_epi32(_mm256_castsi256_si128(kept), _mm256_extracti128_si256(kept, 1)));
}

struct Rest {
  int64_t count;
  __m256i mask;

  OFM_MATH explicit Rest(int64_t some)
      : count(some),
        mask(_mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(some)),
                                _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7))) {}
  OFM_MATH Lanes load(const float* from) const { return _mm256_maskload_ps(from, mask); }
  OFM_MATH void store(Lanes value, float* to) const { _mm256_maskstore_ps(to, mask, value.v); }
  template<typename T>
  OFM_MATH Lanes load(const T* from) const {
    T some[kWidth] = {};
    for (int64_t i = 0; i < count; ++i) { some[i] = from[i]; }
    return Whole().load(some);
  }
  template<typename T>
  OFM_MATH void store(Lanes value, T* to) const {
    T some[kWidth];
    Whole().store(value, some);
    for (int64_t i = 0; i < count; ++i) { to[i] = some[i]; }
  }
  OFM_MATH Lanes or_else(Lanes value, float otherwise) const {
    return _mm256_blendv_ps(_mm256_set1_ps(otherwise), value.v, _mm256_castsi256_ps(mask));
  }
};

OFM_MATH Lanes maximum(Lanes a, Lanes b) { return _mm256_max_ps(a.v, b.v); }
OFM_MATH Lanes minimum(Lanes a, Lanes b) { return _mm256_min_ps(a.v, b.v); }
OFM_MATH bool any_nan(Lanes x) {
  return _mm256_movemask_ps(_mm256_cmp_ps(x.v, x.v, _CMP_UNORD_Q)) != 0;
}
template<typename Join>
OFM_MATH float joined(Lanes x, const Join& join) {
  __m128 four = join(_mm256_castps256_ps128(x.v), _mm256_extractf128_ps(x.v, 1));
  four = join(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(join(four, _mm_movehdup_ps(four)));
}
OFM_MATH float sum(Lanes x) {
  return joined(x, [](__m128 a, __m128 b) { return _mm_add_ps(a, b); });
}
OFM_MATH float highest(Lanes x) {
  return joined(x, [](__m128 a, __m128 b) { return _mm_max_ps(a, b); });
}
OFM_MATH float lowest(Lanes x) {
  return joined(x, [](__m128 a, __m128 b) { return _mm_min_ps(a, b); });
}
#endif

// Calls body(place, part, which) for a row's registers, where which counts from 0 to 3: sums in so
// many registers do not wait for each other.
template<typename Body>
OFM_MATH void over_row(int64_t count, const Body& body) {
  int64_t i = 0;
  for (; i + 4 * kWidth <= count; i += 4 * kWidth) {
    body(i, Whole(), 0);
    body(i + kWidth, Whole(), 1);
    body(i + 2 * kWidth, Whole(), 2);
    body(i + 3 * kWidth, Whole(), 3);
  }
  for (; i + kWidth <= count; i += kWidth) { body(i, Whole(), 0); }
  if (i < count) { body(i, Rest(count - i), 1); }
}

// Calls body(place, part) for them, where nothing is added up.
template<typename Body>
OFM_MATH void each_of_row(int64_t count, const Body& body) {
  int64_t i = 0;
  for (; i + kWidth <= count; i += kWidth) { body(i, Whole()); }
  if (i < count) { body(i, Rest(count - i)); }
}

// Four registers that are one number in the end.
struct Four {
  Lanes part[4];

  OFM_MATH explicit Four(float start) {
    for (Lanes& lanes : part) { lanes = start; }
  }
  OFM_MATH Lanes& operator[](int which) { return part[which]; }
  OFM_MATH float total() const { return sum((part[0] + part[1]) + (part[2] + part[3])); }
  OFM_MATH float top() const {
    return highest(maximum(maximum(part[0], part[1]), maximum(part[2], part[3])));
  }
};

// The largest of a row; NaN are passed over.
template<typename T>
inline float row_highest(const T* x, int64_t count) {
  constexpr float kLow = -std::numeric_limits<float>::infinity();
  Four best(kLow);
  over_row(count, [&](int64_t i, auto part, int which) {
    best[which] = maximum(part.or_else(part.load(x + i), kLow), best[which]);
  });
  return best.top();
}

// e^x for x ≤ 0, or NaN.
OFM_MATH Lanes exp_below(Lanes x) { return select(less(x, -87.f), 0.f, exp_between(x)); }

}  // namespace lanes
}  // namespace ofm

#endif  // OFM_ROW_LANES_H_
