// Ops that put elements elsewhere and change none: slices, concatenation, flips, broadcasts.
#include "strided_copy.h"

namespace ofm {
namespace {

using user_op::Tensor;

inline size_t width_of(const Tensor* tensor) { return element_width(tensor->data_type()); }

inline std::vector<int64_t> shape_of(const Tensor* tensor) {
  const auto view = tensor->shape_view();
  std::vector<int64_t> out(view.NumAxes());
  for (size_t i = 0; i < out.size(); ++i) { out[i] = view.At(i); }
  return out;
}

inline std::vector<int64_t> strides_of(const Tensor* tensor) {
  const auto& stride = tensor->stride();
  return std::vector<int64_t>(stride.begin(), stride.end());
}

inline char* bytes_of(Tensor* tensor) { return static_cast<char*>(tensor->mut_raw_dptr()); }
inline const char* bytes_of(const Tensor* tensor) {
  return static_cast<const char*>(tensor->raw_dptr());
}

inline void clear(Tensor* tensor) {
  const int64_t bytes = tensor->shape_view().elem_cnt() * width_of(tensor);
  char* to = bytes_of(tensor);
  parallel_for(bytes, kGrain * 8,
               [=](int64_t begin, int64_t end) { std::memset(to + begin, 0, end - begin); });
}

// Copies a shape from one layout to another, both given by an offset and strides in elements.
void copy_layout(char* to, int64_t to_offset, const std::vector<int64_t>& to_strides,
                 const char* from, int64_t from_offset, const std::vector<int64_t>& from_strides,
                 const std::vector<int64_t>& shape, size_t width) {
  std::vector<CopyDim> dims(shape.size());
  for (size_t i = 0; i < shape.size(); ++i) {
    dims[i] = CopyDim{shape[i], to_strides[i], from_strides[i]};
  }
  copy_strided(to + to_offset * static_cast<int64_t>(width),
               from + from_offset * static_cast<int64_t>(width), width, std::move(dims));
}

struct ToContiguous {
  static void compute(Context* context) {
    const Tensor* in = context->Tensor4ArgNameAndIndex("in", 0);
    Tensor* out = context->Tensor4ArgNameAndIndex("out", 0);
    const auto shape = shape_of(in);
    copy_layout(bytes_of(out), 0, contiguous_strides(shape), bytes_of(in), 0, strides_of(in), shape,
                width_of(in));
  }
};

struct Copy {
  static void compute(Context* context) {
    const Tensor* in = context->Tensor4ArgNameAndIndex("in", 0);
    Tensor* out = context->Tensor4ArgNameAndIndex("out", 0);
    copy_bytes(bytes_of(out), bytes_of(in), in->shape_view().elem_cnt() * width_of(in));
  }
};

struct Assign {
  static void compute(Context* context) {
    const Tensor* value = context->Tensor4ArgNameAndIndex("value", 0);
    Tensor* ref = context->Tensor4ArgNameAndIndex("ref", 0);
    if (value->raw_dptr() == ref->raw_dptr()) { return; }
    copy_bytes(bytes_of(ref), bytes_of(value), ref->shape_view().elem_cnt() * width_of(ref));
  }
};

struct Transpose {
  static void compute(Context* context) {
    const Tensor* in = context->Tensor4ArgNameAndIndex("input", 0);
    Tensor* out = context->Tensor4ArgNameAndIndex("output", 0);
    const auto& order = context->Attr<std::vector<int32_t>>("perm");
    const auto from = contiguous_strides(shape_of(in));
    std::vector<int64_t> strides(order.size());
    for (size_t i = 0; i < order.size(); ++i) { strides[i] = from[order[i]]; }
    const auto shape = shape_of(out);
    copy_layout(bytes_of(out), 0, contiguous_strides(shape), bytes_of(in), 0, strides, shape,
                width_of(in));
  }
};

// --- slices --------------------------------------------------------------------------------------

// Where a slice of a larger layout lies. Starts are clamped as Python clamps them.
struct Window {
  int64_t offset = 0;
  std::vector<int64_t> strides;
};

Window window(Context* context, const std::vector<int64_t>& shape,
              const std::vector<int64_t>& strides) {
  const auto& starts = context->Attr<std::vector<int64_t>>("start");
  const auto& steps = context->Attr<std::vector<int64_t>>("step");
  Window out;
  out.strides.resize(shape.size());
  for (size_t i = 0; i < shape.size(); ++i) {
    int64_t start = std::min(std::max(starts[i], -shape[i]), shape[i] - 1);
    if (start < 0) { start += shape[i]; }
    out.offset += start * strides[i];
    out.strides[i] = steps[i] * strides[i];
  }
  return out;
}

// The small side of a slice may have lost its only dimension.
std::vector<int64_t> padded(std::vector<int64_t> shape, size_t count, int64_t value) {
  shape.resize(count, value);
  return shape;
}

struct Slice {
  static void compute(Context* context) {
    const Tensor* x = context->Tensor4ArgNameAndIndex("x", 0);
    Tensor* y = context->Tensor4ArgNameAndIndex("y", 0);
    const auto large = shape_of(x), small = padded(shape_of(y), large.size(), 1);
    const Window part = window(context, large, strides_of(x));
    copy_layout(bytes_of(y), 0, contiguous_strides(small), bytes_of(x), part.offset, part.strides,
                small, width_of(x));
  }
};

struct SliceUpdate {
  static void compute(Context* context) {
    const Tensor* value = context->Tensor4ArgNameAndIndex("value", 0);
    const Tensor* ref = context->Tensor4ArgNameAndIndex("ref", 0);
    Tensor* y = context->Tensor4ArgNameAndIndex("y", 0);
    if (y->shape_view().elem_cnt() == 0) { return; }
    const auto large = shape_of(y), strides = strides_of(y);
    const size_t width = width_of(y);
    if (ref->raw_dptr() != y->raw_dptr()) {
      copy_layout(bytes_of(y), 0, strides, bytes_of(ref), 0, strides_of(ref), large, width);
    }
    const auto small = padded(shape_of(value), large.size(), 1);
    const Window part = window(context, large, strides);
    copy_layout(bytes_of(y), part.offset, part.strides, bytes_of(value), 0,
                padded(strides_of(value), large.size(), 1), small, width);
  }
};

struct SliceGrad {
  static void compute(Context* context) {
    const Tensor* dy = context->Tensor4ArgNameAndIndex("dy", 0);
    Tensor* dx = context->Tensor4ArgNameAndIndex("dx", 0);
    const auto large = shape_of(dx), small = padded(shape_of(dy), large.size(), 1);
    if (large != small) { clear(dx); }
    if (product(small) == 0) { return; }
    const Window part = window(context, large, contiguous_strides(large));
    copy_layout(bytes_of(dx), part.offset, part.strides, bytes_of(dy), 0, contiguous_strides(small),
                small, width_of(dx));
  }
};

struct Narrow {
  static void compute(Context* context) {
    const Tensor* in = context->Tensor4ArgNameAndIndex("in", 0);
    Tensor* out = context->Tensor4ArgNameAndIndex("out", 0);
    const int64_t dim = context->Attr<int64_t>("dim"), start = context->Attr<int64_t>("start");
    const auto from = contiguous_strides(shape_of(in)), small = shape_of(out);
    copy_layout(bytes_of(out), 0, contiguous_strides(small), bytes_of(in), start * from[dim], from,
                small, width_of(in));
  }
};

struct NarrowGrad {
  static void compute(Context* context) {
    const Tensor* dy = context->Tensor4ArgNameAndIndex("dy", 0);
    Tensor* dx = context->Tensor4ArgNameAndIndex("dx", 0);
    const int64_t dim = context->Attr<int64_t>("dim"), start = context->Attr<int64_t>("start");
    const auto large = shape_of(dx), small = shape_of(dy);
    const size_t width = width_of(dx);
    // Rows of what surrounds the part, row of the part: all is written once.
    const int64_t outer = product(large, 0, dim), inner = product(large, dim + 1, large.size());
    const int64_t row = large[dim] * inner * width, part = small[dim] * inner * width;
    const int64_t before = start * inner * width;
    char* to = bytes_of(dx);
    const char* from = bytes_of(dy);
    const auto write = [=](int64_t place, int64_t begin, int64_t end) {
      char* target = to + place * row;
      const int64_t first = std::min(end, before), last = std::max(begin, before + part);
      if (begin < first) { std::memset(target + begin, 0, first - begin); }
      const int64_t from_begin = std::max(begin, before), from_end = std::min(end, before + part);
      if (from_begin < from_end) {
        std::memcpy(target + from_begin, from + place * part + from_begin - before,
                    from_end - from_begin);
      }
      if (last < end) { std::memset(target + last, 0, end - last); }
    };
    if (outer == 1) {
      parallel_for(row, kGrain * 4,
                   [&](int64_t begin, int64_t end) { write(0, begin, end); });
      return;
    }
    parallel_for(outer, std::max<int64_t>(1, kGrain * 4 / std::max<int64_t>(row, 1)),
                 [&](int64_t begin, int64_t end) {
                   for (int64_t i = begin; i < end; ++i) { write(i, 0, row); }
                 });
  }
};

// --- several tensors and one ---------------------------------------------------------------------

// Pieces side by side in rows of `columns` elements; to_rows says which side the rows are.
void concatenate(Context* context, const std::vector<std::pair<std::string, int32_t>>& pieces,
                 Tensor* whole, int64_t axis, bool to_whole) {
  const auto shape = shape_of(whole);
  const size_t width = width_of(whole);
  const int64_t rows = product(shape, 0, axis), columns = product(shape, axis, shape.size());
  if (rows * columns == 0) { return; }
  int64_t offset = 0;
  for (const auto& name : pieces) {
    Tensor* piece = context->Tensor4ArgNameAndIndex(name.first, name.second);
    const int64_t part = piece->shape_view().elem_cnt() / rows;
    if (part > 0) {
      char* side = bytes_of(whole) + offset * width;
      if (to_whole) {
        copy_strided(side, piece->raw_dptr(), width, {{rows, columns, part}, {part, 1, 1}});
      } else {
        copy_strided(piece->mut_raw_dptr(), side, width, {{rows, part, columns}, {part, 1, 1}});
      }
    }
    offset += part;
  }
}

struct Concat {
  static void compute(Context* context) {
    concatenate(context, context->inputs(), context->Tensor4ArgNameAndIndex("out", 0),
                context->Attr<int64_t>("axis"), true);
  }
};

struct Split {
  static void compute(Context* context) {
    concatenate(context, context->outputs(), context->Tensor4ArgNameAndIndex("in", 0),
                context->Attr<int64_t>("axis"), false);
  }
};

// --- rearrangements ------------------------------------------------------------------------------

struct Flip {
  static void compute(Context* context) {
    const Tensor* x = context->Tensor4ArgNameAndIndex("x", 0);
    Tensor* y = context->Tensor4ArgNameAndIndex("y", 0);
    const auto shape = shape_of(x);
    const auto to = contiguous_strides(shape);
    auto from = to;
    int64_t offset = 0;
    for (int32_t dim : context->Attr<std::vector<int32_t>>("dims")) {
      if (dim < 0) { dim += static_cast<int32_t>(shape.size()); }
      if (dim < 0 || dim >= static_cast<int32_t>(shape.size()) || from[dim] < 0) { continue; }
      offset += (shape[dim] - 1) * from[dim];
      from[dim] = -from[dim];
    }
    if (product(shape) == 0) { return; }
    copy_layout(bytes_of(y), 0, to, bytes_of(x), offset, from, shape, width_of(x));
  }
};

struct Roll {
  static void compute(Context* context) {
    const Tensor* in = context->Tensor4ArgNameAndIndex("in", 0);
    Tensor* out = context->Tensor4ArgNameAndIndex("out", 0);
    const auto& shifts = context->Attr<std::vector<int32_t>>("shifts");
    const auto& dims = context->Attr<std::vector<int32_t>>("dims");
    auto shape = shape_of(in);
    const int64_t count = product(shape);
    if (count == 0) { return; }
    std::vector<int64_t> shift;
    if (dims.empty() || dims[0] == -1) {
      shape = {count};
      shift = {shifts.empty() ? 0 : shifts[0]};
    } else {
      shift.assign(shape.size(), 0);
      for (size_t i = 0; i < dims.size() && i < shifts.size(); ++i) { shift[dims[i]] += shifts[i]; }
    }
    std::vector<size_t> moved;
    for (size_t i = 0; i < shape.size(); ++i) {
      shift[i] %= shape[i];
      if (shift[i] < 0) { shift[i] += shape[i]; }
      if (shift[i] != 0) { moved.push_back(i); }
    }
    // Each moved dimension falls into two pieces.
    const auto strides = contiguous_strides(shape);
    for (size_t choice = 0; choice < (size_t{1} << moved.size()); ++choice) {
      auto piece = shape;
      int64_t to = 0, from = 0;
      for (size_t i = 0; i < moved.size(); ++i) {
        const size_t dim = moved[i];
        if (choice >> i & 1) {
          piece[dim] = shift[dim];
          from += (shape[dim] - shift[dim]) * strides[dim];
        } else {
          piece[dim] = shape[dim] - shift[dim];
          to += shift[dim] * strides[dim];
        }
      }
      copy_layout(bytes_of(out), to, strides, bytes_of(in), from, strides, piece, width_of(in));
    }
  }
};

struct Expand {
  static void compute(Context* context) {
    const Tensor* in = context->Tensor4ArgNameAndIndex("in", 0);
    Tensor* out = context->Tensor4ArgNameAndIndex("out", 0);
    const auto shape = shape_of(out), small = shape_of(in), steps = strides_of(in);
    std::vector<int64_t> from(shape.size(), 0);
    for (size_t i = 0; i < small.size(); ++i) {
      if (small[i] != 1) { from[shape.size() - small.size() + i] = steps[i]; }
    }
    copy_layout(bytes_of(out), 0, contiguous_strides(shape), bytes_of(in), 0, from, shape,
                width_of(in));
  }
};

struct AsStrided {
  static void compute(Context* context) {
    const Tensor* in = context->Tensor4ArgNameAndIndex("input", 0);
    Tensor* out = context->Tensor4ArgNameAndIndex("output", 0);
    const auto shape = shape_of(out);
    copy_layout(bytes_of(out), 0, contiguous_strides(shape), bytes_of(in),
                context->Attr<int64_t>("storage_offset"),
                context->Attr<std::vector<int64_t>>("stride"), shape, width_of(in));
  }
};

struct UnfoldTensor {
  static void compute(Context* context) {
    const Tensor* x = context->Tensor4ArgNameAndIndex("x", 0);
    Tensor* y = context->Tensor4ArgNameAndIndex("y", 0);
    const auto shape = shape_of(y);
    auto from = contiguous_strides(shape_of(x));
    if (from.empty()) { from = {1}; }
    int32_t dim = context->Attr<int32_t>("dimension");
    if (dim < 0) { dim += static_cast<int32_t>(from.size()); }
    const int64_t unit = from[dim];
    from[dim] = unit * context->Attr<int32_t>("step");
    from.push_back(unit);
    from.resize(shape.size(), 1);
    copy_layout(bytes_of(y), 0, contiguous_strides(shape), bytes_of(x), 0, from, shape,
                width_of(x));
  }
};

// What windows share is added up, window after window.
template<typename T>
struct UnfoldTensorGrad {
  static void compute(Context* context) {
    const T* dy = data<T>(context, "dy");
    T* dx = mut_data<T>(context, "dx");
    const auto large = shape_of(context->Tensor4ArgNameAndIndex("dx", 0));
    const auto small = shape_of(context->Tensor4ArgNameAndIndex("dy", 0));
    std::fill(dx, dx + product(large), T{});
    if (product(small) == 0) { return; }
    if (large.empty()) {
      dx[0] = dy[0];
      return;
    }
    int32_t dim = context->Attr<int32_t>("dimension");
    if (dim < 0) { dim += static_cast<int32_t>(large.size()); }
    const int64_t step = context->Attr<int32_t>("step"), size = small.back();
    const int64_t outer = product(large, 0, dim), inner = product(large, dim + 1, large.size());
    const int64_t places = large[dim], windows = small[dim];
    parallel_for(outer, std::max<int64_t>(1, kGrain / std::max<int64_t>(windows * inner * size, 1)),
                 [=](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        for (int64_t window = 0; window < windows; ++window) {
          const T* from = dy + (row * windows + window) * inner * size;
          T* to = dx + (row * places + window * step) * inner;
          for (int64_t i = 0; i < inner; ++i) {
            for (int64_t k = 0; k < size; ++k) {
              T& sum = to[k * inner + i];
              sum = from_compute<T>(
                  static_cast<compute_t<T>>(to_compute(sum) + to_compute(from[i * size + k])));
            }
          }
        }
      }
    });
  }
};

// diagonal: the first two dimensions' diagonal goes last.
struct Diagonal {
  static CopyDim line(const std::vector<int64_t>& large, int64_t size, int32_t offset,
                      int64_t* start, int64_t* rest) {
    *rest = product(large, 2, large.size());
    *start = (offset >= 0 ? offset : -offset * large[1]) * *rest;
    return CopyDim{size, 1, (large[1] + 1) * *rest};
  }
  static void compute(Context* context) {
    const Tensor* in = context->Tensor4ArgNameAndIndex("in", 0);
    Tensor* out = context->Tensor4ArgNameAndIndex("out", 0);
    const auto large = shape_of(in), small = shape_of(out);
    if (product(small) == 0) { return; }
    int64_t start, rest;
    const CopyDim along =
        line(large, small.back(), context->Attr<int32_t>("offset"), &start, &rest);
    copy_strided(bytes_of(out), bytes_of(in) + start * width_of(in), width_of(in),
                 {{rest, small.back(), 1}, along});
  }
};

struct DiagonalGrad {
  static void compute(Context* context) {
    const Tensor* dy = context->Tensor4ArgNameAndIndex("dy", 0);
    Tensor* dx = context->Tensor4ArgNameAndIndex("dx", 0);
    clear(dx);
    const auto large = shape_of(dx), small = shape_of(dy);
    if (product(small) == 0) { return; }
    int64_t start, rest;
    const CopyDim along =
        Diagonal::line(large, small.back(), context->Attr<int32_t>("offset"), &start, &rest);
    copy_strided(bytes_of(dx) + start * width_of(dx), bytes_of(dy), width_of(dx),
                 {{rest, 1, small.back()}, {along.size, along.from, along.to}});
  }
};

// diag: a vector to a matrix that has it on a diagonal, or back.
void diag(const Tensor* in, Tensor* out, const std::vector<int64_t>& matrix, int32_t offset,
          bool to_matrix) {
  const int64_t rows = matrix[0], columns = matrix[1];
  const int64_t size = offset >= 0 ? std::min(rows, columns - offset) : std::min(rows + offset, columns);
  if (to_matrix) { clear(out); }
  if (size <= 0) { return; }
  const int64_t start = (offset >= 0 ? offset : -offset * columns) * width_of(in);
  if (to_matrix) {
    copy_strided(bytes_of(out) + start, bytes_of(in), width_of(in), {{size, columns + 1, 1}});
  } else {
    copy_strided(bytes_of(out), bytes_of(in) + start, width_of(in), {{size, 1, columns + 1}});
  }
}

struct Diag {
  static void compute(Context* context) {
    const Tensor* in = context->Tensor4ArgNameAndIndex("in", 0);
    Tensor* out = context->Tensor4ArgNameAndIndex("out", 0);
    const bool to_matrix = in->shape_view().NumAxes() == 1;
    diag(in, out, to_matrix ? shape_of(out) : shape_of(in), context->Attr<int32_t>("diagonal"),
         to_matrix);
  }
};

struct DiagGrad {
  static void compute(Context* context) {
    const Tensor* dy = context->Tensor4ArgNameAndIndex("dy", 0);
    Tensor* dx = context->Tensor4ArgNameAndIndex("dx", 0);
    const bool to_matrix = dx->shape_view().NumAxes() == 2;
    diag(dy, dx, to_matrix ? shape_of(dx) : shape_of(dy), context->Attr<int32_t>("diagonal"),
         to_matrix);
  }
};

// --- triangles -----------------------------------------------------------------------------------

// Rows with one side of a diagonal replaced by a value.
void triangle(const Tensor* in, Tensor* out, int64_t diagonal, bool lower, const void* fill) {
  const auto shape = shape_of(in);
  if (shape.size() < 2 || product(shape) == 0) { return; }
  const int64_t rows = shape[shape.size() - 2], columns = shape.back();
  const int64_t width = width_of(in);
  const char* from = bytes_of(in);
  char* to = bytes_of(out);
  const bool zero = fill == nullptr;
  parallel_for(product(shape) / columns, std::max<int64_t>(1, kGrain * 4 / (columns * width)),
               [&](int64_t begin, int64_t end) {
                 for (int64_t i = begin; i < end; ++i) {
                   const int64_t edge = i % rows + diagonal + (lower ? 1 : 0);
                   const int64_t cut = std::min(std::max<int64_t>(edge, 0), columns);
                   const int64_t kept = lower ? 0 : cut, kept_end = lower ? cut : columns;
                   const int64_t lost = lower ? cut : 0, lost_end = lower ? columns : cut;
                   char* row = to + i * columns * width;
                   if (kept_end > kept) {
                     std::memmove(row + kept * width, from + (i * columns + kept) * width,
                                  (kept_end - kept) * width);
                   }
                   if (lost_end <= lost) { continue; }
                   if (zero) {
                     std::memset(row + lost * width, 0, (lost_end - lost) * width);
                   } else {
                     fill_elements(row + lost * width, fill, width, lost_end - lost);
                   }
                 }
               });
}

template<typename T>
struct Tril {
  static void compute(Context* context) {
    T fill;
    if (context->Attr<bool>("is_floating_fill_value")) {
      fill = from_compute<T>(
          static_cast<compute_t<T>>(context->Attr<double>("floating_fill_value")));
    } else {
      fill =
          from_compute<T>(static_cast<compute_t<T>>(context->Attr<int64_t>("integer_fill_value")));
    }
    triangle(context->Tensor4ArgNameAndIndex("in", 0), context->Tensor4ArgNameAndIndex("out", 0),
             context->Attr<int64_t>("diagonal"), true, &fill);
  }
};

struct Triu {
  static void compute(Context* context) {
    triangle(context->Tensor4ArgNameAndIndex("in", 0), context->Tensor4ArgNameAndIndex("out", 0),
             context->Attr<int64_t>("diagonal"), false, nullptr);
  }
};

// --- one value -----------------------------------------------------------------------------------

// In place, into whatever layout the tensor has.
template<typename T>
void fill(Tensor* out, T value) {
  const auto shape = shape_of(out), strides = strides_of(out);
  if (product(shape) == 0) { return; }
  copy_layout(bytes_of(out), 0, strides, reinterpret_cast<const char*>(&value), 0,
              std::vector<int64_t>(shape.size(), 0), shape, sizeof(T));
}

template<typename T>
struct Fill {
  static void compute(Context* context) {
    T value;
    if (context->Attr<bool>("is_floating_value")) {
      value = from_compute<T>(static_cast<compute_t<T>>(context->Attr<double>("floating_value")));
    } else {
      value = from_compute<T>(static_cast<compute_t<T>>(context->Attr<int64_t>("integral_value")));
    }
    fill(context->Tensor4ArgNameAndIndex("out", 0), value);
  }
};

template<typename T>
struct FillTensor {
  static void compute(Context* context) {
    fill(context->Tensor4ArgNameAndIndex("out", 0), *data<T>(context, "value"));
  }
};

#define OFM_FILLS(type)                                                                         \
  OFM_REGISTER("fill_", Stateless<Fill<type>>, OFM_ON_CPU("out", DtypeOf<type>::value))         \
  OFM_REGISTER("fill_tensor_", Stateless<FillTensor<type>>,                                     \
               OFM_ON_CPU("out", DtypeOf<type>::value)                                          \
                   && (user_op::HobDataType("value", 0) == DtypeOf<type>::value))
OFM_FOR_ALL(OFM_FILLS)
OFM_FOR_COMPLEX(OFM_FILLS)

OFM_REGISTER("to_contiguous", Stateless<ToContiguous>, any_on_cpu("in"))
OFM_REGISTER("transpose", Stateless<Transpose>, any_on_cpu("input"))
OFM_REGISTER("slice", Stateless<Slice>, any_on_cpu("x"))
OFM_REGISTER("slice_update", Stateless<SliceUpdate>, any_on_cpu("ref"))
OFM_REGISTER("slice_grad", Stateless<SliceGrad>, any_on_cpu("dx"))
OFM_REGISTER("narrow", Stateless<Narrow>, any_on_cpu("in"))
OFM_REGISTER("narrow_grad", Stateless<NarrowGrad>, any_on_cpu("dy"))
OFM_REGISTER("concat", Stateless<Concat>, any_on_cpu("in"))
OFM_REGISTER("stack", Stateless<Concat>, any_on_cpu("in"))
OFM_REGISTER("split_like", Stateless<Split>, any_on_cpu("in"))
OFM_REGISTER("stack_grad", Stateless<Split>, any_on_cpu("in"))
OFM_REGISTER("flip", Stateless<Flip>, any_on_cpu("x"))
OFM_REGISTER("roll", Stateless<Roll>, any_on_cpu("in"))
OFM_REGISTER("expand", Stateless<Expand>, any_on_cpu("in"))
OFM_REGISTER("as_strided", Stateless<AsStrided>, any_on_cpu("input"))
OFM_REGISTER("unfold_tensor", Stateless<UnfoldTensor>, any_on_cpu("x"))
#define OFM_UNFOLD_GRAD(type)                                  \
  OFM_REGISTER("unfold_tensor_grad", Stateless<UnfoldTensorGrad<type>>, \
               OFM_ON_CPU("dx", DtypeOf<type>::value))
OFM_FOR_FLOATING(OFM_UNFOLD_GRAD)
OFM_FOR_COMPLEX(OFM_UNFOLD_GRAD)
OFM_REGISTER("diagonal", Stateless<Diagonal>, any_on_cpu("in"))
OFM_REGISTER("diagonal_grad", Stateless<DiagonalGrad>, any_on_cpu("dy"))
OFM_REGISTER("diag", Stateless<Diag>, any_on_cpu("in"))
OFM_REGISTER("diag_grad", Stateless<DiagGrad>, any_on_cpu("dy"))
OFM_REGISTER("triu", Stateless<Triu>, any_on_cpu("in"))
#define OFM_TRIL(type) OFM_REGISTER("tril", Stateless<Tril<type>>, OFM_ON_CPU("in", DtypeOf<type>::value))
OFM_FOR_ALL(OFM_TRIL)
OFM_FOR_COMPLEX(OFM_TRIL)

// Between devices they are OneFlow's.
auto from_cpu_to_cpu() {
  return oneflow::hob::make_custom("copy within the CPU",
                                   [](const user_op::KernelRegContext& context) {
                                     return context.Attr<std::string>("device_type") == "cpu";
                                   })
         == true;
}
OFM_REGISTER("copy", Stateless<Copy>, any_on_cpu("in") && from_cpu_to_cpu())
OFM_REGISTER("assign", Stateless<Assign>, any_on_cpu("ref"))

}  // namespace
}  // namespace ofm
