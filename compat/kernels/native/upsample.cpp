// Resizing over one to three dimensions: nearest, linear and cubic, with PyTorch's coordinates.
//
// Every kind is the same on each dimension: an output is a sum of up to four inputs. The rows that
// an output row is made of are added up first, and then their elements.
#include <memory>
#include <string>

#include "kernel.h"

namespace ofm {
namespace {

enum class Kind { kNearest, kLinear, kCubic };

constexpr int taps_of(Kind kind) { return kind == Kind::kNearest ? 1 : kind == Kind::kLinear ? 2 : 4; }

// Coordinates are computed like values, and an integer's as float.
template<typename T>
using real_t = typename std::conditional<std::is_integral<T>::value, float, compute_t<T>>::type;

// One dimension: which inputs an output is made of, and how much of each.
template<typename C>
struct Axis {
  int64_t in = 1, out = 1;
  int taps = 1;
  bool doubled = false;  // each input twice
  std::vector<int32_t> from;
  std::vector<C> weight;

  static C distance(C scale, int64_t o, bool aligned) {
    return aligned ? scale * static_cast<C>(o) : scale * (static_cast<C>(o) + C(0.5)) - C(0.5);
  }
  static C near_cubic(C x) { return ((C(-0.75) + 2) * x - (C(-0.75) + 3)) * x * x + 1; }
  static C far_cubic(C x) {
    const C a = C(-0.75);
    return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;
  }

