// Rows and elements picked by tensors of positions.
#include "indexing.h"

#include <atomic>

namespace ofm {
namespace {

std::atomic<int> bad{0};
std::atomic<int64_t> bad_index{0}, bad_dim{0}, bad_size{0};

using user_op::Tensor;

// gather: whole slices along one dimension.
struct Gather {
  static void compute(Context* context) {
    const Tensor* in = context->Tensor4ArgNameAndIndex("in", 0);
    const Tensor* indices = context->Tensor4ArgNameAndIndex("indices", 0);
    Tensor* out = context->Tensor4ArgNameAndIndex("out", 0);
    const auto shape = shape_of_1d(in);
    const int64_t axis = context->Attr<int64_t>("axis");
    pick(in, indices, out, product(shape, 0, axis), shape[axis],
         product(shape, axis + 1, shape.size()), axis);
  }

  static void pick(const Tensor* in, const Tensor* indices, Tensor* out, int64_t outer,
                   int64_t size, int64_t inner, int64_t axis) {
    const int64_t count = indices->shape_view().elem_cnt();
    if (outer * count * inner == 0) { return; }
    const size_t width = element_width(in->data_type());
    Positions(indices).visit([&](const auto* index) {
      by_width(width, [&](auto* typed) {
        using T = std::remove_pointer_t<decltype(typed)>;
        const T* from = static_cast<const T*>(in->raw_dptr());
        T* to = static_cast<T*>(out->mut_raw_dptr());
        const int64_t grain = std::max<int64_t>(1, kGrain / inner);
        parallel_for(outer * count, grain, [=](int64_t begin, int64_t end) {
          int64_t block = begin / count, i = begin % count;
          for (int64_t row = begin; row < end; ++row) {
            const int64_t at = index[i];
            T* target = to + row * inner;
            if (static_cast<uint64_t>(at) < static_cast<uint64_t>(size)) {
              const T* source = from + (block * size + at) * inner;
              if (inner == 1) {
                *target = *source;
              } else {
                std::memcpy(target, source, inner * sizeof(T));
              }
            } else {
              report_bad_index(at, axis, size);
              std::memset(target, 0, inner * sizeof(T));
            }
            if (++i == count) {
              i = 0;
              ++block;
            }
          }
        });
      });
    });
  }
};

struct Embedding {
  static void compute(Context* context) {
    const Tensor* weight = context->Tensor4ArgNameAndIndex("weight", 0);
    const auto shape = shape_of(weight);
    Gather::pick(weight, context->Tensor4ArgNameAndIndex("indices", 0),
                 context->Tensor4ArgNameAndIndex("out", 0), 1, shape[0], shape[1], 0);
  }
};

// dim_gather: single elements along one dimension.
struct DimGather {
  template<typename T, typename I, typename Where>
  static void pick_elements(const T* source, int64_t size, int64_t dim, const I* index, T* target,
                            int64_t count, const Where& where) {
    for (int64_t j = 0; j < count; ++j) {
      const int64_t place = index[j];
      if (__builtin_expect(static_cast<uint64_t>(place) < static_cast<uint64_t>(size), 1)) {
        target[j] = source[where(place, j)];
      } else {
        report_bad_index(place, dim, size);
        target[j] = T{};
      }
    }
  }

