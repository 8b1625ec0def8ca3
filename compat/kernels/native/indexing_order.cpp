// Positions by value: sorted, the largest, those of what is not zero; and one-hot rows.
#include "indexing.h"
#include "new_op.h"

#include <memory>

namespace ofm {
namespace {

using user_op::Tensor;

// --- keys: unsigned numbers in the order of the values, NaN last, both zeros alike ---------------

inline uint32_t key_of(float value) {
  if (value != value) { return 0xffffffffu; }
  value += 0.0f;
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits & 0x80000000u ? ~bits : bits | 0x80000000u;
}
inline uint64_t key_of(double value) {
  if (value != value) { return ~uint64_t{0}; }
  value += 0.0;
  uint64_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits >> 63 ? ~bits : bits | (uint64_t{1} << 63);
}
inline uint32_t key_of(Half value) { return key_of(to_compute(value)); }
inline uint32_t key_of(BFloat16 value) { return key_of(to_compute(value)); }
inline uint32_t key_of(bool value) { return value; }
inline uint32_t key_of(uint8_t value) { return value; }
inline uint32_t key_of(int8_t value) { return static_cast<uint32_t>(value + 128); }
inline uint32_t key_of(int32_t value) { return static_cast<uint32_t>(value) ^ 0x80000000u; }
inline uint64_t key_of(int64_t value) { return static_cast<uint64_t>(value) ^ (uint64_t{1} << 63); }

template<typename K>
struct Keyed {
  K key;
  uint32_t place;
};

template<typename K>
bool is_less(const Keyed<K>& a, const Keyed<K>& b) {
  return a.key < b.key;
}

// Sorts by key and keeps the order of equal ones. Digits that all keys share are passed over.
template<typename K>
void sort_keyed(Keyed<K>* items, Keyed<K>* spare, int64_t count) {
  if (count < 192) {
    std::stable_sort(items, items + count, is_less<K>);
    return;
  }
  constexpr int kDigits = sizeof(K);
  std::vector<int64_t> counts(kDigits * 256, 0);
  for (int64_t i = 0; i < count; ++i) {
    for (int digit = 0; digit < kDigits; ++digit) {
      ++counts[digit * 256 + (items[i].key >> (8 * digit) & 255)];
    }
  }
  Keyed<K>*from = items, *to = spare;
  for (int digit = 0; digit < kDigits; ++digit) {
    int64_t* slots = counts.data() + digit * 256;
    if (slots[from[0].key >> (8 * digit) & 255] == count) { continue; }
    int64_t start = 0;
    for (int i = 0; i < 256; ++i) {
      const int64_t here = slots[i];
      slots[i] = start;
      start += here;
    }
    for (int64_t i = 0; i < count; ++i) {
      to[slots[from[i].key >> (8 * digit) & 255]++] = from[i];
    }
    std::swap(from, to);
  }
  if (from != items) { std::memcpy(items, from, count * sizeof *items); }
}

// Calls body(row, items) with every row's values sorted.
template<typename T, typename Body>
void order_rows(const T* values, int64_t rows, int64_t count, bool stable, bool descending,
                const Body& body) {
  using K = decltype(key_of(T{}));
  parallel_for(rows, std::max<int64_t>(1, kGrain / 8 / std::max<int64_t>(count, 1)),
               [&](int64_t begin, int64_t end) {
                 std::unique_ptr<Keyed<K>[]> items(new Keyed<K>[2 * count]);
                 for (int64_t row = begin; row < end; ++row) {
                   const T* from = values + row * count;
                   for (int64_t i = 0; i < count; ++i) {
                     const K key = key_of(from[i]);
                     items[i] = Keyed<K>{descending ? static_cast<K>(~key) : key,
                                         static_cast<uint32_t>(i)};
                   }
                   if (stable) {
                     sort_keyed(items.get(), items.get() + count, count);
                   } else {
                     std::sort(items.get(), items.get() + count, is_less<K>);
                   }
                   body(row, items.get());
                 }
               });
}

template<typename T, typename Body>
void sort_rows(const T* values, int64_t rows, int64_t count, bool descending, const Body& body) {
  order_rows(values, rows, count, true, descending, body);
}

template<typename T>
struct ArgSort {
  static void compute(Context* context) {
    const auto shape = shape_of_1d(context->Tensor4ArgNameAndIndex("in", 0));
    const int64_t count = shape.back();
    if (product(shape) == 0) { return; }
    int32_t* out = mut_data<int32_t>(context, "out");
    sort_rows(data<T>(context, "in"), product(shape) / count, count,
              context->Attr<std::string>("direction") == "DESCENDING",
              [=](int64_t row, const auto* items) {
                for (int64_t i = 0; i < count; ++i) {
                  out[row * count + i] = static_cast<int32_t>(items[i].place);
                }
              });
  }
};

template<typename T>
struct Sort {
  static void compute(Context* context) {
    const auto shape = shape_of_1d(context->Tensor4ArgNameAndIndex("in", 0));
    const int64_t count = shape.back();
    if (product(shape) == 0) { return; }
    const T* in = data<T>(context, "in");
    T* out = mut_data<T>(context, "out");
    sort_rows(in, product(shape) / count, count,
              context->Attr<std::string>("direction") == "DESCENDING",
              [=](int64_t row, const auto* items) {
                for (int64_t i = 0; i < count; ++i) {
                  out[row * count + i] = in[row * count + items[i].place];
                }
              });
  }
};

// The k largest of each row, the earlier of equal ones first.
template<typename T>
struct TopK {
  static void compute(Context* context) {
    using K = decltype(key_of(T{}));
    const auto shape = shape_of_1d(context->Tensor4ArgNameAndIndex("in", 0));
    const int64_t count = shape.back();
    const int64_t k = std::min<int64_t>(context->Attr<int32_t>("k"), count);
    if (product(shape) == 0 || k <= 0) { return; }
    const bool sorted = context->Attr<bool>("sorted");
    const T* in = data<T>(context, "in");
    int64_t* out = mut_data<int64_t>(context, "out");
    const auto before = [](const Keyed<K>& a, const Keyed<K>& b) {
      return a.key > b.key || (a.key == b.key && a.place < b.place);
    };
    parallel_for(
        product(shape) / count, std::max<int64_t>(1, kGrain / 2 / count),
        [&](int64_t begin, int64_t end) {
          std::vector<Keyed<K>> kept;
          for (int64_t row = begin; row < end; ++row) {
            const T* from = in + row * count;
            kept.clear();
            if (k * 16 <= count) {
              // The weakest of those kept so far stands at the front of a heap.
              for (int64_t i = 0; i < k; ++i) {
                kept.push_back({key_of(from[i]), static_cast<uint32_t>(i)});
              }
              std::make_heap(kept.begin(), kept.end(), before);
              for (int64_t i = k; i < count; ++i) {
                const K key = key_of(from[i]);
                if (key <= kept.front().key) { continue; }
                std::pop_heap(kept.begin(), kept.end(), before);
                kept.back() = {key, static_cast<uint32_t>(i)};
                std::push_heap(kept.begin(), kept.end(), before);
              }
            } else {
              for (int64_t i = 0; i < count; ++i) {
                kept.push_back({key_of(from[i]), static_cast<uint32_t>(i)});
              }
              if (k < count) {
                std::nth_element(kept.begin(), kept.begin() + (k - 1), kept.end(), before);
              }
            }
            if (sorted) { std::sort(kept.begin(), kept.begin() + k, before); }
            for (int64_t i = 0; i < k; ++i) { out[row * k + i] = kept[i].place; }
          }
        });
  }
};

// --- PyTorch's order of equal values -------------------------------------------------------------

// Where PyTorch does not promise to keep it, it is the standard library's: with the same calls of
// it come the same positions.

template<typename T>
struct SortPlaces {
  static void compute(Context* context) {
    const auto shape = shape_of_1d(context->Tensor4ArgNameAndIndex("x", 0));
    const int64_t count = shape.back();
    if (product(shape) == 0) { return; }
    int64_t* out = mut_data<int64_t>(context, "places");
    order_rows(data<T>(context, "x"), product(shape) / count, count, context->Attr<bool>("stable"),
               context->Attr<bool>("descending"), [=](int64_t row, const auto* items) {
                 for (int64_t i = 0; i < count; ++i) { out[row * count + i] = items[i].place; }
               });
  }
};

template<typename T>
struct TopKPlaces {
  static void compute(Context* context) {
    using K = decltype(key_of(T{}));
    const auto shape = shape_of_1d(context->Tensor4ArgNameAndIndex("x", 0));
    const int64_t count = shape.back(), k = context->Attr<int64_t>("k");
    if (product(shape) == 0 || k == 0) { return; }
    const bool sorted = context->Attr<bool>("sorted"), largest = context->Attr<bool>("largest");
    const T* in = data<T>(context, "x");
    int64_t* out = mut_data<int64_t>(context, "places");
    parallel_for(product(shape) / count, std::max<int64_t>(1, kGrain / 2 / count),
                 [=](int64_t begin, int64_t end) {
                   std::vector<Keyed<K>> items(count);
                   const auto first = items.begin();
                   for (int64_t row = begin; row < end; ++row) {
                     for (int64_t i = 0; i < count; ++i) {
                       const K key = key_of(in[row * count + i]);
                       items[i] = {largest ? static_cast<K>(~key) : key, static_cast<uint32_t>(i)};
                     }
                     if (k * 64 <= count) {
                       std::partial_sort(first, first + k, items.end(), is_less<K>);
                     } else {
                       std::nth_element(first, first + (k - 1), items.end(), is_less<K>);
                       if (sorted) { std::sort(first, first + (k - 1), is_less<K>); }
                     }
                     for (int64_t i = 0; i < k; ++i) { out[row * k + i] = items[i].place; }
                   }
                 });
  }
};

// Hoare's selection with the median of three for a pivot, step by step as PyTorch's kthvalue takes
// it: the element at `number` is then that of a sort.
template<typename K>
void partition_at(Keyed<K>* items, int64_t count, int64_t number) {
  int64_t left = 0, right = count - 1;
  while (right > left + 1) {
    std::swap(items[left + (right - left) / 2], items[left + 1]);
    const auto order = [&](int64_t a, int64_t b) {
      if (items[a].key > items[b].key) { std::swap(items[a], items[b]); }
    };
    order(left + 1, right);
    order(left, right);
    order(left + 1, left);
    const K pivot = items[left].key;
    int64_t low = left + 1, high = right;
    while (true) {
      do { ++low; } while (pivot > items[low].key);
      do { --high; } while (items[high].key > pivot);
      if (high < low) { break; }
      std::swap(items[low], items[high]);
    }
    std::swap(items[left], items[high]);
    if (high <= number) { left = low; }
    if (high >= number) { right = high - 1; }
  }
  if (right == left + 1 && items[left].key > items[right].key) {
    std::swap(items[left], items[right]);
  }
}

template<typename T>
struct SelectedPlace {
  static void compute(Context* context) {
    using K = decltype(key_of(T{}));
    const auto shape = shape_of_1d(context->Tensor4ArgNameAndIndex("x", 0));
    const int64_t count = shape.back(), number = context->Attr<int64_t>("number");
    if (product(shape) == 0) { return; }
    const bool partitioned = context->Attr<bool>("partitioned");
    const T* in = data<T>(context, "x");
    int64_t* out = mut_data<int64_t>(context, "places");
    parallel_for(product(shape) / count, std::max<int64_t>(1, kGrain / 4 / count),
                 [=](int64_t begin, int64_t end) {
                   std::vector<Keyed<K>> items(count);
                   for (int64_t row = begin; row < end; ++row) {
                     for (int64_t i = 0; i < count; ++i) {
                       items[i] = {key_of(in[row * count + i]), static_cast<uint32_t>(i)};
                     }
                     if (partitioned) {
                       partition_at(items.data(), count, number);
                     } else {
                       std::nth_element(items.begin(), items.begin() + number, items.end(),
                                        [](const Keyed<K>& a, const Keyed<K>& b) {
                                          return a.key < b.key
                                                 || (a.key == b.key && a.place < b.place);
                                        });
                     }
                     out[row] = items[number].place;
                   }
                 });
  }
};

oneflow::Maybe<void> sort_shape(user_op::InferContext* context) {
  set_contiguous(context, "places", context->InputShape("x", 0));
  return Maybe<void>::Ok();
}
oneflow::Maybe<void> topk_shape(user_op::InferContext* context) {
  oneflow::DimVector sizes = context->InputShape("x", 0).dim_vec();
  sizes.back() = context->Attr<int64_t>("k");
  set_contiguous(context, "places", oneflow::Shape(sizes));
  return Maybe<void>::Ok();
}
oneflow::Maybe<void> selected_shape(user_op::InferContext* context) {
  oneflow::DimVector sizes = context->InputShape("x", 0).dim_vec();
  sizes.back() = 1;
  set_contiguous(context, "places", oneflow::Shape(sizes));
  return Maybe<void>::Ok();
}
oneflow::Maybe<void> order_dtype(user_op::InferContext* context) {
  context->SetOutputDType("places", 0, DataType::kInt64);
  return Maybe<void>::Ok();
}

REGISTER_USER_OP("ofm_sort_places")
    .Input("x")
    .Attr<bool>("descending")
    .Attr<bool>("stable")
    .Output("places")
    .SetLogicalTensorDescInferFn(sort_shape)
    .SetPhysicalTensorDescInferFn(sort_shape)
    .SetDataTypeInferFn(order_dtype)
    .SetGetSbpFn(user_op::GetSbpFnUtil::DefaultBroadcastToBroadcast)
    .NoGrad();

REGISTER_USER_OP("ofm_topk_places")
    .Input("x")
    .Attr<int64_t>("k")
    .Attr<bool>("largest")
    .Attr<bool>("sorted")
    .Output("places")
    .SetLogicalTensorDescInferFn(topk_shape)
    .SetPhysicalTensorDescInferFn(topk_shape)
    .SetDataTypeInferFn(order_dtype)
    .SetGetSbpFn(user_op::GetSbpFnUtil::DefaultBroadcastToBroadcast)
    .NoGrad();

REGISTER_USER_OP("ofm_selected_place")
    .Input("x")
    .Attr<int64_t>("number")
    .Attr<bool>("partitioned")
    .Output("places")
    .SetLogicalTensorDescInferFn(selected_shape)
    .SetPhysicalTensorDescInferFn(selected_shape)
    .SetDataTypeInferFn(order_dtype)
    .SetGetSbpFn(user_op::GetSbpFnUtil::DefaultBroadcastToBroadcast)
    .NoGrad();

// sort_places(x, descending, stable): the positions that sort the last dimension.
PyObject* sort_places(PyObject*, PyObject* const* arguments, ssize_t count) {
  return guarded([&] {
    if (count != 3) { throw TypeError{"sort_places takes 3 arguments"}; }
    static const one::UserOpExpr& op = make_op("ofm_sort_places", {"x"}, {"places"});
    auto& attributes = THREAD_CACHED_MUTABLE_ATTR_MAP("descending", "stable");
    attributes.SetAllAttrs(truth(arguments[1]), truth(arguments[2]));
    return python(dispatch(op, {tensor(arguments[0])}, attributes)->at(0));
  });
}
OFM_PYTHON_FUNCTION(sort_places, sort_places)

// topk_places(x, k, largest, sorted): of the last dimension, which has at least k.
PyObject* topk_places(PyObject*, PyObject* const* arguments, ssize_t count) {
  return guarded([&] {
    if (count != 4) { throw TypeError{"topk_places takes 4 arguments"}; }
    static const one::UserOpExpr& op = make_op("ofm_topk_places", {"x"}, {"places"});
    auto& attributes = THREAD_CACHED_MUTABLE_ATTR_MAP("k", "largest", "sorted");
    attributes.SetAllAttrs(integer(arguments[1]), truth(arguments[2]), truth(arguments[3]));
    return python(dispatch(op, {tensor(arguments[0])}, attributes)->at(0));
  });
}
OFM_PYTHON_FUNCTION(topk_places, topk_places)

// selected_place(x, number, partitioned): of the last dimension, which has more than `number`.
PyObject* selected_place(PyObject*, PyObject* const* arguments, ssize_t count) {
  return guarded([&] {
    if (count != 3) { throw TypeError{"selected_place takes 3 arguments"}; }
    static const one::UserOpExpr& op = make_op("ofm_selected_place", {"x"}, {"places"});
    auto& attributes = THREAD_CACHED_MUTABLE_ATTR_MAP("number", "partitioned");
    attributes.SetAllAttrs(integer(arguments[1]), truth(arguments[2]));
    return python(dispatch(op, {tensor(arguments[0])}, attributes)->at(0));
  });
}
OFM_PYTHON_FUNCTION(selected_place, selected_place)

// --- what is not zero ----------------------------------------------------------------------------

inline bool is_true(bool value) { return value; }
template<typename T>
inline bool is_true(T value) {
  return to_compute(value) != compute_t<T>(0);
}

template<typename T, typename I>
struct ArgWhere {
  static void compute(Context* context) {
    const auto shape = shape_of(context->Tensor4ArgNameAndIndex("input", 0));
    const T* in = data<T>(context, "input");
    I* out = mut_data<I>(context, "output");
    I* found = mut_data<I>(context, "output_size");
    const int64_t total = product(shape), dims = static_cast<int64_t>(shape.size());
    const int64_t parts =
        std::min<int64_t>(4 * threads(), std::max<int64_t>(1, total / (kGrain / 2)));
    std::vector<int64_t> starts(parts + 1, 0);
    const auto edge = [=](int64_t part) { return total * part / parts; };
    parallel_for(parts, 1, [&](int64_t begin, int64_t end) {
      for (int64_t part = begin; part < end; ++part) {
        int64_t here = 0;
        for (int64_t i = edge(part); i < edge(part + 1); ++i) { here += is_true(in[i]); }
        starts[part + 1] = here;
      }
    });
    for (int64_t part = 0; part < parts; ++part) { starts[part + 1] += starts[part]; }
    *found = static_cast<I>(starts[parts]);
    if (dims == 0 || total == 0) { return; }
    // The last dimension a piece at a time, without branches: which are true is hard to foretell.
    constexpr int64_t kPiece = 256;
    const int64_t columns = shape[dims - 1];
    parallel_for(parts, 1, [&](int64_t begin, int64_t end) {
      std::vector<I> at(dims);
      I hits[kPiece];
      for (int64_t part = begin; part < end; ++part) {
        I* target = out + starts[part] * dims;
        int64_t column = edge(part) % columns, row = edge(part) / columns, size;
        for (int64_t i = edge(part); i < edge(part + 1); i += size) {
          size = std::min({kPiece, columns - column, edge(part + 1) - i});
          int64_t count = 0;
          for (int64_t j = 0; j < size; ++j) {
            hits[count] = static_cast<I>(column + j);
            count += is_true(in[i + j]);
          }
          if (dims == 1) {
            std::memcpy(target, hits, count * sizeof(I));
          } else if (dims == 2) {
            for (int64_t hit = 0; hit < count; ++hit) {
              target[2 * hit] = static_cast<I>(row);
              target[2 * hit + 1] = hits[hit];
            }
          } else if (count > 0) {
            int64_t rest = row;
            for (int64_t d = dims - 1; d-- > 0; rest /= shape[d]) {
              at[d] = static_cast<I>(rest % shape[d]);
            }
            for (int64_t hit = 0; hit < count; ++hit) {
              at[dims - 1] = hits[hit];
              std::copy(at.begin(), at.end(), target + hit * dims);
            }
          }
          target += count * dims;
          column += size;
          if (column == columns) {
            column = 0;
            ++row;
          }
        }
      }
    });
  }
};

template<typename T>
struct OneHot {
  static void compute(Context* context) {
    const Tensor* indices = context->Tensor4ArgNameAndIndex("indices", 0);
    const int64_t count = indices->shape_view().elem_cnt();
    const int64_t depth = context->Attr<int64_t>("depth");
    const bool whole = std::is_integral<T>::value;
    const auto value = [&](const char* floating, const char* integer) {
      return whole ? static_cast<T>(context->Attr<int64_t>(integer))
                   : static_cast<T>(context->Attr<double>(floating));
    };
    const T on = value("floating_on_value", "integer_on_value");
    const T off = value("floating_off_value", "integer_off_value");
    T* out = mut_data<T>(context, "out");
    Positions(indices).visit([&](const auto* index) {
      parallel_for(count, std::max<int64_t>(1, kGrain / std::max<int64_t>(depth, 1)),
                   [=](int64_t begin, int64_t end) {
                     std::fill(out + begin * depth, out + end * depth, off);
                     for (int64_t i = begin; i < end; ++i) {
                       if (static_cast<uint64_t>(index[i]) < static_cast<uint64_t>(depth)) {
                         out[i * depth + index[i]] = on;
                       } else {
                         report_bad_index(index[i], 0, depth);
                       }
                     }
                   });
    });
  }
};

#define OFM_COMMA ,
#define OFM_ORDERED(type)                                                                    \
  OFM_REGISTER("arg_sort", Stateless<ArgSort<type>>, OFM_ON_CPU("in", DtypeOf<type>::value)) \
  OFM_REGISTER("sort", Stateless<Sort<type>>, OFM_ON_CPU("in", DtypeOf<type>::value))        \
  OFM_REGISTER("top_k", Stateless<TopK<type>>, OFM_ON_CPU("in", DtypeOf<type>::value))       \
  OFM_REGISTER("ofm_sort_places", Stateless<SortPlaces<type>>,                               \
               OFM_ON_CPU("x", DtypeOf<type>::value))                                        \
  OFM_REGISTER("ofm_topk_places", Stateless<TopKPlaces<type>>,                               \
               OFM_ON_CPU("x", DtypeOf<type>::value))                                        \
  OFM_REGISTER("ofm_selected_place", Stateless<SelectedPlace<type>>,                         \
               OFM_ON_CPU("x", DtypeOf<type>::value))
OFM_FOR_ALL(OFM_ORDERED)

#define OFM_FOUND(type)                                                                      \
  OFM_REGISTER("argwhere", Stateless<ArgWhere<type OFM_COMMA int32_t>>,                      \
               OFM_ON_CPU("input", DtypeOf<type>::value)                                     \
                   && (user_op::HobDataType("output", 0) == DataType::kInt32))               \
  OFM_REGISTER("argwhere", Stateless<ArgWhere<type OFM_COMMA int64_t>>,                      \
               OFM_ON_CPU("input", DtypeOf<type>::value)                                     \
                   && (user_op::HobDataType("output", 0) == DataType::kInt64))
OFM_FOR_ALL(OFM_FOUND)
OFM_FOR_COMPLEX(OFM_FOUND)

#define OFM_ONE_HOT(type)                                                               \
  OFM_REGISTER("one_hot", Stateless<OneHot<type>>,                                      \
               OFM_ON_CPU("out", DtypeOf<type>::value) && positions("indices"))
OFM_ONE_HOT(int32_t)
OFM_ONE_HOT(int64_t)
OFM_ONE_HOT(float)
OFM_ONE_HOT(double)

}  // namespace
}  // namespace ofm
