// Gradients that are parts of a gradient, or one repeated, are views of it, as in PyTorch: those of
// cat, stack and sum. OneFlow copies. It never adds to a gradient in place before that one is a
// leaf's, and a leaf's is a copy, so nobody sees that memory is shared but who asks for gradients
// and writes to them, as in PyTorch.
#include "calls.h"
#include "functional.h"

namespace oneflow {
namespace one {
namespace functional {
Maybe<Tensor> Narrow(const Pointer& x, int64_t dim, int64_t start, int64_t length);
Maybe<Tensor> Squeeze(const Pointer& x, const Optional<std::vector<int32_t>>& dims);
Maybe<Tensor> Expand(const Pointer& x, const Shape& shape);
}  // namespace functional
}  // namespace one
}  // namespace oneflow

namespace ofm {
namespace {

using one::TensorTuple;
using oneflow::Shape;

using Split = Maybe<TensorTuple> (*)(const TensorPointer&, const TensorTuple&, int64_t);
using Spread = Maybe<one::Tensor> (*)(const TensorPointer&, const TensorPointer&,
                                      const std::vector<int32_t>&);
Split split_like = nullptr, unstack_like = nullptr;
Spread broadcast_like = nullptr;

bool has_views(const TensorPointer& x) {
  return x->is_eager() && x->is_local() && x->shape()->elem_cnt() > 0;
}

// SplitLike, which only the gradient of cat calls.
Maybe<TensorTuple> split(const TensorPointer& x, const TensorTuple& like, int64_t axis) {
  bool fits = has_views(x) && axis >= 0;
  for (const auto& one : like) {
    fits = fits && one->ndim() == x->ndim() && one->shape()->elem_cnt() > 0;
  }
  if (!fits) { return split_like(x, like, axis); }
  auto parts = std::make_shared<TensorTuple>(like.size());
  int64_t start = 0;
  for (size_t i = 0; i < like.size(); ++i) {
    const int64_t size = like[i]->shape()->At(axis);
    parts->at(i) = JUST(functional::Narrow(x, axis, start, size));
    start += size;
  }
  return parts;
}

// StackGrad, which only the gradient of stack calls. (OneFlow's select has no gradient where the
// tensor itself is one element repeated.)
Maybe<TensorTuple> unstack(const TensorPointer& x, const TensorTuple& like, int64_t axis) {
  if (!has_views(x) || axis < 0) { return unstack_like(x, like, axis); }
  auto parts = std::make_shared<TensorTuple>(like.size());
  const std::vector<int32_t> dims{static_cast<int32_t>(axis)};
  for (size_t i = 0; i < like.size(); ++i) {
    const TensorPointer part = JUST(functional::Narrow(x, axis, static_cast<int64_t>(i), 1));
    parts->at(i) = JUST(functional::Squeeze(part, dims));
  }
  return parts;
}

// BroadcastLike, which the gradient of sum calls with the dimensions that are gone.
Maybe<one::Tensor> spread(const TensorPointer& x, const TensorPointer& like,
                          const std::vector<int32_t>& axes) {
  const Shape& wanted = *like->shape();
  const int64_t dims = wanted.NumAxes();
  if (*x->shape() == wanted) { return x; }
  if (!has_views(x) || axes.empty() || wanted.elem_cnt() == 0) {
    return broadcast_like(x, like, axes);
  }
  oneflow::DimVector kept = wanted.dim_vec();
  for (int32_t axis : axes) {
    if (axis < -dims || axis >= dims) { return broadcast_like(x, like, axes); }
    kept[axis < 0 ? axis + dims : axis] = 1;
  }
  const Shape shape(kept);
  if (shape.elem_cnt() != x->shape()->elem_cnt()) { return broadcast_like(x, like, axes); }
  const TensorPointer whole = *x->shape() == shape ? x : JUST(functional::Reshape(x, shape));
  return functional::Expand(whole, wanted);
}

// The table's entry of a function whose address is taken as well: it is among those of data.
struct Addresses {
  const calls::Library* library;
  const ElfW(Rela)* begin = nullptr;
  size_t count = 0;

  static int look_at(dl_phdr_info* info, size_t, void* out) {
    auto* found = static_cast<Addresses*>(out);
    if (info->dlpi_addr != found->library->base) { return 0; }
    for (int i = 0; i < info->dlpi_phnum; ++i) {
      if (info->dlpi_phdr[i].p_type != PT_DYNAMIC) { continue; }
      const auto* entry =
          reinterpret_cast<const ElfW(Dyn)*>(info->dlpi_addr + info->dlpi_phdr[i].p_vaddr);
      for (; entry->d_tag != DT_NULL; ++entry) {
        if (entry->d_tag == DT_RELA) {
          found->begin = reinterpret_cast<const ElfW(Rela)*>(entry->d_un.d_ptr);
        }
        if (entry->d_tag == DT_RELASZ) { found->count = entry->d_un.d_val / sizeof(ElfW(Rela)); }
      }
    }
    return 1;
  }
};

void** address_slot_of(const calls::Library& library, const char* name) {
  const uint32_t number = calls::symbol_number(library, name);
  Addresses addresses{&library};
  dl_iterate_phdr(Addresses::look_at, &addresses);
  for (size_t i = 0; number != 0 && addresses.begin && i < addresses.count; ++i) {
    const auto& one = addresses.begin[i];
    if (ELF64_R_SYM(one.r_info) == number && ELF64_R_TYPE(one.r_info) == R_X86_64_GLOB_DAT) {
      return reinterpret_cast<void**>(library.base + one.r_offset);
    }
  }
  return nullptr;
}

template<typename Function>
void take_over(const calls::Library& library, const char* name, Function* original,
               Function function) {
  void** slot = calls::slot_of(library, name);
  if (slot == nullptr) { slot = address_slot_of(library, name); }
  if (slot == nullptr) { return; }
  *original = reinterpret_cast<Function>(calls::address_of(library, name));
  calls::replace(library, slot, reinterpret_cast<void*>(function));
}

const bool replaced = [] {
  const calls::Library library = calls::library();
  if (library.symbols == nullptr) { return false; }
  const std::string scope = "_ZN7oneflow3one10functional";
  const std::string tensor = "ERKSt10shared_ptrINS0_6TensorEE";
  take_over(library, (scope + "9SplitLike" + tensor + "RKNS0_11TensorTupleEl").c_str(), &split_like,
            split);
  take_over(library, (scope + "9StackGrad" + tensor + "RKNS0_11TensorTupleEl").c_str(),
            &unstack_like, unstack);
  take_over(library, (scope + "13BroadcastLike" + tensor + "S6_RKSt6vectorIiSaIiEE").c_str(),
            &broadcast_like, spread);
  return true;
}();

}  // namespace
}  // namespace ofm
