// Activations, element by element, and their gradients.
#include "kernel.h"

namespace ofm {
namespace {

template<typename T>
struct Silu {
  static void compute(Context* context) {
    const T* x = data<T>(context, "in");
    T* y = mut_data<T>(context, "out");
    parallel_for(elements(context, "out"), kGrain / 8, [=](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const auto v = to_compute(x[i]);
        y[i] = from_compute<T>(v / (1 + std::exp(-v)));
      }
    });
  }
};
#define OFM_SILU(type) OFM_REGISTER("silu", Stateless<Silu<type>>, OFM_ON_CPU("out", DtypeOf<type>::value))
OFM_FOR_FLOATING(OFM_SILU)

}  // namespace
}  // namespace ofm
