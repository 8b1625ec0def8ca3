// Running sums, products and extremes along a dimension, and extremes with their places.
#include "functional.h"
#include "row_lanes.h"
#include "rows.h"

// Not in functional.h since nothing else needs it.
namespace oneflow {
namespace one {
namespace functional {
Maybe<Tensor> DimScatterAddLike(const Pointer& like, int32_t dim, const Pointer& index,
                                const Pointer& src);
Maybe<Tensor> DimGather(const Pointer& x, int64_t dim, const Pointer& index, bool sparse);
}  // namespace functional
}  // namespace one
}  // namespace oneflow

namespace ofm {
namespace {

// outer × size × inner, of which size is gone along.
struct Along {
  int64_t outer = 1, size = 1, inner = 1;
};

template<typename Shape>
Along along(const Shape& shape, int64_t dim) {
  Along out;
  for (int64_t d = 0; d < shape.NumAxes(); ++d) {
    (d < dim ? out.outer : d == dim ? out.size : out.inner) *= shape.At(d);
  }
  return out;
}

template<typename T>
struct ScanType {
  using type =
      typename std::conditional<std::is_floating_point<compute_t<T>>::value, double, T>::type;
};
template<>
struct ScanType<Complex64> {
  using type = Complex128;
};

struct Add {
  template<typename A>
  static A start() { return 0; }
  template<typename A>
  static A step(A all, A x) { return static_cast<A>(all + x); }
};
struct Multiply {
  template<typename A>
  static A start() { return 1; }
  template<typename A>
  static A step(A all, A x) { return static_cast<A>(all * x); }
};

// Floating point numbers are carried on in double, as PyTorch does.
template<typename T, typename Way>
struct Scan {
  using Carry = typename ScanType<T>::type;

  static T rounded(Carry carry) {
    if constexpr (std::is_same<compute_t<T>, T>::value) {
      return static_cast<T>(carry);
    } else {
      return from_compute<T>(static_cast<float>(carry));
    }
  }

  static void compute(Context* context) {
    const auto shape = context->Tensor4ArgNameAndIndex("x", 0)->shape_view();
    const Along as = along(shape, context->Attr<int64_t>("dim"));
    const T* x = data<T>(context, "x");
    T* y = mut_data<T>(context, "y");
    if (as.inner == 0) { return; }
    if (as.inner == 1) {
      rows(as.outer, as.size, x, y);
    } else {
      columns(as.outer, as.size, as.inner, x, y);
    }
  }

  // Several rows at a time, since each number of a row waits for the one before.
  static void rows(int64_t outer, int64_t size, const T* x, T* y) {
    constexpr int kRows = 4;
    const int64_t lots = (outer + kRows - 1) / kRows;
    const int64_t grain = std::max<int64_t>(1, kGrain / kRows / std::max<int64_t>(size, 1));
    parallel_for(lots, grain, [=](int64_t begin, int64_t end) {
      for (int64_t lot = begin; lot < end; ++lot) {
        const int64_t first = lot * kRows, count = std::min<int64_t>(kRows, outer - first);
        const T* from = x + first * size;
        T* to = y + first * size;
        Carry all[kRows];
        for (int row = 0; row < kRows; ++row) { all[row] = Way::template start<Carry>(); }
        if (count == kRows) {
          for (int64_t i = 0; i < size; ++i) {
            for (int row = 0; row < kRows; ++row) {
              const Carry v = static_cast<Carry>(to_compute(from[row * size + i]));
              all[row] = Way::step(all[row], v);
              to[row * size + i] = rounded(all[row]);
            }
          }
        } else {
          for (int64_t row = 0; row < count; ++row) {
            for (int64_t i = 0; i < size; ++i) {
              const Carry v = static_cast<Carry>(to_compute(from[row * size + i]));
              all[row] = Way::step(all[row], v);
              to[row * size + i] = rounded(all[row]);
            }
          }
        }
      }
    });
  }

