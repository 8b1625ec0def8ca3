// Arithmetic on two tensors, and on a tensor and a number, with gradients.
#include "elementwise.h"
#include "powers.h"
#include "vector_math.h"

namespace ofm {
namespace elementwise {
namespace {

// Integers wrap around as PyTorch's do; for the language that is so for unsigned ones only.
template<typename T, bool = std::is_integral<T>::value && !std::is_same<T, bool>::value>
struct Arithmetic {
  static OFM_MATH T add(T x, T y) { return x + y; }
  static OFM_MATH T sub(T x, T y) { return x - y; }
  static OFM_MATH T mul(T x, T y) { return x * y; }
};
template<typename T>
struct Arithmetic<T, true> {
  using Same = typename std::make_unsigned<T>::type;
  using U = typename std::conditional<sizeof(T) < 4, uint32_t, Same>::type;
  static OFM_MATH T add(T x, T y) { return static_cast<T>(static_cast<U>(x) + static_cast<U>(y)); }
  static OFM_MATH T sub(T x, T y) { return static_cast<T>(static_cast<U>(x) - static_cast<U>(y)); }
  static OFM_MATH T mul(T x, T y) { return static_cast<T>(static_cast<U>(x) * static_cast<U>(y)); }
};
template<>
struct Arithmetic<bool, false> {
  static OFM_MATH bool add(bool x, bool y) { return x | y; }
  static OFM_MATH bool sub(bool x, bool y) { return x ^ y; }
  static OFM_MATH bool mul(bool x, bool y) { return x & y; }
};
OFM_FUNCTION2(Add, Arithmetic<T>::add(x, y))
OFM_FUNCTION2(Sub, Arithmetic<T>::sub(x, y))
OFM_FUNCTION2(Mul, Arithmetic<T>::mul(x, y))
OFM_FUNCTION2(Div, x / y)

// NaN in either gives NaN.
template<typename T>
OFM_MATH T smaller(T x, T y) {
  const T out = x < y ? x : y;
  return x != x ? x : out;
}
template<typename T>
OFM_MATH T larger(T x, T y) {
  const T out = x > y ? x : y;
  return x != x ? x : out;
}
OFM_FUNCTION2(Minimum, smaller(x, y))
OFM_FUNCTION2(Maximum, larger(x, y))

// --- quotients and remainders --------------------------------------------------------------------

// Of integers. There is no answer to a division by zero, and none may stop the process: it is 0.
template<typename T>
struct Whole {
  static OFM_MATH T quotient(T x, T y) {
    return y == 0 ? T(0) : minus_one(y) ? Arithmetic<T>::sub(0, x) : static_cast<T>(x / y);
  }
  static OFM_MATH T rest(T x, T y) {
    return y == 0 || minus_one(y) ? T(0) : static_cast<T>(x % y);
  }
  static OFM_MATH T floored_rest(T x, T y) {
    const T r = rest(x, y);
    return r != 0 && (r < 0) != (y < 0) ? static_cast<T>(r + y) : r;
  }
  // The lowest number divided by it is a trap.
  static OFM_MATH bool minus_one(T y) {
    return std::is_signed<T>::value && y == static_cast<T>(-1);
  }
};

template<typename T>
struct Real {
  static T rest(T x, T y) { return std::fmod(x, y); }
  static T floored_rest(T x, T y) {
    const T r = std::fmod(x, y);
    return r != 0 && (r < 0) != (y < 0) ? r + y : r;
  }
  static T floored(T x, T y) {
    if (y == 0) { return x / y; }
    const T r = std::fmod(x, y);
    T quotient = (x - r) / y;
    if (r != 0 && (y < 0) != (r < 0)) { quotient -= 1; }
    if (quotient == 0) { return math::copysign(T(0), x / y); }
    const T low = std::floor(quotient);
    return quotient - low > T(0.5) ? low + 1 : low;
  }
};

// The remainder without the library's long division, where the quotient is small enough. Floats'
// in double, which has all of the quotient's bits; of doubles it may be one too large.
struct Rest {
  static OFM_MATH bool simple(float x, float y) {
    return math::abs(static_cast<double>(x) / y) < 536870912.;
  }
  static OFM_MATH bool simple(double x, double y) {
    return math::abs(x / y) < 2251799813685248.;
  }
  static OFM_MATH double of(double x, double y) {
    const double quotient = math::trunc(x / y);
    const double r = math::fma(-quotient, y, x);
    const double whole = (r != 0) & ((r < 0) != (x < 0)) ? r + math::copysign(y, x) : r;
    return quotient == 0 ? x : math::copysign(whole, x);
  }
  static OFM_MATH double floored(double x, double y) {
    const double r = of(x, y);
    return (r != 0) & ((r < 0) != (y < 0)) ? r + y : r;
  }
};

template<bool floored, typename T>
void rests(const Block& block) {
  const T *x = static_cast<const T*>(block.in[0]), *y = static_cast<const T*>(block.in[1]);
  T* out = static_cast<T*>(block.out);
  for (int64_t done = 0; done < block.count; done += 1024) {
    const int64_t end = std::min<int64_t>(done + 1024, block.count);
    int32_t hard = 0;
    for (int64_t i = done; i < end; ++i) { hard |= !Rest::simple(x[i], y[i]); }
    if (hard == 0) {
#pragma GCC ivdep
      for (int64_t i = done; i < end; ++i) {
        out[i] = static_cast<T>(floored ? Rest::floored(x[i], y[i]) : Rest::of(x[i], y[i]));
      }
    } else {
      for (int64_t i = done; i < end; ++i) {
        out[i] = floored ? Real<T>::floored_rest(x[i], y[i]) : Real<T>::rest(x[i], y[i]);
      }
    }
  }
}

template<typename T, bool = std::is_floating_point<T>::value>
struct Division {
  static OFM_MATH T rest(T x, T y) { return Real<T>::rest(x, y); }
  static OFM_MATH T floored_rest(T x, T y) { return Real<T>::floored_rest(x, y); }
  static OFM_MATH T truncated(T x, T y) { return math::trunc(x / y); }
};
template<typename T>
struct Division<T, false> : Whole<T> {
  static OFM_MATH T truncated(T x, T y) { return Whole<T>::quotient(x, y); }
};
OFM_FUNCTION2(FMod, Division<T>::rest(x, y))
OFM_FUNCTION2(FloorMod, Division<T>::floored_rest(x, y))
OFM_FUNCTION2(TruncDiv, Division<T>::truncated(x, y))
// OneFlow's floor division is one of floats; its integers are rounded towards zero.
template<typename T>
struct FloorDiv {
  explicit FloorDiv(const Numbers&) {}
  OFM_MATH T operator()(T x, T y) const {
    return std::is_floating_point<T>::value ? of_reals(x, y) : Division<T>::truncated(x, y);
  }
  static OFM_MATH T of_reals(T x, T y) { return static_cast<T>(math::floor(1. * x / y)); }
};

// --- powers --------------------------------------------------------------------------------------

#define OFM_FUNCTION3(name, expression)                             \
  template<typename T>                                              \
  struct name {                                                     \
    explicit name(const Numbers&) {}                                \
    OFM_MATH T operator()(T x, T y, T z) const { return expression; } \
  };

template<typename T>
OFM_MATH T whole_power(T base, T exponent) {
  if (exponent < 0) {
    const T turning = exponent % 2 != 0 ? T(-1) : T(1);
    return base == 1 ? T(1) : base == static_cast<T>(-1) ? turning : T(0);
  }
  T out = 1;
  for (; exponent != 0; exponent = static_cast<T>(exponent / 2)) {
    if (exponent % 2 != 0) { out = Arithmetic<T>::mul(out, base); }
    base = Arithmetic<T>::mul(base, base);
  }
  return out;
}
template<typename T, bool = std::is_floating_point<T>::value>
struct Power {
  static OFM_MATH T of(T x, T y) { return std::pow(x, y); }
};
template<typename T>
struct Power<T, false> {
  static OFM_MATH T of(T x, T y) { return whole_power(x, y); }
};
OFM_FUNCTION2(Pow, Power<T>::of(x, y))
// y x^(y - 1) dz, and 0 where y is.
template<typename T, typename Round>
struct PowXGrad {
  explicit PowXGrad(const Numbers&) {}
  OFM_MATH T operator()(T x, T y, T dz) const {
    return y == 0 ? T(0) : dz * r(y * r(std::pow(x, static_cast<T>(r(y - 1)))));
  }
  const Round r{};
};
// x^y log x dz, and 0 where x is and y is not negative.
template<typename T, typename Round>
struct PowYGrad {
  explicit PowYGrad(const Numbers&) {}
  OFM_MATH T operator()(T x, T y, T dz) const {
    return (x == 0) & (y >= 0) ? T(0) : dz * r(r(std::pow(x, y)) * r(math::log(x)));
  }
  const Round r{};
};

using lanes::Lanes;

OFM_LANES(PowLanes, (Lanes x, Lanes y), lanes::pow(x, y))

OFM_MATH Lanes pow_x_grad(Lanes x, Lanes y, Lanes dz) {
  const Lanes gradient = dz * (y * lanes::pow(x, y - Lanes(1.f)));
  return lanes::select(lanes::equal(y, 0.f), 0.f, gradient);
}
OFM_LANES(PowXGradLanes, (Lanes x, Lanes y, Lanes dz), pow_x_grad(x, y, dz))

OFM_MATH Lanes pow_y_grad(Lanes x, Lanes y, Lanes dz) {
  const Lanes gradient = dz * (lanes::pow(x, y) * lanes::log(x));
  const lanes::Mask none = lanes::both(lanes::equal(x, 0.f), lanes::at_least_as(y, 0.f));
  return lanes::select(none, 0.f, gradient);
}
OFM_LANES(PowYGradLanes, (Lanes x, Lanes y, Lanes dz), pow_y_grad(x, y, dz))

// --- a number as the second operand --------------------------------------------------------------

#define OFM_NUMBER(name, expression)                                                        \
  template<typename T>                                                                      \
  struct name {                                                                             \
    explicit name(const Numbers& numbers) : y(numbers.get<T>(0)) {}                         \
    OFM_MATH T operator()(T x) const { return expression; }                                 \
    const T y;                                                                              \
  };
OFM_NUMBER(AddNumber, Arithmetic<T>::add(x, y))
OFM_NUMBER(MulNumber, Arithmetic<T>::mul(x, y))
OFM_NUMBER(DivNumber, x / y)
OFM_NUMBER(WholeQuotient, Division<T>::truncated(x, y))
OFM_NUMBER(FloorNumber, math::floor(x / y))
OFM_NUMBER(FModNumber, Division<T>::rest(x, y))
OFM_NUMBER(PowNumber, Power<T>::of(x, y))
OFM_NUMBER(NumberPow, Power<T>::of(y, x))

// Powers that are cheaper than the general one, and those that PyTorch answers by other operations.
template<typename T, typename Round>
void power_of_number(const Block& block) {
  const Round r{};
  const T* x = static_cast<const T*>(block.in[0]);
  T* out = static_cast<T*>(block.out);
  // The exponent of a half is one.
  const double given = block.numbers->real[0];
  const double y = std::is_same<Round, Exact>::value ? given : r(static_cast<float>(given));
  if (y == 2) {
    OFM_EACH { out[i] = x[i] * x[i]; }
  } else if (y == 3 && std::is_same<Round, Rounded<BFloat16>>::value) {
    OFM_EACH { out[i] = r(x[i] * x[i]) * x[i]; }
  } else if (y == 3) {
    OFM_EACH { out[i] = x[i] * x[i] * x[i]; }
  } else if (y == 0.5) {
    OFM_EACH { out[i] = math::sqrt(x[i]); }
  } else if (y == -0.5) {
    OFM_EACH { out[i] = 1 / math::sqrt(x[i]); }
  } else if (y == -1) {
    OFM_EACH { out[i] = 1 / x[i]; }
  } else if (y == -2) {
    OFM_EACH { out[i] = 1 / (x[i] * x[i]); }
  } else if constexpr (std::is_same<T, float>::value) {
    const lanes::Exponent exponent(static_cast<float>(y));
    lanes::each(block.count, out, [&](Lanes base) OFM_INLINE { return lanes::pow(base, exponent); },
                x);
  } else {
    row_of<PowNumber, T, 0>(block);
  }
}
// A register's numbers as they are after a step.
OFM_MATH Lanes after_step(Exact, Lanes x) { return x; }
template<typename T>
OFM_MATH Lanes after_step(Rounded<T>, Lanes x) {
  T made[Lanes::count];
  x.store(made);
  return Lanes::load(made);
}
template<typename T, typename Round>
void power_gradient(const Block& block) {
  const Round r{};
  const T *x = static_cast<const T*>(block.in[0]), *dy = static_cast<const T*>(block.in[1]);
  T* out = static_cast<T*>(block.out);
  const T y = static_cast<T>(block.numbers->real[0]), less = static_cast<T>(r(y - 1));
  if (y == 0) {
    OFM_EACH { out[i] = 0; }
  } else if (y == 2) {
    OFM_EACH { out[i] = dy[i] * (2 * x[i]); }
  } else if (y == 3) {
    OFM_EACH { out[i] = dy[i] * r(3 * r(x[i] * x[i])); }
  } else if (y == 1) {
    OFM_EACH { out[i] = dy[i]; }
  } else if constexpr (std::is_same<T, float>::value) {
    const lanes::Exponent exponent(less);
    const Lanes factor = y;
    lanes::each(block.count, out, [&](Lanes base, Lanes gradient) OFM_INLINE {
      const Lanes power = after_step(r, lanes::pow(base, exponent));
      return gradient * after_step(r, factor * power);
    }, x, dy);
  } else {
    OFM_EACH { out[i] = dy[i] * r(y * r(std::pow(x[i], less))); }
  }
}
template<typename T, typename Round>
struct NumberPowGrad {
  explicit NumberPowGrad(const Numbers& numbers)
      : base(numbers.get<T>(0)), log(std::log(numbers.get<T>(0))) {}
  OFM_MATH T operator()(T x, T dy) const {
    return (base == 0) & (x >= 0) ? T(0) : dy * r(r(std::pow(base, x)) * log);
  }
  const T base, log;
  const Round r{};
};
void power_of_exponents(const Block& block) {
  const Lanes base = block.numbers->get<float>(0);
  lanes::each(block.count, static_cast<float*>(block.out),
              [&](Lanes x) OFM_INLINE { return lanes::pow(base, x); },
              static_cast<const float*>(block.in[0]));
}
void gradient_of_exponents(const Block& block) {
  const float number = block.numbers->get<float>(0);
  const Lanes base = number, log = std::log(number);
  const bool zero = number == 0;
  lanes::each(block.count, static_cast<float*>(block.out),
              [&](Lanes x, Lanes dy) OFM_INLINE {
                const Lanes gradient = dy * (lanes::pow(base, x) * log);
                return zero ? lanes::select(lanes::at_least_as(x, 0.f), 0.f, gradient) : gradient;
              },
              static_cast<const float*>(block.in[0]), static_cast<const float*>(block.in[1]));
}

void operand_number(Context* context, DataType, Numbers* numbers) {
  if (context->Attr<bool>("has_int_operand")) {
    numbers->whole[0] = context->Attr<int64_t>("int_operand");
    numbers->real[0] = static_cast<double>(numbers->whole[0]);
  } else {
    numbers->real[0] = context->Attr<double>("float_operand");
    numbers->whole[0] = static_cast<int64_t>(numbers->real[0]);
  }
}

// --- registration --------------------------------------------------------------------------------

#define OFM_REALS float, double
#define OFM_WHOLES int8_t, uint8_t, int16_t, int32_t, int64_t

template<template<typename> class Function, typename... T>
Plan of_two(const char* op, int cost, const char* x = "x", const char* y = "y",
            const char* out = "z") {
  Plan plan{op, 2, {x, y}, out};
  fill2<Function, T...>(plan);
  plan.grain = kGrain / cost;
  return plan;
}
template<template<typename> class Function, typename... T>
Plan with_number(const char* op, int cost) {
  Plan plan{op, 1, {"in"}, "out"};
  fill1<Function, T...>(plan);
  plan.grain = kGrain / cost;
  plan.numbers = operand_number;
  plan.overwritten = 0;
  return plan;
}
template<template<typename> class Function, typename... T>
void by_tensor(const char* op) {
  Plan plan = of_two<Function, T...>(op, 1, "x", "scalar", "y");
  plan.overwritten = 0;
  add(plan);
}
template<typename Floats>
void power(const char* op) {
  Plan plan = of_two<Pow, double, OFM_WHOLES>(op, 8);
  fill_lanes<Floats>(plan, std::make_index_sequence<2>());
  add(plan);
}
template<template<typename, typename> class Function, typename Floats>
void power_gradient_of(const char* op, const char* out) {
  Plan plan{op, 3, {"x", "y", "dz"}, out};
  fill_steps<Function, OFM_REALS>(plan, std::make_index_sequence<3>());
  plan.row[F32] = lanes_of<Floats, float, 0, 1, 2>;
  plan.grain = kGrain / 8;
  add(plan);
}

const bool registered = [] {
  add(of_two<Add, OFM_REALS, OFM_WHOLES, bool>("broadcast_add", 1));
  add(of_two<Sub, OFM_REALS, OFM_WHOLES, bool>("broadcast_sub", 1));
  add(of_two<Mul, OFM_REALS, OFM_WHOLES, bool>("broadcast_mul", 1));
  add(of_two<Div, OFM_REALS>("broadcast_div", 1));
  add(of_two<Minimum, OFM_REALS, OFM_WHOLES, bool>("broadcast_minimum", 1));
  add(of_two<Maximum, OFM_REALS, OFM_WHOLES, bool>("broadcast_maximum", 1));
  add(of_two<Minimum, OFM_REALS, OFM_WHOLES, bool>("elementwise_minimum", 1));
  add(of_two<Maximum, OFM_REALS, OFM_WHOLES, bool>("elementwise_maximum", 1));
  power<PowLanes>("broadcast_pow");
  power<PowLanes>("pow");
  power_gradient_of<PowXGrad, PowXGradLanes>("pow_x_grad", "dx");
  power_gradient_of<PowYGrad, PowYGradLanes>("pow_y_grad", "dy");
  Plan rest = of_two<FMod, OFM_WHOLES>("broadcast_fmod", 8);
  rest.row[F32] = rests<false, float>;
  rest.row[F64] = rests<false, double>;
  add(rest);
  Plan floored = of_two<FloorMod, OFM_WHOLES>("broadcast_floor_mod", 8);
  floored.row[F32] = rests<true, float>;
  floored.row[F64] = rests<true, double>;
  add(floored);
  add(of_two<FloorDiv, OFM_REALS, OFM_WHOLES>("floordiv", 8));
  add(of_two<TruncDiv, OFM_REALS, OFM_WHOLES>("truncdiv", 8));

  add(with_number<AddNumber, OFM_REALS, OFM_WHOLES>("scalar_add", 1));
  add(with_number<MulNumber, OFM_REALS, OFM_WHOLES>("scalar_mul", 1));
  add(with_number<DivNumber, OFM_REALS>("scalar_div", 1));
  Plan floor = with_number<WholeQuotient, OFM_WHOLES>("scalar_floordiv", 8);
  fill1<FloorNumber, OFM_REALS>(floor);
  add(floor);
  add(with_number<WholeQuotient, OFM_REALS, OFM_WHOLES>("scalar_truncdiv", 8));
  add(with_number<FModNumber, OFM_REALS, OFM_WHOLES>("scalar_fmod", 16));
  Plan to_number = with_number<PowNumber, OFM_WHOLES>("scalar_pow", 4);
  to_number.row[F32] = power_of_number<float, Exact>;
  to_number.row[F64] = power_of_number<double, Exact>;
  to_number.stepped[0] = power_of_number<float, Rounded<Half>>;
  to_number.stepped[1] = power_of_number<float, Rounded<BFloat16>>;
  add(to_number);
  Plan reverse = with_number<NumberPow, double, OFM_WHOLES>("scalar_reverse_pow", 8);
  reverse.row[F32] = power_of_exponents;
  reverse.overwritten = -1;
  add(reverse);
  {
    Plan plan{"scalar_pow_grad", 2, {"x", "dy"}, "dx"};
    plan.row[F32] = power_gradient<float, Exact>;
    plan.row[F64] = power_gradient<double, Exact>;
    plan.stepped[0] = power_gradient<float, Rounded<Half>>;
    plan.stepped[1] = power_gradient<float, Rounded<BFloat16>>;
    plan.grain = kGrain / 4;
    plan.numbers = operand_number;
    add(plan);
    Plan other{"scalar_reverse_pow_grad", 2, {"x", "dy"}, "dx"};
    fill_steps<NumberPowGrad, OFM_REALS>(other, std::make_index_sequence<2>());
    other.row[F32] = gradient_of_exponents;
    other.grain = kGrain / 8;
    other.numbers = operand_number;
    add(other);
  }
  by_tensor<Add, OFM_REALS, OFM_WHOLES>("scalar_add_by_tensor");
  by_tensor<Sub, OFM_REALS, OFM_WHOLES>("scalar_sub_by_tensor");
  by_tensor<Mul, OFM_REALS, OFM_WHOLES>("scalar_mul_by_tensor");
  by_tensor<Div, OFM_REALS>("scalar_div_by_tensor");
  return true;
}();

OFM_FUNCTION(Same, x)

// --- sums of many --------------------------------------------------------------------------------

class AddN final : public user_op::OpKernel {
 public:
  AddN() : plan_(of_two<Add, OFM_REALS, OFM_WHOLES, bool, OFM_COMPLEX>("add_n", 1)), same_{"add_n", 1} {
    fill1<Same, OFM_REALS, OFM_WHOLES, bool, OFM_COMPLEX>(same_);
  }
  ~AddN() override = default;

