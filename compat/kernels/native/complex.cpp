// Arithmetic and functions of complex numbers. Their gradients are OneFlow's own: see dtypes.cpp.
#include "elementwise.h"

namespace ofm {
namespace elementwise {
namespace {

// --- element by element --------------------------------------------------------------------------

OFM_FUNCTION2(Add, x + y)
OFM_FUNCTION2(Sub, x - y)
OFM_FUNCTION2(Mul, x * y)
OFM_FUNCTION2(Div, x / y)
OFM_FUNCTION2(Pow, y == T(0) ? T(1) : std::pow(x, y))
OFM_FUNCTION(Negative, -x)
OFM_FUNCTION(Reciprocal, T(1) / x)
OFM_FUNCTION(Square, x * x)
OFM_FUNCTION(Sqrt, std::sqrt(x))
OFM_FUNCTION(Rsqrt, T(1) / std::sqrt(x))
OFM_FUNCTION(Exp, std::exp(x))
OFM_FUNCTION(Log, std::log(x))
OFM_FUNCTION(Log10, std::log10(x))
OFM_FUNCTION(Sin, std::sin(x))
OFM_FUNCTION(Cos, std::cos(x))
OFM_FUNCTION(Tan, std::tan(x))
OFM_FUNCTION(Sinh, std::sinh(x))
OFM_FUNCTION(Cosh, std::cosh(x))
OFM_FUNCTION(Tanh, std::tanh(x))
OFM_FUNCTION(Asin, std::asin(x))
OFM_FUNCTION(Acos, std::acos(x))
OFM_FUNCTION(Atan, std::atan(x))
OFM_FUNCTION(Asinh, std::asinh(x))
OFM_FUNCTION(Acosh, std::acosh(x))
OFM_FUNCTION(Atanh, std::atanh(x))
OFM_FUNCTION(Sigmoid, T(1) / (T(1) + std::exp(-x)))
OFM_FUNCTION(Silu, x / (T(1) + std::exp(-x)))
OFM_FUNCTION(Log2, std::log(x) / T(0.693147180559945309))

// Near 0 without the digits that 1 + x and exp(x) - 1 lose.
template<typename R>
std::complex<R> log1p(std::complex<R> x) {
  const R angle = std::atan2(x.imag(), x.real() + 1);
  if (std::abs(x) >= R(0.5)) { return {std::log(std::hypot(x.real() + 1, x.imag())), angle}; }
  const R above = x.real() * (2 + x.real()) + x.imag() * x.imag();
  return {above == 0 ? x.real() : std::log1p(above) / 2, angle};
}
template<typename R>
std::complex<R> expm1(std::complex<R> x) {
  const R half = std::sin(x.imag() / 2);
  return {std::expm1(x.real()) * std::cos(x.imag()) - 2 * half * half,
          std::exp(x.real()) * std::sin(x.imag())};
}
OFM_FUNCTION(Log1p, log1p(x))
OFM_FUNCTION(Expm1, expm1(x))

OFM_FUNCTION2(ExpGrad, y * std::exp(x))
OFM_FUNCTION2(LogGrad, y / x)
OFM_FUNCTION2(Log10Grad, y / (x * T(2.302585092994045684)))
OFM_FUNCTION2(SqrtGrad, y / (T(2) * std::sqrt(x)))
OFM_FUNCTION2(RsqrtGrad, y * T(-0.5) / (x * std::sqrt(x)))
OFM_FUNCTION2(ReciprocalGrad, -y / (x * x))
OFM_FUNCTION2(SquareGrad, y * x * T(2))
OFM_FUNCTION2(SinGrad, y * std::cos(x))
OFM_FUNCTION2(CosGrad, -y * std::sin(x))
OFM_FUNCTION2(TanGrad, y / (std::cos(x) * std::cos(x)))
OFM_FUNCTION2(SinhGrad, y * std::cosh(x))
OFM_FUNCTION2(CoshGrad, y * std::sinh(x))
OFM_FUNCTION2(TanhGrad, y * (T(1) - std::tanh(x) * std::tanh(x)))
OFM_FUNCTION2(AsinGrad, y / std::sqrt(T(1) - x * x))
OFM_FUNCTION2(AcosGrad, -y / std::sqrt(T(1) - x * x))
OFM_FUNCTION2(AtanGrad, y / (T(1) + x * x))
OFM_FUNCTION2(AsinhGrad, y / std::sqrt(T(1) + x * x))
OFM_FUNCTION2(AcoshGrad, y / (std::sqrt(x - T(1)) * std::sqrt(x + T(1))))
OFM_FUNCTION2(AtanhGrad, y / (T(1) - x * x))
OFM_FUNCTION2(Log2Grad, y / (x * T(0.693147180559945309)))
OFM_FUNCTION2(Log1pGrad, y / (x + T(1)))
template<typename T>
T silu_slope(T x) {
  const T sigmoid = T(1) / (T(1) + std::exp(-x));
  return sigmoid * (T(1) + x * (T(1) - sigmoid));
}
OFM_FUNCTION2(SiluGrad, y * silu_slope(x))
// Of the sigmoid itself.
OFM_FUNCTION2(SigmoidGrad, y * x * (T(1) - x))

#define OFM_COMPARISON(name, expression)                                        \
  template<typename T>                                                          \
  struct name {                                                                 \
    explicit name(const Numbers&) {}                                            \
    bool operator()(T x, T y) const { return expression; }                      \
  };                                                                            \
  template<typename T>                                                          \
  struct name##Number {                                                         \
    explicit name##Number(const Numbers& numbers) : y(numbers.get<T>(0)) {}     \
    bool operator()(T x) const { return expression; }                           \
    const T y;                                                                  \
  };
OFM_COMPARISON(Equal, x == y)
OFM_COMPARISON(NotEqual, x != y)
OFM_COMPARISON(And, (x != T(0)) & (y != T(0)))
OFM_COMPARISON(Or, (x != T(0)) | (y != T(0)))
OFM_COMPARISON(Xor, (x != T(0)) ^ (y != T(0)))

#define OFM_PREDICATE(name, expression)               \
  template<typename T>                                \
  struct name {                                       \
    explicit name(const Numbers&) {}                  \
    bool operator()(T x) const { return expression; } \
  };
OFM_PREDICATE(IsNan, std::isnan(x.real()) | std::isnan(x.imag()))
OFM_PREDICATE(IsInf, std::isinf(x.real()) | std::isinf(x.imag()))
OFM_PREDICATE(IsFinite, std::isfinite(x.real()) & std::isfinite(x.imag()))
OFM_PREDICATE(Zero, x == T(0))

// Within atol + rtol |y|, or equal, as infinities are.
template<typename T, bool nan_is_close>
struct CloseTo {
  explicit CloseTo(const Numbers& numbers) : atol(numbers.real[0]), rtol(numbers.real[1]) {}
  bool operator()(T x, T y) const {
    const auto gap = std::abs(x - y);
    const bool near = std::isfinite(gap) && gap <= atol + rtol * std::abs(y);
    return near || x == y || (nan_is_close && x != x && y != y);
  }
  const double atol, rtol;
};
template<typename T>
using Close = CloseTo<T, false>;
template<typename T>
using CloseOrNan = CloseTo<T, true>;
void tolerances(Context* context, DataType, Numbers* numbers) {
  numbers->real[0] = context->Attr<float>("atol");
  numbers->real[1] = context->Attr<float>("rtol");
}

#define OFM_BESIDE(name, expression)                                  \
  template<typename T>                                                \
  struct name {                                                       \
    explicit name(const Numbers& numbers) : y(numbers.get<T>(0)) {}   \
    T operator()(T x) const { return expression; }                    \
    const T y;                                                        \
  };
OFM_BESIDE(AddNumber, x + y)
OFM_BESIDE(MulNumber, x * y)
OFM_BESIDE(DivNumber, x / y)
OFM_BESIDE(PowNumber, y == T(0) ? T(1) : y == T(2) ? x * x : std::pow(x, y))
OFM_BESIDE(NumberPow, std::pow(y, x))

// As PyTorch has it: 0 where the exponent is, and where the base is and the exponent not negative.
template<typename T>
T of_base(T x, T y) {
  return y == T(0) ? T(0) : y == T(2) ? T(2) * x : y * std::pow(x, y - T(1));
}
template<typename T>
T of_exponent(T x, T y) {
  const bool still = x == T(0) && y.imag() == 0 && y.real() >= 0;
  return still ? T(0) : std::pow(x, y) * std::log(x);
}
template<typename T>
struct PowXGrad {
  explicit PowXGrad(const Numbers&) {}
  T operator()(T x, T y, T dz) const { return dz * of_base(x, y); }
};
template<typename T>
struct PowYGrad {
  explicit PowYGrad(const Numbers&) {}
  T operator()(T x, T y, T dz) const { return dz * of_exponent(x, y); }
};
#define OFM_GRADIENT_BESIDE(name, expression)                         \
  template<typename T>                                                \
  struct name {                                                       \
    explicit name(const Numbers& numbers) : y(numbers.get<T>(0)) {}   \
    T operator()(T x, T dy) const { return dy * expression; }         \
    const T y;                                                        \
  };
OFM_GRADIENT_BESIDE(PowNumberGrad, of_base(x, y))
OFM_GRADIENT_BESIDE(NumberPowGrad, of_exponent(y, x))

void operand_number(Context* context, DataType, Numbers* numbers) {
  numbers->real[0] = context->Attr<bool>("has_int_operand")
                         ? static_cast<double>(context->Attr<int64_t>("int_operand"))
                         : context->Attr<double>("float_operand");
}

template<template<typename> class Function>
void function(const char* op, const char* in = "x", const char* out = "y") {
  Plan plan{op, 1, {in}, out};
  fill1<Function, OFM_COMPLEX>(plan);
  plan.grain = kGrain / 32;
  add(plan);
}
template<template<typename> class Function>
void of_two(const char* op, const char* x = "x", const char* y = "y", const char* out = "z") {
  Plan plan{op, 2, {x, y}, out};
  fill2<Function, OFM_COMPLEX>(plan);
  plan.grain = kGrain / 4;
  add(plan);
}
template<template<typename> class Function>
void of_number(const char* op) {
  Plan plan{op, 1, {"in"}, "out"};
  fill1<Function, OFM_COMPLEX>(plan);
  plan.numbers = operand_number;
  plan.overwritten = 0;
  add(plan);
}
template<template<typename> class Function>
void by_tensor(const char* op) {
  Plan plan{op, 2, {"x", "scalar"}, "y"};
  fill2<Function, OFM_COMPLEX>(plan);
  plan.overwritten = 0;
  add(plan);
}
template<template<typename> class Function>
void compare(const char* op, void (*numbers)(Context*, DataType, Numbers*) = nullptr) {
  Plan plan{op, 2, {"x", "y"}, "z"};
  fill2<Function, OFM_COMPLEX>(plan);
  plan.result = B1;
  plan.numbers = numbers;
  add(plan);
}
template<template<typename> class Function>
void compare_number(const char* op) {
  Plan plan{op, 1, {"in"}, "out"};
  fill1<Function, OFM_COMPLEX>(plan);
  plan.result = B1;
  plan.numbers = operand_number;
  add(plan);
}
template<template<typename> class Function>
void predicate(const char* op, const char* in, const char* out) {
  Plan plan{op, 1, {in}, out};
  fill1<Function, OFM_COMPLEX>(plan);
  plan.result = B1;
  add(plan);
}

template<template<typename> class Function>
void gradient(const char* op, const char* of = "x",
              void (*numbers)(Context*, DataType, Numbers*) = nullptr) {
  Plan plan{op, 2, {of, "dy"}, "dx"};
  fill2<Function, OFM_COMPLEX>(plan);
  plan.grain = kGrain / 32;
  plan.numbers = numbers;
  add(plan);
}
template<template<typename> class Function>
void gradient_of_two(const char* op, const char* out) {
  Plan plan{op, 3, {"x", "y", "dz"}, out};
  fill3<Function, OFM_COMPLEX>(plan);
  plan.grain = kGrain / 32;
  add(plan);
}

const bool registered = [] {
  of_two<Add>("broadcast_add");
  of_two<Sub>("broadcast_sub");
  of_two<Mul>("broadcast_mul");
  of_two<Div>("broadcast_div");
  of_two<Pow>("broadcast_pow");
  of_two<Pow>("pow");
  of_number<AddNumber>("scalar_add");
  of_number<MulNumber>("scalar_mul");
  of_number<DivNumber>("scalar_div");
  of_number<PowNumber>("scalar_pow");
  of_number<NumberPow>("scalar_reverse_pow");
  by_tensor<Add>("scalar_add_by_tensor");
  by_tensor<Sub>("scalar_sub_by_tensor");
  by_tensor<Mul>("scalar_mul_by_tensor");
  by_tensor<Div>("scalar_div_by_tensor");
  compare<Equal>("broadcast_equal");
  compare<NotEqual>("broadcast_not_equal");
  compare<And>("broadcast_logical_and");
  compare<Or>("broadcast_logical_or");
  compare<Xor>("broadcast_logical_xor");
  compare<Close>("broadcast_isclose_neq_nan", tolerances);
  compare<CloseOrNan>("broadcast_isclose_eq_nan", tolerances);
  compare_number<EqualNumber>("scalar_logical_equal");
  compare_number<NotEqualNumber>("scalar_logical_not_equal");
  compare_number<AndNumber>("scalar_logical_and");
  compare_number<OrNumber>("scalar_logical_or");
  compare_number<XorNumber>("scalar_logical_xor");
  predicate<IsNan>("isnan", "in", "out");
  predicate<IsInf>("isinf", "in", "out");
  predicate<IsFinite>("isfinite", "in", "out");
  predicate<Zero>("logical_not", "x", "y");
  function<Negative>("negative");
  function<Reciprocal>("reciprocal");
  function<Square>("square");
  function<Sqrt>("sqrt");
  function<Rsqrt>("rsqrt");
  function<Exp>("exp");
  function<Log>("log");
  function<Log10>("log10");
  function<Log2>("log2");
  function<Log1p>("log1p");
  function<Expm1>("expm1");
  function<Sin>("sin");
  function<Cos>("cos");
  function<Tan>("tan");
  function<Sinh>("sinh");
  function<Cosh>("cosh");
  function<Tanh>("tanh");
  function<Asin>("asin");
  function<Acos>("acos");
  function<Atan>("atan");
  function<Asinh>("asinh");
  function<Acosh>("acosh");
  function<Atanh>("atanh");
  function<Sigmoid>("sigmoid");
  gradient<ExpGrad>("exp_grad");
  gradient<LogGrad>("log_grad");
  gradient<Log10Grad>("log10_grad");
  gradient<Log2Grad>("log2_grad");
  gradient<Log1pGrad>("log1p_grad");
  gradient<ExpGrad>("expm1_grad");
  gradient<SqrtGrad>("sqrt_grad");
  gradient<RsqrtGrad>("rsqrt_grad");
  gradient<ReciprocalGrad>("reciprocal_grad");
  gradient<SquareGrad>("square_grad");
  gradient<SinGrad>("sin_grad");
  gradient<CosGrad>("cos_grad");
  gradient<TanGrad>("tan_grad");
  gradient<SinhGrad>("sinh_grad");
  gradient<CoshGrad>("cosh_grad");
  gradient<TanhGrad>("tanh_grad");
  gradient<AsinGrad>("asin_grad");
  gradient<AcosGrad>("acos_grad");
  gradient<AtanGrad>("atan_grad");
  gradient<AsinhGrad>("asinh_grad");
  gradient<AcoshGrad>("acosh_grad");
  gradient<AtanhGrad>("atanh_grad");
  gradient<SigmoidGrad>("sigmoid_grad", "y");
  function<Silu>("silu", "in", "out");
  gradient<SiluGrad>("silu_grad");
  gradient_of_two<PowXGrad>("pow_x_grad", "dx");
  gradient_of_two<PowYGrad>("pow_y_grad", "dy");
  gradient<PowNumberGrad>("scalar_pow_grad", "x", operand_number);
  gradient<NumberPowGrad>("scalar_reverse_pow_grad", "x", operand_number);
  return true;
}();

}  // namespace
}  // namespace elementwise

