// Convolutions of 1 to 3 dimensions, their transposes and gradients: by oneDNN where it can.
#include "convolution.h"

#include <string>

#include "onednn.h"

namespace ofm {
namespace {

// OneFlow's convolution then hands over its bias, instead of adding it in a pass of its own. It asks
// when it is first called, which is after this library was loaded.
const bool gets_bias = setenv("ONEFLOW_KERNEL_ENABLE_FUSED_CONV_BIAS", "1", 0) == 0;

// --- our own, for float64 and for what oneDNN leaves out -----------------------------------------

// Where a sample's element is found: the strides of channels and points.
struct Layout {
  int64_t channel, point;
};
Layout layout(const Convolution& c, int64_t channels, int64_t points) {
  return c.channels_last ? Layout{1, channels} : Layout{points, 1};
}

// The weight as (out, in / groups, taps), whatever the format it came in.
template<typename T>
int64_t weight_at(const Convolution& c, int64_t out, int64_t in, int64_t tap) {
  return c.channels_last ? (out * c.taps() + tap) * c.group_in() + in
                         : (out * c.group_in() + in) * c.taps() + tap;
}

// Calls visit(position in 0..end-begin, point of the input or -1) for a tap and points of the output.
template<typename Visit>
void for_points(const Convolution& c, int64_t tap, int64_t begin, int64_t end, const Visit& visit) {
  const int64_t kx = tap % c.kernel[2], ky = tap / c.kernel[2] % c.kernel[1];
  const int64_t kz = tap / c.kernel[2] / c.kernel[1];
  int64_t x = begin % c.out[2], y = begin / c.out[2] % c.out[1], z = begin / c.out[2] / c.out[1];
  for (int64_t p = begin; p < end; ++p) {
    const int64_t ix = x * c.stride[2] - c.padding[2] + kx * c.dilation[2];
    const int64_t iy = y * c.stride[1] - c.padding[1] + ky * c.dilation[1];
    const int64_t iz = z * c.stride[0] - c.padding[0] + kz * c.dilation[0];
    const bool inside = ix >= 0 && ix < c.in[2] && iy >= 0 && iy < c.in[1] && iz >= 0 && iz < c.in[0];
    visit(p - begin, inside ? (iz * c.in[1] + iy) * c.in[2] + ix : -1);
    if (++x == c.out[2]) {
      x = 0;
      if (++y == c.out[1]) {
        y = 0;
        ++z;
      }
    }
  }
}

// How many points are taken at a time, so that their windows fit the second-level cache.
template<typename T>
int64_t points_at_a_time(int64_t depth, int64_t points) {
  constexpr int64_t step = 3 * Vector<T>::size;
  const int64_t fits = (1 << 19) / static_cast<int64_t>(sizeof(T)) / std::max<int64_t>(depth, 1);
  return std::min(std::max(fits / step, int64_t{1}) * step, (points + step - 1) / step * step);
}

template<typename T>
void own_out(const Convolution& c, const T* in, const T* weight, const T* bias, T* out) {
  const int64_t points = c.out_points(), depth = c.group_in() * c.taps();
  const Layout from = layout(c, c.in_channels, c.in_points());
  const Layout to = layout(c, c.out_channels, points);
  const int64_t step = points_at_a_time<T>(depth, points), parts = (points + step - 1) / step;
  // With few parts the channels are shared out as well.
  const int64_t shares = c.batch * c.groups * parts >= threads()
                             ? 1 : std::min<int64_t>(threads(), (c.group_out() + 7) / 8);
  parallel_for(c.batch * c.groups * parts * shares, 1, [&](int64_t begin, int64_t end) {
    Scratch<T> windows(depth * step), sums((c.group_out() + shares) * step);
    for (int64_t job = begin; job < end; ++job) {
      const int64_t share = job % shares, part = job / shares % parts;
      const int64_t group = job / shares / parts % c.groups, n = job / shares / parts / c.groups;
      const int64_t first = part * step, last = std::min(points, first + step);
      const T* image = in + n * c.in_channels * c.in_points();
      for (int64_t k = 0; k < depth; ++k) {
        const T* plane = image + (group * c.group_in() + k / c.taps()) * from.channel;
        T* row = windows.data + k * step;
        for_points(c, k % c.taps(), first, last, [&](int64_t at, int64_t point) {
          row[at] = point < 0 ? T(0) : plane[point * from.point];
        });
        std::fill(row + (last - first), row + step, T(0));
      }
      const int64_t low = c.group_out() * share / shares, high = c.group_out() * (share + 1) / shares;
      for (int64_t o = low; o < high; ++o) {
        T* row = sums.data + (o - low) * step;
        std::fill(row, row + step, bias ? bias[group * c.group_out() + o] : T(0));
      }
      const T* first_weight = weight + weight_at<T>(c, group * c.group_out() + low, 0, 0);
      if (c.channels_last) {
        // Its rows are (taps, in): in the windows' order one tap at a time.
        for (int64_t tap = 0; tap < c.taps(); ++tap) {
          product(high - low, last - first, c.group_in(), first_weight + tap * c.group_in(), depth,
                  int64_t{1}, windows.data + tap * step, c.taps() * step, sums.data, step);
        }
      } else {
        product(high - low, last - first, depth, first_weight, depth, int64_t{1}, windows.data, step,
                sums.data, step);
      }
      for (int64_t o = low; o < high; ++o) {
        const T* row = sums.data + (o - low) * step;
        T* plane = out + n * c.out_channels * points + (group * c.group_out() + o) * to.channel;
        for (int64_t p = first; p < last; ++p) { plane[p * to.point] = row[p - first]; }
      }
    }
  });
}

template<typename T>
void own_in(const Convolution& c, const T* out, const T* weight, T* in) {
  const int64_t points = c.out_points(), taps = c.taps(), depth = c.group_out();
  const Layout from = layout(c, c.out_channels, points);
  const Layout to = layout(c, c.in_channels, c.in_points());
  const int64_t step = points_at_a_time<T>(taps + depth, points);
  // Each channel of the input is one thread's.
  parallel_for(c.batch * c.in_channels, 1, [&](int64_t begin, int64_t end) {
    Scratch<T> given(depth * step), sums(taps * step), plane(c.in_points());
    for (int64_t job = begin; job < end; ++job) {
      const int64_t n = job / c.in_channels, channel = job % c.in_channels;
      const int64_t group = channel / c.group_in();
      std::fill(plane.data, plane.data + c.in_points(), T(0));
      for (int64_t first = 0; first < points; first += step) {
        const int64_t last = std::min(points, first + step);
        for (int64_t o = 0; o < depth; ++o) {
          const T* row = out + n * c.out_channels * points + (group * depth + o) * from.channel;
          for (int64_t p = first; p < last; ++p) {
            given.data[o * step + p - first] = row[p * from.point];
          }
          std::fill(given.data + o * step + last - first, given.data + (o + 1) * step, T(0));
        }
        std::fill(sums.data, sums.data + taps * step, T(0));
        const int64_t in_group = channel % c.group_in();
        product(taps, last - first, depth, weight + weight_at<T>(c, group * depth, in_group, 0),
                c.channels_last ? c.group_in() : int64_t{1}, c.group_in() * taps, given.data, step,
                sums.data, step);
        for (int64_t tap = 0; tap < taps; ++tap) {
          const T* row = sums.data + tap * step;
          for_points(c, tap, first, last, [&](int64_t at, int64_t point) {
            if (point >= 0) { plane.data[point] += row[at]; }
          });
        }
      }
      T* image = in + n * c.in_channels * c.in_points() + channel * to.channel;
      for (int64_t p = 0; p < c.in_points(); ++p) { image[p * to.point] = plane.data[p]; }
    }
  });
}

template<typename T>
void own_weight(const Convolution& c, const T* in, const T* out, T* weight) {
  constexpr int64_t size = Vector<T>::size;
  const int64_t points = c.out_points(), taps = c.taps();
  const Layout in_at = layout(c, c.in_channels, c.in_points());
  const Layout out_at = layout(c, c.out_channels, points);
  // Channels of the input whose windows make a few vectors, and points that fit the cache.
  const int64_t together = std::max<int64_t>(1, 6 * size / taps);
  const int64_t parts = (c.group_in() + together - 1) / together;
  const int64_t width = (std::min(together, c.group_in()) * taps + size - 1) / size * size;
  const int64_t step = std::max<int64_t>(16, std::min<int64_t>(points, 32768 / width));
  parallel_for(c.groups * parts, 1, [&](int64_t begin, int64_t end) {
    Scratch<T> windows(width * step), sums(c.group_out() * width);
    std::fill(windows.data, windows.data + width * step, T(0));
    for (int64_t job = begin; job < end; ++job) {
      const int64_t group = job / parts, low = job % parts * together;
      const int64_t high = std::min(c.group_in(), low + together);
      std::fill(sums.data, sums.data + c.group_out() * width, T(0));
      for (int64_t n = 0; n < c.batch; ++n) {
        for (int64_t first = 0; first < points; first += step) {
          const int64_t last = std::min(points, first + step);
          for (int64_t k = 0; k < (high - low) * taps; ++k) {
            const T* plane = in + n * c.in_channels * c.in_points()
                             + (group * c.group_in() + low + k / taps) * in_at.channel;
            for_points(c, k % taps, first, last, [&](int64_t at, int64_t point) {
              windows.data[at * width + k] = point < 0 ? T(0) : plane[point * in_at.point];
            });
          }
          product(c.group_out(), (high - low) * taps, last - first,
                  out + n * c.out_channels * points + group * c.group_out() * out_at.channel
                      + first * out_at.point,
                  out_at.channel, out_at.point, windows.data, width, sums.data, width);
        }
      }
      for (int64_t o = 0; o < c.group_out(); ++o) {
        for (int64_t k = 0; k < (high - low) * taps; ++k) {
          weight[weight_at<T>(c, group * c.group_out() + o, low + k / taps, k % taps)] =
              sums.data[o * width + k];
        }
      }
    }
  });
}

template<typename T>
void own(const Convolution& c, Wanted wanted, const Operands& of) {
  const T* in = static_cast<const T*>(of.in);
  const T* weight = static_cast<const T*>(of.weight);
  const T* out = static_cast<const T*>(of.out);
  switch (wanted) {
    case Wanted::kOut:
      return own_out(c, in, weight, static_cast<const T*>(of.bias), const_cast<T*>(out));
    case Wanted::kIn: return own_in(c, out, weight, const_cast<T*>(in));
    case Wanted::kWeight: return own_weight(c, in, out, const_cast<T*>(weight));
  }
}

// --- oneDNN --------------------------------------------------------------------------------------

using Desc = dnnl::memory::desc;
using Tag = dnnl::memory::format_tag;
using Type = dnnl::memory::data_type;

// One tensor as the program has it and as oneDNN wants it, and how the one becomes the other.
struct Side {
  Desc given, wanted;
  dnnl::reorder change;
  bool same = true;