  // `factor` is what the program asked to multiply the size with, 0 if it asked for a size. PyTorch
  // has two ways to find the nearest; the quick one takes doubling and no change for what they are.
  void measure(Kind kind, bool aligned, double factor, bool quick) {
    taps = taps_of(kind);
    from.resize(out * taps);
    weight.resize(out * taps);
    C scale;
    if (aligned && kind != Kind::kNearest) {
      scale = out > 1 ? static_cast<C>(in - 1) / static_cast<C>(out - 1) : C(0);
    } else {
      scale = factor > 0 ? static_cast<C>(1.0 / factor)
                         : static_cast<C>(in) / static_cast<C>(out);
    }
    doubled = kind == Kind::kNearest;
    for (int64_t o = 0; o < out; ++o) {
      int32_t* index = from.data() + o * taps;
      C* part = weight.data() + o * taps;
      if (kind == Kind::kNearest) {
        int64_t place = static_cast<int64_t>(std::floor(static_cast<C>(o) * scale));
        if (quick) {
          place = in == out       ? o
                  : out == 2 * in ? o / 2
                                  : static_cast<int64_t>(std::floor(static_cast<float>(o)
                                                                    * static_cast<float>(scale)));
        }
        index[0] = static_cast<int32_t>(std::min(place, in - 1));
        part[0] = 1;
        doubled = doubled && index[0] == o / 2;
      } else if (kind == Kind::kLinear) {
        C real = in == out ? static_cast<C>(o) : distance(scale, o, aligned);
        real = std::max(real, C(0));
        const int64_t low = std::min(static_cast<int64_t>(std::floor(real)), in - 1);
        const C rest = std::min(std::max(real - static_cast<C>(low), C(0)), C(1));
        index[0] = static_cast<int32_t>(low);
        index[1] = static_cast<int32_t>(in == out ? low : low + (low < in - 1));
        part[0] = 1 - rest;
        part[1] = rest;
      } else {
        const C real = distance(scale, o, aligned);
        const int64_t low = std::min(static_cast<int64_t>(std::floor(real)), in - 1);
        const C rest = std::min(std::max(real - static_cast<C>(low), C(0)), C(1));
        for (int64_t tap = 0; tap < 4; ++tap) {
          index[tap] = static_cast<int32_t>(std::max<int64_t>(0, std::min(low - 1 + tap, in - 1)));
        }
        part[0] = far_cubic(rest + 1);
        part[1] = near_cubic(rest);
        part[2] = near_cubic(1 - rest);
        part[3] = far_cubic(2 - rest);
      }
    }
  }
};

// PyTorch has a half's weights in that dtype, but for the bilinear ones.
template<typename T>
void round_weights(Kind kind, Axis<compute_t<T>>* axis) {
  for (auto& part : axis->weight) { part = to_compute(from_compute<T>(part)); }
  if (kind != Kind::kLinear || axis->taps != 2) { return; }
  for (size_t i = 0; i < axis->weight.size(); i += 2) {
    axis->weight[i] = to_compute(from_compute<T>(1 - axis->weight[i + 1]));
  }
}

template<typename C>
struct Resizing {
  int64_t planes = 0;
  Axis<C> axis[3];  // depth, height, width
  int64_t ins() const { return axis[0].in * axis[1].in * axis[2].in; }
  int64_t outs() const { return axis[0].out * axis[1].out * axis[2].out; }
};

template<typename C>
Resizing<C> resizing_of(Context* context, const char* in, const char* out, Kind kind, bool backward) {
  Resizing<C> r;
  const auto ins = sizes(context, in), outs = sizes(context, out);
  const int dims = static_cast<int>(ins.size()) - 2;
  r.planes = ins[0] * ins[1];
  const bool aligned = kind != Kind::kNearest && context->Attr<bool>("align_corners");
  const bool has_size = !context->Attr<std::vector<int64_t>>("output_size").empty();
  const char* names[] = {"depth_scale", "height_scale", "width_scale"};
  for (int i = 3 - dims; i < 3; ++i) {
    Axis<C>& axis = r.axis[i];
    axis.in = ins[2 + i - (3 - dims)];
    axis.out = outs[2 + i - (3 - dims)];
    const double factor =
        has_size ? 0 : context->Attr<double>(dims == 1 ? "scale_factor" : names[i]);
    if (axis.in > 0) { axis.measure(kind, aligned, factor, backward || dims == 2); }
  }
  for (int i = 0; i < 3 - dims; ++i) { r.axis[i].measure(Kind::kNearest, false, 0, true); }
  return r;
}

template<typename T>
void copy_row(const Axis<real_t<T>>& wide, const T* from, T* to) {
  if (wide.doubled) {
    const int64_t pairs = wide.out / 2;
    for (int64_t x = 0; x < pairs; ++x) {
      to[2 * x] = from[x];
      to[2 * x + 1] = from[x];
    }
    if (wide.out % 2) { to[wide.out - 1] = from[pairs]; }
    return;
  }
  const int32_t* index = wide.from.data();
  for (int64_t x = 0; x < wide.out; ++x) { to[x] = from[index[x]]; }
}

template<typename T>
void nearest(const Resizing<real_t<T>>& r, const T* x, T* y) {
  const auto &deep = r.axis[0], &high = r.axis[1], &wide = r.axis[2];
  const int64_t rows = deep.out * high.out;
  parallel_for(r.planes * rows, kGrain / 4 / std::max<int64_t>(wide.out, 1) + 1,
               [&](int64_t begin, int64_t end) {
    int64_t last = -1;
    for (int64_t job = begin; job < end; ++job) {
      const int64_t plane = job / rows, z = job % rows / high.out, row = job % high.out;
      const int64_t source = (plane * deep.in + deep.from[z]) * high.in + high.from[row];
      T* to = y + job * wide.out;
      if (source == last) {
        std::memcpy(static_cast<void*>(to), to - wide.out, wide.out * sizeof(T));
      } else {
        copy_row<T>(wide, x + source * wide.in, to);
      }
      last = source;
    }
  });
}

template<typename T, int kTaps>
void interpolate(const Resizing<compute_t<T>>& r, const T* x, T* y) {
  using C = compute_t<T>;
  const auto &deep = r.axis[0], &high = r.axis[1], &wide = r.axis[2];
  const int64_t rows = deep.out * high.out;
  parallel_for(r.planes * rows, kGrain / 8 / std::max<int64_t>(wide.out, 1) + 1,
               [&](int64_t begin, int64_t end) {
    std::vector<C> sums(wide.in), made(wide.out), wider(std::is_same<T, C>::value ? 0 : wide.in);
    const int32_t* index = wide.from.data();
    const C* part = wide.weight.data();
    for (int64_t job = begin; job < end; ++job) {
      const int64_t plane = job / rows, z = job % rows / high.out, row = job % high.out;
      bool first = true;
      C* sum = sums.data();
      for (int i = 0; i < deep.taps; ++i) {
        for (int j = 0; j < high.taps; ++j) {
          const T* line = x + ((plane * deep.in + deep.from[z * deep.taps + i]) * high.in
                               + high.from[row * high.taps + j]) * wide.in;
          const C* from;
          if constexpr (std::is_same<T, C>::value) {
            from = line;
          } else {
            load_row<T>(line, wider.data(), wide.in);
            from = wider.data();
          }
          const C share = deep.weight[z * deep.taps + i] * high.weight[row * high.taps + j];
          if (first) {
            for (int64_t k = 0; k < wide.in; ++k) { sum[k] = share * from[k]; }
          } else {
            for (int64_t k = 0; k < wide.in; ++k) { sum[k] += share * from[k]; }
          }
          first = false;
        }
      }
      C* to = made.data();
      for (int64_t o = 0; o < wide.out; ++o) {
        C total = part[o * kTaps] * sum[index[o * kTaps]];
        for (int tap = 1; tap < kTaps; ++tap) {
          total += part[o * kTaps + tap] * sum[index[o * kTaps + tap]];
        }
        to[o] = total;
      }
      store_row<T>(to, y + job * wide.out, wide.out);
    }
  });
}

// What a row of outputs gives to each of the inputs.
template<typename C>
void gather_row(const Axis<C>& wide, const C* from, C* to) {
  if (wide.doubled) {
    const int64_t pairs = wide.out / 2;
    for (int64_t k = 0; k < pairs; ++k) { to[k] = from[2 * k] + from[2 * k + 1]; }
    if (wide.out % 2) { to[pairs] = from[wide.out - 1]; }
    std::fill(to + (wide.out + 1) / 2, to + wide.in, C(0));
    return;
  }
  std::fill(to, to + wide.in, C(0));
  const int32_t* index = wide.from.data();
  const C* part = wide.weight.data();
  for (int64_t o = 0; o < wide.out; ++o) {
    for (int tap = 0; tap < wide.taps; ++tap) {
      to[index[o * wide.taps + tap]] += part[o * wide.taps + tap] * from[o];
    }
  }
}

// The gradient of any kind: each output's gives to the inputs that it was made of.
template<typename T>
void give_back(const Resizing<compute_t<T>>& r, const T* dy, T* dx) {
  using C = compute_t<T>;
  const auto &deep = r.axis[0], &high = r.axis[1], &wide = r.axis[2];
  const int64_t ins = r.ins(), outs = r.outs();
  parallel_for(r.planes, kGrain / 8 / std::max<int64_t>(ins + outs, 1) + 1,
               [&](int64_t begin, int64_t end) {
    constexpr bool direct = std::is_same<T, C>::value;
    std::vector<C> sums(wide.in), given(direct ? 0 : wide.out), wider(direct ? 0 : ins);
    for (int64_t plane = begin; plane < end; ++plane) {
      C* total;
      if constexpr (direct) {
        total = dx + plane * ins;
      } else {
        total = wider.data();
      }
      std::fill(total, total + ins, C(0));
      const T* line = dy + plane * outs;
      for (int64_t z = 0; z < deep.out; ++z) {
        for (int64_t row = 0; row < high.out; ++row, line += wide.out) {
          const C* have;
          if constexpr (direct) {
            have = line;
          } else {
            load_row<T>(line, given.data(), wide.out);
            have = given.data();
          }
          C* sum = sums.data();
          gather_row(wide, have, sum);
          for (int i = 0; i < deep.taps; ++i) {
            for (int j = 0; j < high.taps; ++j) {
              C* to = total + (deep.from[z * deep.taps + i] * high.in
                               + high.from[row * high.taps + j]) * wide.in;
              const C share = deep.weight[z * deep.taps + i] * high.weight[row * high.taps + j];
              for (int64_t k = 0; k < wide.in; ++k) { to[k] += share * sum[k]; }
            }
          }
        }
      }
      if constexpr (!direct) { store_row<T>(total, dx + plane * ins, ins); }
    }
  });
}

template<typename T, Kind kKind>
struct Upsample {
  static void compute(Context* context) {
    auto r = resizing_of<real_t<T>>(context, "x", "y", kKind, false);
    if constexpr (!std::is_integral<T>::value && !std::is_same<T, compute_t<T>>::value) {
      if (kKind != Kind::kLinear || sizes(context, "x").size() != 4) {
        for (auto& axis : r.axis) { round_weights<T>(kKind, &axis); }
      }
    }
    if (r.ins() == 0 || r.outs() == 0) { return; }
    const T* x = data<T>(context, "x");
    T* y = mut_data<T>(context, "y");
    if constexpr (kKind == Kind::kNearest) {
      nearest<T>(r, x, y);
    } else {
      interpolate<T, taps_of(kKind)>(r, x, y);
    }
  }
};
template<typename T, Kind kKind>
struct UpsampleGradient {
  static void compute(Context* context) {
    const auto r = resizing_of<compute_t<T>>(context, "dx", "dy", kKind, true);
    if (r.ins() == 0) { return; }
    give_back<T>(r, data<T>(context, "dy"), mut_data<T>(context, "dx"));
  }
};

template<typename T>
using Nearest = Stateless<Upsample<T, Kind::kNearest>>;
template<typename T>
using Linear = Stateless<Upsample<T, Kind::kLinear>>;
template<typename T>
using Cubic = Stateless<Upsample<T, Kind::kCubic>>;
template<typename T>
using NearestGradient = Stateless<UpsampleGradient<T, Kind::kNearest>>;
template<typename T>
using LinearGradient = Stateless<UpsampleGradient<T, Kind::kLinear>>;
template<typename T>
using CubicGradient = Stateless<UpsampleGradient<T, Kind::kCubic>>;

#define OFM_UPSAMPLE(name, kind, type)                                                \
  OFM_REGISTER(name, kind<type>, OFM_ON_CPU("x", DtypeOf<type>::value))               \
  OFM_REGISTER(name "_grad", kind##Gradient<type>, OFM_ON_CPU("dy", DtypeOf<type>::value))
#define OFM_UPSAMPLES(type)                           \
  OFM_UPSAMPLE("upsample_nearest_1d", Nearest, type)  \
  OFM_UPSAMPLE("upsample_nearest_2d", Nearest, type)  \
  OFM_UPSAMPLE("upsample_nearest_3d", Nearest, type)  \
  OFM_UPSAMPLE("upsample_linear_1d", Linear, type)    \
  OFM_UPSAMPLE("upsample_bilinear_2d", Linear, type)  \
  OFM_UPSAMPLE("upsample_trilinear_3d", Linear, type) \
  OFM_UPSAMPLE("upsample_bicubic_2d", Cubic, type)
OFM_FOR_FLOATING(OFM_UPSAMPLES)

// Images of bytes are only copied.
OFM_REGISTER("upsample_nearest_1d", Nearest<uint8_t>, OFM_ON_CPU("x", oneflow::kUInt8))
OFM_REGISTER("upsample_nearest_2d", Nearest<uint8_t>, OFM_ON_CPU("x", oneflow::kUInt8))
OFM_REGISTER("upsample_nearest_3d", Nearest<uint8_t>, OFM_ON_CPU("x", oneflow::kUInt8))

}  // namespace
}  // namespace ofm
