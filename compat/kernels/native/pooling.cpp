// Pooling over windows of one to three dimensions, of a fixed size or as many as are asked for:
// the largest (with its place) and the mean, and their gradients.
#include <memory>
#include <string>

#include "kernel.h"

namespace ofm {
namespace {

// One dimension: where the window of each output begins and ends, within the input.
struct Axis {
  int64_t in = 1, out = 1;
  int64_t size = 1, stride = 1, padding = 0, dilation = 1;
  bool even = true;  // windows of one size, a stride apart
  std::vector<int64_t> begin, end, full;

  // The first and the last output, and one more, whose element `tap` of the window is inside.
  int64_t first(int64_t tap) const {
    const int64_t lack = padding - tap * dilation;
    return std::min(out, lack > 0 ? (lack + stride - 1) / stride : 0);
  }
  int64_t last(int64_t tap) const {
    const int64_t room = in - 1 + padding - tap * dilation;
    return room < 0 ? 0 : std::min(out, room / stride + 1);
  }

  void measure() {
    begin.resize(out);
    end.resize(out);
    full.resize(out);
    for (int64_t o = 0; o < out; ++o) {
      if (even) {
        int64_t from = o * stride - padding, to = from + (size - 1) * dilation + 1;
        full[o] = std::min(to, in + padding) - from;
        if (from < 0) { from += (-from + dilation - 1) / dilation * dilation; }
        begin[o] = from;
        end[o] = std::max(from, std::min(to, in));
      } else {
        begin[o] = o * in / out;
        end[o] = ((o + 1) * in + out - 1) / out;
        full[o] = end[o] - begin[o];
      }
    }
  }
};

struct Windows {
  int64_t planes = 0;
  Axis axis[3];  // depth, height, width
  int64_t ins() const { return axis[0].in * axis[1].in * axis[2].in; }
  int64_t outs() const { return axis[0].out * axis[1].out * axis[2].out; }

