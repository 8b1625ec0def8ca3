// A register of floats, for the functions that are called most: what vector_math.h leaves to the
// compiler is done here with the processor's own scaling, rounding and reciprocals.
#ifndef OFM_LANES_H_
#define OFM_LANES_H_

#include <immintrin.h>

#include <cstdint>
#include <limits>

#include "kernel.h"
#include "vector_math.h"

namespace ofm {
namespace lanes {

#ifdef __AVX512F__
using Register = __m512;
using Mask = __mmask16;
#define OFM_OP(name) _mm512_##name
#else
using Register = __m256;
using Mask = __m256;
#define OFM_OP(name) _mm256_##name
#endif

struct Lanes {
  static constexpr int64_t count = sizeof(Register) / sizeof(float);
  Register v;
  OFM_MATH Lanes() = default;
  OFM_MATH Lanes(Register value) : v(value) {}
  OFM_MATH Lanes(float value) : v(OFM_OP(set1_ps)(value)) {}
  static OFM_MATH Lanes load(const float* from) { return OFM_OP(loadu_ps)(from); }
  OFM_MATH void store(float* to) const { OFM_OP(storeu_ps)(to, v); }
  // From and to the dtypes that are computed in float.
  static OFM_MATH Lanes load(const Half* from);
  static OFM_MATH Lanes load(const BFloat16* from);
  OFM_MATH void store(Half* to) const;
  OFM_MATH void store(BFloat16* to) const;
};

OFM_MATH Lanes operator+(Lanes a, Lanes b) { return OFM_OP(add_ps)(a.v, b.v); }
OFM_MATH Lanes operator-(Lanes a, Lanes b) { return OFM_OP(sub_ps)(a.v, b.v); }
OFM_MATH Lanes operator*(Lanes a, Lanes b) { return OFM_OP(mul_ps)(a.v, b.v); }
// a b + c, and c - a b
OFM_MATH Lanes fma(Lanes a, Lanes b, Lanes c) { return OFM_OP(fmadd_ps)(a.v, b.v, c.v); }
OFM_MATH Lanes less_product(Lanes a, Lanes b, Lanes c) { return OFM_OP(fnmadd_ps)(a.v, b.v, c.v); }
// NaN in the second stays.
OFM_MATH Lanes at_most(float limit, Lanes x) { return OFM_OP(min_ps)(Lanes(limit).v, x.v); }
OFM_MATH Lanes at_least(float limit, Lanes x) { return OFM_OP(max_ps)(Lanes(limit).v, x.v); }

#ifdef __AVX512F__
OFM_MATH __m256i bits_at(const void* from) {
  return _mm256_loadu_si256(static_cast<const __m256i*>(from));
}
OFM_MATH Lanes Lanes::load(const Half* from) { return _mm512_cvtph_ps(bits_at(from)); }
OFM_MATH Lanes Lanes::load(const BFloat16* from) {
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(bits_at(from)), 16));
}
OFM_MATH void Lanes::store(Half* to) const {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(to),
                      _mm512_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT));
}
OFM_MATH void Lanes::store(BFloat16* to) const {
  const __m512i bits = _mm512_castps_si512(v), one = _mm512_set1_epi32(1);
  const __m512i even = _mm512_and_si512(_mm512_srli_epi32(bits, 16), one);
  __m512i sum = _mm512_add_epi32(_mm512_add_epi32(bits, _mm512_set1_epi32(0x7fff)), even);
  sum = _mm512_mask_blend_epi32(_mm512_cmp_ps_mask(v, v, _CMP_UNORD_Q), sum,
                                _mm512_set1_epi32(0x7fc00000));
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(to),
                      _mm512_cvtepi32_epi16(_mm512_srli_epi32(sum, 16)));
}
OFM_MATH Lanes nearest(Lanes x) {
  return _mm512_roundscale_ps(x.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
OFM_MATH Lanes scaled(Lanes x, Lanes exponent) { return _mm512_scalef_ps(x.v, exponent.v); }
OFM_MATH Mask less(Lanes a, Lanes b) { return _mm512_cmp_ps_mask(a.v, b.v, _CMP_LT_OQ); }
OFM_MATH Lanes select(Mask mask, Lanes a, Lanes b) {
  return _mm512_mask_blend_ps(mask, b.v, a.v);
}
OFM_MATH Lanes sign_of(Lanes x) { return _mm512_and_ps(x.v, _mm512_set1_ps(-0.f)); }
OFM_MATH Lanes with_sign(Lanes size, Lanes sign) { return _mm512_or_ps(size.v, sign.v); }
OFM_MATH Lanes size_of(Lanes x) { return _mm512_andnot_ps(_mm512_set1_ps(-0.f), x.v); }
// a / b for normal b up to 2^126.
OFM_MATH Lanes reciprocal(Lanes b) {
  const Lanes guess = _mm512_rcp14_ps(b.v);
  return fma(guess, less_product(b, guess, 1.f), guess);
}
OFM_MATH Lanes quotient(Lanes a, Lanes b) {
  const Lanes guess = reciprocal(b), q = a * guess;
  return fma(less_product(q, b, a), guess, q);
}
#else
OFM_MATH __m128i bits_at(const void* from) {
  return _mm_loadu_si128(static_cast<const __m128i*>(from));
}
OFM_MATH Lanes Lanes::load(const Half* from) { return _mm256_cvtph_ps(bits_at(from)); }
OFM_MATH Lanes Lanes::load(const BFloat16* from) {
  return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(bits_at(from)), 16));
}
OFM_MATH void Lanes::store(Half* to) const {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to), _mm256_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT));
}
OFM_MATH void Lanes::store(BFloat16* to) const {
  const __m256i bits = _mm256_castps_si256(v), one = _mm256_set1_epi32(1);
  const __m256i even = _mm256_and_si256(_mm256_srli_epi32(bits, 16), one);
  __m256i sum = _mm256_add_epi32(_mm256_add_epi32(bits, _mm256_set1_epi32(0x7fff)), even);
  sum = _mm256_blendv_epi8(sum, _mm256_set1_epi32(0x7fc00000),
                           _mm256_castps_si256(_mm256_cmp_ps(v, v, _CMP_UNORD_Q)));
  sum = _mm256_srli_epi32(sum, 16);
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to),
                   _mm_packus_epi32(_mm256_castsi256_si128(sum), _mm256_extracti128_si256(sum, 1)));
}
OFM_MATH Lanes nearest(Lanes x) {
  return _mm256_round_ps(x.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
OFM_MATH Lanes power_of_two(Lanes n) {
  const __m256i whole = _mm256_cvtps_epi32(n.v);
  return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(whole, _mm256_set1_epi32(127)), 23));
}
OFM_MATH Lanes scaled(Lanes x, Lanes exponent) {
  const Lanes half = nearest(exponent * 0.5f);
  return x * power_of_two(half) * power_of_two(exponent - half);
}
OFM_MATH Mask less(Lanes a, Lanes b) { return _mm256_cmp_ps(a.v, b.v, _CMP_LT_OQ); }
OFM_MATH Lanes select(Mask mask, Lanes a, Lanes b) { return _mm256_blendv_ps(b.v, a.v, mask); }
OFM_MATH Lanes sign_of(Lanes x) { return _mm256_and_ps(x.v, _mm256_set1_ps(-0.f)); }
OFM_MATH Lanes with_sign(Lanes size, Lanes sign) { return _mm256_or_ps(size.v, sign.v); }
OFM_MATH Lanes size_of(Lanes x) { return _mm256_andnot_ps(_mm256_set1_ps(-0.f), x.v); }
OFM_MATH Lanes reciprocal(Lanes b) { return _mm256_div_ps(Lanes(1.f).v, b.v); }
OFM_MATH Lanes quotient(Lanes a, Lanes b) { return _mm256_div_ps(a.v, b.v); }
#endif
#undef OFM_OP