  static void compute(Context* context) {
    const Tensor* in = context->Tensor4ArgNameAndIndex("input", 0);
    const Tensor* indices = context->Tensor4ArgNameAndIndex("index", 0);
    Tensor* out = context->Tensor4ArgNameAndIndex("output", 0);
    const auto in_shape = shape_of_1d(in), shape = shape_of_1d(indices);
    const int64_t count = product(shape);
    if (count == 0) { return; }
    const int32_t dim = context->Attr<int32_t>("dim");
    const int64_t size = in_shape[dim], last = static_cast<int64_t>(shape.size()) - 1;
    const auto strides = contiguous_strides(in_shape);
    const int64_t step = strides[dim], columns = shape[last];
    Positions(indices).visit([&](const auto* index) {
      by_width(element_width(in->data_type()), [&](auto* typed) {
        using T = std::remove_pointer_t<decltype(typed)>;
        const T* from = static_cast<const T*>(in->raw_dptr());
        T* to = static_cast<T*>(out->mut_raw_dptr());
        parallel_for(count, kGrain / 4, [&](int64_t begin, int64_t end) {
          for (int64_t i = begin; i < end;) {
            int64_t row = i / columns, base = 0;
            for (int64_t d = last - 1; d >= 0; --d) {
              if (d != dim) { base += row % shape[d] * strides[d]; }
              row /= shape[d];
            }
            const int64_t first = i % columns, stop = std::min(columns, first + end - i);
            const T* source = from + base;
            const auto* at = index + (i - first);
            T* target = to + (i - first);
            if (dim == last) {
              pick_elements(source, size, dim, at + first, target + first, stop - first,
                            [](int64_t place, int64_t) { return place; });
            } else {
              pick_elements(source + first, size, dim, at + first, target + first, stop - first,
                            [step](int64_t place, int64_t j) { return place * step + j; });
            }
            i += stop - first;
          }
        });
      });
    });
  }
};

// gather_nd: slices by tuples of positions, which may count from the end.
template<typename I>
inline int64_t row_of_tuple(const I* tuple, const int64_t* shape, int64_t count) {
  int64_t row = 0;
  for (int64_t d = 0; d < count; ++d) {
    int64_t at = tuple[d];
    if (at < 0) { at += shape[d]; }
    if (static_cast<uint64_t>(at) >= static_cast<uint64_t>(shape[d])) {
      report_bad_index(tuple[d], d, shape[d]);
      return -1;
    }
    row = row * shape[d] + at;
  }
  return row;
}

struct GatherNd {
  static void compute(Context* context) {
    const Tensor* params = context->Tensor4ArgNameAndIndex("params", 0);
    const Tensor* indices = context->Tensor4ArgNameAndIndex("indices", 0);
    Tensor* out = context->Tensor4ArgNameAndIndex("out", 0);
    const auto shape = shape_of(params), index_shape = shape_of(indices);
    const int64_t tuple = index_shape.back();
    const int64_t count = product(index_shape, 0, index_shape.size() - 1);
    const int64_t inner = product(shape, tuple, shape.size());
    if (count * inner == 0) { return; }
    Positions(indices).visit([&](const auto* index) {
      by_width(element_width(params->data_type()), [&](auto* typed) {
        using T = std::remove_pointer_t<decltype(typed)>;
        const T* from = static_cast<const T*>(params->raw_dptr());
        T* to = static_cast<T*>(out->mut_raw_dptr());
        const int64_t* sizes = shape.data();
        const int64_t grain = std::max<int64_t>(1, kGrain / 2 / inner);
        parallel_for(count, grain, [=](int64_t begin, int64_t end) {
          for (int64_t i = begin; i < end; ++i) {
            const int64_t row = row_of_tuple(index + i * tuple, sizes, tuple);
            T* target = to + i * inner;
            if (row < 0) {
              std::memset(target, 0, inner * sizeof(T));
            } else if (inner == 1) {
              *target = from[row];
            } else {
              std::memcpy(target, from + row * inner, inner * sizeof(T));
            }
          }
        });
      });
    });
  }
};

// The rows that tuples of positions name, checked once; -1 for one out of range.
template<typename I>
std::vector<int64_t> rows_of_tuples(const I* index, int64_t count, const int64_t* shape,
                                    int64_t tuple) {
  std::vector<int64_t> rows(count);
  int64_t* out = rows.data();
  parallel_for(count, kGrain / 2, [=](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      out[i] = row_of_tuple(index + i * tuple, shape, tuple);
    }
  });
  return rows;
}

// scatter_nd and tensor_scatter_nd_*: slices put where tuples of positions say.
template<typename Meet, typename T>
void scatter_tuples(Tensor* out, const Tensor* indices, const Tensor* updates) {
  const auto shape = shape_of(out), index_shape = shape_of(indices);
  const int64_t tuple = index_shape.back();
  const int64_t count = product(index_shape, 0, index_shape.size() - 1);
  const int64_t inner = product(shape, tuple, shape.size());
  if (count * inner == 0) { return; }
  Positions(indices).visit([&](const auto* index) {
    const auto rows = rows_of_tuples(index, count, shape.data(), tuple);
    const int64_t* row = rows.data();
    scatter_rows<Meet>(static_cast<T*>(out->mut_raw_dptr()), product(shape, 0, tuple),
                       static_cast<const T*>(updates->raw_dptr()), count, inner,
                       [row](int64_t i) { return row[i]; });
  });
}

template<typename T>
struct ScatterNd {
  static void compute(Context* context) {
    Tensor* out = context->Tensor4ArgNameAndIndex("out", 0);
    clear_bytes(out->mut_raw_dptr(), out->shape_view().elem_cnt() * sizeof(T));
    scatter_tuples<Add, T>(out, context->Tensor4ArgNameAndIndex("indices", 0),
                           context->Tensor4ArgNameAndIndex("updates", 0));
  }
};

bool is_contiguous(const Tensor* tensor) {
  const auto shape = shape_of(tensor);
  const auto wanted = contiguous_strides(shape);
  const auto& found = tensor->stride();
  for (size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] != 1 && found.at(i) != wanted[i]) { return false; }
  }
  return true;
}