  static void columns(int64_t outer, int64_t size, int64_t inner, const T* x, T* y) {
    const int64_t width = std::min<int64_t>(inner, 512), tiles = (inner + width - 1) / width;
    const int64_t grain = std::max<int64_t>(1, kGrain / 4 / std::max<int64_t>(size * width, 1));
    parallel_for(outer * tiles, grain, [=](int64_t begin, int64_t end) {
      std::vector<Carry> carried(width);
      Carry* all = carried.data();
      for (int64_t tile = begin; tile < end; ++tile) {
        const int64_t column = tile % tiles * width, count = std::min(width, inner - column);
        const int64_t start = tile / tiles * size * inner + column;
        std::fill(all, all + width, Way::template start<Carry>());
        for (int64_t row = 0; row < size; ++row) {
          const T* from = x + start + row * inner;
          T* to = y + start + row * inner;
#pragma GCC ivdep
          for (int64_t i = 0; i < count; ++i) {
            all[i] = Way::step(all[i], static_cast<Carry>(to_compute(from[i])));
            to[i] = rounded(all[i]);
          }
        }
      }
    });
  }
};

#define OFM_SCAN_KERNEL(type, way) Stateless<Scan<type, way>>
#define OFM_SCAN(type)                                                                            \
  OFM_REGISTER("cumsum", OFM_SCAN_KERNEL(type, Add), OFM_ON_CPU("y", DtypeOf<type>::value))       \
  OFM_REGISTER("cumprod", OFM_SCAN_KERNEL(type, Multiply), OFM_ON_CPU("y", DtypeOf<type>::value))
OFM_FOR_FLOATING(OFM_SCAN)
OFM_FOR_COMPLEX(OFM_SCAN)
OFM_SCAN(int32_t)
OFM_SCAN(int64_t)
OFM_SCAN(int16_t)

// --- extremes and their places -------------------------------------------------------------------

// The largest numbers or the least. A NaN is beyond all others; of several the first one counts.
template<typename T, bool least>
struct Extreme {
  using C = compute_t<T>;

  static bool beats(C x, C best) { return least ? x < best : x > best; }

  // Where the extreme of a row is.
  static int64_t find(const T* x, int64_t size) {
    if constexpr (lanes::has_lanes<T>) {
      return find_by_lanes(x, size);
    } else {
      // Block by block: a block is searched only if it beats all before.
      C best = x[0];
      int64_t place = 0;
      for (int64_t first = 0; first < size && best == best; first += kBlock) {
        const int64_t part = std::min(kBlock, size - first);
        const C* v = x + first;
        const C extreme = part < 16 ? of_few(v, part) : of_block(v, part);
        if (first > 0 && !beats(extreme, best) && extreme == extreme) { continue; }
        best = extreme;
        place = first + search(v, part, extreme);
      }
      return place;
    }
  }

  static C of_few(const C* x, int64_t count) {
    C best = x[0];
    for (int64_t i = 1; i < count; ++i) { best = beats(x[i], best) | (x[i] != x[i]) ? x[i] : best; }
    return best;
  }

  static C of_block(const C* x, int64_t count) {
    C some[kLanes];
    for (int lane = 0; lane < kLanes; ++lane) { some[lane] = x[0]; }
    int64_t i = 0;
    for (; i + kLanes <= count; i += kLanes) {
      for (int lane = 0; lane < kLanes; ++lane) {
        const C v = x[i + lane];
        some[lane] = beats(v, some[lane]) | (v != v) ? v : some[lane];
      }
    }
    for (int lane = 0; i + lane < count; ++lane) {
      const C v = x[i + lane];
      some[lane] = beats(v, some[lane]) | (v != v) ? v : some[lane];
    }
    for (int width = kLanes / 2; width > 0; width /= 2) {
      for (int lane = 0; lane < width; ++lane) {
        const C v = some[lane + width];
        some[lane] = beats(v, some[lane]) | (v != v) ? v : some[lane];
      }
    }
    return some[0];
  }