OFM_MATH Lanes polynomial(Lanes, float c) { return c; }
template<typename... More>
OFM_MATH Lanes polynomial(Lanes x, float c, More... more) {
  return fma(x, polynomial(x, more...), c);
}

// e^x for x between -104 and 89; NaN stays.
OFM_MATH Lanes exp_between(Lanes x) {
  using C = math::Constants<float>;
  const Lanes n = nearest(x * C::log2_e);
  const Lanes r = less_product(n, C::ln2_low, less_product(n, C::ln2_high, x));
  const Lanes q = polynomial(r, 5.000000000e-01f, 1.666651368e-01f, 4.166616499e-02f,
                             8.369508199e-03f, 1.395288622e-03f);
  return scaled(fma(r * r, q, r) + 1.f, n);
}
OFM_MATH Lanes exp(Lanes x) { return exp_between(at_most(89.f, at_least(-104.f, x))); }

// Below this 1 / (1 + e^-x) is 0, as a float's e^-x is infinite.
constexpr float kLowestSigmoid = -88.7228394f;

OFM_MATH Lanes sigmoid(Lanes x) {
  const Lanes e = exp_between(at_most(87.f, at_least(-87.f, Lanes(0.f) - x)));
  return select(less(x, kLowestSigmoid), 0.f, reciprocal(e + 1.f));
}

