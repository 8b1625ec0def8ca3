// Activations and their gradients.
#include "elementwise.h"
#include "lanes.h"
#include "vector_math.h"

namespace ofm {
namespace elementwise {
namespace {

using math::abs;
using math::exp;
using math::expm1;
using math::log1p;
using math::sigmoid;
using math::tanh;

template<typename T>
void attributes(Context* context, const char* first, const char* second, Numbers* numbers) {
  numbers->real[0] = context->Attr<T>(first);
  if (second != nullptr) { numbers->real[1] = context->Attr<T>(second); }
}
void alpha(Context* context, DataType, Numbers* numbers) {
  attributes<double>(context, "alpha", nullptr, numbers);
}
void float_alpha(Context* context, DataType, Numbers* numbers) {
  attributes<float>(context, "alpha", nullptr, numbers);
}
void lambd(Context* context, DataType, Numbers* numbers) {
  attributes<double>(context, "lambd", nullptr, numbers);
}
void limits(Context* context, DataType, Numbers* numbers) {
  attributes<double>(context, "min_val", "max_val", numbers);
}
void beta_and_threshold(Context* context, DataType, Numbers* numbers) {
  attributes<double>(context, "beta", "threshold", numbers);
}
void threshold_and_value(Context* context, DataType, Numbers* numbers) {
  attributes<double>(context, "threshold_val", "value", numbers);
}
void threshold_only(Context* context, DataType, Numbers* numbers) {
  attributes<double>(context, "threshold_val", nullptr, numbers);
}

// With one or two numbers, a and b; x and perhaps dy.
#define OFM_WITH_NUMBERS(name, parameters, expression)                                     \
  template<typename T>                                                                     \
  struct name {                                                                            \
    explicit name(const Numbers& numbers) : a(numbers.get<T>(0)), b(numbers.get<T>(1)) {}  \
    OFM_MATH T operator() parameters const { return expression; }                          \
    const T a, b;                                                                          \
  };

OFM_FUNCTION(Relu, x <= 0 ? T(0) : x)
OFM_FUNCTION(Silu, x / (1 + exp(-x)))
OFM_FUNCTION(Gelu, T(0.5) * x * (1 + math::erf(x * T(0.70710678118654752440))))
OFM_FUNCTION(FastGelu, T(0.5) * x * (1 + tanh(T(0.79788456080286535588)
                                              * (x + T(0.044715) * x * x * x))))
OFM_FUNCTION(QuickGelu, x / (1 + exp(T(-1.702) * x)))
OFM_FUNCTION(Sigmoid, sigmoid(x))
OFM_FUNCTION(Tanh, tanh(x))
OFM_FUNCTION(LogSigmoid, (x >= 0 ? T(0) : x) - log1p(exp(-abs(x))))
OFM_FUNCTION(Selu, T(1.0507009873554804935) * (x <= 0 ? T(1.6732632423543772848) * expm1(x) : x))
OFM_FUNCTION(HardSigmoid, (x + 3 <= 0 ? T(0) : x + 3 >= 6 ? T(6) : x + 3) / 6)
OFM_FUNCTION(HardSwish, x * (x + 3 <= 0 ? T(0) : x + 3 >= 6 ? T(6) : x + 3) / 6)
template<typename T, typename Round>
struct SoftSign {
  explicit SoftSign(const Numbers&) {}
  OFM_MATH T operator()(T x) const { return x / r(1 + abs(x)); }
  const Round r{};
};

// tanh(log(1 + e^x)) by powers of e^x, without the cancellation.
template<typename T>
OFM_MATH T tanh_softplus(T x) {
  const T e = exp(x > 20 ? T(20) : x), part = e * (e + 2);
  return x > 20 ? T(1) : part / (part + 2);
}
OFM_FUNCTION(Mish, x * tanh_softplus(x))

OFM_WITH_NUMBERS(Elu, (T x), x <= 0 ? a * expm1(x) : x)
OFM_WITH_NUMBERS(Celu, (T x), x <= 0 ? a * expm1(x / a) : x)
OFM_WITH_NUMBERS(LeakyRelu, (T x), x > 0 ? x : x * a)
OFM_WITH_NUMBERS(HardTanh, (T x), x < a ? a : x > b ? b : x)
OFM_WITH_NUMBERS(HardShrink, (T x), (x >= -a) & (x <= a) ? T(0) : x)
OFM_WITH_NUMBERS(SoftShrink, (T x), x > a ? x - a : x < -a ? x + a : x * 0)
OFM_WITH_NUMBERS(SoftPlus, (T x), x * a > b ? x : log1p(exp(x * a)) / a)
OFM_WITH_NUMBERS(Threshold, (T x), x <= a ? b : x)

// --- gradients, of x (or y, where that is what OneFlow keeps) and dy ------------------------------

OFM_FUNCTION2(ReluGrad, x <= 0 ? T(0) : y)
template<typename T>
OFM_MATH T silu_grad(T x, T dy) {
  const T s = sigmoid(x);
  return dy * s * (1 + x * (1 - s));
}
OFM_FUNCTION2(SiluGrad, silu_grad(x, y))
template<typename T>
OFM_MATH T gelu_grad(T x, T dy) {
  const T below = T(0.5) * (1 + math::erf(x * T(0.70710678118654752440)));
  return dy * (below + x * T(0.39894228040143267794) * exp(T(-0.5) * x * x));
}
OFM_FUNCTION2(GeluGrad, gelu_grad(x, y))
template<typename T>
OFM_MATH T fast_gelu_grad(T x, T dy) {
  const T factor = T(0.79788456080286535588), square = x * x;
  const T t = tanh(factor * (x + T(0.044715) * square * x));
  const T slope = (1 - t * t) * factor * (1 + 3 * T(0.044715) * square);
  return dy * T(0.5) * ((1 + t) + x * slope);
}
OFM_FUNCTION2(FastGeluGrad, fast_gelu_grad(x, y))
template<typename T>
OFM_MATH T quick_gelu_grad(T x, T dy) {
  const T s = sigmoid(T(1.702) * x);
  return dy * (s + T(1.702) * x * s * (1 - s));
}
OFM_FUNCTION2(QuickGeluGrad, quick_gelu_grad(x, y))
OFM_FUNCTION2(SigmoidGrad, y * (1 - x) * x)
template<typename T>
OFM_MATH T tanh_grad(T t, T dy) {
  return dy * (1 - t * t);
}
OFM_STEPS2(TanhGrad, tanh_grad(static_cast<T>(r(tanh(x))), y))
OFM_FUNCTION2(LogSigmoidGrad, y * sigmoid(-x))
// a e^(x scale) below zero, and 1 above: without a branch, which keeps a loop from registers.
template<typename T>
OFM_MATH T slope_below(T x, T a, T scale) {
  return (x <= 0 ? a : T(0)) * exp((x <= 0 ? x : T(0)) * scale) + (x <= 0 ? T(0) : T(1));
}
OFM_FUNCTION2(SeluGrad, y * T(1.0507009873554804935)
                            * slope_below(x, T(1.6732632423543772848), T(1)))
OFM_FUNCTION2(HardSigmoidGrad, (x > -3) & (x < 3) ? y / 6 : T(0))
OFM_FUNCTION2(HardSwishGrad, x <= -3 ? T(0) : x < 3 ? y * (x / 3 + T(0.5)) : y)
// PyTorch's is composed of operators; `d` is 1 + |x|.
template<typename T, typename Round>
OFM_MATH T soft_sign_grad(T x, T dy, T d, Round r) {
  const T rest = r(-dy * r(r(x / d) / d));
  return r(dy / d) + (x > 0 ? rest : x < 0 ? -rest : T(0));
}
OFM_STEPS2(SoftSignGrad, soft_sign_grad(x, y, static_cast<T>(r(1 + abs(x))), r))
template<typename T>
OFM_MATH T mish_grad(T x, T dy) {
  const T t = tanh_softplus(x);
  return dy * (t + x * sigmoid(x) * (1 - t * t));
}
OFM_FUNCTION2(MishGrad, mish_grad(x, y))
OFM_WITH_NUMBERS(EluGrad, (T x, T dy), dy * slope_below(x, a, T(1)))
OFM_WITH_NUMBERS(CeluGrad, (T x, T dy), dy * slope_below(x, T(1), 1 / a))
OFM_WITH_NUMBERS(LeakyReluGrad, (T x, T dy), x > 0 ? dy : dy * a)
OFM_WITH_NUMBERS(HardTanhGrad, (T y, T dy), (y <= a) | (y >= b) ? T(0) : dy)
OFM_WITH_NUMBERS(ShrinkGrad, (T y, T dy), y == 0 ? T(0) : dy)
template<typename T>
OFM_MATH T soft_plus_grad(T x, T dy, T beta, T threshold) {
  return x * beta > threshold ? dy : dy * sigmoid(x * beta);
}
OFM_WITH_NUMBERS(SoftPlusGrad, (T x, T dy), soft_plus_grad(x, dy, a, b))
OFM_WITH_NUMBERS(ThresholdGrad, (T x, T dy), x <= a ? T(0) : dy)

// --- in float, by registers ----------------------------------------------------------------------

using lanes::Lanes;

OFM_MATH Lanes gelu_of(Lanes x) {
  const Lanes half = x * 0.5f;
  return lanes::fma(half, lanes::erf(x * 0.707106781f), half);
}
OFM_MATH Lanes fast_gelu_of(Lanes x) {
  const Lanes half = x * 0.5f;
  const Lanes inner = x * lanes::fma(x * x, 0.0356774081f, 0.797884561f);
  return lanes::fma(half, lanes::tanh(inner), half);
}
OFM_LANES(SiluLanes, (Lanes x), x * lanes::sigmoid(x))
OFM_LANES(GeluLanes, (Lanes x), gelu_of(x))
OFM_LANES(FastGeluLanes, (Lanes x), fast_gelu_of(x))
OFM_LANES(QuickGeluLanes, (Lanes x), x * lanes::sigmoid(x * 1.702f))
OFM_LANES(SigmoidLanes, (Lanes x), lanes::sigmoid(x))
OFM_LANES(TanhLanes, (Lanes x), lanes::tanh(x))

OFM_MATH Lanes silu_grad_of(Lanes x, Lanes dy) {
  const Lanes s = lanes::sigmoid(x);
  return dy * s * lanes::fma(x, Lanes(1.f) - s, 1.f);
}
OFM_MATH Lanes gelu_grad_of(Lanes x, Lanes dy) {
  const lanes::Tail tail = lanes::tail(x);
  const Lanes share = tail.exponential * tail.ratio;
  const Lanes below = lanes::select(lanes::less(x, 0.f), share, Lanes(1.f) - share);
  return dy * lanes::fma(x, tail.exponential * 0.398942280f, below);
}
OFM_MATH Lanes tanh_grad_of(Lanes x, Lanes dy) {
  const Lanes t = lanes::tanh(x);
  return dy * lanes::less_product(t, t, 1.f);
}
OFM_LANES(SiluGradLanes, (Lanes x, Lanes dy), silu_grad_of(x, dy))
OFM_LANES(GeluGradLanes, (Lanes x, Lanes dy), gelu_grad_of(x, dy))
OFM_LANES(TanhGradLanes, (Lanes x, Lanes dy), tanh_grad_of(x, dy))

using Reader = void (*)(Context*, DataType, Numbers*);

// `cost` is in simple operations an element. By registers of floats where there is a function that is.
struct NoLanes {};

template<template<typename> class Function, typename Floats = NoLanes>
void unary(const char* op, const char* in, const char* out, int cost, Reader numbers = nullptr,
           bool in_place = false) {
  Plan plan{op, 1, {in}, out};
  fill1<Function, float, double>(plan);
  if constexpr (!std::is_same<Floats, NoLanes>::value) {
    fill_lanes<Floats>(plan, std::make_index_sequence<1>());
  }
  plan.grain = kGrain / cost;
  plan.numbers = numbers;
  plan.overwritten = in_place ? 0 : -1;
  add(plan);
}

// `x` is the name of what is kept from the forward operator.
template<template<typename> class Function, typename Floats = NoLanes>
void gradient(const char* op, const char* x, int cost, Reader numbers = nullptr,
              bool in_place = false) {
  Plan plan{op, 2, {x, "dy"}, "dx"};
  fill2<Function, float, double>(plan);
  if constexpr (!std::is_same<Floats, NoLanes>::value) {
    fill_lanes<Floats>(plan, std::make_index_sequence<2>());
  }
  plan.grain = kGrain / cost;
  plan.numbers = numbers;
  plan.overwritten = in_place ? 1 : -1;
  add(plan);
}

// Floats by registers, where there is a function that is; halves with steps.
template<template<typename, typename> class Function, typename Floats = NoLanes>
void stepped_gradient(const char* op, int cost) {
  Plan plan{op, 2, {"x", "dy"}, "dx"};
  fill_steps<Function, float, double>(plan, std::make_index_sequence<2>());
  if constexpr (!std::is_same<Floats, NoLanes>::value) {
    plan.row[F32] = lanes_of<Floats, float, 0, 1>;
  }
  plan.grain = kGrain / cost;
  add(plan);
}

const bool registered = [] {
  {
    Plan plan{"relu", 1, {"x"}, "y"};
    fill1<Relu, float, double, int8_t, uint8_t, int16_t, int32_t, int64_t>(plan);
    plan.overwritten = 0;
    add(plan);
  }
  unary<Silu, SiluLanes>("silu", "in", "out", 4);
  unary<Gelu, GeluLanes>("gelu", "in", "out", 4);
  unary<FastGelu, FastGeluLanes>("fast_gelu", "in", "out", 4);
  unary<QuickGelu, QuickGeluLanes>("quick_gelu", "x", "y", 4);
  unary<Sigmoid, SigmoidLanes>("sigmoid", "x", "y", 4);
  unary<Tanh, TanhLanes>("tanh", "x", "y", 4);
  unary<LogSigmoid>("log_sigmoid", "x", "y", 6);
  unary<Selu>("selu", "in", "out", 4);
  unary<HardSigmoid>("hardsigmoid", "in", "out", 1);
  unary<HardSwish>("hardswish", "in", "out", 1);
  {
    Plan plan{"softsign", 1, {"in"}, "out"};
    fill_steps<SoftSign, float, double>(plan, std::make_index_sequence<1>());
    add(plan);
  }
  unary<Mish>("mish", "in", "out", 4);
  unary<Elu>("elu", "in", "out", 4, alpha);
  unary<Celu>("celu", "in", "out", 4, alpha);
  unary<LeakyRelu>("leaky_relu", "x", "y", 1, float_alpha);
  unary<HardTanh>("hardtanh", "in", "out", 1, limits, true);
  unary<HardShrink>("hardshrink", "in", "out", 1, lambd, true);
  unary<SoftShrink>("softshrink", "in", "out", 1, alpha, true);
  unary<SoftPlus>("softplus", "in", "out", 6, beta_and_threshold);
  unary<Threshold>("threshold", "in", "out", 1, threshold_and_value, true);

  gradient<ReluGrad>("relu_grad", "y", 1, nullptr, true);
  gradient<SiluGrad, SiluGradLanes>("silu_grad", "x", 4);
  gradient<GeluGrad, GeluGradLanes>("gelu_grad", "x", 6);
  gradient<FastGeluGrad>("fast_gelu_grad", "x", 4);
  gradient<QuickGeluGrad>("quick_gelu_grad", "x", 4);
  gradient<SigmoidGrad>("sigmoid_grad", "y", 1);
  stepped_gradient<TanhGrad, TanhGradLanes>("tanh_grad", 4);
  gradient<LogSigmoidGrad>("log_sigmoid_grad", "x", 4);
  gradient<SeluGrad>("selu_grad", "x", 4);
  gradient<HardSigmoidGrad>("hardsigmoid_grad", "x", 1);
  gradient<HardSwishGrad>("hardswish_grad", "x", 1);
  stepped_gradient<SoftSignGrad>("softsign_grad", 1);
  gradient<MishGrad>("mish_grad", "x", 6);
  gradient<EluGrad>("elu_grad", "x", 4, alpha);
  gradient<CeluGrad>("celu_grad", "x", 4, alpha);
  gradient<LeakyReluGrad>("leaky_relu_grad", "x", 1, float_alpha);
  gradient<HardTanhGrad>("hardtanh_grad", "y", 1, limits, true);
  gradient<ShrinkGrad>("hardshrink_grad", "y", 1, nullptr, true);
  gradient<ShrinkGrad>("softshrink_grad", "y", 1, nullptr, true);
  gradient<SoftPlusGrad>("softplus_grad", "x", 4, beta_and_threshold);
  gradient<ThresholdGrad>("threshold_grad", "x", 1, threshold_only, true);
  return true;
}();

}  // namespace
}  // namespace elementwise
}  // namespace ofm