  // The first that is the wanted number, which is there.
  static int64_t search(const C* x, int64_t count, C wanted) {
    int64_t i = 0;
    if (wanted == wanted) {
      for (; i + kLanes <= count; i += kLanes) {
        unsigned char any = 0;
        for (int lane = 0; lane < kLanes; ++lane) { any |= x[i + lane] == wanted; }
        if (any) { break; }
      }
      while (x[i] != wanted) { ++i; }
    } else {
      while (x[i] == x[i]) { ++i; }
    }
    return i;
  }

  static int64_t find_by_lanes(const T* x, int64_t size) {
    using namespace lanes;
    constexpr float kEnd = least ? std::numeric_limits<float>::infinity()
                                 : -std::numeric_limits<float>::infinity();
    float best = kEnd;
    int64_t place = 0;
    for (int64_t first = 0; first < size; first += kBlock) {
      const int64_t count = std::min(kBlock, size - first);
      const T* v = x + first;
      Four some(kEnd);
      bool nan = false;
      over_row(count, [&](int64_t i, auto part, int which) {
        const Lanes one = part.load(v + i), held = part.or_else(one, kEnd);
        nan |= any_nan(one);
        some[which] = least ? minimum(held, some[which]) : maximum(held, some[which]);
      });
      const float extreme =
          least ? lowest(minimum(minimum(some[0], some[1]), minimum(some[2], some[3])))
                : some.top();
      if (!nan && first > 0 && !(least ? extreme < best : extreme > best)) { continue; }
      best = extreme;
      for (int64_t i = 0; i < count; i += kWidth) {
        const Lanes one = i + kWidth <= count ? Whole().load(v + i) : Rest(count - i).load(v + i);
        unsigned found = nan ? bits_of_nan(one) : bits_of_equal(one, extreme);
        if (count - i < kWidth) { found &= (1u << (count - i)) - 1; }
        if (found != 0) {
          place = first + i + __builtin_ctz(found);
          break;
        }
      }
      if (nan) { break; }
    }
    return place;
  }

#ifdef __AVX512F__
  static bool any_is_newer(lanes::Lanes x, lanes::Lanes best) {
    return _mm512_cmp_ps_mask(best.v, x.v, least ? _CMP_NLT_UQ : _CMP_NGT_UQ) != 0;
  }
  static unsigned bits_of_nan(lanes::Lanes x) {
    return _mm512_cmp_ps_mask(x.v, x.v, _CMP_UNORD_Q);
  }
  static unsigned bits_of_equal(lanes::Lanes x, lanes::Lanes y) {
    return _mm512_cmp_ps_mask(x.v, y.v, _CMP_EQ_OQ);
  }
#else
  static bool any_is_newer(lanes::Lanes x, lanes::Lanes best) {
    return _mm256_movemask_ps(_mm256_cmp_ps(best.v, x.v, least ? _CMP_NLT_UQ : _CMP_NGT_UQ)) != 0;
  }
  static unsigned bits_of_nan(lanes::Lanes x) {
    return _mm256_movemask_ps(_mm256_cmp_ps(x.v, x.v, _CMP_UNORD_Q));
  }
  static unsigned bits_of_equal(lanes::Lanes x, lanes::Lanes y) {
    return _mm256_movemask_ps(_mm256_cmp_ps(x.v, y.v, _CMP_EQ_OQ));
  }
#endif

