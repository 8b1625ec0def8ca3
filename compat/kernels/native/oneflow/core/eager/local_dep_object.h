// In place of a header that the wheel lacks and tensor_impl.h includes: of it only a type's name.
#ifndef OFM_LOCAL_DEP_OBJECT_H_
#define OFM_LOCAL_DEP_OBJECT_H_

namespace oneflow {

namespace vm {

class Dependence;

}  // namespace vm

using LocalDepObject = vm::Dependence;

}  // namespace oneflow

#endif  // OFM_LOCAL_DEP_OBJECT_H_
