// Powers of floats, a register at a time: 2^(y log2 x) with the logarithm in two floats, so that
// the answer is within one unit in the last place.
#ifndef OFM_POWERS_H_
#define OFM_POWERS_H_

#include "lanes.h"

namespace ofm {
namespace lanes {

// For a mantissa from 1 + i / 16 to 1 + (i + 1) / 16: a number near its inverse, and that one's
// negative logarithm, of which the first part has few bits.
constexpr float kInverse[16] = {1.f, 0.914285719f, 0.864864886f, 0.820512831f, 0.780487776f,
                                0.744186044f, 0.711111128f, 0.680851042f, 0.653061211f,
                                0.627451003f, 0.603773594f, 0.581818163f, 0.561403513f,
                                0.542372882f, 0.524590135f, 0.5f};
constexpr float kLog2[16] = {0.f, 0.12928772f, 0.209457397f, 0.285400391f, 0.357559204f,
                             0.426269531f, 0.491851807f, 0.554595947f, 0.614715576f, 0.672424316f,
                             0.727920532f, 0.781356812f, 0.832885742f, 0.882644653f, 0.930740356f,
                             1.f};
constexpr float kLog2Rest[16] = {
    0.000000000e+00f, -4.710843314e-06f, -4.066765996e-06f, 1.809426635e-06f,
    -7.145738891e-06f, -4.771173280e-06f, 1.254755034e-06f, -7.049904980e-06f,
    -5.702497219e-06f, 9.745078842e-07f, -9.916119126e-08f, 2.947684152e-06f,
    4.261228241e-06f, -1.606645696e-06f, -2.938265652e-06f, 0.000000000e+00f};

// A product as it was rounded: the compiler is not to make one operation of it and a sum.
OFM_MATH Lanes rounded(Lanes x) {
  __asm__("" : "+v"(x.v));
  return x;
}

#ifdef __AVX512F__
using Places = __m512i;
OFM_MATH Lanes chosen(const float* table, Places places) {
  return _mm512_permutexvar_ps(places, _mm512_loadu_ps(table));
}
struct Binary {
  Lanes exponent, mantissa;
  Places places;
};
// Of a number that is not negative; the mantissa is at least 1, and 1 for 0 and infinity.
OFM_MATH Binary binary(Lanes x) {
  const __m512 mantissa = _mm512_getmant_ps(x.v, _MM_MANT_NORM_1_2, _MM_MANT_SIGN_zero);
  return {_mm512_getexp_ps(x.v), mantissa, _mm512_srli_epi32(_mm512_castps_si512(mantissa), 19)};
}
OFM_MATH Mask both(Mask a, Mask b) { return a & b; }
OFM_MATH Mask equal(Lanes a, Lanes b) { return _mm512_cmp_ps_mask(a.v, b.v, _CMP_EQ_OQ); }
OFM_MATH Mask differ(Lanes a, Lanes b) { return _mm512_cmp_ps_mask(a.v, b.v, _CMP_NEQ_UQ); }
OFM_MATH Mask at_least_as(Lanes a, Lanes b) { return _mm512_cmp_ps_mask(a.v, b.v, _CMP_GE_OQ); }
#else
using Places = __m256i;
OFM_MATH Lanes chosen(const float* table, Places places) {
  return _mm256_i32gather_ps(table, places, 4);
}
struct Binary {
  Lanes exponent, mantissa;
  Places places;
};
OFM_MATH Binary binary(Lanes x) {
  const float infinity = std::numeric_limits<float>::infinity();
  const Mask small = less(x, std::numeric_limits<float>::min()), finite = less(x, infinity);
  const __m256i bits = _mm256_castps_si256(select(small, x * 8388608.f, x).v);
  const __m256i power = _mm256_sub_epi32(_mm256_srli_epi32(bits, 23), _mm256_set1_epi32(127));
  const __m256i mantissa = _mm256_or_si256(_mm256_and_si256(bits, _mm256_set1_epi32(0x007fffff)),
                                           _mm256_set1_epi32(0x3f800000));
  Lanes exponent = Lanes(_mm256_cvtepi32_ps(power)) - select(small, 23.f, 0.f);
  exponent = select(finite, exponent, x);
  exponent = select(_mm256_cmp_ps(x.v, _mm256_setzero_ps(), _CMP_EQ_OQ), -infinity, exponent);
  const __m256i places = _mm256_and_si256(_mm256_srli_epi32(mantissa, 19), _mm256_set1_epi32(15));
  return {exponent, _mm256_castsi256_ps(mantissa), places};
}
OFM_MATH Mask both(Mask a, Mask b) { return _mm256_and_ps(a, b); }
OFM_MATH Mask equal(Lanes a, Lanes b) { return _mm256_cmp_ps(a.v, b.v, _CMP_EQ_OQ); }
OFM_MATH Mask differ(Lanes a, Lanes b) { return _mm256_cmp_ps(a.v, b.v, _CMP_NEQ_UQ); }
OFM_MATH Mask at_least_as(Lanes a, Lanes b) { return _mm256_cmp_ps(a.v, b.v, _CMP_GE_OQ); }
#endif

// The sum of the two is the logarithm to 2 of a number that is not negative. Where that is not
// finite, the first one says so, and the second says nothing.
struct Logarithm {
  Lanes high, low;
};
OFM_MATH Logarithm exact_log2(Lanes x) {
  const Binary parts = binary(x);
  const Lanes inverse = chosen(kInverse, parts.places);
  // The mantissa is (1 + r + r_low) / inverse, exactly.
  const Lanes product = rounded(parts.mantissa * inverse);
  const Lanes r_low = fma(parts.mantissa, inverse, Lanes(0.f) - product);
  const Lanes r = product - Lanes(1.f), half = r * 0.5f;
  // The natural logarithm of 1 + r, in two parts: r - r² / 2 and the rest of the series.
  const Lanes square = rounded(half * r), square_low = fma(half, r, Lanes(0.f) - square);
  const Lanes cubic = polynomial(r, 3.333333315e-01f, -2.500000096e-01f, 2.000111762e-01f,
                                 -1.667347518e-01f, 1.339054404e-01f);
  const Lanes s = r - square;
  Lanes s_low = (r - s) - square;
  s_low = s_low - square_low + less_product(r, r_low, r_low);
  s_low = fma(r * (square + square), cubic, s_low);
  // To the base of 2.
  const Lanes log2_e = 1.44269502f;
  const Lanes p = rounded(s * log2_e);
  Lanes low = fma(s, log2_e, Lanes(0.f) - p);
  low = fma(s, 1.925962991e-08f, low);
  low = fma(s_low, log2_e, low);
  const Lanes whole = parts.exponent + chosen(kLog2, parts.places);
  const Lanes high = whole + p;
  low = low + ((whole - high) + p) + chosen(kLog2Rest, parts.places);
  return {high, low};
}

// 2^t, t being a sum of two.
OFM_MATH Lanes exp2_of(Lanes high, Lanes low) {
  low = select(less(size_of(high), 200.f), low, 0.f);
  const Lanes t = at_most(252.f, at_least(-252.f, high));
  const Lanes n = nearest(t), f = (t - n) + low;
  const Lanes q = polynomial(f, 6.931471805e-01f, 2.402265109e-01f, 5.550410965e-02f,
                             9.618035425e-03f, 1.333342873e-03f, 1.546762095e-04f,
                             1.531544645e-05f);
  return scaled(fma(f, q, 1.f), n);
}

// The size of the power, for numbers that may be negative; what the exponent being no number or 0
// says comes last.
OFM_MATH Lanes power_of_size(Lanes size, Lanes y) {
  const Logarithm log2 = exact_log2(size);
  const Lanes high = rounded(y * log2.high);
  const Lanes low = fma(y, log2.low, fma(y, log2.high, Lanes(0.f) - high));
  // 1 has the logarithm 0, and that times infinity is no number.
  return select(equal(size, 1.f), 1.f, exp2_of(high, low));
}

// What the power depends on of the exponent alone.
struct Exponent {
  Lanes y, sign;  // the sign of what is odd; 0 elsewhere
  Mask fraction, zero;