  // Of outer rows, into values (unless null) and places.
  static void rows(int64_t outer, int64_t size, const T* x, T* values, int64_t* places) {
    constexpr int64_t kPiece = 1 << 16;
    const auto keep = [=](int64_t row, int64_t place) {
      places[row] = place;
      if (values != nullptr) { values[row] = x[row * size + place]; }
    };
    if (outer < threads() && size > 2 * kPiece) {
      const int64_t pieces = (size + kPiece - 1) / kPiece;
      std::vector<int64_t> found(pieces);
      for (int64_t row = 0; row < outer; ++row) {
        const T* from = x + row * size;
        parallel_for(pieces, 1, [&](int64_t begin, int64_t end) {
          for (int64_t i = begin; i < end; ++i) {
            const int64_t first = i * kPiece;
            found[i] = first + find(from + first, std::min(kPiece, size - first));
          }
        });
        int64_t place = 0;
        for (const int64_t other : found) {
          const C best = to_compute(from[place]), v = to_compute(from[other]);
          if (beats(v, best) || (v != v && best == best)) { place = other; }
        }
        keep(row, place);
      }
      return;
    }
    const int64_t grain = std::max<int64_t>(1, kGrain / 2 / std::max<int64_t>(size, 1));
    parallel_for(outer, grain, [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) { keep(row, find(x + row * size, size)); }
    });
  }

  // Along the middle of outer × size × inner: as columns side by side. Place has a number's width.
  template<typename Place>
  static void columns(int64_t outer, int64_t size, int64_t inner, const T* x, T* values,
                      int64_t* places) {
    const int64_t width = std::min<int64_t>(inner, 256), tiles = (inner + width - 1) / width;
    const int64_t grain = std::max<int64_t>(1, kGrain / 2 / std::max<int64_t>(size * width, 1));
    parallel_for(outer * tiles, grain, [=](int64_t begin, int64_t end) {
      std::vector<C> kept(2 * width);
      std::vector<Place> found(width);
      C *best = kept.data(), *buffer = best + width;
      Place* place = found.data();
      for (int64_t tile = begin; tile < end; ++tile) {
        const int64_t column = tile % tiles * width, count = std::min(width, inner - column);
        const int64_t start = tile / tiles * size * inner + column;
        load_row(x + start, best, count);
        std::fill(place, place + count, Place(0));
        for (int64_t row = 1; row < size; ++row) {
          const C* v = loaded(x + start + row * inner, buffer, count);
          const Place here = static_cast<Place>(row);
#pragma GCC ivdep
          for (int64_t i = 0; i < count; ++i) {
            const bool better = beats(v[i], best[i]) | ((v[i] != v[i]) & (best[i] == best[i]));
            best[i] = better ? v[i] : best[i];
            place[i] = better ? here : place[i];
          }
        }
        const int64_t to = tile / tiles * inner + column;
        for (int64_t i = 0; i < count; ++i) { places[to + i] = place[i]; }
        if (values != nullptr) { store_row(best, values + to, count); }
      }
    });
  }

  static void compute(const Along& as, const T* x, T* values, int64_t* places) {
    if (as.outer == 0 || as.inner == 0) { return; }
    if (as.inner == 1) {
      rows(as.outer, as.size, x, values, places);
    } else if (sizeof(C) > 4 || as.size > std::numeric_limits<int32_t>::max()) {
      columns<int64_t>(as.outer, as.size, as.inner, x, values, places);
    } else {
      columns<int32_t>(as.outer, as.size, as.inner, x, values, places);
    }
  }

  // The extremes of a row up to each place, and where the newest of them is.
  static void running_row(const T* x, int64_t size, T* values, int64_t* places) {
    C best = to_compute(x[0]);
    int64_t place = 0;
    for (int64_t i = 0; i < size; ++i) {
      if constexpr (lanes::has_lanes<T>) {
        // Whole registers without a newer extreme.
        using namespace lanes;
        while (i + kWidth <= size && !any_is_newer(Whole().load(x + i), best)) {
          Whole().store(best, values + i);
          std::fill(places + i, places + i + kWidth, place);
          i += kWidth;
        }
        if (i == size) { break; }
      }
      const C v = to_compute(x[i]);
      if (!beats(best, v) && best == best) {
        best = v;
        place = i;
      } else if (v != v) {
        place = i;
      }
      values[i] = from_compute<T>(best);
      places[i] = place;
    }
  }