  Side() = default;
  Side(const Desc& given, const Desc& wanted, bool is_result)
      : given(given), wanted(wanted), same(given == wanted) {
    if (same) { return; }
    const Desc& from = is_result ? wanted : given;
    const Desc& to = is_result ? given : wanted;
    change = dnnl::reorder(dnnl::reorder::primitive_desc(engine(), from, engine(), to));
  }
};

struct Plan {
  bool possible = false;
  dnnl::primitive primitive;
  Side in, weight, out;
  Desc bias;
  int64_t scratch = 0;
};

Desc plain(const Convolution& c, int64_t channels, const int64_t* points, Type type) {
  dnnl::memory::dims dims{c.batch, channels}, strides;
  int64_t count = 1;
  for (int i = 3 - c.dims; i < 3; ++i) {
    dims.push_back(points[i]);
    count *= points[i];
  }
  strides = {count * channels, c.channels_last ? 1 : count};
  for (int i = 3 - c.dims; i < 3; ++i) {
    count /= points[i];
    strides.push_back(c.channels_last ? count * channels : count);
  }
  return Desc(dims, type, strides);
}

Desc plain_weight(const Convolution& c, Type type) {
  const int64_t in = c.group_in(), out = c.group_out(), taps = c.taps();
  dnnl::memory::dims dims, strides;
  if (c.groups > 1) {
    dims.push_back(c.groups);
    strides.push_back(out * in * taps);
  }
  for (int64_t size : {out, in}) { dims.push_back(size); }
  strides.push_back(in * taps);
  strides.push_back(c.channels_last ? 1 : taps);
  int64_t count = taps;
  for (int i = 3 - c.dims; i < 3; ++i) {
    count /= c.kernel[i];
    dims.push_back(c.kernel[i]);
    strides.push_back(c.channels_last ? count * in : count);
  }
  return Desc(dims, type, strides);
}

// Of sixteen channels together: oneDNN's float32 kernels for it are its fastest, but not its choice.
Desc blocked(const Convolution& c, int64_t channels, const int64_t* points, Type type) {
  dnnl::memory::dims dims{c.batch, channels};
  for (int i = 3 - c.dims; i < 3; ++i) { dims.push_back(points[i]); }
  constexpr Tag tags[] = {Tag::nCw16c, Tag::nChw16c, Tag::nCdhw16c};
  return Desc(dims, type, tags[c.dims - 1]);
}

Desc any(const Desc& desc) { return Desc(desc.get_dims(), desc.get_data_type(), Tag::any); }

bool is_quick(const std::string& name) {
  return name.find("ref") == std::string::npos && name.find("gemm") == std::string::npos;
}

// Tries one choice of layouts; false if oneDNN has no (quick) kernel for it.
bool try_layouts(const Convolution& c, Wanted wanted, bool has_bias, Type type, bool blocks,
                 bool only_quick, Plan* plan) {
  const Desc in = plain(c, c.in_channels, c.in, type), out = plain(c, c.out_channels, c.out, type);
  const Desc weight = plain_weight(c, type);
  const Desc in_any = blocks ? blocked(c, c.in_channels, c.in, type) : any(in);
  const Desc out_any = blocks ? blocked(c, c.out_channels, c.out, type) : any(out);
  plan->bias = has_bias ? Desc({c.out_channels}, type, Tag::a) : Desc();
  dnnl::memory::dims stride, dilation, before, after;
  for (int i = 3 - c.dims; i < 3; ++i) {
    const int64_t reach = c.dilation[i] * (c.kernel[i] - 1) + 1;
    stride.push_back(c.stride[i]);
    dilation.push_back(c.dilation[i] - 1);
    before.push_back(c.padding[i]);
    after.push_back((c.out[i] - 1) * c.stride[i] + reach - c.in[i] - c.padding[i]);
  }
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  const auto algorithm = dnnl::algorithm::convolution_direct;
  try {
    const auto fill = [&](const auto& made, const Desc& in_made, const Desc& weight_made,
                          const Desc& out_made) {
      if (only_quick && !is_quick(made.impl_info_str())) { return false; }
      plan->in = Side(in, in_made, wanted == Wanted::kIn);
      plan->weight = Side(weight, weight_made, wanted == Wanted::kWeight);
      plan->out = Side(out, out_made, wanted == Wanted::kOut);
      plan->scratch = made.scratchpad_desc().get_size();
      plan->possible = true;
      return true;
    };
    const dnnl::convolution_forward::primitive_desc forward(
        engine(), wanted == Wanted::kOut ? dnnl::prop_kind::forward_inference
                                         : dnnl::prop_kind::forward_training,
        algorithm, in_any, any(weight), plan->bias, out_any, stride, dilation, before, after,
        attributes);
    if (wanted == Wanted::kOut) {
      if (!fill(forward, forward.src_desc(), forward.weights_desc(), forward.dst_desc())) {
        return false;
      }
      plan->primitive = dnnl::convolution_forward(forward);
    } else if (wanted == Wanted::kIn) {
      const dnnl::convolution_backward_data::primitive_desc made(
          engine(), algorithm, in_any, any(weight), out_any, stride, dilation, before, after, forward,
          attributes);
      if (!fill(made, made.diff_src_desc(), made.weights_desc(), made.diff_dst_desc())) {
        return false;
      }
      plan->primitive = dnnl::convolution_backward_data(made);
    } else {
      const dnnl::convolution_backward_weights::primitive_desc made(
          engine(), algorithm, in_any, any(weight), out_any, stride, dilation, before, after, forward,
          attributes);
      if (!fill(made, made.src_desc(), made.diff_weights_desc(), made.diff_dst_desc())) {
        return false;
      }
      plan->primitive = dnnl::convolution_backward_weights(made);
    }
    return true;
  } catch (const dnnl::error&) { return false; }
}

Plan make_plan(const Convolution& c, Wanted wanted, bool has_bias, Type type) {
  Plan plan;
  const bool many = c.groups == 1 && c.in_channels >= 16 && c.out_channels >= 16;
  // On few points the kernels for (point, channel) order do better.
  if (type == Type::f32 && kVectorBytes == 64 && many && c.out_points() >= 64
      && try_layouts(c, wanted, has_bias, type, true, true, &plan)) {
    return plan;
  }
  if (!try_layouts(c, wanted, has_bias, type, false, true, &plan)) {
    try_layouts(c, wanted, has_bias, type, false, false, &plan);
  }
  return plan;
}

Plan& planned(const Convolution& c, Wanted wanted, bool has_bias, Type type) {
  thread_local Recent<Plan> plans(512);
  Key key{c.dims, c.channels_last, c.batch, c.in_channels, c.out_channels, c.groups,
          static_cast<int64_t>(wanted), has_bias, static_cast<int64_t>(type), threads()};
  for (int i = 0; i < 3; ++i) {
    for (int64_t part : {c.in[i], c.out[i], c.kernel[i], c.stride[i], c.dilation[i], c.padding[i]}) {
      key.push_back(part);
    }
  }
  return plans.get(key, [&] { return make_plan(c, wanted, has_bias, type); });
}

bool by_onednn(const Convolution& c, Wanted wanted, const Operands& of, Type type) {
  dnnl::stream& on = stream();
  const Uninterrupted uninterrupted;
  Plan& plan = planned(c, wanted, of.bias != nullptr, type);
  if (!plan.possible) { return false; }
  try {
    std::unordered_map<int, dnnl::memory> arguments;
    const auto room = [](const Side& side) {
      return Scratch<char>(side.same ? 0 : side.wanted.get_size());
    };
    const Scratch<char> in_room = room(plan.in), weight_room = room(plan.weight);
    const Scratch<char> out_room = room(plan.out), scratch(plan.scratch);
    const auto place = [&](const Side& side, const void* pointer, const Scratch<char>& made,
                           int name, bool is_result) {
      dnnl::memory given = wrap(side.given, pointer);
      dnnl::memory changed = side.same ? given : wrap(side.wanted, made.data);
      if (!side.same && !is_result) { side.change.execute(on, given, changed); }
      arguments.emplace(name, changed);
      return std::make_pair(given, changed);
    };
    const bool of_in = wanted == Wanted::kIn, of_out = wanted == Wanted::kOut;
    const bool of_weight = wanted == Wanted::kWeight;
    const auto in = place(plan.in, of.in, in_room, of_in ? DNNL_ARG_DIFF_SRC : DNNL_ARG_SRC, of_in);
    const auto weight = place(plan.weight, of.weight, weight_room,
                              of_weight ? DNNL_ARG_DIFF_WEIGHTS : DNNL_ARG_WEIGHTS, of_weight);
    const auto out =
        place(plan.out, of.out, out_room, of_out ? DNNL_ARG_DST : DNNL_ARG_DIFF_DST, of_out);
    if (of.bias) { arguments.emplace(DNNL_ARG_BIAS, wrap(plan.bias, of.bias)); }
    arguments.emplace(DNNL_ARG_SCRATCHPAD,
                      wrap(Desc({plan.scratch}, Type::s8, Tag::a), scratch.data));
    plan.primitive.execute(on, arguments);
    const Side& side = of_in ? plan.in : of_weight ? plan.weight : plan.out;
    auto result = of_in ? in : of_weight ? weight : out;
    if (!side.same) { side.change.execute(on, result.second, result.first); }
    on.wait();
    return true;
  } catch (const dnnl::error&) { return false; }
}

// --- one kernel for all of them ------------------------------------------------------------------

// Every point on its own, as products of matrices on the memory as it is.
bool by_products(const Convolution& c, Wanted wanted, const Operands& of) {
  const int64_t points = c.out_points(), ins = c.in_channels, outs = c.out_channels;
  if (!c.is_product() || points < 64) { return false; }
  stream();
  float* in = static_cast<float*>(const_cast<void*>(of.in));
  float* out = static_cast<float*>(const_cast<void*>(of.out));
  float* weight = static_cast<float*>(const_cast<void*>(of.weight));
  const float* bias = static_cast<const float*>(of.bias);
  if (bias) {
    parallel_for(c.batch * outs, kGrain / points + 1, [=](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        std::fill(out + row * points, out + (row + 1) * points, bias[row % outs]);
      }
    });
  }
  const Uninterrupted uninterrupted;
  for (int64_t n = 0; n < c.batch; ++n, in += ins * points, out += outs * points) {
    dnnl_status_t status = dnnl_success;
    switch (wanted) {
      case Wanted::kOut:
        status = dnnl_sgemm('N', 'N', outs, points, ins, 1.f, weight, ins, in, points,
                            bias ? 1.f : 0.f, out, points);
        break;
      case Wanted::kIn:
        status = dnnl_sgemm('T', 'N', ins, points, outs, 1.f, weight, ins, out, points, 0.f, in,
                            points);
        break;
      case Wanted::kWeight:
        status = dnnl_sgemm('N', 'T', outs, ins, points, 1.f, out, points, in, points,
                            n ? 1.f : 0.f, weight, ins);
        break;
    }
    if (status != dnnl_success) { return false; }
  }
  return true;
}

// The rows of a window's tap over rows of outputs: the input's row for each, and where it is inside.
struct TapRows {
  int64_t kz, ky, low, high, shift;
  TapRows(const Convolution& c, int64_t tap)
      : kz(tap / c.kernel[2] / c.kernel[1] * c.dilation[0] - c.padding[0]),
        ky(tap / c.kernel[2] % c.kernel[1] * c.dilation[1] - c.padding[1]),
        shift(tap % c.kernel[2] * c.dilation[2] - c.padding[2]) {
    const int64_t step = c.stride[2];
    low = shift < 0 ? std::min(c.out[2], (-shift + step - 1) / step) : 0;
    high = c.in[2] > shift ? std::min(c.out[2], (c.in[2] - 1 - shift) / step + 1) : 0;
    high = std::max(low, high);
  }
  // The number of the input's row; -1 if it is outside.
  int64_t row(const Convolution& c, int64_t out_row) const {
    const int64_t z = out_row / c.out[1] * c.stride[0] + kz;
    const int64_t y = out_row % c.out[1] * c.stride[1] + ky;
    return z >= 0 && z < c.in[0] && y >= 0 && y < c.in[1] ? z * c.in[1] + y : -1;
  }
};

// Gradients of few channels, which oneDNN would fill up to sixteen: the windows as a matrix, some
// rows of outputs at a time.
bool gradient_by_windows(const Convolution& c, Wanted wanted, const Operands& of) {
  const int64_t depth = c.in_channels * c.taps(), points = c.out_points(), width = c.out[2];
  if (wanted == Wanted::kOut || c.groups != 1 || c.channels_last || c.in_channels >= 16
      || c.out_channels < 16 || width == 0) {
    return false;
  }
  stream();
  const auto* weight = static_cast<const float*>(of.weight);
  float* made = static_cast<float*>(const_cast<void*>(wanted == Wanted::kIn ? of.in : of.weight));
  const int64_t rows = points / width;
  const int64_t at_a_time = std::min(rows, std::max<int64_t>(1, (1 << 18) / (depth * width)));
  const Scratch<float> windows(depth * at_a_time * width);
  if (wanted == Wanted::kIn) { std::fill_n(made, c.batch * c.in_channels * c.in_points(), 0.f); }
  const Uninterrupted uninterrupted;
  for (int64_t part = 0; part < c.batch * ((rows + at_a_time - 1) / at_a_time); ++part) {
    const int64_t parts = (rows + at_a_time - 1) / at_a_time, n = part / parts;
    const int64_t first = part % parts * at_a_time, count = std::min(at_a_time, rows - first);
    const int64_t columns = count * width, image = n * c.in_channels * c.in_points();
    const float* out = static_cast<const float*>(of.out) + n * c.out_channels * points + first * width;
    if (wanted == Wanted::kWeight) {
      const float* in = static_cast<const float*>(of.in) + image;
      parallel_for(depth, kGrain / 4 / columns + 1, [&](int64_t begin, int64_t end) {
        for (int64_t k = begin; k < end; ++k) {
          const TapRows tap(c, k % c.taps());
          const float* plane = in + k / c.taps() * c.in_points();
          for (int64_t r = 0; r < count; ++r) {
            float* to = windows.data + k * columns + r * width;
            const int64_t row = tap.row(c, first + r);
            if (row < 0) {
              std::fill_n(to, width, 0.f);
              continue;
            }
            const float* from = plane + row * c.in[2] + tap.shift;
            std::fill_n(to, tap.low, 0.f);
            if (c.stride[2] == 1) {
              std::copy(from + tap.low, from + tap.high, to + tap.low);
            } else {
              for (int64_t x = tap.low; x < tap.high; ++x) { to[x] = from[x * c.stride[2]]; }
            }
            std::fill(to + tap.high, to + width, 0.f);
          }
        }
      });
      if (dnnl_sgemm('N', 'T', c.out_channels, depth, columns, 1.f, out, points, windows.data,
                     columns, part ? 1.f : 0.f, made, depth)
          != dnnl_success) {
        return false;
      }
      continue;
    }
    if (dnnl_sgemm('T', 'N', depth, columns, c.out_channels, 1.f, weight, depth, out, points, 0.f,
                   windows.data, columns)
        != dnnl_success) {
      return false;
    }
    parallel_for(c.in_channels, 1, [&](int64_t begin, int64_t end) {
      for (int64_t k = begin * c.taps(); k < end * c.taps(); ++k) {
        const TapRows tap(c, k % c.taps());
        float* plane = made + image + k / c.taps() * c.in_points();
        for (int64_t r = 0; r < count; ++r) {
          const int64_t row = tap.row(c, first + r);
          if (row < 0) { continue; }
          const float* from = windows.data + k * columns + r * width;
          float* to = plane + row * c.in[2] + tap.shift;
          if (c.stride[2] == 1) {
            for (int64_t x = tap.low; x < tap.high; ++x) { to[x] += from[x]; }
          } else {
            for (int64_t x = tap.low; x < tap.high; ++x) { to[x * c.stride[2]] += from[x]; }
          }
        }
      }
    });
  }
  return true;
}

void run_float(const Convolution& c, Wanted wanted, const Operands& of) {
  if (by_products(c, wanted, of)) { return; }
  if (convolve_by_channels<float>(c, wanted, of)) { return; }
  if (gradient_by_windows(c, wanted, of)) { return; }
  const float* weight = static_cast<const float*>(of.weight);
  float* in = static_cast<float*>(const_cast<void*>(of.in));
  float* out = static_cast<float*>(const_cast<void*>(of.out));
  if (wanted == Wanted::kOut
      && convolve_by_winograd(c, false, in, weight, static_cast<const float*>(of.bias), out)) {
    return;
  }
  if (wanted == Wanted::kIn && convolve_by_winograd(c, true, out, weight, nullptr, in)) { return; }
  if (!by_onednn(c, wanted, of, Type::f32)) { own<float>(c, wanted, of); }
}

template<typename T>
struct Run {
  // Half and BFloat16: oneDNN's own kernels where the processor has the instructions, else float's.
  static void run(const Convolution& c, Wanted wanted, const Operands& of) {
    if (convolve_by_channels<T>(c, wanted, of)) { return; }
    if (by_onednn(c, wanted, of, OnednnType<T>::value)) { return; }
    const int64_t ins = c.batch * c.in_channels * c.in_points();
    const int64_t outs = c.batch * c.out_channels * c.out_points();
    const int64_t weights = c.out_channels * c.group_in() * c.taps();
    Scratch<float> in(ins), weight(weights), out(outs), bias(c.out_channels);
    const auto widen = [](const void* from, float* to, int64_t count) {
      const T* source = static_cast<const T*>(from);
      parallel_for(count, kGrain, [=](int64_t begin, int64_t end) {
        load_row<T>(source + begin, to + begin, end - begin);
      });
    };
    if (wanted != Wanted::kIn) { widen(of.in, in.data, ins); }
    if (wanted != Wanted::kWeight) { widen(of.weight, weight.data, weights); }
    if (wanted != Wanted::kOut) { widen(of.out, out.data, outs); }
    if (of.bias) { widen(of.bias, bias.data, c.out_channels); }
    run_float(c, wanted, {in.data, weight.data, out.data, of.bias ? bias.data : nullptr});
    const bool is_in = wanted == Wanted::kIn, is_out = wanted == Wanted::kOut;
    const float* made = is_in ? in.data : is_out ? out.data : weight.data;
    T* result = static_cast<T*>(const_cast<void*>(is_in ? of.in : is_out ? of.out : of.weight));
    parallel_for(is_in ? ins : is_out ? outs : weights, kGrain, [=](int64_t begin, int64_t end) {
      store_row<T>(made + begin, result + begin, end - begin);
    });
  }
};
template<>
struct Run<float> {
  static void run(const Convolution& c, Wanted wanted, const Operands& of) {
    run_float(c, wanted, of);
  }
};
template<>
struct Run<double> {
  static void run(const Convolution& c, Wanted wanted, const Operands& of) {
    if (!convolve_by_channels<double>(c, wanted, of)) { own<double>(c, wanted, of); }
  }
};
// By four convolutions of the real and imaginary parts; in double where they are small, so that
// parts which cancel leave as much as PyTorch's do.
template<typename R>
struct Run<std::complex<R>> {
  using T = std::complex<R>;
  static void run(const Convolution& c, Wanted wanted, const Operands& of) {
    if (c.work() < (1 << 20)) {
      by_parts<double>(c, wanted, of);
    } else {
      by_parts<R>(c, wanted, of);
    }
  }