 private:
  using user_op::OpKernel::Compute;
  void Compute(Context* context) const override {
    static const std::string in = "in", out = "out";
    const Operand target = operand(context->Tensor4ArgNameAndIndex(out, 0));
    const Type type = type_of(target.dtype);
    Operand pair[2] = {operand(context->Tensor4ArgNameAndIndex(in, 0)), target};
    const int count = static_cast<int>(context->inputs().size());
    const Numbers numbers;
    for (int k = 1; k < count; ++k) {
      pair[1] = operand(context->Tensor4ArgNameAndIndex(in, k));
      run(plan_, type, pair, target, numbers);
      pair[0] = target;
    }
    if (count == 1) { run(same_, type, pair, target, numbers); }
  }
  bool AlwaysComputeWhenAllOutputsEmpty() const override { return false; }

  Plan plan_, same_;
};

const bool registered_sum = [] {
  auto registry = user_op::UserOpRegistryMgr::Get().CheckAndGetOpKernelRegistry("add_n");
  registry.SetCreateFn<AddN>()
      .SetIsMatchedHob(::oneflow::hob::make_custom(
          "native",
          [](const user_op::KernelRegContext& context) {
            return context.device_type() == DeviceType::kCPU
                   && type_of(context.TensorDesc4ArgNameAndIndex("out", 0)->data_type()) != kNone;
          }))
      .SetPriority(kPriority)
      .SetInplaceProposalFn([](const user_op::InferContext&, user_op::AddInplaceArgPair propose) {
        return propose("out", 0, "in", 0, true);
      });
  user_op::UserOpRegisterTrigger<user_op::OpKernelRegistry> trigger(registry);
  return true;
}();


}  // namespace
}  // namespace elementwise
}  // namespace ofm
