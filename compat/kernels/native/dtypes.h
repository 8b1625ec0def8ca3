// Tensors of dtypes that OneFlow names but does not make: views of a tensor's memory.
#ifndef OFM_DTYPES_H_
#define OFM_DTYPES_H_

#include "new_op.h"

#include <limits>

namespace ofm {

// Floats of one byte. OneFlow has no name for them: they go by two of its dtypes that have neither
// tensors nor kernels, and that are told to be one byte long.
struct E4M3 {
  uint8_t bits;
};
struct E5M2 {
  uint8_t bits;
};
template<>
struct DtypeOf<E4M3> {
  static constexpr DataType value = DataType::kUInt128;
};
template<>
struct DtypeOf<E5M2> {
  static constexpr DataType value = DataType::kComplex32;
};

// The float whose sign is that of `sign`, and whose magnitude is given.
inline float signed_as(float magnitude, uint8_t sign) { return sign & 0x80 ? -magnitude : magnitude; }

inline float to_float(E4M3 value) {
  const int exponent = value.bits >> 3 & 15, digits = value.bits & 7;
  if (exponent == 15 && digits == 7) {
    return signed_as(std::numeric_limits<float>::quiet_NaN(), value.bits);
  }
  return signed_as(exponent == 0 ? std::ldexp(digits, -9) : std::ldexp(8 + digits, exponent - 10),
                   value.bits);
}
// The upper half of a float16.
inline float to_float(E5M2 value) {
  return _cvtsh_ss(static_cast<uint16_t>(value.bits << 8));
}

// The nearest float with `kDigits` digits after the point and exponents down to `kLeast`, as
// code without a sign: ties go to even, and what is too large goes on counting.
template<int kDigits, int kLeast>
inline uint32_t code_of(uint32_t magnitude) {
  constexpr int kDropped = 23 - kDigits;
  const int exponent = static_cast<int>(magnitude >> 23) - 127;
  if (exponent < kLeast) {  // in steps of the least one
    float value;
    std::memcpy(&value, &magnitude, sizeof value);
    return static_cast<uint32_t>(std::nearbyint(std::ldexp(value, kDigits - kLeast)));
  }
  const uint32_t odd = magnitude >> kDropped & 1;
  const uint32_t rounded = (magnitude + ((1u << (kDropped - 1)) - 1) + odd) >> kDropped;
  return rounded - (static_cast<uint32_t>(kLeast + 127 - 1) << kDigits);
}

// What is too large becomes the largest e4m3fn, as in PyTorch 2.13, and e5m2's infinity.
inline E4M3 to_e4m3(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  const uint32_t magnitude = bits & 0x7fffffffu;
  const uint32_t code = magnitude > 0x7f800000u ? 0x7f : std::min(code_of<3, -6>(magnitude), 0x7eu);
  return {static_cast<uint8_t>(code | (bits >> 24 & 0x80))};
}
inline E5M2 to_e5m2(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  const uint32_t magnitude = bits & 0x7fffffffu;
  const uint32_t code = magnitude > 0x7f800000u ? 0x7f : std::min(code_of<2, -14>(magnitude), 0x7cu);
  return {static_cast<uint8_t>(code | (bits >> 24 & 0x80))};
}

// The memory of a tensor as another dtype; the offset is in elements of the new dtype from the
// storage's beginning. Without history.
TensorPointer retyped(const TensorPointer& from, DataType dtype, const oneflow::Shape& shape,
                      const oneflow::Stride& stride, int64_t offset);

}  // namespace ofm

#endif  // OFM_DTYPES_H_