// For numbers below 0.65 from a polynomial, above by the exponential: 1 - 2 / (e^2x + 1).
OFM_MATH Lanes tanh(Lanes x) {
  const Lanes size = size_of(x), z = x * x;
  const Lanes small = fma(x * z, polynomial(z, -3.333325982e-01f, 1.333081424e-01f,
                                            -5.368691310e-02f, 2.046631090e-02f,
                                            -5.512161180e-03f), x);
  const Lanes e = exp_between(at_most(18.1f, size + size));
  const Lanes large = less_product(reciprocal(e + 1.f), 2.f, 1.f);
  return select(less(size, 0.65f), small, with_sign(large, sign_of(x)));
}

// Of the normal distribution at a: e^(-a² / 2), and what lies above |a| divided by that. Held where
// their product is no denormal number, which would be slow.
struct Tail {
  Lanes exponential, ratio;
};
OFM_MATH Tail tail(Lanes a) {
  const Lanes size = at_most(12.9f, size_of(a));
  const Lanes above = polynomial(size, 5.000000000e-01f, 4.354402721e-01f, 1.811247915e-01f,
                                 3.992288187e-02f, 4.011094570e-03f);
  const Lanes below = polynomial(size, 1.000000000e+00f, 1.668765426e+00f, 1.193727732e+00f,
                                 4.638999403e-01f, 1.000792980e-01f, 1.005417760e-02f);
  return {exp_between(size * size * -0.5f), above * reciprocal(below)};
}