std::vector<int64_t> strides_of(const Tensor* tensor) {
  const auto& stride = tensor->stride();
  return std::vector<int64_t>(stride.begin(), stride.end());
}

// The op takes strided tensors as they are, and writes to a strided one in place.
template<typename T>
struct TensorScatterNdUpdate {
  static void compute(Context* context) {
    const Tensor* params = context->Tensor4ArgNameAndIndex("params", 0);
    const Tensor* indices = context->Tensor4ArgNameAndIndex("indices", 0);
    const Tensor* updates = context->Tensor4ArgNameAndIndex("updates", 0);
    Tensor* out = context->Tensor4ArgNameAndIndex("out", 0);
    const auto shape = shape_of(out), out_strides = strides_of(out);
    if (params->raw_dptr() != out->mut_raw_dptr()) {
      const auto from = strides_of(params);
      std::vector<CopyDim> dims(shape.size());
      for (size_t i = 0; i < shape.size(); ++i) {
        dims[i] = CopyDim{shape[i], out_strides[i], from[i]};
      }
      copy_strided(out->mut_raw_dptr(), params->raw_dptr(), sizeof(T), std::move(dims));
    }
    if (is_contiguous(out) && is_contiguous(updates)) {
      scatter_tuples<Replace, T>(out, indices, updates);
      return;
    }
    const auto index_shape = shape_of(indices);
    const size_t tuple = index_shape.back();
    const int64_t count = product(index_shape, 0, index_shape.size() - 1);
    const auto update_shape = shape_of(updates);
    const auto update_strides = strides_of(updates);
    const size_t leading = index_shape.size() - 1;
    Positions(indices).visit([&](const auto* index) {
      for (int64_t i = 0; i < count; ++i) {
        const auto* at = index + i * tuple;
        if (row_of_tuple(at, shape.data(), tuple) < 0) { continue; }
        int64_t to = 0, from = 0, rest = i;
        for (size_t d = 0; d < tuple; ++d) {
          to += (at[d] < 0 ? at[d] + shape[d] : at[d]) * out_strides[d];
        }
        for (size_t d = leading; d-- > 0;) {
          from += rest % update_shape[d] * update_strides[d];
          rest /= update_shape[d];
        }
        T* target = static_cast<T*>(out->mut_raw_dptr()) + to;
        const T* source = static_cast<const T*>(updates->raw_dptr()) + from;
        if (tuple == shape.size()) {
          *target = *source;
          continue;
        }
        std::vector<CopyDim> dims;
        for (size_t d = tuple; d < shape.size(); ++d) {
          dims.push_back(CopyDim{shape[d], out_strides[d], update_strides[leading + d - tuple]});
        }
        copy_strided(target, source, sizeof(T), std::move(dims));
      }
    });
  }
};

template<typename T>
struct TensorScatterNdAdd {
  static void compute(Context* context) {
    const Tensor* params = context->Tensor4ArgNameAndIndex("params", 0);
    Tensor* out = context->Tensor4ArgNameAndIndex("out", 0);
    if (params->raw_dptr() != out->mut_raw_dptr()) {
      copy_bytes(out->mut_raw_dptr(), params->raw_dptr(), out->shape_view().elem_cnt() * sizeof(T));
    }
    scatter_tuples<Add, T>(out, context->Tensor4ArgNameAndIndex("indices", 0),
                           context->Tensor4ArgNameAndIndex("updates", 0));
  }
};