  static void running(const Along& as, const T* x, T* values, int64_t* places) {
    const int64_t size = as.size, inner = as.inner;
    if (as.outer == 0 || size == 0 || inner == 0) { return; }
    if (inner == 1) {
      const int64_t grain = std::max<int64_t>(1, kGrain / 4 / std::max<int64_t>(size, 1));
      parallel_for(as.outer, grain, [=](int64_t begin, int64_t end) {
        for (int64_t row = begin; row < end; ++row) {
          running_row(x + row * size, size, values + row * size, places + row * size);
        }
      });
      return;
    }
    const int64_t width = std::min<int64_t>(inner, 256), tiles = (inner + width - 1) / width;
    const int64_t grain = std::max<int64_t>(1, kGrain / 4 / std::max<int64_t>(size * width, 1));
    parallel_for(as.outer * tiles, grain, [=](int64_t begin, int64_t end) {
      std::vector<C> kept(2 * width);
      std::vector<int64_t> found(width);
      C *best = kept.data(), *buffer = best + width;
      int64_t* place = found.data();
      for (int64_t tile = begin; tile < end; ++tile) {
        const int64_t column = tile % tiles * width, count = std::min(width, inner - column);
        const int64_t start = tile / tiles * size * inner + column;
        load_row(x + start, best, count);
        for (int64_t row = 0; row < size; ++row) {
          const int64_t at = start + row * inner;
          const C* v = loaded(x + at, buffer, count);
#pragma GCC ivdep
          for (int64_t i = 0; i < count; ++i) {
            const bool newer = (!beats(best[i], v[i]) & (best[i] == best[i])) | (v[i] != v[i]);
            best[i] = newer ? v[i] : best[i];
            place[i] = newer ? row : place[i];
          }
          store_row(best, values + at, count);
          std::copy(place, place + count, places + at);
        }
      }
    });
  }
};

Along along(Context* context, const char* name) {
  const auto shape = context->Tensor4ArgNameAndIndex(name, 0)->shape_view();
  return along(shape, context->Attr<int64_t>("dim"));
}

// A bool is a byte of 0 or 1.
template<typename T>
struct Extremes {
  static void compute(Context* context) {
    const Along as = along(context, "x");
    const T* x = data<T>(context, "x");
    T* values = mut_data<T>(context, "values");
    int64_t* places = mut_data<int64_t>(context, "places");
    context->Attr<bool>("least") ? Extreme<T, true>::compute(as, x, values, places)
                                 : Extreme<T, false>::compute(as, x, values, places);
  }
};
template<typename T>
struct ExtremePlaces {
  static void compute(Context* context) {
    const Along as = along(context, "x");
    const T* x = data<T>(context, "x");
    int64_t* places = mut_data<int64_t>(context, "places");
    context->Attr<bool>("least") ? Extreme<T, true>::compute(as, x, nullptr, places)
                                 : Extreme<T, false>::compute(as, x, nullptr, places);
  }
};
template<typename T>
struct RunningExtremes {
  static void compute(Context* context) {
    const Along as = along(context, "x");
    const T* x = data<T>(context, "x");
    T* values = mut_data<T>(context, "values");
    int64_t* places = mut_data<int64_t>(context, "places");
    context->Attr<bool>("least") ? Extreme<T, true>::running(as, x, values, places)
                                 : Extreme<T, false>::running(as, x, values, places);
  }
};

// OneFlow's own, along the last dimension.
template<typename T>
struct ArgMax {
  static void compute(Context* context) {
    const auto shape = context->Tensor4ArgNameAndIndex("in", 0)->shape_view();
    const int64_t ndim = shape.NumAxes(), size = ndim == 0 ? 1 : shape.At(ndim - 1);
    Extreme<T, false>::rows(elements(context, "out"), size, data<T>(context, "in"), nullptr,
                            mut_data<int64_t>(context, "out"));
  }
};

#define OFM_EXTREME(type, of)                                                                   \
  OFM_REGISTER("ofm_extremes", Stateless<Extremes<type>>, OFM_ON_CPU("x", DtypeOf<of>::value))  \
  OFM_REGISTER("ofm_extreme_places", Stateless<ExtremePlaces<type>>,                            \
               OFM_ON_CPU("x", DtypeOf<of>::value))                                             \
  OFM_REGISTER("ofm_running_extremes", Stateless<RunningExtremes<type>>,                        \
               OFM_ON_CPU("x", DtypeOf<of>::value))                                             \
  OFM_REGISTER("argmax", Stateless<ArgMax<type>>, OFM_ON_CPU("in", DtypeOf<of>::value))
OFM_EXTREME(float, float)
OFM_EXTREME(double, double)
OFM_EXTREME(Half, Half)
OFM_EXTREME(BFloat16, BFloat16)
OFM_EXTREME(int8_t, int8_t)
OFM_EXTREME(uint8_t, uint8_t)
OFM_EXTREME(int32_t, int32_t)
OFM_EXTREME(int64_t, int64_t)
OFM_EXTREME(uint8_t, bool)

// --- operators beside OneFlow's ------------------------------------------------------------------

using InferContext = user_op::InferContext;
using oneflow::Shape;

Maybe<void> check_dim(InferContext* context) {
  const Shape& shape = context->InputShape("x", 0);
  const int64_t dim = context->Attr<int64_t>("dim");
  CHECK_OR_RETURN(0 <= dim && dim < std::max<int64_t>(shape.NumAxes(), 1))
      << "Dimension out of range";
  return Maybe<void>::Ok();
}
Maybe<void> check_some(InferContext* context) {
  JUST(check_dim(context));
  const Shape& shape = context->InputShape("x", 0);
  CHECK_OR_RETURN(shape.NumAxes() == 0 || shape.At(context->Attr<int64_t>("dim")) > 0)
      << "Expected reduction dim to have non-zero size.";
  return Maybe<void>::Ok();
}

Shape without_dim(InferContext* context) {
  const Shape& shape = context->InputShape("x", 0);
  oneflow::DimVector out;
  for (int64_t d = 0; d < shape.NumAxes(); ++d) {
    if (d != context->Attr<int64_t>("dim")) {
      out.push_back(shape.At(d));
    } else if (context->Attr<bool>("keepdim")) {
      out.push_back(1);
    }
  }
  return Shape(out);
}

Maybe<void> extremes_shape(InferContext* context) {
  JUST(check_some(context));
  const Shape shape = without_dim(context);
  set_contiguous(context, "values", shape);
  set_contiguous(context, "places", shape);
  return Maybe<void>::Ok();
}
Maybe<void> extremes_dtype(InferContext* context) {
  context->SetOutputDType("values", 0, context->InputDType("x", 0));
  context->SetOutputDType("places", 0, DataType::kInt64);
  return Maybe<void>::Ok();
}
REGISTER_USER_OP("ofm_extremes")
    .Input("x")
    .Attr<int64_t>("dim")
    .Attr<bool>("keepdim")
    .Attr<bool>("least")
    .Output("values")
    .Output("places")
    .SetLogicalTensorDescInferFn(extremes_shape)
    .SetPhysicalTensorDescInferFn(extremes_shape)
    .SetDataTypeInferFn(extremes_dtype)
    .SetGetSbpFn(user_op::GetSbpFnUtil::DefaultBroadcastToBroadcast);

Maybe<void> places_shape(InferContext* context) {
  JUST(check_some(context));
  set_contiguous(context, "places", without_dim(context));
  return Maybe<void>::Ok();
}
Maybe<void> places_dtype(InferContext* context) {
  context->SetOutputDType("places", 0, DataType::kInt64);
  return Maybe<void>::Ok();
}
REGISTER_USER_OP("ofm_extreme_places")
    .Input("x")
    .Attr<int64_t>("dim")
    .Attr<bool>("keepdim")
    .Attr<bool>("least")
    .Output("places")
    .SetLogicalTensorDescInferFn(places_shape)
    .SetPhysicalTensorDescInferFn(places_shape)
    .SetDataTypeInferFn(places_dtype)
    .SetGetSbpFn(user_op::GetSbpFnUtil::DefaultBroadcastToBroadcast)
    .NoGrad();

Maybe<void> running_shape(InferContext* context) {
  JUST(check_dim(context));
  set_contiguous(context, "values", context->InputShape("x", 0));
  set_contiguous(context, "places", context->InputShape("x", 0));
  return Maybe<void>::Ok();
}
REGISTER_USER_OP("ofm_running_extremes")
    .Input("x")
    .Attr<int64_t>("dim")
    .Attr<bool>("least")
    .Output("values")
    .Output("places")
    .SetLogicalTensorDescInferFn(running_shape)
    .SetPhysicalTensorDescInferFn(running_shape)
    .SetDataTypeInferFn(extremes_dtype)
    .SetGetSbpFn(user_op::GetSbpFnUtil::DefaultBroadcastToBroadcast);

struct ExtremesState : public one::AutoGradCaptureState {
  int64_t dim = 0;
  bool wanted = false, like = false;
};

// A value's gradient belongs to where it was taken from.
class ExtremesGradient final : public one::OpExprGradFunction<ExtremesState> {
 public:
  Maybe<void> Init(const one::OpExpr& op) override {
    running_ = op.op_type_name() == "ofm_running_extremes";
    return Maybe<void>::Ok();
  }

