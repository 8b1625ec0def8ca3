// Running sums and products along a dimension, and the places of the largest numbers of rows.
#include "rows.h"

namespace ofm {
namespace {

template<typename T>
using scan_t =
    typename std::conditional<std::is_floating_point<compute_t<T>>::value, double, T>::type;

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
  using Carry = scan_t<T>;

  static T rounded(Carry carry) {
    if constexpr (std::is_same<compute_t<T>, T>::value) {
      return static_cast<T>(carry);
    } else {
      return from_compute<T>(static_cast<float>(carry));
    }
  }

  static void compute(Context* context) {
    const auto shape = context->Tensor4ArgNameAndIndex("x", 0)->shape_view();
    const int64_t dim = context->Attr<int64_t>("dim");
    int64_t outer = 1, size = 1, inner = 1;
    for (int64_t d = 0; d < shape.NumAxes(); ++d) {
      (d < dim ? outer : d == dim ? size : inner) *= shape.At(d);
    }
    const T* x = data<T>(context, "x");
    T* y = mut_data<T>(context, "y");
    if (inner == 1) {
      rows(outer, size, x, y);
    } else {
      columns(outer, size, inner, x, y);
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
OFM_SCAN(int32_t)
OFM_SCAN(int64_t)

// --- where the largest number of a row is --------------------------------------------------------

// The first NaN, else the first of the largest.
template<typename T>
struct ArgMax {
  using C = compute_t<T>;

  static void compute(Context* context) {
    const auto shape = context->Tensor4ArgNameAndIndex("in", 0)->shape_view();
    const int64_t ndim = shape.NumAxes(), size = ndim == 0 ? 1 : shape.At(ndim - 1);
    const T* x = data<T>(context, "in");
    int64_t* out = mut_data<int64_t>(context, "out");
    const int64_t grain = std::max<int64_t>(1, kGrain / 2 / std::max<int64_t>(size, 1));
    parallel_for(elements(context, "out"), grain, [=](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) { out[row] = find(x + row * size, size); }
    });
  }

  // Block by block: a block is searched only if it has what is larger than all before.
  static int64_t find(const T* x, int64_t size) {
    C buffer[kBlock], best = 0;
    int64_t place = 0;
    for (int64_t first = 0; first < size; first += kBlock) {
      const int64_t part = std::min(kBlock, size - first);
      const C* v = loaded(x + first, buffer, part);
      const C high = highest(v, part);
      if (first > 0 && !(high > best) && high == high) { continue; }
      int64_t i = 0;
      while (!(v[i] == high) && v[i] == v[i]) { ++i; }
      best = high;
      place = first + i;
      if (high != high) { break; }
    }
    return place;
  }

  static C highest(const C* x, int64_t count) {
    C lanes[kLanes];
    for (int lane = 0; lane < kLanes; ++lane) { lanes[lane] = x[0]; }
    int64_t i = 0;
    for (; i + kLanes <= count; i += kLanes) {
      for (int lane = 0; lane < kLanes; ++lane) {
        const C v = x[i + lane];
        lanes[lane] = (v > lanes[lane]) | (v != v) ? v : lanes[lane];
      }
    }
    for (int lane = 0; i + lane < count; ++lane) {
      const C v = x[i + lane];
      lanes[lane] = (v > lanes[lane]) | (v != v) ? v : lanes[lane];
    }
    for (int width = kLanes / 2; width > 0; width /= 2) {
      for (int lane = 0; lane < width; ++lane) {
        const C v = lanes[lane + width];
        lanes[lane] = (v > lanes[lane]) | (v != v) ? v : lanes[lane];
      }
    }
    return lanes[0];
  }
};

#define OFM_ARGMAX(type, of) \
  OFM_REGISTER("argmax", Stateless<ArgMax<type>>, OFM_ON_CPU("in", DtypeOf<of>::value))
OFM_ARGMAX(float, float)
OFM_ARGMAX(double, double)
OFM_ARGMAX(Half, Half)
OFM_ARGMAX(BFloat16, BFloat16)
OFM_ARGMAX(int8_t, int8_t)
OFM_ARGMAX(uint8_t, uint8_t)
OFM_ARGMAX(int32_t, int32_t)
OFM_ARGMAX(int64_t, int64_t)
OFM_ARGMAX(uint8_t, bool)

}  // namespace
}  // namespace ofm
