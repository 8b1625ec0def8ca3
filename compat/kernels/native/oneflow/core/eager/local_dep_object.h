// Stands in for a header that OneFlow's wheel lacks: what framework/tensor.h names of it.
#ifndef OFM_STAND_IN_LOCAL_DEP_OBJECT_H_
#define OFM_STAND_IN_LOCAL_DEP_OBJECT_H_

namespace oneflow {
namespace vm {
class Dependence;
}  // namespace vm
using LocalDepObject = vm::Dependence;
}  // namespace oneflow

#endif  // OFM_STAND_IN_LOCAL_DEP_OBJECT_H_
