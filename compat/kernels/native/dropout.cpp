// What is left of dropout when the mask has been drawn.
#include "elementwise.h"

namespace ofm {
namespace elementwise {
namespace {

template<typename T>
void masked(const Block& block) {
  const T* x = static_cast<const T*>(block.in[0]);
  const uint8_t* mask = static_cast<const uint8_t*>(block.in[1]);
  T* out = static_cast<T*>(block.out);
  const T scale = block.numbers->get<T>(0);
  OFM_EACH { out[i] = x[i] * static_cast<T>(mask[i]) * scale; }
}

void scale(Context* context, DataType, Numbers* numbers) {
  numbers->real[0] = context->Attr<float>("scale");
}

const bool registered = [] {
  Plan plan{"dropout_grad", 2, {"dy", "mask"}, "dx"};
  plan.row[F32] = masked<float>;
  plan.row[F64] = masked<double>;
  plan.fixed[1] = B1;
  plan.numbers = scale;
  plan.overwritten = 0;
  add(plan);
  return true;
}();

}  // namespace
}  // namespace elementwise
}  // namespace ofm