#ifdef __AVX512F__
// erf(x) / x from i / 4 to (i + 1) / 4, by 4 x - i: a row for each power, a column for each i.
constexpr float kErf[6][16] = {
    {1.12837917f, 1.10530556f, 1.04099975f, 0.948207509f, 0.842700791f, 0.738320102f,
     0.644070098f, 0.563812384f, 0.497661133f, 0.443794348f, 0.399837219f, 0.363599774f,
     0.33332597f, 0.307690984f, 0.285714073f, 0.266666636f},
    {-2.1526569e-07f, -0.0452915249f, -0.081108525f, -0.101758667f, -0.106898197f, -0.100359743f,
     -0.0875233114f, -0.0730053768f, -0.0596243004f, -0.0485169104f, -0.0397659005f,
     -0.0330012281f, -0.0277655588f, -0.0236662907f, -0.0204077615f, -0.0177777163f},
    {-0.0235053811f, -0.0209583402f, -0.0143703395f, -0.00626529535f, 0.000778874434f,
     0.00528875595f, 0.00715418515f, 0.00713131289f, 0.00616172167f, 0.00494458566f,
     0.00384052884f, 0.00296348236f, 0.0023050826f, 0.00181864575f, 0.00145734885f,
     0.00118511845f},
    {-1.08024376e-05f, 0.00163136791f, 0.00261075163f, 0.00265321261f, 0.00197333402f,
     0.00103910306f, 0.000252563787f, -0.000215487059f, -0.000395036842f, -0.000399440785f,
     -0.000332216996f, -0.000253782374f, -0.000187936477f, -0.000138895968f, -0.000103861026f,
     -7.89425228e-05f},
    {0.000461803333f, 0.000357876319f, 0.00012128963f, -0.000110989316f, -0.000234040939f,
     -0.000232184012f, -0.000157682517f, -7.34806229e-05f, -1.49495431e-05f, 1.29982975e-05f,
     2.04436683e-05f, 1.85689158e-05f, 1.42229149e-05f, 1.02293342e-05f, 7.25404656e-06f,
     5.18654288e-06f},
    {-1.90111263e-05f, -4.51844516e-05f, -4.54211196e-05f, -2.49792412e-05f, -6.60821008e-07f,
     1.40627537e-05f, 1.65310054e-05f, 1.17805716e-05f, 5.78076567e-06f, 1.6382093e-06f,
     -3.0042175e-07f, -8.44865391e-07f, -7.96314744e-07f, -5.98762664e-07f, -4.17440447e-07f,
     -2.86318667e-07f},
};
OFM_MATH Lanes erf(Lanes x) {
  const Lanes four = at_most(15.9999990f, size_of(x) * 4.f);
  const __m512i place = _mm512_cvttps_epi32(four.v);
  const Lanes t = four - Lanes(_mm512_cvtepi32_ps(place));
  Lanes sum = 0.f;
  for (int power = 5; power >= 0; --power) {
    sum = fma(sum, t, _mm512_permutexvar_ps(place, _mm512_loadu_ps(kErf[power])));
  }
  return with_sign(select(less(15.5f, four), 1.f, four * 0.25f * sum), sign_of(x));
}
#else
OFM_MATH Lanes erf(Lanes x) {
  const Lanes size = size_of(x), z = x * x;
  const Lanes small = fma(x, polynomial(z, 1.283791661e-01f, -3.761262000e-01f, 1.128337681e-01f,
                                        -2.683462389e-02f, 5.114343017e-03f, -6.749496679e-04f), x);
  const Tail part = tail(x * 1.41421356f);
  const Lanes large = less_product(part.exponential * part.ratio, 2.f, 1.f);
  return select(less(size, 0.75f), small, with_sign(large, sign_of(x)));
}
#endif

// x = 2^exponent (1 + f) with f between -1/4 and 1/2. Where there is no logarithm, or no finite one,
// the exponent says so.
struct Split {
  Lanes exponent, f;
};
#ifdef __AVX512F__
OFM_MATH Split split(Lanes x) {
  const Lanes one = 1.f;
  const Lanes part = _mm512_getmant_ps(x.v, _MM_MANT_NORM_p75_1p5, _MM_MANT_SIGN_nan);
  const Lanes exponent = _mm512_getexp_ps(x.v);
  return {_mm512_mask_add_ps(exponent.v, less(part, one), exponent.v, one.v), part - one};
}
#else
OFM_MATH Split split(Lanes x) {
  const float infinity = std::numeric_limits<float>::infinity();
  const Mask small = less(x, std::numeric_limits<float>::min());
  const Lanes normal = select(small, x * 8388608.f, x);
  const __m256i first = _mm256_set1_epi32(0x3f400000), one = _mm256_set1_epi32(0x3f800000);
  const __m256i bits = _mm256_add_epi32(_mm256_castps_si256(normal.v),
                                        _mm256_sub_epi32(one, first));
  const __m256i power = _mm256_sub_epi32(_mm256_srai_epi32(bits, 23), _mm256_set1_epi32(127));
  const __m256i mantissa = _mm256_and_si256(bits, _mm256_set1_epi32(0x007fffff));
  const Lanes part = _mm256_castsi256_ps(_mm256_add_epi32(mantissa, first));
  Lanes exponent = Lanes(_mm256_cvtepi32_ps(power)) - select(small, 23.f, 0.f);
  exponent = select(less(x, infinity), exponent, x);
  exponent = select(_mm256_cmp_ps(x.v, _mm256_setzero_ps(), _CMP_EQ_OQ), -infinity, exponent);
  return {select(less(x, 0.f), std::numeric_limits<float>::quiet_NaN(), exponent),
          select(less(x, infinity), part - 1.f, 0.f)};
}
#endif
// log(1 + f) - f
OFM_MATH Lanes log_rest(Lanes f) {
  const Lanes square = f * f;
  const Lanes cubic = polynomial(f, 3.333334632e-01f, -2.500014408e-01f, 1.999687406e-01f,
                                 -1.664944838e-01f, 1.438231738e-01f, -1.306141532e-01f,
                                 1.089631439e-01f, -5.147591755e-02f);
  return fma(square * f, cubic, square * -0.5f);
}
OFM_MATH Lanes log(Lanes x) {
  using C = math::Constants<float>;
  const Split parts = split(x);
  const Lanes rest = fma(parts.exponent, C::ln2_rest, log_rest(parts.f));
  return fma(parts.exponent, C::ln2_short, parts.f + rest);
}
OFM_MATH Lanes log2(Lanes x) {
  const Split parts = split(x);
  return fma(parts.f + log_rest(parts.f), math::Constants<float>::log2_e, parts.exponent);
}
OFM_MATH Lanes log10(Lanes x) {
  using C = math::Constants<float>;
  const Split parts = split(x);
  const Lanes rest = (parts.f + log_rest(parts.f)) * C::log10_e;
  return fma(parts.exponent, C::log10_2_short, fma(parts.exponent, C::log10_2_rest, rest));
}

