// Copies between two strided layouts of one shape: the one routine behind every op that moves data.
#ifndef OFM_STRIDED_COPY_H_
#define OFM_STRIDED_COPY_H_

#include "kernel.h"

namespace ofm {

// One dimension of a copy; strides in elements.
struct CopyDim {
  int64_t size;
  int64_t to;
  int64_t from;
};

// Copies to[sum i*dim.to] = from[sum i*dim.from] for elements of `width` bytes: 1, 2, 4, 8 or 16.
// The places written to must differ from each other. A stride of 0 or below it on either side is
// all right where that holds.
void copy_strided(void* to, const void* from, size_t width, std::vector<CopyDim> dims);

// Both contiguous.
void copy_bytes(void* to, const void* from, size_t bytes);

// Writes one element of `width` bytes `count` times.
void fill_elements(void* to, const void* element, size_t width, int64_t count);

inline std::vector<int64_t> contiguous_strides(const std::vector<int64_t>& shape) {
  std::vector<int64_t> out(shape.size());
  int64_t step = 1;
  for (size_t i = shape.size(); i-- > 0;) {
    out[i] = step;
    step *= std::max<int64_t>(shape[i], 1);
  }
  return out;
}

inline int64_t product(const std::vector<int64_t>& shape, size_t begin, size_t end) {
  int64_t out = 1;
  for (size_t i = begin; i < end; ++i) { out *= shape[i]; }
  return out;
}
inline int64_t product(const std::vector<int64_t>& shape) {
  return product(shape, 0, shape.size());
}

// The bytes of an element; 0 for what is no plain value.
inline size_t element_width(DataType dtype) {
  switch (dtype) {
    case DataType::kUInt128:    // float8_e4m3fn: dtypes.h
    case DataType::kComplex32:  // float8_e5m2
    case DataType::kChar:
    case DataType::kInt8:
    case DataType::kUInt8:
    case DataType::kBool: return 1;
    case DataType::kInt16:
    case DataType::kUInt16:
    case DataType::kFloat16:
    case DataType::kBFloat16: return 2;
    case DataType::kFloat:
    case DataType::kInt32:
    case DataType::kUInt32: return 4;
    case DataType::kDouble:
    case DataType::kInt64:
    case DataType::kUInt64:
    case DataType::kComplex64: return 8;
    case DtypeOf<std::complex<double>>::value: return 16;
    default: return 0;
  }
}

// Any plain dtype of an argument on the CPU: what only moves elements need not know more.
inline auto any_on_cpu(const std::string& argument) {
  return user_op::HobDeviceType() == DeviceType::kCPU
         && oneflow::hob::make_custom("plain dtype of " + argument,
                                      [argument](const user_op::KernelRegContext& context) {
                                        const auto* desc =
                                            context.TensorDesc4ArgNameAndIndex(argument, 0);
                                        return desc != nullptr
                                               && element_width(desc->data_type()) != 0;
                                      })
                == true;
}

}  // namespace ofm

#endif  // OFM_STRIDED_COPY_H_
