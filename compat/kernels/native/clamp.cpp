// Holding numbers within limits, and choosing between two by a mask.
#include "elementwise.h"
#include "vector_math.h"

namespace ofm {
namespace elementwise {
namespace {

// --- limits --------------------------------------------------------------------------------------

#define OFM_LIMITS(name, parameters, expression)                                               \
  template<typename T>                                                                         \
  struct name {                                                                                \
    explicit name(const Numbers& numbers) : low(numbers.get<T>(0)), high(numbers.get<T>(1)) {} \
    OFM_MATH T operator() parameters const { return expression; }                              \
    static OFM_MATH T at_least(T x, T low) { return x < low ? low : x; }                       \
    static OFM_MATH T at_most(T x, T high) { return x > high ? high : x; }                     \
    const T low, high;                                                                         \
  };
OFM_LIMITS(Clip, (T x), at_most(at_least(x, low), high))
OFM_LIMITS(ClipMin, (T x), at_least(x, low))
OFM_LIMITS(ClipMax, (T x), at_most(x, high))
OFM_LIMITS(ClipGrad, (T dy, T x), (x >= low) & (x <= high) ? dy : T(0))
OFM_LIMITS(ClipMinGrad, (T dy, T x), x >= low ? dy : T(0))
OFM_LIMITS(ClipMaxGrad, (T dy, T x), x <= high ? dy : T(0))

template<bool low, bool high>
void limits(Context* context, DataType, Numbers* numbers) {
  if (low) {
    numbers->real[0] = context->Attr<double>("floating_min");
    numbers->whole[0] = context->Attr<int64_t>("integral_min");
  }
  if (high) {
    numbers->real[1] = context->Attr<double>("floating_max");
    numbers->whole[1] = context->Attr<int64_t>("integral_max");
  }
}

#define OFM_NUMBERS float, double, int8_t, uint8_t, int16_t, int32_t, int64_t

template<template<typename> class Function, template<typename> class Grad, bool low, bool high>
void clip(const char* op, const char* grad) {
  Plan plan{op, 1, {"x"}, "y"};
  fill1<Function, OFM_NUMBERS>(plan);
  plan.numbers = limits<low, high>;
  plan.overwritten = 0;
  add(plan);
  Plan gradient{grad, 2, {"dy", "x"}, "dx"};
  fill2<Grad, OFM_NUMBERS>(gradient);
  gradient.numbers = limits<low, high>;
  gradient.overwritten = 0;
  add(gradient);
}

// --- choices -------------------------------------------------------------------------------------

template<typename T>
void choose(const Block& block) {
  const uint8_t* mask = static_cast<const uint8_t*>(block.in[0]);
  const T *x = static_cast<const T*>(block.in[1]), *y = static_cast<const T*>(block.in[2]);
  T* out = static_cast<T*>(block.out);
  OFM_EACH { out[i] = mask[i] != 0 ? x[i] : y[i]; }
}
// One of the two is a number.
template<typename T, int kMask, bool number_where_set>
void choose_number(const Block& block) {
  const uint8_t* mask = static_cast<const uint8_t*>(block.in[kMask]);
  const T* x = static_cast<const T*>(block.in[1 - kMask]);
  T* out = static_cast<T*>(block.out);
  const T number = block.numbers->get<T>(0);
  OFM_EACH { out[i] = (mask[i] != 0) == number_where_set ? number : x[i]; }
}

void operand_number(Context* context, DataType, Numbers* numbers) {
  if (context->Attr<bool>("has_float_operand")) {
    numbers->real[0] = context->Attr<double>("float_operand");
    numbers->whole[0] = static_cast<int64_t>(numbers->real[0]);
    return;
  }
  numbers->whole[0] = context->Attr<bool>("has_int_operand")
                          ? context->Attr<int64_t>("int_operand")
                          : static_cast<int64_t>(context->Attr<bool>("bool_operand"));
  numbers->real[0] = static_cast<double>(numbers->whole[0]);
}

template<typename... T>
void fill_choose(Plan& plan) {
  const int done[] = {(plan.row[TypeOf<T>::value] = choose<T>, 0)...};
  (void)done;
}
template<int kMask, bool number_where_set, typename... T>
void fill_choose_number(Plan& plan) {
  const int done[] = {
      (plan.row[TypeOf<T>::value] = choose_number<T, kMask, number_where_set>, 0)...};
  (void)done;
}

const bool registered = [] {
  clip<Clip, ClipGrad, true, true>("clip_by_scalar", "clip_by_scalar_grad");
  clip<ClipMin, ClipMinGrad, true, false>("clip_by_scalar_min", "clip_by_scalar_min_grad");
  clip<ClipMax, ClipMaxGrad, false, true>("clip_by_scalar_max", "clip_by_scalar_max_grad");
  {
    Plan plan{"where", 3, {"condition", "x", "y"}, "out"};
    fill_choose<OFM_NUMBERS, bool, OFM_COMPLEX>(plan);
    plan.decides = 1;
    plan.fixed[0] = B1;
    add(plan);
  }
  {
    Plan plan{"where_scalar_x", 2, {"condition", "y"}, "out"};
    fill_choose_number<0, true, OFM_NUMBERS, bool, OFM_COMPLEX>(plan);
    plan.decides = 1;
    plan.fixed[0] = B1;
    plan.numbers = operand_number;
    add(plan);
  }
  {
    Plan plan{"where_scalar_y", 2, {"condition", "x"}, "out"};
    fill_choose_number<0, false, OFM_NUMBERS, bool, OFM_COMPLEX>(plan);
    plan.decides = 1;
    plan.fixed[0] = B1;
    plan.numbers = operand_number;
    add(plan);
  }
  {
    Plan plan{"masked_fill", 2, {"x", "mask"}, "out"};
    fill_choose_number<1, true, OFM_NUMBERS, bool, OFM_COMPLEX>(plan);
    plan.fixed[1] = B1;
    plan.numbers = operand_number;
    add(plan);
  }
  return true;
}();

}  // namespace
}  // namespace elementwise
}  // namespace ofm