  template<typename W>
  static void by_parts(const Convolution& c, Wanted wanted, const Operands& of) {
    const void* tensors[3] = {of.in, of.weight, of.out};
    const int64_t counts[3] = {c.batch * c.in_channels * c.in_points(),
                               c.out_channels * c.group_in() * c.taps(),
                               c.batch * c.out_channels * c.out_points()};
    const int made = wanted == Wanted::kIn ? 0 : wanted == Wanted::kWeight ? 1 : 2;
    const int first = made == 0 ? 1 : 0, second = made == 2 ? 1 : 2;
    std::vector<W> parts[3][2];
    for (int k = 0; k < 3; ++k) {
      const T* from = static_cast<const T*>(tensors[k]);
      for (auto& part : parts[k]) { part.resize(counts[k]); }
      if (k == made) { continue; }
      for (int64_t i = 0; i < counts[k]; ++i) {
        parts[k][0][i] = from[i].real();
        parts[k][1][i] = from[i].imag();
      }
    }
    const auto convolve = [&](int one, int other, int to) {
      const W* at[3];
      at[made] = parts[made][to].data();
      at[first] = parts[first][one].data();
      at[second] = parts[second][other].data();
      Run<W>::run(c, wanted, {at[0], at[1], at[2], nullptr});
    };
    T* result = static_cast<T*>(const_cast<void*>(tensors[made]));
    const int64_t count = counts[made];
    const std::vector<W>&real = parts[made][0], &imag = parts[made][1];
    std::vector<std::complex<W>> sums(count);
    convolve(0, 0, 0);
    convolve(0, 1, 1);
    for (int64_t i = 0; i < count; ++i) { sums[i] = {real[i], imag[i]}; }
    convolve(1, 1, 0);
    convolve(1, 0, 1);
    for (int64_t i = 0; i < count; ++i) {
      result[i] = T(sums[i] + std::complex<W>(-real[i], imag[i]));
    }
    if (wanted != Wanted::kOut || !of.bias) { return; }
    const int64_t inner = c.channels_last ? 1 : c.out_points();
    for (int64_t i = 0; i < count; ++i) {
      result[i] += static_cast<const T*>(of.bias)[i / inner % c.out_channels];
    }
  }
};

// The sizes from the tensors in the places of a convolution's input, output and weight.
Convolution sizes_of(Context* context, const char* in, const char* out, const char* weight) {
  Convolution c;
  const auto in_sizes = sizes(context, in), out_sizes = sizes(context, out);
  const auto weight_sizes = sizes(context, weight);
  c.dims = static_cast<int>(in_sizes.size()) - 2;
  c.channels_last = context->Attr<std::string>("data_format") == "channels_last";
  c.batch = in_sizes[0];
  c.in_channels = in_sizes[c.channels_last ? c.dims + 1 : 1];
  c.out_channels = out_sizes[c.channels_last ? c.dims + 1 : 1];
  c.groups = context->Attr<int32_t>("groups");
  const auto& stride = context->Attr<std::vector<int32_t>>("strides");
  const auto& dilation = context->Attr<std::vector<int32_t>>("dilation_rate");
  const auto& padding = context->Attr<std::vector<int32_t>>("padding_before");
  const int first = c.channels_last ? 1 : 2;
  for (int i = 0; i < 3; ++i) {
    const int from = i - (3 - c.dims);
    const bool has = from >= 0;
    c.in[i] = has ? in_sizes[first + from] : 1;
    c.out[i] = has ? out_sizes[first + from] : 1;
    c.kernel[i] = has ? weight_sizes[first + from] : 1;
    c.stride[i] = has ? stride[from] : 1;
    c.dilation[i] = has ? dilation[from] : 1;
    c.padding[i] = has ? padding[from] : 0;
  }
  return c;
}

template<typename T>
void run(const Convolution& c, Wanted wanted, const Operands& of) {
  T* result = static_cast<T*>(
      const_cast<void*>(wanted == Wanted::kIn ? of.in : wanted == Wanted::kOut ? of.out : of.weight));
  if (c.batch > 0 && c.in_channels > 0 && c.out_channels > 0 && c.in_points() > 0
      && c.out_points() > 0) {
    return Run<T>::run(c, wanted, of);
  }
  // Nothing to add up: gradients are zero, and outputs the bias.
  const int64_t count = wanted == Wanted::kIn ? c.batch * c.in_channels * c.in_points()
                        : wanted == Wanted::kOut ? c.batch * c.out_channels * c.out_points()
                                                 : c.out_channels * c.group_in() * c.taps();
  std::memset(static_cast<void*>(result), 0, count * sizeof(T));
  if (wanted != Wanted::kOut || !of.bias) { return; }
  const int64_t inner = c.channels_last ? 1 : c.out_points();
  for (int64_t i = 0; i < count; ++i) {
    result[i] = static_cast<const T*>(of.bias)[i / inner % c.out_channels];
  }
}

template<typename T>
struct Forward {
  static void compute(Context* context) {
    const auto* bias = context->Tensor4ArgNameAndIndex("bias", 0);
    run<T>(sizes_of(context, "in", "out", "weight"), Wanted::kOut,
           {data<T>(context, "in"), data<T>(context, "weight"), mut_data<T>(context, "out"),
            bias ? bias->raw_dptr() : nullptr});
  }
};
template<typename T>
struct Transposed {
  static void compute(Context* context) {
    run<T>(sizes_of(context, "out", "in", "weight"), Wanted::kIn,
           {mut_data<T>(context, "out"), data<T>(context, "weight"), data<T>(context, "in"),
            nullptr});
  }
};
template<typename T>
struct DataGradient {
  static void compute(Context* context) {
    run<T>(sizes_of(context, "dx", "dy", "filter"), Wanted::kIn,
           {mut_data<T>(context, "dx"), data<T>(context, "filter"), data<T>(context, "dy"),
            nullptr});
  }
};
template<typename T>
struct FilterGradient {
  static void compute(Context* context) {
    run<T>(sizes_of(context, "x", "dy", "filter_diff"), Wanted::kWeight,
           {data<T>(context, "x"), mut_data<T>(context, "filter_diff"), data<T>(context, "dy"),
            nullptr});
  }
};

// out = a + b along one axis. The gradient for b is OneFlow's sum.
template<typename T>
struct BiasAdd {
  static void compute(Context* context) {
    const auto shape = sizes(context, "a");
    const size_t axis = context->Attr<int32_t>("axis");
    int64_t outer = 1, inner = 1;
    for (size_t i = 0; i < shape.size(); ++i) { (i < axis ? outer : inner) *= i == axis ? 1 : shape[i]; }
    const int64_t channels = shape[axis];
    const T* a = data<T>(context, "a");
    const T* b = data<T>(context, "b");
    T* out = mut_data<T>(context, "out");
    if (inner == 1) {
      parallel_for(outer, kGrain / std::max<int64_t>(channels, 1), [=](int64_t begin, int64_t end) {
        for (int64_t row = begin; row < end; ++row) {
          const T* from = a + row * channels;
          T* to = out + row * channels;
          for (int64_t i = 0; i < channels; ++i) {
            to[i] = from_compute<T>(to_compute(from[i]) + to_compute(b[i]));
          }
        }
      });
      return;
    }
    parallel_for(outer * channels, kGrain / std::max<int64_t>(inner, 1), [=](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        const auto add = to_compute(b[row % channels]);
        const T* from = a + row * inner;
        T* to = out + row * inner;
        for (int64_t i = 0; i < inner; ++i) { to[i] = from_compute<T>(to_compute(from[i]) + add); }
      }
    });
  }
};