// --- sums of rows by position: the gradients of gather and embedding ------------------------------

// out (outer, size, inner) gets data (outer, count, inner) added at positions (count,).
template<typename T, typename I>
void add_slices(T* out, int64_t outer, int64_t size, int64_t inner, const T* data, const I* index,
                int64_t count, int64_t axis, int64_t skipped) {
  const auto row_of = [=](int64_t i) -> int64_t {
    const int64_t at = index[i];
    if (at == skipped) { return -1; }
    if (static_cast<uint64_t>(at) >= static_cast<uint64_t>(size)) {
      report_bad_index(at, axis, size);
      return -1;
    }
    return at;
  };
  if (outer == 1) {
    scatter_rows<Add>(out, size, data, count, inner, row_of);
    return;
  }
  const int64_t grain = std::max<int64_t>(1, kGrain / std::max<int64_t>(1, count * inner));
  parallel_for(outer, grain, [&](int64_t begin, int64_t end) {
    for (int64_t block = begin; block < end; ++block) {
      scatter_rows<Add>(out + block * size * inner, size, data + block * count * inner, count,
                        inner, row_of);
    }
  });
}

constexpr int64_t kNone = std::numeric_limits<int64_t>::min();

template<typename T>
struct UnsortedSegmentSum {
  static void compute(Context* context) {
    const Tensor* values = context->Tensor4ArgNameAndIndex("data", 0);
    const Tensor* ids = context->Tensor4ArgNameAndIndex("segment_ids", 0);
    Tensor* out = context->Tensor4ArgNameAndIndex("out", 0);
    const int64_t axis = context->Attr<int64_t>("axis");
    const auto shape = shape_of_1d(out);
    clear_bytes(out->mut_raw_dptr(), out->shape_view().elem_cnt() * sizeof(T));
    Positions(ids).visit([&](const auto* index) {
      add_slices(static_cast<T*>(out->mut_raw_dptr()), product(shape, 0, axis), shape[axis],
                 product(shape, axis + 1, shape.size()), static_cast<const T*>(values->raw_dptr()),
                 index, ids->shape_view().elem_cnt(), axis, kNone);
    });
  }
};

template<typename T>
struct EmbeddingGrad {
  static void compute(Context* context) {
    const Tensor* dy = context->Tensor4ArgNameAndIndex("dy", 0);
    const Tensor* indices = context->Tensor4ArgNameAndIndex("indices", 0);
    Tensor* dx = context->Tensor4ArgNameAndIndex("dx", 0);
    const auto shape = shape_of(dx);
    const int64_t size = shape[0], inner = shape[1];
    const int64_t count = indices->shape_view().elem_cnt();
    T* out = static_cast<T*>(dx->mut_raw_dptr());
    clear_bytes(out, size * inner * sizeof(T));
    const int64_t skipped = context->Attr<int64_t>("padding_idx");
    const bool scaled = context->Attr<bool>("scale_grad_by_freq");
    Positions(indices).visit([&](const auto* index) {
      add_slices(out, 1, size, inner, static_cast<const T*>(dy->raw_dptr()), index, count, 0,
                 skipped);
      if (!scaled) { return; }
      std::vector<int32_t> seen(size, 0);
      for (int64_t i = 0; i < count; ++i) {
        if (static_cast<uint64_t>(index[i]) < static_cast<uint64_t>(size)) { ++seen[index[i]]; }
      }
      const int32_t* times = seen.data();
      parallel_for(size, std::max<int64_t>(1, kGrain / std::max<int64_t>(inner, 1)),
                   [=](int64_t begin, int64_t end) {
                     for (int64_t row = begin; row < end; ++row) {
                       if (times[row] < 2) { continue; }
                       const auto scale = static_cast<compute_t<T>>(times[row]);
                       for (int64_t j = row * inner; j < (row + 1) * inner; ++j) {
                         out[j] = from_compute<T>(
                             static_cast<compute_t<T>>(to_compute(out[j]) / scale));
                       }
                     }
                   });
    });
  }
};