  OFM_MATH explicit Exponent(Lanes given) : y(given), sign(0.f) {
    const Lanes half = y * 0.5f;
    const Mask whole = equal(nearest(y), y);
    fraction = both(differ(nearest(y), y), equal(y, y));
    sign = select(both(whole, differ(nearest(half), half)), -0.f, 0.f);
    zero = equal(y, 0.f);
  }
};

OFM_MATH Lanes pow(Lanes x, const Exponent& e) {
  const Lanes size = size_of(x), none = std::numeric_limits<float>::quiet_NaN();
  Lanes out = power_of_size(size, e.y);
  // A negative number: an odd exponent keeps the sign, one with a fraction has no answer.
#ifdef __AVX512F__
  const Lanes sign = _mm512_and_ps(x.v, e.sign.v);
#else
  const Lanes sign = _mm256_and_ps(x.v, e.sign.v);
#endif
  out = with_sign(out, sign);
  const float infinity = std::numeric_limits<float>::infinity();
  const Mask negative = both(less(x, 0.f), less(size, infinity));
  out = select(both(negative, e.fraction), none, out);
  // 1 to any power is 1, and anything to the power of 0, by the standard; else what is no number
  // stays so.
  out = select(differ(e.y, e.y), e.y, out);
  out = select(equal(x, 1.f), 1.f, out);
  return select(e.zero, 1.f, out);
}
OFM_MATH Lanes pow(Lanes x, Lanes y) { return pow(x, Exponent(y)); }

}  // namespace lanes
}  // namespace ofm

#endif  // OFM_POWERS_H_
