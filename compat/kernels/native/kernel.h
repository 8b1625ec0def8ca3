// What every family of kernels is written with: dtypes, threads, and a kernel's registration.
//
// A kernel is registered with a priority above OneFlow's own (0 and 10) and below 100, from where
// they count only when an environment variable says so. It must not throw: it may run on a thread
// of OneFlow's. What it cannot do it leaves to OneFlow's kernel by its condition.
#ifndef OFM_KERNEL_H_
#define OFM_KERNEL_H_

#include <immintrin.h>
#include <omp.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <complex>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>
#include <vector>

#include "oneflow/core/framework/framework.h"
#include "signals.h"
#include "team.h"

namespace ofm {

using oneflow::DataType;
using oneflow::DeviceType;
namespace user_op = oneflow::user_op;
using Context = user_op::KernelComputeContext;

constexpr int kPriority = 50;

// --- dtypes --------------------------------------------------------------------------------------

// IEEE half and bfloat16 as bits: computed with in float, rounded to nearest even when stored.
struct Half {
  uint16_t bits;
};
struct BFloat16 {
  uint16_t bits;
};

inline float to_compute(BFloat16 value) {
  uint32_t wide = static_cast<uint32_t>(value.bits) << 16;
  float out;
  std::memcpy(&out, &wide, sizeof out);
  return out;
}
inline float to_compute(Half value) { return _cvtsh_ss(value.bits); }
template<typename T>
inline T to_compute(T value) {
  return value;
}

template<typename T>
inline T from_compute(T value) {
  return value;
}
template<typename T>
inline typename std::enable_if<std::is_same<T, BFloat16>::value, T>::type from_compute(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  const uint32_t rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
  return BFloat16{static_cast<uint16_t>(value != value ? 0x7fc0 : rounded)};
}
template<typename T>
inline typename std::enable_if<std::is_same<T, Half>::value, T>::type from_compute(float value) {
  return Half{static_cast<uint16_t>(_cvtss_sh(value, _MM_FROUND_TO_NEAREST_INT))};
}

// The type that a dtype is computed in.
template<typename T>
struct ComputeType {
  using type = T;
};
template<>
struct ComputeType<Half> {
  using type = float;
};
template<>
struct ComputeType<BFloat16> {
  using type = float;
};
template<typename T>
using compute_t = typename ComputeType<T>::type;

// Whole rows between a dtype and the type it is computed in (Half by the processor's instruction).
template<typename T>
inline void load_row(const T* from, compute_t<T>* to, int64_t count) {
  for (int64_t i = 0; i < count; ++i) { to[i] = to_compute(from[i]); }
}
template<>
inline void load_row<Half>(const Half* from, float* to, int64_t count) {
  int64_t i = 0;
  for (; i + 8 <= count; i += 8) {
    _mm256_storeu_ps(to + i,
                     _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from + i))));
  }
  for (; i < count; ++i) { to[i] = to_compute(from[i]); }
}
template<typename T>
inline void store_row(const compute_t<T>* from, T* to, int64_t count) {
  for (int64_t i = 0; i < count; ++i) { to[i] = from_compute<T>(from[i]); }
}
template<>
inline void store_row<Half>(const float* from, Half* to, int64_t count) {
  int64_t i = 0;
  for (; i + 8 <= count; i += 8) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to + i),
                     _mm256_cvtps_ph(_mm256_loadu_ps(from + i), _MM_FROUND_TO_NEAREST_INT));
  }
  for (; i < count; ++i) { to[i] = from_compute<Half>(from[i]); }
}

template<typename T>
struct DtypeOf;
#define OFM_DTYPE(type, name)                              \
  template<>                                               \
  struct DtypeOf<type> {                                   \
    static constexpr DataType value = DataType::name;      \
  };
OFM_DTYPE(float, kFloat)
OFM_DTYPE(double, kDouble)
OFM_DTYPE(Half, kFloat16)
OFM_DTYPE(BFloat16, kBFloat16)
OFM_DTYPE(int8_t, kInt8)
OFM_DTYPE(uint8_t, kUInt8)
OFM_DTYPE(int16_t, kInt16)
OFM_DTYPE(int32_t, kInt32)
OFM_DTYPE(int64_t, kInt64)
OFM_DTYPE(bool, kBool)
using Complex64 = std::complex<float>;
using Complex128 = std::complex<double>;
OFM_DTYPE(Complex64, kComplex64)
// OneFlow's table of an operator's kernels ends before kComplex128: complex128 goes by the name of
// another dtype of 16 bytes that has no tensors either.
OFM_DTYPE(Complex128, kInt128)
#undef OFM_DTYPE