// The sum over all but the channels.
template<typename T>
struct BiasGradient {
  static void compute(Context* context) {
    const auto shape = sizes(context, "dy");
    const bool last = context->Attr<std::string>("data_format") == "channels_last";
    const int64_t batch = shape[0], channels = last ? shape.back() : shape[1];
    int64_t points = 1;
    for (size_t i = 1; i < shape.size(); ++i) { points *= shape[i]; }
    points = channels ? points / channels : 0;
    const T* dy = data<T>(context, "dy");
    T* sums = mut_data<T>(context, "bias_diff");
    parallel_for(channels, kGrain / std::max<int64_t>(batch * points, 1), [=](int64_t begin, int64_t end) {
      for (int64_t channel = begin; channel < end; ++channel) {
        double sum = 0;
        for (int64_t n = 0; n < batch; ++n) {
          const T* row = dy + n * channels * points + channel * (last ? 1 : points);
          for (int64_t p = 0; p < points; ++p) { sum += to_compute(row[last ? p * channels : p]); }
        }
        sums[channel] = from_compute<T>(static_cast<compute_t<T>>(sum));
      }
    });
  }
};

#define OFM_ALIKE(one, other, type)                                         \
  (OFM_ON_CPU(one, DtypeOf<type>::value)                                    \
   && (user_op::HobDataType(other, 0) == DtypeOf<type>::value))
