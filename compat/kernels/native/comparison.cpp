// Comparisons and logic, of two tensors and of a tensor and a number: the answers are booleans.
#include "elementwise.h"
#include "vector_math.h"

namespace ofm {
namespace elementwise {
namespace {

#define OFM_COMPARISON(name, expression)                                        \
  template<typename T>                                                          \
  struct name {                                                                 \
    explicit name(const Numbers&) {}                                            \
    OFM_MATH bool operator()(T x, T y) const { return expression; }             \
  };                                                                            \
  template<typename T>                                                          \
  struct name##Number {                                                         \
    explicit name##Number(const Numbers& numbers) : y(numbers.get<T>(0)) {}     \
    OFM_MATH bool operator()(T x) const { return expression; }                  \
    const T y;                                                                  \
  };
OFM_COMPARISON(Equal, x == y)
OFM_COMPARISON(NotEqual, x != y)
OFM_COMPARISON(Less, x < y)
OFM_COMPARISON(LessEqual, x <= y)
OFM_COMPARISON(Greater, x > y)
OFM_COMPARISON(GreaterEqual, x >= y)
OFM_COMPARISON(And, (x != T(0)) & (y != T(0)))
OFM_COMPARISON(Or, (x != T(0)) | (y != T(0)))
OFM_COMPARISON(Xor, (x != T(0)) ^ (y != T(0)))

// Within atol + rtol |y|, or equal, as infinities are.
template<typename T>
OFM_MATH bool close(T x, T y, double atol, double rtol) {
  using Real = typename std::conditional<std::is_floating_point<T>::value, T, double>::type;
  const Real gap = math::abs(static_cast<Real>(x) - static_cast<Real>(y));
  const Real allowed = static_cast<Real>(atol) + math::abs(static_cast<Real>(rtol * y));
  return (x == y) | ((gap <= allowed) & (gap < std::numeric_limits<Real>::infinity()));
}
template<typename T>
struct Close {
  explicit Close(const Numbers& numbers) : atol(numbers.real[0]), rtol(numbers.real[1]) {}
  OFM_MATH bool operator()(T x, T y) const { return close(x, y, atol, rtol); }
  const double atol, rtol;
};
template<typename T>
struct CloseOrNan {
  explicit CloseOrNan(const Numbers& numbers) : atol(numbers.real[0]), rtol(numbers.real[1]) {}
  OFM_MATH bool operator()(T x, T y) const {
    return close(x, y, atol, rtol) | ((x != x) & (y != y));
  }
  const double atol, rtol;
};
void tolerances(Context* context, DataType, Numbers* numbers) {
  numbers->real[0] = context->Attr<float>("atol");
  numbers->real[1] = context->Attr<float>("rtol");
}

// The number as the tensor's dtype has it: PyTorch compares in that dtype.
void rounded_operand(Context* context, DataType dtype, Numbers* numbers) {
  if (context->Attr<bool>("has_int_operand")) {
    numbers->whole[0] = context->Attr<int64_t>("int_operand");
    numbers->real[0] = static_cast<double>(numbers->whole[0]);
  } else {
    numbers->real[0] = context->Attr<double>("float_operand");
    numbers->whole[0] = static_cast<int64_t>(numbers->real[0]);
  }
  const float real = static_cast<float>(numbers->real[0]);
  if (dtype == DataType::kFloat16) {
    numbers->real[0] = to_compute(from_compute<Half>(real));
  } else if (dtype == DataType::kBFloat16) {
    numbers->real[0] = to_compute(from_compute<BFloat16>(real));
  }
}

#define OFM_ALL float, double, int8_t, uint8_t, int16_t, int32_t, int64_t, bool

template<template<typename> class Function>
void compare(const char* op, void (*numbers)(Context*, DataType, Numbers*) = nullptr) {
  Plan plan{op, 2, {"x", "y"}, "z"};
  fill2<Function, OFM_ALL>(plan);
  plan.result = B1;
  plan.numbers = numbers;
  add(plan);
}
template<template<typename> class Function>
void compare_number(const char* op) {
  Plan plan{op, 1, {"in"}, "out"};
  fill1<Function, OFM_ALL>(plan);
  plan.result = B1;
  plan.numbers = rounded_operand;
  add(plan);
}

const bool registered = [] {
  compare<Equal>("broadcast_equal");
  compare<NotEqual>("broadcast_not_equal");
  compare<Less>("broadcast_less");
  compare<LessEqual>("broadcast_less_equal");
  compare<Greater>("broadcast_greater");
  compare<GreaterEqual>("broadcast_greater_equal");
  compare<And>("broadcast_logical_and");
  compare<Or>("broadcast_logical_or");
  compare<Xor>("broadcast_logical_xor");
  compare<Close>("broadcast_isclose_neq_nan", tolerances);
  compare<CloseOrNan>("broadcast_isclose_eq_nan", tolerances);
  compare_number<EqualNumber>("scalar_logical_equal");
  compare_number<NotEqualNumber>("scalar_logical_not_equal");
  compare_number<LessNumber>("scalar_logical_less");
  compare_number<LessEqualNumber>("scalar_logical_less_equal");
  compare_number<GreaterNumber>("scalar_logical_greater");
  compare_number<GreaterEqualNumber>("scalar_logical_greater_equal");
  compare_number<AndNumber>("scalar_logical_and");
  compare_number<OrNumber>("scalar_logical_or");
  compare_number<XorNumber>("scalar_logical_xor");
  return true;
}();

}  // namespace
}  // namespace elementwise
}  // namespace ofm
