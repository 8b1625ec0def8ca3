// What all operators that go element by element share: broadcasting, dtypes, threads, registration.
//
// An operator is a Plan: one function for each type that is computed in, which gets rows of that
// type without gaps. Whatever is broadcast, strided or stored as another dtype is brought into that
// form in blocks that stay in the first-level cache, so that an operator has one loop a type.
#ifndef OFM_ELEMENTWISE_H_
#define OFM_ELEMENTWISE_H_

#include "kernel.h"
#include "lanes.h"

namespace ofm {
namespace elementwise {

constexpr int kInputs = 3;
constexpr int kDims = 32;

// The types that are computed in; Half and BFloat16 are computed as F32.
enum Type : uint8_t { F32, F64, I8, U8, I16, I32, I64, B1, C64, C128, kTypes, kNone = 255 };

template<typename T>
struct TypeOf;
template<>
struct TypeOf<float> {
  static constexpr Type value = F32;
};
template<>
struct TypeOf<double> {
  static constexpr Type value = F64;
};
template<>
struct TypeOf<int8_t> {
  static constexpr Type value = I8;
};
template<>
struct TypeOf<uint8_t> {
  static constexpr Type value = U8;
};
template<>
struct TypeOf<int16_t> {
  static constexpr Type value = I16;
};
template<>
struct TypeOf<int32_t> {
  static constexpr Type value = I32;
};
template<>
struct TypeOf<int64_t> {
  static constexpr Type value = I64;
};
template<>
struct TypeOf<bool> {
  static constexpr Type value = B1;
};
template<>
struct TypeOf<std::complex<float>> {
  static constexpr Type value = C64;
};
template<>
struct TypeOf<std::complex<double>> {
  static constexpr Type value = C128;
};

// The type that values of a dtype are computed in.
Type type_of(DataType dtype);

// An operator's numbers: attributes, or an operand that is a number.
struct Numbers {
  double real[2] = {0, 0};
  int64_t whole[2] = {0, 0};

