// A register of floats, for the functions that are called most: what vector_math.h leaves to the
// compiler is done here with the processor's own scaling, rounding and reciprocals.
#ifndef OFM_LANES_H_
#define OFM_LANES_H_

#include <immintrin.h>

#include <cstdint>
#include <limits>

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

OFM_MATH Lanes erf(Lanes x) {
  const Lanes size = size_of(x), z = x * x;
  const Lanes small = fma(x, polynomial(z, 1.283791661e-01f, -3.761262000e-01f, 1.128337681e-01f,
                                        -2.683462389e-02f, 5.114343017e-03f, -6.749496679e-04f), x);
  const Tail part = tail(x * 1.41421356f);
  const Lanes large = less_product(part.exponential * part.ratio, 2.f, 1.f);
  return select(less(size, 0.75f), small, with_sign(large, sign_of(x)));
}

// The sine and cosine of an angle: the angle less its nearest multiple of π / 2.
struct Angle {
  // Above it three floats of π / 2 are too few.
  static constexpr float limit = 30000.f;

  OFM_MATH explicit Angle(Lanes x) : angle(x), n(nearest(x * 0.636619772f)) {
    r = less_product(n, 1.57079637f, x);
    r = less_product(n, -4.37113883e-08f, r);
    r = less_product(n, -1.71512489e-15f, r);
    z = r * r;
  }
  // Of r, between -π / 4 and π / 4.
  OFM_MATH Lanes inner_sine() const {
    return fma(r * z, polynomial(z, -1.666665375e-01f, 8.332150988e-03f, -1.951365994e-04f), r);
  }
  OFM_MATH Lanes inner_cosine() const {
    const Lanes rest = polynomial(z, 4.166664556e-02f, -1.388734789e-03f, 2.443595440e-05f);
    return fma(z * z, rest, fma(z, -0.5f, 1.f));
  }
  OFM_MATH Lanes of_quarter(Lanes n) const {
    // Of n modulo 4, from -2 to 2: the sine, either cosine, the sine's negative.
    const Lanes turn = n - nearest(n * 0.25f) * 4.f, size = size_of(turn), sine = inner_sine();
    const Lanes other = select(less(size, 1.5f), with_sign(inner_cosine(), sign_of(turn)),
                               Lanes(0.f) - sine);
    return select(less(size, 0.5f), sine, other);
  }
  // A small angle is its own sine, to the sign of a zero.
  OFM_MATH Lanes sine() const { return unless_small(of_quarter(n)); }
  OFM_MATH Lanes unless_small(Lanes out) const {
    return select(less(size_of(angle), 1e-4f), angle, out);
  }
  OFM_MATH Lanes cosine() const { return of_quarter(n + 1.f); }

  Lanes angle, n, r, z;
};

// Calls function for registers of the inputs; the rest of a row through a buffer.
template<typename Function>
inline void each(const float* x, float* out, int64_t count, const Function& function) {
  int64_t i = 0;
  for (; i + Lanes::count <= count; i += Lanes::count) {
    function(Lanes::load(x + i)).store(out + i);
  }
  if (i < count) {
    float rest[Lanes::count] = {};
    std::memcpy(rest, x + i, (count - i) * sizeof(float));
    function(Lanes::load(rest)).store(rest);
    std::memcpy(out + i, rest, (count - i) * sizeof(float));
  }
}
template<typename Function>
inline void each(const float* x, const float* y, float* out, int64_t count,
                 const Function& function) {
  int64_t i = 0;
  for (; i + Lanes::count <= count; i += Lanes::count) {
    function(Lanes::load(x + i), Lanes::load(y + i)).store(out + i);
  }
  if (i < count) {
    float first[Lanes::count] = {}, second[Lanes::count] = {};
    std::memcpy(first, x + i, (count - i) * sizeof(float));
    std::memcpy(second, y + i, (count - i) * sizeof(float));
    function(Lanes::load(first), Lanes::load(second)).store(first);
    std::memcpy(out + i, first, (count - i) * sizeof(float));
  }
}

}  // namespace lanes
}  // namespace ofm

#endif  // OFM_LANES_H_
