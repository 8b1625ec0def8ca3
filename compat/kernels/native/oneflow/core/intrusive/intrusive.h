// Stands in for a header that OneFlow's wheel lacks: what framework/tensor.h names of it.
#ifndef OFM_STAND_IN_INTRUSIVE_H_
#define OFM_STAND_IN_INTRUSIVE_H_

namespace oneflow {
namespace intrusive {
template<typename T>
class shared_ptr {
 private:
  T* object_;
};
}  // namespace intrusive
}  // namespace oneflow

#endif  // OFM_STAND_IN_INTRUSIVE_H_