  // Threads take planes each; few large planes are not worth dividing.
  template<typename Body>
  void for_planes(const Body& body) const {
    parallel_for(planes, kGrain / 4 / std::max<int64_t>(ins() + outs(), 1) + 1, body);
  }
};

Windows windows_of(Context* context, const char* in, const char* out, bool adaptive) {
  Windows w;
  const auto ins = sizes(context, in), outs = sizes(context, out);
  const int dims = static_cast<int>(ins.size()) - 2;
  w.planes = ins[0] * ins[1];
  std::vector<int32_t> size, stride, padding, dilation;
  if (!adaptive) {
    size = context->Attr<std::vector<int32_t>>("kernel_size");
    stride = context->Attr<std::vector<int32_t>>("stride");
    padding = context->Attr<std::vector<int32_t>>("padding");
  }
  for (int i = 0; i < 3; ++i) {
    Axis& axis = w.axis[i];
    const int from = i - (3 - dims);
    if (from >= 0) {
      axis.in = ins[2 + from];
      axis.out = outs[2 + from];
      axis.even = !adaptive;
      if (!adaptive) {
        axis.size = size[from];
        axis.stride = stride[from];
        axis.padding = padding[from];
      }
    }
  }
  return w;
}

void set_dilation(Context* context, Windows* w) {
  const auto& dilation = context->Attr<std::vector<int32_t>>("dilation");
  for (size_t i = 0; i < dilation.size(); ++i) {
    w->axis[3 - dilation.size() + i].dilation = dilation[i];
  }
}

void measure(Windows* w) {
  for (Axis& axis : w->axis) { axis.measure(); }
}

// A plane in the type it is computed in: itself, or a copy.
template<typename T>
struct Plane {
  using C = compute_t<T>;
  std::vector<C> copy;
  const C* read(const T* from, int64_t count) {
    if constexpr (std::is_same<T, C>::value) {
      return from;
    } else {
      copy.resize(count);
      load_row<T>(from, copy.data(), count);
      return copy.data();
    }
  }
  // To be added to, from zero; `store` ends it.
  C* zeros(T* to, int64_t count) {
    if constexpr (std::is_same<T, C>::value) {
      std::fill(to, to + count, C(0));
      return to;
    } else {
      copy.assign(count, C(0));
      return copy.data();
    }
  }
  void store(T* to, int64_t count) {
    if constexpr (!std::is_same<T, C>::value) { store_row<T>(copy.data(), to, count); }
  }
};

// --- the largest ---------------------------------------------------------------------------------

// Takes one element of each window along a row. NaN is larger than everything, the last most.
template<int kStride, typename C>
void take_larger(int64_t begin, int64_t end, int64_t stride, const C* row, int32_t place, C* best,
                 int32_t* where) {
  const int64_t step = kStride ? kStride : stride;
#pragma omp simd
  for (int64_t x = begin; x < end; ++x) {
    const C value = row[x * step];
    const bool better = value > best[x] || value != value;
    best[x] = better ? value : best[x];
    where[x] = better ? place + static_cast<int32_t>(x * step) : where[x];
  }
}

template<typename C>
void largest_even(const Windows& w, const C* in, C* best, int32_t* where, const int32_t* starts,
                  int64_t z, int64_t y) {
  const Axis &deep = w.axis[0], &high = w.axis[1], &wide = w.axis[2];
  const int64_t row = (deep.begin[z] * high.in + high.begin[y]) * wide.in;
  for (int64_t x = 0; x < wide.out; ++x) {
    best[x] = -std::numeric_limits<C>::infinity();
    where[x] = static_cast<int32_t>(row) + starts[x];
  }
  for (int64_t iz = deep.begin[z]; iz < deep.end[z]; iz += deep.dilation) {
    for (int64_t iy = high.begin[y]; iy < high.end[y]; iy += high.dilation) {
      const int64_t line = (iz * high.in + iy) * wide.in;
      for (int64_t tap = 0; tap < wide.size; ++tap) {
        const int64_t shift = line + tap * wide.dilation - wide.padding;
        const int64_t first = wide.first(tap), last = wide.last(tap);
        // The row is addressed from where output 0 would begin, which may be before the plane.
        const C* from = reinterpret_cast<const C*>(reinterpret_cast<uintptr_t>(in)
                                                   + shift * static_cast<int64_t>(sizeof(C)));
        const int32_t place = static_cast<int32_t>(shift);
        if (wide.stride == 1) {
          take_larger<1>(first, last, 1, from, place, best, where);
        } else if (wide.stride == 2) {
          take_larger<2>(first, last, 2, from, place, best, where);
        } else {
          take_larger<0>(first, last, wide.stride, from, place, best, where);
        }
      }
    }
  }
}

template<typename C>
void largest_any(const Windows& w, const C* in, C* best, int32_t* where, int64_t z, int64_t y) {
  const Axis &deep = w.axis[0], &high = w.axis[1], &wide = w.axis[2];
  for (int64_t x = 0; x < wide.out; ++x) {
    C found = -std::numeric_limits<C>::infinity();
    int64_t place = (deep.begin[z] * high.in + high.begin[y]) * wide.in + wide.begin[x];
    for (int64_t iz = deep.begin[z]; iz < deep.end[z]; ++iz) {
      for (int64_t iy = high.begin[y]; iy < high.end[y]; ++iy) {
        const int64_t line = (iz * high.in + iy) * wide.in;
        for (int64_t ix = wide.begin[x]; ix < wide.end[x]; ++ix) {
          const C value = in[line + ix];
          if (value > found || value != value) {
            found = value;
            place = line + ix;
          }
        }
      }
    }
    best[x] = found;
    where[x] = static_cast<int32_t>(place);
  }
}

template<typename T>
void largest(const Windows& w, bool adaptive, const T* x, T* y, int64_t* places) {
  using C = compute_t<T>;
  const Axis &deep = w.axis[0], &high = w.axis[1], &wide = w.axis[2];
  std::vector<int32_t> starts(wide.begin.begin(), wide.begin.end());
  w.for_planes([&](int64_t begin, int64_t end) {
    std::vector<C> best(wide.out);
    std::vector<int32_t> where(wide.out);
    Plane<T> plane;
    for (int64_t p = begin; p < end; ++p) {
      const C* in = plane.read(x + p * w.ins(), w.ins());
      T* out = y + p * w.outs();
      int64_t* place = places + p * w.outs();
      for (int64_t z = 0; z < deep.out; ++z) {
        for (int64_t row = 0; row < high.out; ++row, out += wide.out, place += wide.out) {
          if (adaptive) {
            largest_any(w, in, best.data(), where.data(), z, row);
          } else {
            largest_even(w, in, best.data(), where.data(), starts.data(), z, row);
          }
          store_row<T>(best.data(), out, wide.out);
          for (int64_t i = 0; i < wide.out; ++i) { place[i] = where[i]; }
        }
      }
    }
  });
}

template<typename T>
void scatter(const Windows& w, const T* dy, const int64_t* places, T* dx) {
  using C = compute_t<T>;
  const int64_t ins = w.ins(), outs = w.outs();
  w.for_planes([&](int64_t begin, int64_t end) {
    Plane<T> plane;
    for (int64_t p = begin; p < end; ++p) {
      C* sums = plane.zeros(dx + p * ins, ins);
      const T* given = dy + p * outs;
      const int64_t* place = places + p * outs;
      for (int64_t i = 0; i < outs; ++i) {
        // Places are the program's own where it calls the gradient itself.
        if (place[i] >= 0 && place[i] < ins) { sums[place[i]] += to_compute(given[i]); }
      }
      plane.store(dx + p * ins, ins);
    }
  });
}

// --- the mean ------------------------------------------------------------------------------------

// What a row's sums are divided by.
struct Divisor {
  bool counts_padding = true;
  int64_t fixed = 0;