// Sine, cosine and tangent of angles up to this size: above it three floats of π are too few.
constexpr float kLargestAngle = 30000.f;

// x - n π, for an n that is a multiple of a half.
OFM_MATH Lanes less_turns(Lanes x, Lanes n) {
  x = less_product(n, 3.14159274f, x);
  x = less_product(n, -8.74227766e-08f, x);
  return less_product(n, -3.43024978e-15f, x);
}
// The sine of an angle between -π / 2 and π / 2, if n is even; otherwise its negative.
OFM_MATH Lanes sine_of_part(Lanes r, Lanes n) {
  const Lanes z = r * r, odd = n - nearest(n * 0.5f) * 2.f;
  const Lanes sine = fma(r * z, polynomial(z, -1.666666590e-01f, 8.333239400e-03f,
                                           -1.982237240e-04f, 2.633573050e-06f), r);
  return sine * less_product(odd * 2.f, odd, 1.f);
}
// A small angle is its own sine and tangent, to the sign of a zero.
OFM_MATH Lanes unless_small(Lanes x, Lanes out) { return select(less(size_of(x), 1e-4f), x, out); }

OFM_MATH Lanes sin(Lanes x) {
  const Lanes n = nearest(x * 0.318309886f);
  return unless_small(x, sine_of_part(less_turns(x, n), n));
}
OFM_MATH Lanes cos(Lanes x) {
  const Lanes n = nearest(fma(x, 0.318309886f, -0.5f));
  return sine_of_part(less_turns(x, n + 0.5f), n + 1.f);
}
OFM_MATH Lanes tan(Lanes x) {
  const Lanes n = nearest(x * 0.636619772f), r = less_turns(x, n * 0.5f), z = r * r;
  const Lanes sine = fma(r * z, polynomial(z, -1.666665375e-01f, 8.332150988e-03f,
                                           -1.951365994e-04f), r);
  const Lanes rest = polynomial(z, 4.166664556e-02f, -1.388734789e-03f, 2.443595440e-05f);
  const Lanes cosine = fma(z * z, rest, fma(z, -0.5f, 1.f));
  const Mask odd = less(0.5f, size_of(n - nearest(n * 0.5f) * 2.f));
  const Lanes above = select(odd, Lanes(0.f) - cosine, sine);
  return unless_small(x, quotient(above, select(odd, sine, cosine)));
}

#define OFM_INLINE __attribute__((always_inline))

// Calls function for registers of the inputs; the rest of a row through buffers.
template<typename T, typename Function, typename... Inputs>
inline void each(int64_t count, T* out, const Function& function, const Inputs*... in) {
  int64_t i = 0;
  for (; i + Lanes::count <= count; i += Lanes::count) {
    function(Lanes::load(in + i)...).store(out + i);
  }
  if (i == count) { return; }
  struct Rest {
    T values[Lanes::count] = {};
    Rest(const T* from, int64_t size) { std::memcpy(values, from, size * sizeof(T)); }
  };
  T last[Lanes::count];
  function(Lanes::load(Rest(in + i, count - i).values)...).store(last);
  std::memcpy(out + i, last, (count - i) * sizeof(T));
}

}  // namespace lanes
}  // namespace ofm

#endif  // OFM_LANES_H_
