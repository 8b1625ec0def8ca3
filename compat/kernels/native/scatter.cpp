// Single elements put along one dimension where a tensor of positions says, and index_add.
#include "indexing.h"

namespace ofm {
namespace {

using user_op::Tensor;

// A line of positions along the last dimension, where everything lies side by side.
template<typename Meet, bool one, typename T, typename I>
void scatter_line(T* out, int64_t size, const I* index, int64_t length, const T* values,
                  int64_t dim) {
  for (int64_t i = 0; i < length; ++i) {
    const int64_t place = index[i];
    if (__builtin_expect(static_cast<uint64_t>(place) < static_cast<uint64_t>(size), 1)) {
      Meet::apply(out + place, values[one ? 0 : i]);
    } else {
      report_bad_index(place, dim, size);
    }
  }
}

// Walks the positions line by line across the dimension. What lies along the dimension goes to the
// same places and stays with one thread, in order; all else is independent.
template<typename Meet, typename T, typename I>
void scatter_along(T* out, const std::vector<int64_t>& out_shape, const I* index,
                   const std::vector<int64_t>& shape, const T* source,
                   const std::vector<int64_t>& source_shape, int64_t dim) {
  const int64_t count = product(shape);
  if (count == 0) { return; }
  const auto to = contiguous_strides(out_shape), at = contiguous_strides(shape);
  const bool one = source_shape.empty();  // a single value for every place
  const auto from = one ? std::vector<int64_t>(shape.size(), 0) : contiguous_strides(source_shape);
  const int64_t last = static_cast<int64_t>(shape.size()) - 1;
  const int64_t size = out_shape[dim], length = shape[dim];
  const int64_t to_step = to[dim], at_step = at[dim], from_step = from[dim];
  // One task: every position along `dim`, for a piece of the last dimension if that is another.
  const int64_t columns = dim == last ? 1 : shape[last];
  const int64_t lines = count / length / columns;
  const int64_t pieces = lines >= threads() ? 1 : std::min<int64_t>(threads(), (columns + 15) / 16);
  const int64_t grain = std::max<int64_t>(1, kGrain / 4 / std::max<int64_t>(1, count / lines / pieces));
  parallel_for(lines * pieces, grain, [&](int64_t begin, int64_t end) {
    for (int64_t task = begin; task < end; ++task) {
      const int64_t piece = task % pieces;
      int64_t line = task / pieces, to_base = 0, at_base = 0, from_base = 0;
      for (int64_t d = last; d >= 0; --d) {
        if (d == dim || d == last) { continue; }
        const int64_t place = line % shape[d];
        line /= shape[d];
        to_base += place * to[d];
        at_base += place * at[d];
        from_base += place * from[d];
      }
      if (dim == last) {
        const auto line_of = one ? scatter_line<Meet, true, T, I> : scatter_line<Meet, false, T, I>;
        line_of(out + to_base, size, index + at_base, length, source + from_base, dim);
        continue;
      }
      const int64_t first = columns * piece / pieces, stop = columns * (piece + 1) / pieces;
      const int64_t from_column = one ? 0 : 1;
      for (int64_t i = 0; i < length; ++i) {
        const I* row = index + at_base + i * at_step;
        const T* values = source + from_base + i * from_step;
        for (int64_t j = first; j < stop; ++j) {
          const int64_t place = row[j];
          if (static_cast<uint64_t>(place) >= static_cast<uint64_t>(size)) {
            report_bad_index(place, dim, size);
            continue;
          }
          Meet::apply(out + to_base + place * to_step + j, values[j * from_column]);
        }
      }
    }
  });
}

template<typename T, typename Meet, bool scalar, bool like>
struct DimScatter {
  static void compute(Context* context) {
    const Tensor* index = context->Tensor4ArgNameAndIndex("index", 0);
    Tensor* out = context->Tensor4ArgNameAndIndex("output", 0);
    const int64_t bytes = out->shape_view().elem_cnt() * sizeof(T);
    T* to = static_cast<T*>(out->mut_raw_dptr());
    if (like) {
      clear_bytes(to, bytes);
    } else {
      const void* in = context->Tensor4ArgNameAndIndex("input", 0)->raw_dptr();
      if (in != to) { copy_bytes(to, in, bytes); }
    }
    const int32_t dim = context->Attr<int32_t>("dim");
    T value;
    const T* source = &value;
    std::vector<int64_t> source_shape;
    if (scalar) {
      value = from_compute<T>(static_cast<compute_t<T>>(context->Attr<float>("src_scalar")));
    } else {
      const Tensor* values = context->Tensor4ArgNameAndIndex("src", 0);
      source = static_cast<const T*>(values->raw_dptr());
      source_shape = shape_of_1d(values);
    }
    Positions(index).visit([&](const auto* at) {
      scatter_along<Meet>(to, shape_of_1d(out), at, shape_of_1d(index), source, source_shape, dim);
    });
  }
};

template<typename T>
struct IndexAdd {
  static void compute(Context* context) {
    const Tensor* in = context->Tensor4ArgNameAndIndex("input", 0);
    const Tensor* indices = context->Tensor4ArgNameAndIndex("index", 0);
    const Tensor* values = context->Tensor4ArgNameAndIndex("source", 0);
    Tensor* out = context->Tensor4ArgNameAndIndex("output", 0);
    const int64_t axis = context->Attr<int64_t>("dim");
    const auto alpha = static_cast<compute_t<T>>(context->Attr<float>("alpha"));
    const auto shape = shape_of_1d(out);
    T* to = static_cast<T*>(out->mut_raw_dptr());
    if (in->raw_dptr() != to) { copy_bytes(to, in->raw_dptr(), product(shape) * sizeof(T)); }
    const int64_t outer = product(shape, 0, axis), size = shape[axis];
    const int64_t inner = product(shape, axis + 1, shape.size());
    const int64_t count = indices->shape_view().elem_cnt();
    if (outer * inner * count == 0) { return; }
    const T* from = static_cast<const T*>(values->raw_dptr());
    std::unique_ptr<T[]> scaled;
    if (alpha != static_cast<compute_t<T>>(1)) {
      scaled.reset(new T[outer * count * inner]);
      T* target = scaled.get();
      parallel_for(outer * count * inner, kGrain, [=](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
          target[i] = from_compute<T>(static_cast<compute_t<T>>(to_compute(from[i]) * alpha));
        }
      });
      from = target;
    }
    Positions(indices).visit([&](const auto* index) {
      const auto row_of = [=](int64_t i) -> int64_t {
        const int64_t at = index[i];
        if (static_cast<uint64_t>(at) < static_cast<uint64_t>(size)) { return at; }
        report_bad_index(at, axis, size);
        return -1;
      };
      const int64_t grain = outer == 1 ? 1 : std::max<int64_t>(1, kGrain / (count * inner));
      parallel_for(outer, grain, [&](int64_t begin, int64_t end) {
        for (int64_t block = begin; block < end; ++block) {
          scatter_rows<Add>(to + block * size * inner, size, from + block * count * inner, count,
                            inner, row_of);
        }
      });
    });
  }
};

#define OFM_INDEXED(data_argument, dtype)                              \
  (OFM_ON_CPU(data_argument, dtype)                                    \
   && ((user_op::HobDataType("index", 0) == DataType::kInt32)          \
       || (user_op::HobDataType("index", 0) == DataType::kInt64)))

#define OFM_COMMA ,
#define OFM_SCATTER(type)                                                                       \
  OFM_REGISTER("dim_scatter_update", Stateless<DimScatter<type OFM_COMMA Replace OFM_COMMA      \
                                                              false OFM_COMMA false>>,          \
               OFM_INDEXED("input", DtypeOf<type>::value))                                      \
  OFM_REGISTER("dim_scatter_add",                                                               \
               Stateless<DimScatter<type OFM_COMMA Add OFM_COMMA false OFM_COMMA false>>,       \
               OFM_INDEXED("input", DtypeOf<type>::value))                                      \
  OFM_REGISTER("dim_scatter_mul",                                                               \
               Stateless<DimScatter<type OFM_COMMA Multiply OFM_COMMA false OFM_COMMA false>>,  \
               OFM_INDEXED("input", DtypeOf<type>::value))                                      \
  OFM_REGISTER("dim_scatter_add_like",                                                          \
               Stateless<DimScatter<type OFM_COMMA Add OFM_COMMA false OFM_COMMA true>>,        \
               OFM_INDEXED("like", DtypeOf<type>::value))                                       \
  OFM_REGISTER("dim_scatter_update_scalar",                                                     \
               Stateless<DimScatter<type OFM_COMMA Replace OFM_COMMA true OFM_COMMA false>>,    \
               OFM_INDEXED("input", DtypeOf<type>::value))                                      \
  OFM_REGISTER("dim_scatter_add_scalar",                                                        \
               Stateless<DimScatter<type OFM_COMMA Add OFM_COMMA true OFM_COMMA false>>,        \
               OFM_INDEXED("input", DtypeOf<type>::value))                                      \
  OFM_REGISTER("dim_scatter_mul_scalar",                                                        \
               Stateless<DimScatter<type OFM_COMMA Multiply OFM_COMMA true OFM_COMMA false>>,   \
               OFM_INDEXED("input", DtypeOf<type>::value))                                      \
  OFM_REGISTER("index_add", Stateless<IndexAdd<type>>,                                          \
               OFM_INDEXED("output", DtypeOf<type>::value))
OFM_FOR_ALL(OFM_SCATTER)
OFM_FOR_COMPLEX(OFM_SCATTER)

}  // namespace
}  // namespace ofm