// A term to be added comes only from passes over graphs, and is left to OneFlow.
#define OFM_ADDS_NOTHING (user_op::HobInputSize("_add_to_output") == 0)
#define OFM_CONVOLUTION(type)                                                                       \
  OFM_REGISTER("conv1d", Stateless<Forward<type>>, OFM_ALIKE("in", "weight", type) && OFM_ADDS_NOTHING) \
  OFM_REGISTER("conv2d", Stateless<Forward<type>>, OFM_ALIKE("in", "weight", type) && OFM_ADDS_NOTHING) \
  OFM_REGISTER("conv3d", Stateless<Forward<type>>, OFM_ALIKE("in", "weight", type) && OFM_ADDS_NOTHING) \
  OFM_REGISTER("deconv1d", Stateless<Transposed<type>>, OFM_ALIKE("in", "weight", type))             \
  OFM_REGISTER("deconv2d", Stateless<Transposed<type>>, OFM_ALIKE("in", "weight", type))             \
  OFM_REGISTER("deconv3d", Stateless<Transposed<type>>, OFM_ALIKE("in", "weight", type))             \
  OFM_REGISTER("conv_data_grad", Stateless<DataGradient<type>>,                                     \
               OFM_ALIKE("dy", "filter", type) && OFM_ADDS_NOTHING)                                 \
  OFM_REGISTER("conv_filter_grad", Stateless<FilterGradient<type>>, OFM_ALIKE("dy", "x", type))
