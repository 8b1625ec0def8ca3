// Functions of one number, and their gradients.
#include "elementwise.h"
#include "lanes.h"
#include "vector_math.h"

namespace ofm {
namespace elementwise {
namespace {

using lanes::Lanes;

OFM_FUNCTION(Exp, math::exp(x))
OFM_FUNCTION(Expm1, math::expm1(x))
OFM_FUNCTION(Log, math::log(x))
OFM_FUNCTION(Log2, math::log2(x))
OFM_FUNCTION(Log1p, math::log1p(x))
OFM_FUNCTION(Log10, math::log10(x))
OFM_FUNCTION(Sqrt, math::sqrt(x))
OFM_FUNCTION(Rsqrt, 1 / math::sqrt(x))
OFM_FUNCTION(Reciprocal, 1 / x)
OFM_FUNCTION(ReciprocalNoNan, x == 0 ? T(0) : 1 / x)
OFM_FUNCTION(Square, x * x)
OFM_FUNCTION(Erf, math::erf(x))
OFM_FUNCTION(Erfc, math::erfc(x))
OFM_FUNCTION(Lgamma, std::lgamma(x))
OFM_FUNCTION(Floor, math::floor(x))
OFM_FUNCTION(Ceil, math::ceil(x))
OFM_FUNCTION(Rint, math::rint(x))
OFM_FUNCTION(Trunc, math::trunc(x))
OFM_FUNCTION(Same, x)
OFM_FUNCTION(Sinh, math::sinh(x))
OFM_FUNCTION(Cosh, math::cosh(x))
OFM_FUNCTION(Asin, math::asin(x))
OFM_FUNCTION(Acos, math::acos(x))
OFM_FUNCTION(Atan, math::atan(x))
OFM_FUNCTION(Asinh, math::asinh(x))
OFM_FUNCTION(Acosh, math::acosh(x))
OFM_FUNCTION(Atanh, math::atanh(x))

template<typename T, bool = std::is_floating_point<T>::value>
struct Signs {
  static OFM_MATH T abs(T x) { return math::abs(x); }
  static OFM_MATH T negative(T x) { return -x; }
};
// Of integers, where the lowest one stays as it is.
template<typename T>
struct Signs<T, false> {
  using Unsigned = typename std::make_unsigned<T>::type;
  static OFM_MATH T negative(T x) { return static_cast<T>(Unsigned{0} - static_cast<Unsigned>(x)); }
  static OFM_MATH T abs(T x) { return x < 0 ? negative(x) : x; }
};
OFM_FUNCTION(Abs, Signs<T>::abs(x))
OFM_FUNCTION(Negative, Signs<T>::negative(x))
OFM_FUNCTION(Sign, static_cast<T>((x > 0) - (x < 0)))

#define OFM_PREDICATE(name, expression)                             \
  template<typename T>                                              \
  struct name {                                                     \
    explicit name(const Numbers&) {}                                \
    OFM_MATH bool operator()(T x) const { return expression; }      \
  };
OFM_PREDICATE(IsNan, x != x)
OFM_PREDICATE(IsInf, (x == std::numeric_limits<T>::infinity())
                         | (x == -std::numeric_limits<T>::infinity()))
OFM_PREDICATE(IsFinite, x - x == 0)
OFM_PREDICATE(Zero, x == 0)
OFM_PREDICATE(Never, false)
OFM_PREDICATE(Always, true)

// --- sine, cosine, tangent -----------------------------------------------------------------------

// What is computed of an angle: by registers for small floats, by double, by the standard library
// for those that are too large for either.
#define OFM_ANGLE(name, quick_one, slow_one, of_lanes)             \
  template<typename T>                                             \
  struct name {                                                    \
    static OFM_MATH T quick(T x) { return quick_one; }             \
    static T slow(T x) { return slow_one; }                        \
    static OFM_MATH Lanes lanes(Lanes x) { return of_lanes; }      \
  };
// Just below 1 places are half as wide: there it is 1 less something small.
OFM_MATH Lanes cosine(Lanes x) {
  const Lanes half = lanes::sin(x * 0.5f);
  const Lanes small = lanes::less_product(half * 2.f, half, Lanes(1.f));
  return lanes::select(lanes::less(lanes::size_of(x), 0.5f), small, lanes::cos(x));
}
OFM_ANGLE(Sin, math::sin(x), std::sin(x), lanes::sin(x))
OFM_ANGLE(Cos, math::cos(x), std::cos(x), cosine(x))
OFM_ANGLE(MinusSin, -math::sin(x), -std::sin(x), Lanes(0.f) - lanes::sin(x))
OFM_ANGLE(Tan, math::tan(x), std::tan(x), lanes::tan(x))

// Whether some number's size is above a limit.
template<typename T>
bool some_above(T limit, const T* x, int64_t count) {
  int32_t found = 0;
  for (int64_t i = 0; i < count; ++i) { found |= math::abs(x[i]) > limit; }
  return found != 0;
}

template<template<typename> class Function>
bool by_lanes(const float* x, float* y, int64_t count) {
  if (some_above(lanes::kLargestAngle, x, count)) { return false; }
  lanes::each(count, y, [](Lanes v) OFM_INLINE { return Function<float>::lanes(v); }, x);
  return true;
}
template<template<typename> class Function>
bool by_lanes(const double*, double*, int64_t) {
  return false;
}

template<template<typename> class Function, typename T>
void of_angles(const T* x, T* y, int64_t count) {
  if (by_lanes<Function>(x, y, count)) { return; }
  if (some_above(static_cast<T>(math::Trigonometry<T>::limit), x, count)) {
    for (int64_t i = 0; i < count; ++i) { y[i] = Function<T>::slow(x[i]); }
  } else {
#pragma GCC ivdep
    for (int64_t i = 0; i < count; ++i) { y[i] = Function<T>::quick(x[i]); }
  }
}

constexpr int64_t kAngles = 512;

template<template<typename> class Function, typename T>
void angles(const Block& block) {
  const T* x = static_cast<const T*>(block.in[0]);
  T* y = static_cast<T*>(block.out);
  for (int64_t i = 0; i < block.count; i += kAngles) {
    of_angles<Function>(x + i, y + i, std::min(kAngles, block.count - i));
  }
}

// The slope where the function of the angle has this value.
struct OfTan {
  template<typename T, typename Round>
  static OFM_MATH T slope(T t, Round r) {
    return r(1 + r(t * t));
  }
};
struct Itself {
  template<typename T, typename Round>
  static OFM_MATH T slope(T t, Round) {
    return t;
  }
};
template<template<typename> class Function, typename Slope, typename T, typename Round>
void angle_gradients(const Block& block) {
  const T *x = static_cast<const T*>(block.in[0]), *dy = static_cast<const T*>(block.in[1]);
  T* dx = static_cast<T*>(block.out);
  const Round r{};
  T values[kAngles];
  for (int64_t i = 0; i < block.count; i += kAngles) {
    const int64_t count = std::min(kAngles, block.count - i);
    of_angles<Function>(x + i, values, count);
#pragma GCC ivdep
    for (int64_t j = 0; j < count; ++j) {
      dx[i + j] = dy[i + j] * Slope::slope(static_cast<T>(r(values[j])), r);
    }
  }
}

// --- in float, by registers ----------------------------------------------------------------------

// As math::erfc, with a reciprocal for the two quotients.
OFM_MATH Lanes erfc_of(Lanes x) {
  const Lanes size = lanes::at_most(10.5f, lanes::size_of(x)), square = size * size;
  const Lanes sum = size + 2.f, scale = size + size + 1.f, shared = lanes::reciprocal(sum * scale);
  const Lanes t = (size - 2.f) * (shared * scale);
  const Lanes part = lanes::polynomial(t, 1.27697838f, -0.0927639632f, -0.166030434f, 0.164055199f,
                                       -0.0542138765f, -0.00806206843f, 0.00866199835f,
                                       0.00132876772f, -0.00126063436f, -0.000422515471f);
  const Lanes out = lanes::exp_between(Lanes(0.f) - square) * (part * (shared * sum));
  const Lanes lost = lanes::fma(size, size, Lanes(0.f) - square);
  const Lanes above = lanes::select(lanes::less(square, 104.f), lanes::less_product(lost, out, out),
                                    out * 0.f);
  return lanes::select(lanes::less(x, 0.f), Lanes(2.f) - above, above);
}
OFM_LANES(ExpLanes, (Lanes x), lanes::exp(x))
OFM_LANES(ErfcLanes, (Lanes x), erfc_of(x))
OFM_LANES(LogLanes, (Lanes x), lanes::log(x))
OFM_LANES(Log2Lanes, (Lanes x), lanes::log2(x))
OFM_LANES(Log10Lanes, (Lanes x), lanes::log10(x))

// --- gradients, of x and dy ----------------------------------------------------------------------

template<typename T>
OFM_MATH T reciprocal_root(T x) {
  return 1 / math::sqrt(x);
}
template<typename T, typename Round>
OFM_MATH T cube(T x, Round r) {
  const bool twice = std::is_same<Round, Rounded<BFloat16>>::value;  // as PyTorch's own power
  return r((twice ? static_cast<T>(r(x * x)) : x * x) * x);
}
// Of 1 - x², as asin has it.
template<typename T, typename Round>
OFM_MATH T slope_of_asin(T x, Round r) {
  return r(reciprocal_root(r(1 - r(x * x))));
}
template<typename T, typename Round>
OFM_MATH T slope_of_erf(T x, Round r) {
  return r(T(1.12837916709551257390) * r(math::exp(-r(x * x))));
}
template<typename T, typename Round>
OFM_MATH T square_of(T x, Round r) {
  return r(x * x);
}
OFM_FUNCTION2(AbsGrad, x > 0 ? y : x < 0 ? -y : T(0))
OFM_STEPS2(ExpGrad, y * r(math::exp(x)))
OFM_STEPS2(Expm1Grad, y * r(r(math::expm1(x)) + 1))
OFM_FUNCTION2(LogGrad, y / x)
OFM_STEPS2(Log2Grad, y / r(x * T(0.69314718055994530942)))
OFM_STEPS2(Log10Grad, y / r(x * T(2.30258509299404568402)))
OFM_STEPS2(Log1pGrad, y / r(1 + x))
OFM_STEPS2(SqrtGrad, y / (2 * r(math::sqrt(x))))
OFM_STEPS2(RsqrtGrad, T(-0.5) * y * cube(r(reciprocal_root(x)), r))
OFM_STEPS2(ReciprocalGrad, -y * square_of(r(1 / x), r))
OFM_FUNCTION2(ReciprocalNoNanGrad, x == 0 ? T(0) : -y / (x * x))
OFM_FUNCTION2(SquareGrad, 2 * x * y)
OFM_STEPS2(ErfGrad, y * slope_of_erf(x, r))
OFM_STEPS2(ErfcGrad, -y * slope_of_erf(x, r))
OFM_STEPS2(SinhGrad, y * r(math::cosh(x)))
OFM_STEPS2(CoshGrad, y * r(math::sinh(x)))
OFM_STEPS2(AsinGrad, y * slope_of_asin(x, r))
OFM_STEPS2(AcosGrad, -y * slope_of_asin(x, r))
OFM_STEPS2(AtanGrad, y / r(1 + square_of(x, r)))
OFM_STEPS2(AsinhGrad, y * r(reciprocal_root(r(square_of(x, r) + 1))))
OFM_STEPS2(AcoshGrad, y * r(reciprocal_root(r(square_of(x, r) - 1))))
OFM_STEPS2(AtanhGrad, y / r(1 - square_of(x, r)))

// `cost` is in simple operations an element.
template<template<typename> class Function>
Plan plan_of(const char* op, int cost) {
  Plan plan{op, 1, {"x"}, "y"};
  fill1<Function, float, double>(plan);
  plan.grain = kGrain / cost;
  return plan;
}
template<template<typename> class Function>
void unary(const char* op, int cost) {
  add(plan_of<Function>(op, cost));
}
template<template<typename> class Function, typename Floats>
void unary(const char* op, int cost) {
  Plan plan = plan_of<Function>(op, cost);
  fill_lanes<Floats>(plan, std::make_index_sequence<1>());
  add(plan);
}
template<template<typename> class Function>
void angle(const char* op) {
  Plan plan{op, 1, {"x"}, "y"};
  plan.row[F32] = angles<Function, float>;
  plan.row[F64] = angles<Function, double>;
  plan.grain = kGrain / 8;
  add(plan);
}
template<template<typename> class Function>
void gradient(const char* op, int cost) {
  Plan plan{op, 2, {"x", "dy"}, "dx"};
  fill2<Function, float, double>(plan);
  plan.grain = kGrain / cost;
  add(plan);
}
template<template<typename, typename> class Function>
void stepped_gradient(const char* op, int cost) {
  Plan plan{op, 2, {"x", "dy"}, "dx"};
  fill_steps<Function, float, double>(plan, std::make_index_sequence<2>());
  plan.grain = kGrain / cost;
  add(plan);
}
template<template<typename> class Function, typename Slope = Itself>
void angle_gradient(const char* op) {
  Plan plan{op, 2, {"x", "dy"}, "dx"};
  plan.row[F32] = angle_gradients<Function, Slope, float, Exact>;
  plan.row[F64] = angle_gradients<Function, Slope, double, Exact>;
  plan.stepped[0] = angle_gradients<Function, Slope, float, Rounded<Half>>;
  plan.stepped[1] = angle_gradients<Function, Slope, float, Rounded<BFloat16>>;
  plan.grain = kGrain / 8;
  add(plan);
}
// With a loop for integers besides.
template<template<typename> class Real, template<typename> class Whole>
void of_all(const char* op, const char* in = "x", const char* out = "y") {
  Plan plan{op, 1, {in}, out};
  fill1<Real, float, double>(plan);
  fill1<Whole, int8_t, uint8_t, int16_t, int32_t, int64_t>(plan);
  add(plan);
}
template<template<typename> class Real, template<typename> class Whole>
void predicate(const char* op, const char* in, const char* out) {
  Plan plan{op, 1, {in}, out};
  fill1<Real, float, double>(plan);
  fill1<Whole, int8_t, uint8_t, int16_t, int32_t, int64_t, bool>(plan);
  plan.result = B1;
  add(plan);
}

const bool registered = [] {
  unary<Exp, ExpLanes>("exp", 4);
  unary<Expm1>("expm1", 4);
  unary<Log, LogLanes>("log", 4);
  unary<Log2, Log2Lanes>("log2", 4);
  unary<Log10, Log10Lanes>("log10", 4);
  unary<Log1p>("log1p", 4);
  unary<Sqrt>("sqrt", 1);
  unary<Rsqrt>("rsqrt", 1);
  unary<Reciprocal>("reciprocal", 1);
  unary<ReciprocalNoNan>("reciprocal_no_nan", 1);
  of_all<Square, Square>("square");
  unary<Erf>("erf", 4);
  unary<Erfc, ErfcLanes>("erfc", 4);
  unary<Lgamma>("lgamma", 32);
  unary<Sinh>("sinh", 8);
  unary<Cosh>("cosh", 8);
  unary<Asin>("asin", 8);
  unary<Acos>("acos", 8);
  unary<Atan>("atan", 8);
  unary<Asinh>("asinh", 8);
  unary<Acosh>("acosh", 8);
  unary<Atanh>("atanh", 8);
  angle<Sin>("sin");
  angle<Cos>("cos");
  angle<Tan>("tan");
  of_all<Floor, Same>("floor");
  of_all<Ceil, Same>("ceil");
  of_all<Rint, Same>("round");
  of_all<Rint, Same>("rint");
  of_all<Trunc, Same>("trunc", "in", "out");
  of_all<Abs, Abs>("abs");
  of_all<Negative, Negative>("negative");
  of_all<Sign, Sign>("sign");
  predicate<IsNan, Never>("isnan", "in", "out");
  predicate<IsInf, Never>("isinf", "in", "out");
  predicate<IsFinite, Always>("isfinite", "in", "out");
  predicate<Zero, Zero>("logical_not", "x", "y");

  gradient<AbsGrad>("abs_grad", 1);
  stepped_gradient<ExpGrad>("exp_grad", 4);
  stepped_gradient<Expm1Grad>("expm1_grad", 4);
  gradient<LogGrad>("log_grad", 1);
  stepped_gradient<Log2Grad>("log2_grad", 1);
  stepped_gradient<Log10Grad>("log10_grad", 1);
  stepped_gradient<Log1pGrad>("log1p_grad", 1);
  stepped_gradient<SqrtGrad>("sqrt_grad", 1);
  stepped_gradient<RsqrtGrad>("rsqrt_grad", 1);
  stepped_gradient<ReciprocalGrad>("reciprocal_grad", 1);
  gradient<ReciprocalNoNanGrad>("reciprocal_no_nan_grad", 1);
  gradient<SquareGrad>("square_grad", 1);
  stepped_gradient<ErfGrad>("erf_grad", 4);
  stepped_gradient<ErfcGrad>("erfc_grad", 4);
  stepped_gradient<SinhGrad>("sinh_grad", 8);
  stepped_gradient<CoshGrad>("cosh_grad", 8);
  stepped_gradient<AsinGrad>("asin_grad", 1);
  stepped_gradient<AcosGrad>("acos_grad", 1);
  stepped_gradient<AtanGrad>("atan_grad", 1);
  stepped_gradient<AsinhGrad>("asinh_grad", 1);
  stepped_gradient<AcoshGrad>("acosh_grad", 1);
  stepped_gradient<AtanhGrad>("atanh_grad", 1);
  angle_gradient<Cos>("sin_grad");
  angle_gradient<MinusSin>("cos_grad");
  angle_gradient<Tan, OfTan>("tan_grad");
  return true;
}();

}  // namespace
}  // namespace elementwise
}  // namespace ofm