  template<typename C>
  void rows(const Windows& w, int64_t z, int64_t y, C* out) const {
    const Axis* a = w.axis;
    const int64_t inside = (a[0].end[z] - a[0].begin[z]) * (a[1].end[y] - a[1].begin[y]);
    const int64_t full = a[0].full[z] * a[1].full[y];
    for (int64_t x = 0; x < a[2].out; ++x) {
      const int64_t have = inside * (a[2].end[x] - a[2].begin[x]);
      const int64_t count = fixed ? fixed : counts_padding ? full * a[2].full[x] : have;
      out[x] = have > 0 ? static_cast<C>(count) : std::numeric_limits<C>::infinity();
    }
  }
};

template<int kStride, typename C>
void add_row(int64_t begin, int64_t end, int64_t stride, const C* row, C* sums) {
  const int64_t step = kStride ? kStride : stride;
#pragma omp simd
  for (int64_t x = begin; x < end; ++x) { sums[x] += row[x * step]; }
}
template<int kStride, typename C>
void spread_row(int64_t begin, int64_t end, int64_t stride, const C* parts, C* row) {
  const int64_t step = kStride ? kStride : stride;
#pragma omp simd
  for (int64_t x = begin; x < end; ++x) { row[x * step] += parts[x]; }
}

// Calls one of two for each row of the input in the windows of a row of outputs: along the row for
// each element of the windows, or window by window.
template<typename C, typename Even, typename Any>
void for_rows(const Windows& w, C* plane, int64_t z, int64_t y, const Even& even, const Any& any) {
  const Axis &deep = w.axis[0], &high = w.axis[1], &wide = w.axis[2];
  for (int64_t iz = deep.begin[z]; iz < deep.end[z]; ++iz) {
    for (int64_t iy = high.begin[y]; iy < high.end[y]; ++iy) {
      C* row = plane + (iz * high.in + iy) * wide.in;
      if (!wide.even) {
        any(row);
        continue;
      }
      for (int64_t tap = 0; tap < wide.size; ++tap) {
        const int64_t shift = (tap - wide.padding) * static_cast<int64_t>(sizeof(C));
        even(reinterpret_cast<C*>(reinterpret_cast<uintptr_t>(row) + shift), wide.first(tap),
             wide.last(tap));
      }
    }
  }
}

// One window of everything.
bool is_whole(const Windows& w) { return !w.axis[2].even && w.outs() == 1; }

template<typename T>
inline compute_t<T> kept_as(compute_t<T> value) {
  return to_compute(from_compute<T>(value));
}

// Halves as PyTorch's kernels without registers have them: each sum and each part is rounded.
// Without a divisor they are parted dimension by dimension, as adaptive windows are.
template<typename T>
void stepped_mean(const Windows& w, const T* x, T* y) {
  using C = compute_t<T>;
  const Axis &deep = w.axis[0], &high = w.axis[1], &wide = w.axis[2];
  w.for_planes([&](int64_t begin, int64_t end) {
    Plane<T> plane;
    for (int64_t p = begin; p < end; ++p) {
      const C* in = plane.read(x + p * w.ins(), w.ins());
      T* out = y + p * w.outs();
      for (int64_t z = 0; z < deep.out; ++z) {
        for (int64_t row = 0; row < high.out; ++row) {
          for (int64_t i = 0; i < wide.out; ++i) {
            C sum = 0;
            for (int64_t iz = deep.begin[z]; iz < deep.end[z]; ++iz) {
              for (int64_t iy = high.begin[row]; iy < high.end[row]; ++iy) {
                const C* line = in + (iz * high.in + iy) * wide.in;
                for (int64_t ix = wide.begin[i]; ix < wide.end[i]; ++ix) {
                  sum = kept_as<T>(sum + line[ix]);
                }
              }
            }
            sum = kept_as<T>(sum / static_cast<C>(deep.end[z] - deep.begin[z]));
            sum = kept_as<T>(sum / static_cast<C>(high.end[row] - high.begin[row]));
            *out++ = from_compute<T>(sum / static_cast<C>(wide.end[i] - wide.begin[i]));
          }
        }
      }
    }
  });
}

template<typename T>
void stepped_spread(const Windows& w, const Divisor* divisor, const T* dy, T* dx) {
  using C = compute_t<T>;
  const Axis &deep = w.axis[0], &high = w.axis[1], &wide = w.axis[2];
  w.for_planes([&](int64_t begin, int64_t end) {
    std::vector<C> counts(wide.out);
    Plane<T> plane;
    for (int64_t p = begin; p < end; ++p) {
      C* sums = plane.zeros(dx + p * w.ins(), w.ins());
      const T* given = dy + p * w.outs();
      for (int64_t z = 0; z < deep.out; ++z) {
        for (int64_t row = 0; row < high.out; ++row) {
          if (divisor != nullptr) { divisor->rows(w, z, row, counts.data()); }
          for (int64_t i = 0; i < wide.out; ++i) {
            C part = to_compute(*given++);
            if (divisor != nullptr) {
              part = kept_as<T>(part / counts[i]);
            } else {
              part = kept_as<T>(part / static_cast<C>(deep.end[z] - deep.begin[z]));
              part = kept_as<T>(part / static_cast<C>(high.end[row] - high.begin[row]));
              part = kept_as<T>(part / static_cast<C>(wide.end[i] - wide.begin[i]));
            }
            for (int64_t iz = deep.begin[z]; iz < deep.end[z]; ++iz) {
              for (int64_t iy = high.begin[row]; iy < high.end[row]; ++iy) {
                C* line = sums + (iz * high.in + iy) * wide.in;
                for (int64_t ix = wide.begin[i]; ix < wide.end[i]; ++ix) {
                  line[ix] = kept_as<T>(line[ix] + part);
                }
              }
            }
          }
        }
      }
      plane.store(dx + p * w.ins(), w.ins());
    }
  });
}

template<typename T>
void mean(const Windows& w, const Divisor& divisor, const T* x, T* y) {
  using C = compute_t<T>;
  if (is_whole(w)) {
    const int64_t count = w.ins();
    return w.for_planes([=](int64_t begin, int64_t end) {
      for (int64_t p = begin; p < end; ++p) {
        const T* from = x + p * count;
        C sum = 0;
#pragma omp simd reduction(+ : sum)
        for (int64_t i = 0; i < count; ++i) { sum += to_compute(from[i]); }
        y[p] = from_compute<T>(sum / static_cast<C>(count));
      }
    });
  }
  const Axis &deep = w.axis[0], &high = w.axis[1], &wide = w.axis[2];
  w.for_planes([&](int64_t begin, int64_t end) {
    std::vector<C> sums(wide.out), counts(wide.out);
    Plane<T> plane;
    for (int64_t p = begin; p < end; ++p) {
      const C* in = plane.read(x + p * w.ins(), w.ins());
      T* out = y + p * w.outs();
      for (int64_t z = 0; z < deep.out; ++z) {
        for (int64_t row = 0; row < high.out; ++row, out += wide.out) {
          C* sum = sums.data();
          std::fill(sums.begin(), sums.end(), C(0));
          for_rows(w, in, z, row,
                   [&](const C* from, int64_t first, int64_t last) {
                     if (wide.stride == 1) {
                       add_row<1>(first, last, 1, from, sum);
                     } else if (wide.stride == 2) {
                       add_row<2>(first, last, 2, from, sum);
                     } else {
                       add_row<0>(first, last, wide.stride, from, sum);
                     }
                   },
                   [&](const C* from) {
                     for (int64_t i = 0; i < wide.out; ++i) {
                       C part = 0;
#pragma omp simd reduction(+ : part)
                       for (int64_t ix = wide.begin[i]; ix < wide.end[i]; ++ix) { part += from[ix]; }
                       sum[i] += part;
                     }
                   });
          divisor.rows(w, z, row, counts.data());
          for (int64_t i = 0; i < wide.out; ++i) { sum[i] /= counts[i]; }
          store_row<T>(sum, out, wide.out);
        }
      }
    }
  });
}

template<typename T>
void spread(const Windows& w, const Divisor* wanted, const T* dy, T* dx) {
  using C = compute_t<T>;
  const Divisor divisor = wanted != nullptr ? *wanted : Divisor();
  if (is_whole(w)) {
    const int64_t count = w.ins();
    return w.for_planes([=](int64_t begin, int64_t end) {
      for (int64_t p = begin; p < end; ++p) {
        const T part = from_compute<T>(to_compute(dy[p]) / static_cast<C>(count));
        std::fill(dx + p * count, dx + (p + 1) * count, part);
      }
    });
  }
  if constexpr (!std::is_same<T, C>::value) { return stepped_spread(w, wanted, dy, dx); }
  const Axis &deep = w.axis[0], &high = w.axis[1], &wide = w.axis[2];
  w.for_planes([&](int64_t begin, int64_t end) {
    std::vector<C> parts(wide.out), counts(wide.out);
    Plane<T> plane;
    for (int64_t p = begin; p < end; ++p) {
      C* sums = plane.zeros(dx + p * w.ins(), w.ins());
      const T* given = dy + p * w.outs();
      for (int64_t z = 0; z < deep.out; ++z) {
        for (int64_t row = 0; row < high.out; ++row, given += wide.out) {
          C* part = parts.data();
          load_row<T>(given, part, wide.out);
          divisor.rows(w, z, row, counts.data());
          for (int64_t i = 0; i < wide.out; ++i) { part[i] /= counts[i]; }
          for_rows(w, sums, z, row,
                   [&](C* to, int64_t first, int64_t last) {
                     if (wide.stride == 1) {
                       spread_row<1>(first, last, 1, part, to);
                     } else if (wide.stride == 2) {
                       spread_row<2>(first, last, 2, part, to);
                     } else {
                       spread_row<0>(first, last, wide.stride, part, to);
                     }
                   },
                   [&](C* to) {
                     for (int64_t i = 0; i < wide.out; ++i) {
                       for (int64_t ix = wide.begin[i]; ix < wide.end[i]; ++ix) { to[ix] += part[i]; }
                     }
                   });
        }
      }
      plane.store(dx + p * w.ins(), w.ins());
    }
  });
}

// --- kernels -------------------------------------------------------------------------------------

template<typename T>
struct MaxPool {
  static void compute(Context* context) {
    Windows w = windows_of(context, "x", "y", false);
    set_dilation(context, &w);
    measure(&w);
    largest(w, false, data<T>(context, "x"), mut_data<T>(context, "y"),
            mut_data<int64_t>(context, "indice"));
  }
};
template<typename T>
struct MaxPoolGradient {
  static void compute(Context* context) {
    scatter(windows_of(context, "dx", "dy", true), data<T>(context, "dy"),
            data<int64_t>(context, "indice"), mut_data<T>(context, "dx"));
  }
};
template<typename T>
struct AdaptiveMaxPool {
  static void compute(Context* context) {
    Windows w = windows_of(context, "x", "y", true);
    measure(&w);
    largest(w, true, data<T>(context, "x"), mut_data<T>(context, "y"),
            mut_data<int64_t>(context, "index"));
  }
};
template<typename T>
struct AdaptiveMaxPoolGradient {
  static void compute(Context* context) {
    scatter(windows_of(context, "dx", "dy", true), data<T>(context, "dy"),
            data<int64_t>(context, "index"), mut_data<T>(context, "dx"));
  }
};

Divisor divisor_of(Context* context) {
  return {context->Attr<bool>("count_include_pad"), context->Attr<int32_t>("divisor_override")};
}

template<typename T>
struct AvgPool {
  static void compute(Context* context) {
    Windows w = windows_of(context, "x", "y", false);
    measure(&w);
    mean(w, divisor_of(context), data<T>(context, "x"), mut_data<T>(context, "y"));
  }
};
template<typename T>
struct AvgPoolGradient {
  static void compute(Context* context) {
    Windows w = windows_of(context, "dx", "dy", false);
    measure(&w);
    const Divisor divisor = divisor_of(context);
    spread(w, &divisor, data<T>(context, "dy"), mut_data<T>(context, "dx"));
  }
};
template<typename T>
struct AdaptiveAvgPool {
  static void compute(Context* context) {
    Windows w = windows_of(context, "x", "y", true);
    measure(&w);
    if (!std::is_same<T, compute_t<T>>::value && !is_whole(w) && sizes(context, "x").size() == 5) {
      return stepped_mean(w, data<T>(context, "x"), mut_data<T>(context, "y"));
    }
    mean(w, Divisor(), data<T>(context, "x"), mut_data<T>(context, "y"));
  }
};
template<typename T>
struct AdaptiveAvgPoolGradient {
  static void compute(Context* context) {
    Windows w = windows_of(context, "dx", "dy", true);
    measure(&w);
    spread(w, nullptr, data<T>(context, "dy"), mut_data<T>(context, "dx"));
  }
};

#define OFM_CHANNELS_FIRST (user_op::HobAttr<std::string>("data_format") == std::string("channels_first"))
#define OFM_POOL(type, dims)                                                                         \
  OFM_REGISTER("max_pool_" #dims "d", Stateless<MaxPool<type>>,                                      \
               OFM_ON_CPU("x", DtypeOf<type>::value) && OFM_CHANNELS_FIRST)                          \
  OFM_REGISTER("max_pool_" #dims "d_grad", Stateless<MaxPoolGradient<type>>,                         \
               OFM_ON_CPU("dy", DtypeOf<type>::value) && OFM_CHANNELS_FIRST)                         \
  OFM_REGISTER("avg_pool_" #dims "d", Stateless<AvgPool<type>>,                                      \
               OFM_ON_CPU("x", DtypeOf<type>::value) && OFM_CHANNELS_FIRST)                          \
  OFM_REGISTER("avg_pool_" #dims "d_grad", Stateless<AvgPoolGradient<type>>,                         \
               OFM_ON_CPU("dy", DtypeOf<type>::value) && OFM_CHANNELS_FIRST)                         \
  OFM_REGISTER("adaptive_max_pool" #dims "d", Stateless<AdaptiveMaxPool<type>>,                      \
               OFM_ON_CPU("x", DtypeOf<type>::value))                                                \
  OFM_REGISTER("adaptive_max_pool" #dims "d_grad", Stateless<AdaptiveMaxPoolGradient<type>>,         \
               OFM_ON_CPU("dy", DtypeOf<type>::value))                                               \
  OFM_REGISTER("adaptive_avg_pool" #dims "d", Stateless<AdaptiveAvgPool<type>>,                      \
               OFM_ON_CPU("x", DtypeOf<type>::value))                                                \
  OFM_REGISTER("adaptive_avg_pool" #dims "d_grad", Stateless<AdaptiveAvgPoolGradient<type>>,         \
               OFM_ON_CPU("dy", DtypeOf<type>::value))
#define OFM_POOLS(type) OFM_POOL(type, 1) OFM_POOL(type, 2) OFM_POOL(type, 3)
OFM_FOR_FLOATING(OFM_POOLS)

}  // namespace
}  // namespace ofm