OFM_FOR_FLOATING(OFM_CONVOLUTION)
OFM_FOR_COMPLEX(OFM_CONVOLUTION)
#define OFM_BIAS_GRADIENT(type) \
  OFM_REGISTER("conv_bias_grad", Stateless<BiasGradient<type>>, OFM_ON_CPU("dy", DtypeOf<type>::value))
OFM_FOR_FLOATING(OFM_BIAS_GRADIENT)

oneflow::Maybe<void> propose_in_place(const user_op::InferContext&,
                                      const user_op::AddInplaceArgPair& add) {
  return add("out", 0, "a", 0, true);
}

#define OFM_BIAS_ADD(dtype)                                                                        \
  static user_op::UserOpRegisterTrigger<user_op::OpKernelRegistry> OFM_JOIN(ofm_bias_add_, dtype) = \
      user_op::UserOpRegistryMgr::Get()                                                            \
          .CheckAndGetOpKernelRegistry("bias_add")                                                 \
          .SetCreateFn<Stateless<BiasAdd<dtype>>>()                                                \
          .SetIsMatchedHob(OFM_ALIKE("a", "b", dtype))                                             \
          .SetInplaceProposalFn(propose_in_place)                                                  \
          .SetPriority(kPriority);
OFM_FOR_ALL(OFM_BIAS_ADD)
OFM_FOR_COMPLEX(OFM_BIAS_ADD)

}  // namespace
}  // namespace ofm