  Maybe<void> Capture(ExtremesState* state, const one::TensorTuple& inputs,
                      const one::TensorTuple& outputs,
                      const oneflow::AttrMap& attributes) const override {
    state->wanted = inputs.at(0)->requires_grad();
    if (!state->wanted) { return Maybe<void>::Ok(); }
    state->dim = JUST(attributes.GetAttr<int64_t>("dim"));
    state->SaveTensorForBackward(inputs.at(0));
    state->SaveTensorForBackward(outputs.at(1));
    return Maybe<void>::Ok();
  }

  Maybe<void> Apply(const ExtremesState* state, const one::TensorTuple& out_grads,
                    one::TensorTuple* in_grads) const override {
    using namespace functional;
    in_grads->resize(1);
    if (!state->wanted) { return Maybe<void>::Ok(); }
    const TensorPointer &x = state->SavedTensors().at(0), &dy = out_grads.at(0);
    TensorPointer places = state->SavedTensors().at(1);
    oneflow::DimVector dims = x->shape()->dim_vec();
    if (dims.empty()) {
      in_grads->at(0) = JUST(Reshape(dy, *x->shape()));
      return Maybe<void>::Ok();
    }
    // As many dimensions as the input has.
    if (places->shape()->elem_cnt() != x->shape()->elem_cnt()) { dims[state->dim] = 1; }
    const TensorPointer index = JUST(Reshape(places, Shape(dims)));
    const auto dim = static_cast<int32_t>(state->dim);
    TensorPointer like = JUST(x->detach()), src = JUST(Reshape(dy, Shape(dims)));
    const auto dtype = x->dtype();
    // What adds up to a gradient is not rounded one by one.
    const bool wide = running_ && (dtype->data_type() == DataType::kFloat16
                                   || dtype->data_type() == DataType::kBFloat16);
    if (wide) {
      like = JUST(Cast(like, oneflow::DType::Float(), false));
      src = JUST(Cast(src, oneflow::DType::Float(), false));
    }
    const TensorPointer found = JUST(DimScatterAddLike(like, dim, index, src));
    in_grads->at(0) = wide ? JUST(Cast(found, dtype, false)) : found;
    return Maybe<void>::Ok();
  }