  template<typename T>
  T get(int index) const {
    if constexpr (std::is_integral<T>::value) { return static_cast<T>(whole[index]); }
    return static_cast<T>(real[index]);
  }
};

// `count` elements of each input and of the output, without gaps.
struct Block {
  const void* in[kInputs];
  void* out;
  int64_t count;
  const Numbers* numbers;
};
using Row = void (*)(const Block&);

struct Plan {
  const char* op;
  int inputs;
  const char* in[kInputs];
  const char* out;
  // By the type that the inputs are computed in.
  Row row[kTypes] = {};
  // Of Half and of BFloat16, where all inputs and the output are that: converted in registers.
  Row narrow[2] = {};
  // Of rows of float that hold Half or BFloat16: for gradients that round between their steps.
  Row stepped[2] = {};
  // Whose dtype decides on that type.
  int decides = 0;
  // An input that is of this type whatever the others are, such as a mask.
  Type fixed[kInputs] = {kNone, kNone, kNone};
  // The output's type where it is not the inputs'.
  Type result = kNone;
  void (*numbers)(Context*, DataType, Numbers*) = nullptr;
  // How many elements pay for a thread.
  int64_t grain = kGrain;
  // The input whose memory OneFlow may hand out as the output.
  int overwritten = -1;
};

// Registers the plan's operator; the plan must outlive the kernels.
void add(const Plan& plan);

// The operation on tensors that the caller names: for kernels that are more than their plan.
struct Operand {
  const void* data;
  DataType dtype;
  const int64_t* sizes;
  int dims;
};
void run(const Plan& plan, Type type, const Operand* in, const Operand& out,
         const Numbers& numbers);
inline Operand operand(user_op::Tensor* tensor) {
  const auto shape = tensor->shape_view();
  return {tensor->raw_dptr(), tensor->data_type(), shape.ptr(), static_cast<int>(shape.NumAxes())};
}

#define OFM_COMPLEX std::complex<float>, std::complex<double>

// --- rows ----------------------------------------------------------------------------------------

// The output may be an input: nothing is carried from one element to the next.
// Bytes that are written might be the block itself to the compiler, so its count is read once.
#define OFM_EACH _Pragma("GCC ivdep") for (int64_t i = 0, last = block.count; i < last; ++i)

template<typename Function, typename... T>
void loop(const Function& function, const Block& block, const T*... in) {
  auto* out = static_cast<decltype(function(*in...))*>(block.out);
  OFM_EACH { out[i] = function(in[i]...); }
}
template<template<typename> class Function, typename T, size_t... input>
void row_of(const Block& block) {
  loop(Function<T>(*block.numbers), block, static_cast<const T*>(block.in[input])...);
}

// The compiler keeps these in registers.
struct Floats {
  float values[lanes::Lanes::count];
  OFM_MATH explicit Floats(lanes::Lanes x) { x.store(values); }
};
template<typename Function, typename... Values>
OFM_MATH lanes::Lanes apply(const Function& function, const Values&... in) {
  const Function own = function;  // its numbers too belong in registers
  float made[lanes::Lanes::count];
  for (int64_t i = 0; i < lanes::Lanes::count; ++i) { made[i] = own(in.values[i]...); }
  return lanes::Lanes::load(made);
}
template<template<typename> class Function, typename T, size_t... input>
void narrow_row_of(const Block& block) {
  const Function<float> function(*block.numbers);
  lanes::each(block.count, static_cast<T*>(block.out),
              [&](auto... x) OFM_INLINE { return apply(function, Floats(x)...); },
              static_cast<const T*>(block.in[input])...);
}

// Makes a plan's functions for the types of a list.
template<template<typename> class Function, typename... T, size_t... input>
inline void fill(Plan& plan, std::index_sequence<input...>) {
  ((plan.row[TypeOf<T>::value] = row_of<Function, T, input...>), ...);
  using Result = decltype(std::declval<Function<float>>()((static_cast<void>(input), 1.f)...));
  if constexpr ((std::is_same<T, float>::value || ...) && std::is_same<Result, float>::value) {
    plan.narrow[0] = narrow_row_of<Function, Half, input...>;
    plan.narrow[1] = narrow_row_of<Function, BFloat16, input...>;
  }
}
template<template<typename> class Function, typename... T>
inline void fill1(Plan& plan) {
  fill<Function, T...>(plan, std::make_index_sequence<1>());
}
template<template<typename> class Function, typename... T>
inline void fill2(Plan& plan) {
  fill<Function, T...>(plan, std::make_index_sequence<2>());
}
template<template<typename> class Function, typename... T>
inline void fill3(Plan& plan) {
  fill<Function, T...>(plan, std::make_index_sequence<3>());
}

// PyTorch takes most gradients by several operators, each of which rounds; a function with steps
// has `r` around what is an operator's result there.
struct Exact {
  template<typename T>
  OFM_MATH T operator()(T x) const {
    return x;
  }
};
template<typename T>
struct Rounded {
  OFM_MATH float operator()(float x) const { return to_compute(from_compute<T>(x)); }
};
template<template<typename, typename> class Function, typename Round>
struct Stepped {
  template<typename T>
  using type = Function<T, Round>;
};
template<template<typename, typename> class Function, typename... T, size_t... input>
inline void fill_steps(Plan& plan, std::index_sequence<input...>) {
  ((plan.row[TypeOf<T>::value] = row_of<Stepped<Function, Exact>::template type, T, input...>), ...);
  plan.stepped[0] = row_of<Stepped<Function, Rounded<Half>>::template type, float, input...>;
  plan.stepped[1] = row_of<Stepped<Function, Rounded<BFloat16>>::template type, float, input...>;
  plan.narrow[0] = narrow_row_of<Stepped<Function, Rounded<Half>>::template type, Half, input...>;
  plan.narrow[1] =
      narrow_row_of<Stepped<Function, Rounded<BFloat16>>::template type, BFloat16, input...>;
}

// A function of registers of floats.
template<typename Function, typename T, size_t... input>
void lanes_of(const Block& block) {
  lanes::each(block.count, static_cast<T*>(block.out), Function(),
              static_cast<const T*>(block.in[input])...);
}
template<typename Function, size_t... input>
inline void fill_lanes(Plan& plan, std::index_sequence<input...>) {
  plan.row[F32] = lanes_of<Function, float, input...>;
  plan.narrow[0] = lanes_of<Function, Half, input...>;
  plan.narrow[1] = lanes_of<Function, BFloat16, input...>;
}
#define OFM_LANES(name, parameters, expression)                                         \
  struct name {                                                                         \
    OFM_MATH lanes::Lanes operator() parameters const { return expression; }            \
  };

// A function of one number without attributes, from an expression of x.
#define OFM_FUNCTION(name, expression)                              \
  template<typename T>                                              \
  struct name {                                                     \
    explicit name(const Numbers&) {}                                \
    OFM_MATH T operator()(T x) const { return expression; }         \
  };

// A function of two, such as a gradient of x and dy.
#define OFM_FUNCTION2(name, expression)                             \
  template<typename T>                                              \
  struct name {                                                     \
    explicit name(const Numbers&) {}                                \
    OFM_MATH T operator()(T x, T y) const { return expression; }    \
  };

// A gradient of x and dy, as y, with steps.
#define OFM_STEPS2(name, expression)                                \
  template<typename T, typename Round>                              \
  struct name {                                                     \
    explicit name(const Numbers&) {}                                \
    OFM_MATH T operator()(T x, T y) const { return expression; }    \
    const Round r{};                                                \
  };

}  // namespace elementwise
}  // namespace ofm

#endif  // OFM_ELEMENTWISE_H_