#define OFM_FOR_FLOATING(macro, ...) \
  macro(float, ##__VA_ARGS__) macro(double, ##__VA_ARGS__) \
  macro(Half, ##__VA_ARGS__) macro(BFloat16, ##__VA_ARGS__)
#define OFM_FOR_INTEGERS(macro, ...) \
  macro(int8_t, ##__VA_ARGS__) macro(uint8_t, ##__VA_ARGS__) \
  macro(int16_t, ##__VA_ARGS__) macro(int32_t, ##__VA_ARGS__) macro(int64_t, ##__VA_ARGS__)
#define OFM_FOR_COMPLEX(macro, ...) \
  macro(Complex64, ##__VA_ARGS__) macro(Complex128, ##__VA_ARGS__)
#define OFM_FOR_ALL(macro, ...) \
  OFM_FOR_FLOATING(macro, ##__VA_ARGS__) OFM_FOR_INTEGERS(macro, ##__VA_ARGS__) \
  macro(bool, ##__VA_ARGS__)

// --- threads -------------------------------------------------------------------------------------

// How many threads a kernel may use: torch.set_num_threads.
int threads();

// Below this many simple operations a second thread costs more than it does.
constexpr int64_t kGrain = 32768;

// Calls body(begin, end) for parts of 0..count, on as many threads as pay for `grain` each.
template<typename Body>
inline void parallel_for(int64_t count, int64_t grain, const Body& body) {
  if (count <= 0) { return; }
  const int64_t wanted = std::min<int64_t>(threads(), (count + grain - 1) / std::max<int64_t>(grain, 1));
  if (wanted <= 1 || in_parallel()) {
    body(int64_t{0}, count);
    return;
  }
  on_threads(static_cast<int>(wanted), [&](int part, int parts) {
    const int64_t begin = count * part / parts, end = count * (part + 1) / parts;
    if (begin < end) { body(begin, end); }
  });
}

// --- tensors and kernels -------------------------------------------------------------------------

template<typename T>
inline const T* data(Context* context, const char* name, int index = 0) {
  return static_cast<const T*>(context->Tensor4ArgNameAndIndex(name, index)->raw_dptr());
}
template<typename T>
inline T* mut_data(Context* context, const char* name, int index = 0) {
  return static_cast<T*>(context->Tensor4ArgNameAndIndex(name, index)->mut_raw_dptr());
}
inline int64_t elements(Context* context, const char* name, int index = 0) {
  return context->Tensor4ArgNameAndIndex(name, index)->shape_view().elem_cnt();
}
inline std::vector<int64_t> sizes(Context* context, const char* name, int index = 0) {
  const auto shape = context->Tensor4ArgNameAndIndex(name, index)->shape_view();
  std::vector<int64_t> out(shape.NumAxes());
  for (size_t i = 0; i < out.size(); ++i) { out[i] = shape.At(i); }
  return out;
}

// A kernel without state: a class with `static void compute(Context*)`.
template<typename Function>
class Stateless final : public user_op::OpKernel {
 public:
  Stateless() = default;
  ~Stateless() override = default;

 private:
  using user_op::OpKernel::Compute;
  void Compute(Context* context) const override { Function::compute(context); }
  bool AlwaysComputeWhenAllOutputsEmpty() const override { return false; }
};

#define OFM_ON_CPU(argument, dtype)                         \
  ((user_op::HobDeviceType() == DeviceType::kCPU)           \
   && (user_op::HobDataType(argument, 0) == (dtype)))

// REGISTER_USER_KERNEL names its variable by __COUNTER__, which does not do inside macros of ours.
#define OFM_JOIN_(a, b) a##b
#define OFM_JOIN(a, b) OFM_JOIN_(a, b)
#define OFM_REGISTER(name, kernel, condition)                                          \
  static ::oneflow::user_op::UserOpRegisterTrigger<::oneflow::user_op::OpKernelRegistry> \
      OFM_JOIN(ofm_kernel_, __COUNTER__) =                                              \
          ::oneflow::user_op::UserOpRegistryMgr::Get()                                  \
              .CheckAndGetOpKernelRegistry(name)                                        \
              .SetCreateFn<kernel>()                                                    \
              .SetIsMatchedHob(condition)                                               \
              .SetPriority(::ofm::kPriority);

}  // namespace ofm

#endif  // OFM_KERNEL_H_