#define OFM_BOTH(data_argument, dtype, index_argument)                                          \
  (OFM_ON_CPU(data_argument, dtype)                                                             \
   && ((user_op::HobDataType(index_argument, 0) == DataType::kInt32)                            \
       || (user_op::HobDataType(index_argument, 0) == DataType::kInt64)))

OFM_REGISTER("gather", Stateless<Gather>, any_on_cpu("in") && positions("indices"))
OFM_REGISTER("embedding", Stateless<Embedding>, any_on_cpu("weight") && positions("indices"))
OFM_REGISTER("dim_gather", Stateless<DimGather>, any_on_cpu("input") && positions("index"))
OFM_REGISTER("gather_nd", Stateless<GatherNd>, any_on_cpu("params") && positions("indices"))

#define OFM_ROWS(type)                                                                          \
  OFM_REGISTER("scatter_nd", Stateless<ScatterNd<type>>,                                        \
               OFM_BOTH("out", DtypeOf<type>::value, "indices"))                                \
  OFM_REGISTER("scatter_nd_like", Stateless<ScatterNd<type>>,                                   \
               OFM_BOTH("out", DtypeOf<type>::value, "indices"))                                \
  OFM_REGISTER("unsorted_segment_sum", Stateless<UnsortedSegmentSum<type>>,                    \
               OFM_BOTH("out", DtypeOf<type>::value, "segment_ids"))                            \
  OFM_REGISTER("unsorted_segment_sum_like", Stateless<UnsortedSegmentSum<type>>,               \
               OFM_BOTH("out", DtypeOf<type>::value, "segment_ids"))                            \
  OFM_REGISTER("embedding_grad", Stateless<EmbeddingGrad<type>>,                                \
               OFM_BOTH("dx", DtypeOf<type>::value, "indices"))                                 \
  OFM_REGISTER_IN_PLACE("tensor_scatter_nd_update", Stateless<TensorScatterNdUpdate<type>>,     \
                        OFM_BOTH("out", DtypeOf<type>::value, "indices"))                       \
  OFM_REGISTER_IN_PLACE("tensor_scatter_nd_add", Stateless<TensorScatterNdAdd<type>>,           \
                        OFM_BOTH("out", DtypeOf<type>::value, "indices"))

// As the stock kernels: the result may take the first argument's memory.
#define OFM_REGISTER_IN_PLACE(name, kernel, condition)                                   \
  static ::oneflow::user_op::UserOpRegisterTrigger<::oneflow::user_op::OpKernelRegistry> \
      OFM_JOIN(ofm_kernel_, __COUNTER__) =                                              \
          ::oneflow::user_op::UserOpRegistryMgr::Get()                                  \
              .CheckAndGetOpKernelRegistry(name)                                        \
              .SetCreateFn<kernel>()                                                    \
              .SetIsMatchedHob(condition)                                               \
              .SetInplaceProposalFn(                                                    \
                  [](const user_op::InferContext&,                                      \
                     const user_op::AddInplaceArgPair& propose) -> oneflow::Maybe<void> { \
                    return propose("out", 0, "params", 0, true);                        \
                  })                                                                    \
              .SetPriority(::ofm::kPriority);

OFM_FOR_ALL(OFM_ROWS)
OFM_FOR_COMPLEX(OFM_ROWS)

}  // namespace

void report_bad_index(int64_t index, int64_t dim, int64_t size) {
  int none = 0;
  if (bad.compare_exchange_strong(none, 1)) {
    bad_index = index;
    bad_dim = dim;
    bad_size = size;
    bad = 2;
  }
}

}  // namespace ofm

extern "C" {

// 2 once a position was out of range; read by address, so that asking costs next to nothing.
__attribute__((visibility("default"))) int* ofm_bad_index_flag() {
  return reinterpret_cast<int*>(&ofm::bad);
}

// What was out of range: the position, the dimension and its size. Forgets it.
__attribute__((visibility("default"))) void ofm_take_bad_index(int64_t* out) {
  out[0] = ofm::bad_index;
  out[1] = ofm::bad_dim;
  out[2] = ofm::bad_size;
  ofm::bad = 0;
}
}
