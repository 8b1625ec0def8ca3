// exp, log, tanh, erf, … without branches, so that loops over them become vector instructions.
//
// In float within 2 units in the last place (erfc: 7), right at NaN, infinities, denormals and signed zeros;
// double too, where std:: is not called. Not to be compiled with -ffast-math. The coefficients are
// least-squares fits, reweighted until the largest relative error is smallest.
#ifndef OFM_VECTOR_MATH_H_
#define OFM_VECTOR_MATH_H_

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>

namespace ofm {
namespace math {

#define OFM_MATH __attribute__((always_inline)) inline

OFM_MATH int32_t bits_of(float value) {
  int32_t out;
  std::memcpy(&out, &value, sizeof out);
  return out;
}
OFM_MATH int64_t bits_of(double value) {
  int64_t out;
  std::memcpy(&out, &value, sizeof out);
  return out;
}
OFM_MATH float of_bits(int32_t value) {
  float out;
  std::memcpy(&out, &value, sizeof out);
  return out;
}
OFM_MATH double of_bits(int64_t value) {
  double out;
  std::memcpy(&out, &value, sizeof out);
  return out;
}

OFM_MATH float fma(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
OFM_MATH double fma(double a, double b, double c) { return __builtin_fma(a, b, c); }
OFM_MATH float abs(float x) { return __builtin_fabsf(x); }
OFM_MATH double abs(double x) { return __builtin_fabs(x); }
OFM_MATH float copysign(float x, float sign) { return __builtin_copysignf(x, sign); }
OFM_MATH double copysign(double x, double sign) { return __builtin_copysign(x, sign); }
OFM_MATH float sqrt(float x) { return __builtin_sqrtf(x); }
OFM_MATH double sqrt(double x) { return __builtin_sqrt(x); }
OFM_MATH float trunc(float x) { return __builtin_truncf(x); }
OFM_MATH double trunc(double x) { return __builtin_trunc(x); }
OFM_MATH float floor(float x) { return __builtin_floorf(x); }
OFM_MATH double floor(double x) { return __builtin_floor(x); }
OFM_MATH float ceil(float x) { return __builtin_ceilf(x); }
OFM_MATH double ceil(double x) { return __builtin_ceil(x); }
// To the nearest integer, halves to even.
OFM_MATH float rint(float x) { return __builtin_rintf(x); }
OFM_MATH double rint(double x) { return __builtin_rint(x); }

// c0 + c1 x + c2 x² + …
template<typename T>
OFM_MATH T polynomial(T, T c) {
  return c;
}
template<typename T, typename... More>
OFM_MATH T polynomial(T x, T c, More... more) {
  return fma(x, polynomial(x, more...), c);
}

template<typename T>
struct Constants;
template<>
struct Constants<float> {
  using Bits = int32_t;
  static constexpr int mantissa = 23, bias = 127;
  // Adding it leaves the nearest integer in the lowest bits.
  static constexpr float magic = 12582912.f;
  static constexpr float log2_e = 1.44269502f, ln2_high = 0.693147182f, ln2_low = -1.90465421e-9f;
  // Its product with any exponent is exact.
  static constexpr float ln2_short = 6.9313812256e-01f, ln2_rest = 9.0580006145e-06f;
  static constexpr float log10_e = 0.434294482f, log10_2_short = 0.301025391f,
                         log10_2_rest = 4.605038981e-06f;
  static constexpr float exp_highest = 89.f, exp_lowest = -104.f, expm1_lowest = -20.f;
  static constexpr int32_t sqrt_half = 0x3f3504f3, mantissa_mask = 0x007fffff;
};
template<>
struct Constants<double> {
  using Bits = int64_t;
  static constexpr int mantissa = 52, bias = 1023;
  static constexpr double magic = 6755399441055744.;
  static constexpr double log2_e = 1.4426950408889634, ln2_high = 0.6931471805599453,
                          ln2_low = 2.3190468138462996e-17;
  static constexpr double ln2_short = 6.93147180369123816490e-01,
                          ln2_rest = 1.90821492927058770002e-10;
  static constexpr double log10_e = 0.43429448190325182765, log10_2_short = 0.301029995607677847,
                          log10_2_rest = 5.630334806675097698e-11;
  static constexpr double exp_highest = 710., exp_lowest = -746., expm1_lowest = -40.;
  static constexpr int64_t sqrt_half = 0x3fe6a09e667f3bcd, mantissa_mask = 0x000fffffffffffff;
};

// --- exponentials --------------------------------------------------------------------------------

// (e^r - 1 - r) / r² for |r| ≤ ln 2 / 2.
OFM_MATH float exp_rest(float r) {
  return polynomial(r, 5.000000000e-01f, 1.666666567e-01f, 4.166635126e-02f, 8.333392441e-03f,
                    1.394159743e-03f, 1.984593109e-04f);
}
OFM_MATH double exp_rest(double r) {
  return polynomial(r, 0.5, 0.166666666666666776, 0.0416666666666667024, 0.00833333333332065414,
                    0.0013888888888865802, 0.000198412698888781201, 0.0000248015873630892196,
                    2.75572411858401472e-6, 2.75572403717660192e-7, 2.51101702695784949e-8,
                    2.09252223915738044e-9);
}

// 2^n for an n that is an integer and has a normal power.
template<typename T>
OFM_MATH T power_of_two(T n) {
  using C = Constants<T>;
  using Unsigned = typename std::make_unsigned<typename C::Bits>::type;
  const auto bits = static_cast<Unsigned>(bits_of(n + C::magic)) + C::bias;
  return of_bits(static_cast<typename C::Bits>(bits << C::mantissa));
}

template<typename T>
OFM_MATH T nearest(T x) {
  return (x + Constants<T>::magic) - Constants<T>::magic;
}

template<typename T>
OFM_MATH T exp_of(T x) {
  using C = Constants<T>;
  T v = x > C::exp_highest ? C::exp_highest : x;
  v = v < C::exp_lowest ? C::exp_lowest : v;
  const T n = nearest(v * C::log2_e);
  const T r = fma(n, -C::ln2_low, fma(n, -C::ln2_high, v));
  const T p = 1 + fma(r * r, exp_rest(r), r);
  // In two steps, for the powers that are not normal numbers.
  const T half = nearest(n * T(0.5));
  return p * power_of_two(half) * power_of_two(n - half);
}
OFM_MATH float exp(float x) { return exp_of(x); }
OFM_MATH double exp(double x) { return exp_of(x); }

// e^x for x known to lie between -87 and 88: half of the work at the ends is left out.
OFM_MATH float exp_inside(float x) {
  using C = Constants<float>;
  const float n = nearest(x * C::log2_e);
  const float r = fma(n, -C::ln2_low, fma(n, -C::ln2_high, x));
  return (1 + fma(r * r, exp_rest(r), r)) * power_of_two(n);
}

template<typename T>
OFM_MATH T expm1_of(T x) {
  using C = Constants<T>;
  T v = x > C::exp_highest ? C::exp_highest : x;
  v = v < C::expm1_lowest ? C::expm1_lowest : v;
  const T n = nearest(v * C::log2_e);
  const T r = fma(n, -C::ln2_low, fma(n, -C::ln2_high, v));
  const T p = fma(r * r, exp_rest(r), r);
  const T half_power = power_of_two(n - 1);
  const T out = 2 * fma(half_power, p, half_power - T(0.5));
  return x == 0 ? x : out;
}
OFM_MATH float expm1(float x) { return expm1_of(x); }
OFM_MATH double expm1(double x) { return expm1_of(x); }

template<typename T>
OFM_MATH T exp2_of(T x) {
  using C = Constants<T>;
  T v = x > C::bias + 1 ? T(C::bias + 1) : x;
  v = v < -(C::bias + C::mantissa + 1) ? T(-(C::bias + C::mantissa + 1)) : v;
  const T n = nearest(v);
  const T r = (v - n) * C::ln2_high;
  const T p = 1 + fma(r * r, exp_rest(r), r);
  const T half = nearest(n * T(0.5));
  return p * power_of_two(half) * power_of_two(n - half);
}
OFM_MATH float exp2(float x) { return exp2_of(x); }
OFM_MATH double exp2(double x) { return exp2_of(x); }

template<typename T>
OFM_MATH T sigmoid(T x) {
  return 1 / (1 + exp(-x));
}

template<typename T>
OFM_MATH T tanh_of(T x) {
  const T size = abs(x), t = expm1(2 * size);
  const bool large = size > 1;
  const T ratio = (large ? T(2) : t) / (t + 2);
  return copysign(large ? 1 - ratio : ratio, x);
}
OFM_MATH float tanh(float x) { return tanh_of(x); }
OFM_MATH double tanh(double x) { return tanh_of(x); }

// --- logarithms ----------------------------------------------------------------------------------

// (2 atanh(s) - 2 s) / s³ by z = s².
OFM_MATH float atanh_rest(float z) {
  return polynomial(z, 6.666666269e-01f, 4.000035524e-01f, 2.853598297e-01f, 2.360874265e-01f);
}
OFM_MATH double atanh_rest(double z) {
  return polynomial(z, 0.666666666666674426, 0.399999999993411118, 0.285714287602890859,
                    0.222221965950528666, 0.181836737992492377, 0.153110932851077975,
                    0.148269838629990325);
}

// x = 2^exponent (1 + f) with 1 + f between the roots of one half and of two, for positive x.
template<typename T>
struct Split {
  T exponent, f;
};
template<typename T>
OFM_MATH Split<T> split(T x) {
  using C = Constants<T>;
  using Bits = typename C::Bits;
  using Unsigned = typename std::make_unsigned<Bits>::type;
  const T lifting = static_cast<T>(int64_t{1} << C::mantissa);
  const bool denormal = x < std::numeric_limits<T>::min();
  const T normal = denormal ? x * lifting : x;
  const Unsigned one = static_cast<Unsigned>(C::bias) << C::mantissa;
  const Unsigned bits = static_cast<Unsigned>(bits_of(normal)) + (one - C::sqrt_half);
  // The exponent's bits, as the mantissa of a number whose unit they are.
  const Unsigned unit = static_cast<Unsigned>(C::bias + C::mantissa) << C::mantissa;
  const T exponent = of_bits(static_cast<Bits>((bits >> C::mantissa) | unit)) - lifting;
  const T part = of_bits(static_cast<Bits>((bits & C::mantissa_mask) + C::sqrt_half));
  return {exponent - (denormal ? T(C::bias + C::mantissa) : T(C::bias)), part - 1};
}

// log(1 + f), without f: f - this is the logarithm.
template<typename T>
OFM_MATH T log_rest(T f) {
  const T s = f / (2 + f), z = s * s, half_square = T(0.5) * f * f;
  return half_square - s * fma(z, atanh_rest(z), half_square);
}

// A logarithm's value at what has none, or none by the formula.
template<typename T>
OFM_MATH T log_ends(T x, T inside) {
  const T infinity = std::numeric_limits<T>::infinity();
  const T out = x < infinity ? inside : x;  // NaN stays
  const T low = x == 0 ? -infinity : std::numeric_limits<T>::quiet_NaN();
  return x <= 0 ? low : out;
}

template<typename T>
OFM_MATH T log_inside(T x) {
  using C = Constants<T>;
  const Split<T> parts = split(x);
  return fma(parts.exponent, C::ln2_short,
             parts.f - (log_rest(parts.f) - parts.exponent * C::ln2_rest));
}
OFM_MATH float log(float x) { return log_ends(x, log_inside(x)); }
OFM_MATH double log(double x) { return log_ends(x, log_inside(x)); }

template<typename T>
OFM_MATH T log2_of(T x) {
  const Split<T> parts = split(x);
  return log_ends(x, fma(parts.f - log_rest(parts.f), Constants<T>::log2_e, parts.exponent));
}
OFM_MATH float log2(float x) { return log2_of(x); }
OFM_MATH double log2(double x) { return log2_of(x); }

template<typename T>
OFM_MATH T log10_of(T x) {
  using C = Constants<T>;
  const Split<T> parts = split(x);
  const T rest = fma(parts.exponent, C::log10_2_rest, (parts.f - log_rest(parts.f)) * C::log10_e);
  return log_ends(x, fma(parts.exponent, C::log10_2_short, rest));
}
OFM_MATH float log10(float x) { return log10_of(x); }
OFM_MATH double log10(double x) { return log10_of(x); }

template<typename T>
OFM_MATH T log1p_of(T x) {
  const T u = 1 + x;
  // What rounding u has lost.
  const T lost = (abs(x) < 1 ? x - (u - 1) : T(1) - (u - x)) / u;
  const T out = log_ends(u, log_inside(u) + lost);
  return x == 0 ? x : out;
}
OFM_MATH float log1p(float x) { return log1p_of(x); }
OFM_MATH double log1p(double x) { return log1p_of(x); }

// --- hyperbolic functions and their inverses -----------------------------------------------------

// e^|x| = 2^n (1 + p) and its reciprocal 2^-n (1 - q), to be put together without cancellation.
template<typename T>
struct Exponentials {
  T power, less_power, p, q;

  // A quarter of each power is kept: the largest results' own power would be infinite.
  OFM_MATH explicit Exponentials(T size) {
    using C = Constants<T>;
    T v = size > C::exp_highest + T(0.5) ? C::exp_highest + T(0.5) : size;
    const T n = nearest(v * C::log2_e);
    const T r = fma(n, -C::ln2_low, fma(n, -C::ln2_high, v));
    const T least = 1 - C::bias;
    p = fma(r * r, exp_rest(r), r);
    q = p / (1 + p);
    power = power_of_two(n - 2);
    less_power = power_of_two(-n - 2 < least ? least : -n - 2);
  }
};
template<typename T>
OFM_MATH T sinh(T x) {
  const Exponentials<T> e(abs(x));
  const T quarter = fma(e.power, e.p, fma(e.less_power, e.q, e.power - e.less_power));
  return x == 0 ? x : copysign(2 * quarter, x);
}
template<typename T>
OFM_MATH T cosh(T x) {
  const Exponentials<T> e(abs(x));
  return 2 * (fma(e.power, e.p, e.power) + fma(-e.less_power, e.q, e.less_power));
}

// From here on 1 + x² is x², and 2 x may be added to x by its logarithm.
template<typename T>
constexpr T kLargeInverse = static_cast<T>(int64_t{1} << (Constants<T>::mantissa + 2));

template<typename T>
OFM_MATH T asinh(T x) {
  const T size = abs(x), square = size * size;
  const bool large = size > kLargeInverse<T>;
  const T inside = size + square / (1 + sqrt(1 + square));
  const T out = log1p(large ? size : inside) + (large ? Constants<T>::ln2_high : T(0));
  return copysign(out, x);
}
template<typename T>
OFM_MATH T acosh(T x) {
  const T above = x - 1;
  const bool large = x > kLargeInverse<T>;
  const T inside = above + sqrt(fma(above, above, 2 * above));
  const T out = log1p(large ? x : inside) + (large ? Constants<T>::ln2_high : T(0));
  return x < 1 ? std::numeric_limits<T>::quiet_NaN() : out;
}
template<typename T>
OFM_MATH T atanh(T x) {
  const T size = abs(x);
  return copysign(T(0.5) * log1p(2 * size / (1 - size)), x);
}

// --- inverses of sine, cosine and tangent --------------------------------------------------------

// (atan(x) - x) / x³ and (asin(x) - x) / x³, by z = x².
OFM_MATH float atan_rest(float z) {
  return polynomial(z, -0.333333317f, 0.199997393f, -0.142785687f, 0.110337641f, -0.0865688043f,
                    0.0625016944f, -0.035871539f, 0.0135077714f, -0.00238699732f);
}
OFM_MATH double atan_rest(double z) {
  return polynomial(z, -0.333333333333333315, 0.199999999999975309, -0.142857142853841323,
                    0.111111110934908275, -0.0909090859089193432, 0.0769229897103321653,
                    -0.0666656469928910422, 0.0588150687779365605, -0.0525797333428411062,
                    0.0473774957952777867, -0.0426035663260165218, 0.0374948681253524721,
                    -0.0312771890669963845, 0.0236967315800486224, -0.0155351524754141768,
                    0.00836893117845016223, -0.00349588597391630937, 0.00104960350849685148,
                    -0.000199961893779013818, 1.80619546186121511e-05);
}
OFM_MATH float asin_rest(float z) {
  return polynomial(z, 0.166666724f, 0.0749885507f, 0.0450013801f, 0.0265545422f, 0.0380850236f);
}
OFM_MATH double asin_rest(double z) {
  return polynomial(z, 0.166666666666666685, 0.0749999999999843292, 0.0446428571463554288,
                    0.0303819441385312465, 0.0223721729421498886, 0.0173523927208699726,
                    0.0139712129735529329, 0.0114791774151849057, 0.0103228143501857793,
                    0.00545750671864035815, 0.0174008794426940214, -0.0148518870712472037,
                    0.0287578513674215663);
}

template<typename T>
constexpr T kHalfPi = static_cast<T>(1.57079632679489661923);
// What rounding π / 2 has lost.
template<typename T>
constexpr T kHalfPiRest = static_cast<T>(1.57079632679489661923L - kHalfPi<T>);

template<typename T>
OFM_MATH T atan(T x) {
  const T size = abs(x);
  const bool large = size > 1;
  const T v = large ? 1 / size : size, z = v * v;
  const T inside = fma(v * z, atan_rest(z), v);
  return copysign(large ? kHalfPi<T> - (inside - kHalfPiRest<T>) : inside, x);
}

// asin of what is below a half; of larger numbers twice the asin of the root of (1 - x) / 2, which
// is π / 2 less asin(x).
template<typename T>
struct Arc {
  bool large;
  T inside;

  OFM_MATH explicit Arc(T size) : large(size > T(0.5)) {
    const T z = large ? T(0.5) * (1 - size) : size * size;
    const T v = large ? sqrt(z) : size;
    inside = fma(v * z, asin_rest(z), v);
  }
};
template<typename T>
OFM_MATH T asin(T x) {
  const Arc<T> arc(abs(x));
  const T large = kHalfPi<T> - (2 * arc.inside - kHalfPiRest<T>);
  return copysign(arc.large ? large : arc.inside, x);
}
template<typename T>
OFM_MATH T acos(T x) {
  const Arc<T> arc(abs(x));
  const T inside = copysign(arc.inside, x);
  const T small = kHalfPi<T> - (inside - kHalfPiRest<T>);
  const T below = 2 * (kHalfPi<T> - (arc.inside - kHalfPiRest<T>));
  return !arc.large ? small : x < 0 ? below : 2 * arc.inside;
}

// --- the error function --------------------------------------------------------------------------

OFM_MATH float erf(float x) {
  const float size = abs(x), square = x * x;
  const float small = fma(x, polynomial(square, 1.283791661e-01f, -3.761262596e-01f,
                                        1.128359959e-01f, -2.685442753e-02f, 5.189505406e-03f,
                                        -8.020589012e-04f, 7.888318214e-05f), x);
  // -log(1 - erf(t))
  const float t = size < 4 ? size : 4.f;
  const float exponent = polynomial(t, -1.887706749e-04f, 1.129581690e+00f, 6.332138181e-01f,
                                    1.084247380e-01f, -2.521194704e-02f, 4.205861129e-03f,
                                    -4.415853182e-04f, 2.170687549e-05f);
  const float large = copysign(1 - exp_inside(-exponent), x);
  return size > 1 ? large : small;  // NaN stays: it is not larger
}

// (1 + 2 x) e^(x²) erfc(x) by (x - k) / (x + k), where k is the number before.
constexpr float scaled_erfc_middle(float) { return 2; }
constexpr double scaled_erfc_middle(double) { return 4; }
OFM_MATH float scaled_erfc(float t) {
  return polynomial(t, 1.27697838f, -0.0927639632f, -0.166030434f, 0.164055199f, -0.0542138765f,
                    -0.00806206843f, 0.00866199835f, 0.00132876772f, -0.00126063436f,
                    -0.000422515471f);
}
OFM_MATH double scaled_erfc(double t) {
  return polynomial(t, 1.23299511862555256, -0.139621116840562859, 0.015379652102621091,
                    0.0680970542547335994, -0.101039066036373623, 0.0937328349969053509,
                    -0.0663303658110103028, 0.0371675155610567132, -0.0161977340655028758,
                    0.00503196976505112213, -0.000757773296373946215, -0.000199255534760078384,
                    0.000150622052323059888, -2.44031604971926337e-05, -1.12242935946793853e-05,
                    5.71806700478588108e-06, 3.00605302027092608e-07, -8.35688605480224439e-07,
                    6.32638193601384593e-08, 1.15975649197128366e-07, -7.79621093575039554e-09,
                    -1.39528121230423838e-08, -1.90738862700797137e-09);
}

// For numbers that are not negative.
template<typename T>
OFM_MATH T erfc_above(T size) {
  const T x = size > T(28) ? T(28) : size;
  const T k = scaled_erfc_middle(x), sum = x + k, scale = fma(T(2), x, T(1));
  const T shared = 1 / (sum * scale);
  const T square = x * x, lost = fma(x, x, -square);
  const T out = exp(-square) * (scaled_erfc((x - k) * (shared * scale)) * (shared * sum));
  return fma(-lost, out, out);
}
template<typename T>
OFM_MATH T erfc(T x) {
  const T above = erfc_above(abs(x));
  return x < 0 ? 2 - above : above;
}
OFM_MATH double erf(double x) {
  const double size = abs(x), z = x * x;
  const double small = fma(x, polynomial(z, 0.128379167095512559, -0.376126389031835429,
                                         0.112837916709450065, -0.0268661706432377703,
                                         0.00522397760711642255, -0.000854832597538969182,
                                         0.000120552949048397074, -1.49247369074196605e-05,
                                         1.64474247033173623e-06, -1.62084838018717052e-07,
                                         1.37200645467776862e-08, -7.79589882700214246e-10), x);
  const double large = 1 - erfc_above(size);
  return copysign(size < 1 ? abs(small) : large, x);
}

// --- sine and cosine -----------------------------------------------------------------------------

// Up to this size sin and cos are right; what is larger is for std::sin and std::cos.
template<typename T>
struct Trigonometry {
  static constexpr double limit = std::is_same<T, float>::value ? 1099511627776. : 1073741824.;
};

// x less its nearest multiple of π/2, in two parts, and which multiple (modulo 4).
struct Reduced {
  double r, rest;
  int64_t quarter;
};
OFM_MATH Reduced reduce(double x) {
  const double shifted = fma(x, 0.63661977236758138, Constants<double>::magic);
  const double n = shifted - Constants<double>::magic;
  const double first = fma(-n, 1.5707963267948966, x);
  const double r = fma(-n, 6.123233995736766e-17, first);
  const double lost = fma(-n, 6.123233995736766e-17, first - r);
  return {r, fma(n, 1.4973849048591833e-33, lost), bits_of(shifted) & 3};
}

OFM_MATH double sine_rest(double z, float) {
  return polynomial(z, -0.166666666397187175, 0.00833332916354030038, -0.000198392627323450367,
                    2.71761912243828218e-6);
}
OFM_MATH double sine_rest(double z, double) {
  return polynomial(z, -0.166666666666666279, 0.00833333333332131287, -0.000198412698288840395,
                    2.75573133601519111e-6, -2.50507046953444099e-8, 1.58936246286919355e-10);
}
OFM_MATH double cosine_rest(double z, float) {
  return polynomial(z, 0.0416666459119666171, -0.0013887317256067941, 0.0000244323612267390541);
}
OFM_MATH double cosine_rest(double z, double) {
  return polynomial(z, 0.0416666666666665911, -0.00138888888888726257, 0.0000248015872885135714,
                    -2.75573140632441257e-7, 2.08756827906851717e-9, -1.13574947669855385e-11);
}

template<typename T>
OFM_MATH double sine_inside(Reduced x) {
  const double z = x.r * x.r;
  return fma(z * x.r, sine_rest(z, T()), x.rest) + x.r;
}
template<typename T>
OFM_MATH double cosine_inside(Reduced x) {
  const double z = x.r * x.r, half = 0.5 * z, most = 1 - half;
  return most + ((1 - most) - half + fma(z * z, cosine_rest(z, T()), -x.r * x.rest));
}

template<typename T>
OFM_MATH T sin(T x) {
  const Reduced reduced = reduce(x);
  const double sine = sine_inside<T>(reduced), cosine = cosine_inside<T>(reduced);
  const double out = reduced.quarter & 1 ? cosine : sine;
  return static_cast<T>(x == 0 ? x : reduced.quarter & 2 ? -out : out);
}
template<typename T>
OFM_MATH T cos(T x) {
  const Reduced reduced = reduce(x);
  const double sine = sine_inside<T>(reduced), cosine = cosine_inside<T>(reduced);
  const double out = reduced.quarter & 1 ? sine : cosine;
  return static_cast<T>((reduced.quarter + 1) & 2 ? -out : out);
}
template<typename T>
OFM_MATH T tan(T x) {
  const Reduced reduced = reduce(x);
  const double sine = sine_inside<T>(reduced), cosine = cosine_inside<T>(reduced);
  const double out = reduced.quarter & 1 ? -cosine / sine : sine / cosine;
  return static_cast<T>(x == 0 ? x : out);
}

}  // namespace math
}  // namespace ofm

#endif  // OFM_VECTOR_MATH_H_