namespace {

// --- sums ----------------------------------------------------------------------------------------

// Side by side, as many as are in registers, and then together.
template<typename T>
Complex128 sum_of(const T* from, int64_t count) {
  constexpr int64_t kLanes = 32;
  const auto* parts = reinterpret_cast<const typename T::value_type*>(from);
  double sums[kLanes] = {};
  int64_t i = 0;
  for (; i + kLanes <= 2 * count; i += kLanes) {
    for (int64_t lane = 0; lane < kLanes; ++lane) { sums[lane] += parts[i + lane]; }
  }
  for (int64_t lane = 0; i < 2 * count; ++i, ++lane) { sums[lane] += parts[i]; }
  for (int64_t lane = 2; lane < kLanes; ++lane) { sums[lane % 2] += sums[lane]; }
  return {sums[0], sums[1]};
}
template<typename T>
Complex128 product_of(const T* from, int64_t count) {
  Complex128 product = 1;
  for (int64_t i = 0; i < count; ++i) { product *= Complex128(from[i]); }
  return product;
}

// Over the dimensions of the attribute "axis", in the wider type.
template<typename T, bool multiplies>
struct Reduce {
  static void compute(Context* context) {
    using Sum = std::complex<double>;
    const auto shape = sizes(context, "input_tensor");
    const auto& axes = context->Attr<std::vector<int32_t>>("axis");
    std::vector<int64_t> step(shape.size());
    int64_t results = 1;
    for (size_t i = shape.size(); i-- > 0;) {
      const bool gone = std::find(axes.begin(), axes.end(), static_cast<int32_t>(i)) != axes.end();
      step[i] = gone ? 0 : results;
      if (!gone) { results *= shape[i]; }
    }
    std::vector<Sum> sums(results, multiplies ? Sum(1) : Sum(0));
    const T* from = data<T>(context, "input_tensor");
    std::vector<int64_t> at(shape.size());
    int64_t place = 0;
    // The last dimensions that all go, or all stay, are one run of memory.
    size_t outer = shape.size();
    int64_t run = 1;
    const bool gone = outer > 0 && step[outer - 1] == 0;
    for (; outer > 0 && (step[outer - 1] == 0) == gone; --outer) { run *= shape[outer - 1]; }
    for (int64_t i = 0, count = elements(context, "input_tensor"); i < count; i += run) {
      if (gone) {
        sums[place] = multiplies ? sums[place] * product_of(from + i, run)
                                 : sums[place] + sum_of(from + i, run);
      } else {
        for (int64_t j = 0; j < run; ++j) {
          const Sum value(from[i + j].real(), from[i + j].imag());
          sums[place + j] = multiplies ? sums[place + j] * value : sums[place + j] + value;
        }
      }
      for (size_t d = outer; d-- > 0;) {
        place += step[d];
        if (++at[d] < shape[d]) { break; }
        place -= at[d] * step[d];
        at[d] = 0;
      }
    }
    T* to = mut_data<T>(context, "output_tensor");
    for (int64_t i = 0; i < results; ++i) {
      using Part = typename T::value_type;
      to[i] = T(static_cast<Part>(sums[i].real()), static_cast<Part>(sums[i].imag()));
    }
  }
};
using Sum64 = Stateless<Reduce<std::complex<float>, false>>;
using Sum128 = Stateless<Reduce<std::complex<double>, false>>;
using Product64 = Stateless<Reduce<std::complex<float>, true>>;
using Product128 = Stateless<Reduce<std::complex<double>, true>>;
OFM_REGISTER("reduce_sum", Sum64, OFM_ON_CPU("input_tensor", DataType::kComplex64))
OFM_REGISTER("reduce_sum", Sum128, OFM_ON_CPU("input_tensor", DtypeOf<std::complex<double>>::value))
OFM_REGISTER("reduce_prod", Product64, OFM_ON_CPU("input_tensor", DataType::kComplex64))
OFM_REGISTER("reduce_prod", Product128, OFM_ON_CPU("input_tensor", DtypeOf<std::complex<double>>::value))

// --- gradients of scans --------------------------------------------------------------------------

// Of x, for running products along a dimension: each dy times the product of all but that x.
template<typename T>
struct CumProdGrad {
  static void compute(Context* context) {
    const auto shape = sizes(context, "input");
    const int64_t dim = context->Attr<int64_t>("dim");
    int64_t inner = 1, lines = 1;
    for (size_t d = 0; d < shape.size(); ++d) {
      if (static_cast<int64_t>(d) != dim) { lines *= shape[d]; }
      if (static_cast<int64_t>(d) > dim) { inner *= shape[d]; }
    }
    const int64_t size = shape[dim];
    const T *x = data<T>(context, "input"), *dy = data<T>(context, "dy");
    T* dx = mut_data<T>(context, "dx");
    parallel_for(lines, 1 + kGrain / std::max<int64_t>(size * size, 1),
                 [=](int64_t begin, int64_t end) {
      for (int64_t line = begin; line < end; ++line) {
        const int64_t start = line / inner * inner * size + line % inner;
        Complex128 before = 1;
        for (int64_t i = 0; i < size; ++i) {
          Complex128 sum = 0, product = before;
          for (int64_t j = i; j < size; ++j) {
            if (j > i) { product *= Complex128(x[start + j * inner]); }
            sum += Complex128(dy[start + j * inner]) * product;
          }
          dx[start + i * inner] = T(sum);
          before *= Complex128(x[start + i * inner]);
        }
      }
    });
  }
};
OFM_REGISTER("cumprod_grad", Stateless<CumProdGrad<Complex64>>, OFM_ON_CPU("dx", DataType::kComplex64))
OFM_REGISTER("cumprod_grad", Stateless<CumProdGrad<Complex128>>,
             OFM_ON_CPU("dx", DtypeOf<Complex128>::value))

}  // namespace
}  // namespace ofm
