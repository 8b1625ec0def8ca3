// In place of a header that the wheel lacks and tensor_impl.h includes: of it only a type's name.
#ifndef OFM_INTRUSIVE_H_
#define OFM_INTRUSIVE_H_

namespace oneflow {
namespace intrusive {

template<typename T>
class shared_ptr;

}  // namespace intrusive
}  // namespace oneflow

#endif  // OFM_INTRUSIVE_H_