 private:
  bool running_ = false;
};
OFM_REGISTER_GRADIENT("ofm_extremes", ExtremesGradient)
OFM_REGISTER_GRADIENT("ofm_running_extremes", ExtremesGradient)

// OneFlow gives dim_scatter_add_like, of which the gradients above are made, none of its own.
class ScatterGradient final : public one::OpExprGradFunction<ExtremesState> {
 public:
  Maybe<void> Init(const one::OpExpr&) override { return Maybe<void>::Ok(); }

  Maybe<void> Capture(ExtremesState* state, const one::TensorTuple& inputs, const one::TensorTuple&,
                      const oneflow::AttrMap& attributes) const override {
    state->wanted = inputs.at(2)->requires_grad();
    state->like = inputs.at(0)->requires_grad();
    if (!state->wanted) { return Maybe<void>::Ok(); }
    state->dim = JUST(attributes.GetAttr<int32_t>("dim"));
    state->SaveTensorForBackward(inputs.at(1));
    return Maybe<void>::Ok();
  }

  Maybe<void> Apply(const ExtremesState* state, const one::TensorTuple& out_grads,
                    one::TensorTuple* in_grads) const override {
    in_grads->resize(3);
    // What only gives the shape.
    if (state->like) { in_grads->at(0) = JUST(functional::ScalarMul(out_grads.at(0), 0., false)); }
    if (!state->wanted) { return Maybe<void>::Ok(); }
    in_grads->at(2) = JUST(functional::DimGather(out_grads.at(0), state->dim,
                                                 state->SavedTensors().at(0), false));
    return Maybe<void>::Ok();
  }
};
OFM_REGISTER_GRADIENT("dim_scatter_add_like", ScatterGradient)

// extremes(x, dim, keepdim, least): values and places.
PyObject* extremes(PyObject*, PyObject* const* arguments, ssize_t count) {
  return guarded([&] {
    if (count != 4) { throw TypeError{"extremes takes 4 arguments"}; }
    static const one::UserOpExpr& op = make_op("ofm_extremes", {"x"}, {"values", "places"});
    auto& attributes = THREAD_CACHED_MUTABLE_ATTR_MAP("dim", "keepdim", "least");
    attributes.SetAllAttrs(integer(arguments[1]), truth(arguments[2]), truth(arguments[3]));
    return python(*dispatch(op, {tensor(arguments[0])}, attributes));
  });
}
OFM_PYTHON_FUNCTION(extremes, extremes)

// extreme_places(x, dim, keepdim, least)
PyObject* extreme_places(PyObject*, PyObject* const* arguments, ssize_t count) {
  return guarded([&] {
    if (count != 4) { throw TypeError{"extreme_places takes 4 arguments"}; }
    static const one::UserOpExpr& op = make_op("ofm_extreme_places", {"x"}, {"places"});
    auto& attributes = THREAD_CACHED_MUTABLE_ATTR_MAP("dim", "keepdim", "least");
    attributes.SetAllAttrs(integer(arguments[1]), truth(arguments[2]), truth(arguments[3]));
    return python(dispatch(op, {tensor(arguments[0])}, attributes)->at(0));
  });
}
OFM_PYTHON_FUNCTION(extreme_places, extreme_places)

// running_extremes(x, dim, least): values and places.
PyObject* running_extremes(PyObject*, PyObject* const* arguments, ssize_t count) {
  return guarded([&] {
    if (count != 3) { throw TypeError{"running_extremes takes 3 arguments"}; }
    static const one::UserOpExpr& op = make_op("ofm_running_extremes", {"x"}, {"values", "places"});
    auto& attributes = THREAD_CACHED_MUTABLE_ATTR_MAP("dim", "least");
    attributes.SetAllAttrs(integer(arguments[1]), truth(arguments[2]));
    return python(*dispatch(op, {tensor(arguments[0])}, attributes));
  });
}
OFM_PYTHON_FUNCTION(running_extremes, running_extremes)

}  // namespace
}  // namespace ofm
