// Tensors of dtypes that OneFlow names but does not make: views of a tensor's memory.
#ifndef OFM_DTYPES_H_
#define OFM_DTYPES_H_

#include "new_op.h"

namespace ofm {

// The memory of a tensor as another dtype; the offset is in elements of the new dtype from the
// storage's beginning. Without history.
TensorPointer retyped(const TensorPointer& from, DataType dtype, const oneflow::Shape& shape,
                      const oneflow::Stride& stride, int64_t offset);

}  // namespace ofm

#endif  // OFM_DTYPES_H_
