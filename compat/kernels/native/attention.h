// What the kernels of scaled dot-product attention share: the problem, the mask, the threads.
#ifndef OFM_ATTENTION_H_
#define OFM_ATTENTION_H_

#include "kernel.h"

namespace ofm {

// A tensor of (batch, heads, length, size), or one that broadcasts to it.
struct View {
  const char* data = nullptr;
  DataType dtype = DataType::kFloat;
  int64_t size[4] = {1, 1, 1, 1};
  int64_t stride[4] = {0, 0, 0, 0};
};

inline View view(Context* context, const char* name) {
  const auto* tensor = context->Tensor4ArgNameAndIndex(name, 0);
  const auto shape = tensor->shape_view();
  View out;
  out.data = static_cast<const char*>(tensor->raw_dptr());
  out.dtype = tensor->data_type();
  const int64_t missing = 4 - shape.NumAxes();
  for (int64_t i = 0; i < shape.NumAxes(); ++i) {
    out.size[missing + i] = shape.At(i);
    out.stride[missing + i] = shape.At(i) == 1 ? 0 : tensor->stride()[i];
  }
  return out;
}

template<typename T>
const T* at(const View& view, int64_t batch, int64_t head, int64_t row) {
  return reinterpret_cast<const T*>(view.data) + batch * view.stride[0] + head * view.stride[1]
         + row * view.stride[2];
}

template<typename M, typename C>
inline void add_mask_row(const M* mask, int64_t step, int64_t count, C* scores) {
  if (step == 0) {
    const C same = static_cast<C>(to_compute(*mask));
    for (int64_t j = 0; j < count; ++j) { scores[j] += same; }
  } else if (step == 1) {
    for (int64_t j = 0; j < count; ++j) { scores[j] += static_cast<C>(to_compute(mask[j])); }
  } else {
    for (int64_t j = 0; j < count; ++j) { scores[j] += static_cast<C>(to_compute(mask[j * step])); }
  }
}
template<typename C>
inline void add_mask_row(const bool* mask, int64_t step, int64_t count, C* scores) {
  constexpr C kNone = -std::numeric_limits<C>::infinity();
  const auto* wanted = reinterpret_cast<const uint8_t*>(mask);
  if (step == 1) {
    for (int64_t j = 0; j < count; ++j) { scores[j] = wanted[j] != 0 ? scores[j] : kNone; }
  } else {
    for (int64_t j = 0; j < count; ++j) { scores[j] = wanted[j * step] != 0 ? scores[j] : kNone; }
  }
}

// Adds the mask to `count` scores of a row, from a key on.
template<typename C>
inline void mask_row(const View& mask, int64_t batch, int64_t head, int64_t row, int64_t key,
                     int64_t count, C* scores) {
  const int64_t step = mask.stride[3], from = key * step;
  switch (mask.dtype) {
#define OFM_MASK(type)                                                                   \
  case DtypeOf<type>::value:                                                             \
    add_mask_row(at<type>(mask, batch, head, row) + from, step, count, scores);          \
    break;
    OFM_FOR_FLOATING(OFM_MASK)
    OFM_MASK(bool)
#undef OFM_MASK
    default: break;
  }
}

struct Problem {
  View query, key, value, mask;
  bool masked, causal;
  double scale;
  int64_t batches, heads, key_heads, length, keys, size, width;

  int64_t group() const { return heads / key_heads; }
  // Which keys the rows before `end` may look at.
  int64_t keys_before(int64_t end) const { return causal ? std::min(keys, end) : keys; }
};

inline Problem problem(Context* context) {
  Problem p;
  p.query = view(context, "query");
  p.key = view(context, "key");
  p.value = view(context, "value");
  p.masked = context->has_input("mask", 0);
  if (p.masked) { p.mask = view(context, "mask"); }
  p.causal = context->Attr<bool>("causal");
  p.scale = context->Attr<double>("scale");
  p.batches = p.query.size[0];
  p.heads = p.query.size[1];
  p.key_heads = p.key.size[1];
  p.length = p.query.size[2];
  p.keys = p.key.size[2];
  p.size = p.query.size[3];
  p.width = p.value.size[3];
  return p;
}

// Calls one(memory, index) for every index, each thread taking the next when it is done.
template<typename Memory, typename One>
void share_out(int64_t count, const One& one) {
  const int wanted = static_cast<int>(std::min<int64_t>(threads(), count));
  std::atomic<int64_t> next{0};
  const auto work = [&] {
    Memory memory;
    for (int64_t i = next++; i < count; i = next++) { one(memory, i); }
  };
  if (wanted <= 1 || in_parallel()) {
    work();
  } else {
    on_threads(wanted, [&](int, int) { work(); });
  }
}

// The same by the tile instructions, in float16 and bfloat16; false where that cannot be done and
// nothing has been. Strides of (batch, heads, length).
template<typename T>
bool attention_by_tiles(const Problem& p, T* out, const int64_t* stride, float* log_sums);

template<typename T>
struct HeadsOut {
  T* data;
  int64_t stride[3];
  T* at(int64_t batch, int64_t head) const { return data + batch * stride[0] + head * stride[1]; }
};

template<typename T>
bool attention_gradient_by_tiles(const Problem& p, const View& out, const View& out_gradient,
                                 const float* log_sums, const HeadsOut<T>& query,
                                 const HeadsOut<T>& key, const HeadsOut<T>& value);

}  // namespace ofm

#endif  // OFM_ATTENTION_H_
