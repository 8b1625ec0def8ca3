// Convolutions of each channel on its own, and their gradients.
//
// A channel is copied into rows with its padding in them, one copy for each remainder of a stride,
// so that every tap of the window reads the same run of numbers, moved along: outputs are computed
// as one long row, of which the points between the rows are left out afterwards.
#include "convolution.h"

namespace ofm {
namespace {

// Vectors of outputs, or taps of the weight's gradient, that are summed side by side.
constexpr int kSums = 8;

// The window of one channel over some rows of outputs.
template<typename T>
class Rows {
 public:
  using C = compute_t<T>;
  using V = typename Vector<C>::type;
  static constexpr int64_t size = Vector<C>::size;

  explicit Rows(const Convolution& c)
      : c_(c),
        pitch_(c.out[2] + (c.kernel[2] - 1) * c.dilation[2] / c.stride[2]),
        below_((c.kernel[1] - 1) * c.dilation[1] / c.stride[1]),
        most_(std::min(c.out[1], std::max<int64_t>(1, 8192 / pitch_))),
        phase_((most_ + below_) * pitch_),
        phases_(c.kernel[0] * c.stride[1] * c.stride[2]),
        span_(most_ * pitch_ + kSums * size),
        room_(phases_ * phase_ + kSums * size),
        line_(span_),
        inside_(span_),
        used_(phases_),
        at_(c.taps()) {
    std::fill(room_.data, room_.data + phases_ * phase_ + kSums * size, C(0));
    std::fill(used_.data, used_.data + phases_, false);
    for (int64_t tap = 0; tap < c.taps(); ++tap) {
      const int64_t x = tap % c.kernel[2] * c.dilation[2];
      const int64_t y = tap / c.kernel[2] % c.kernel[1] * c.dilation[1];
      const int64_t z = tap / c.kernel[2] / c.kernel[1];
      const int64_t phase = (z * c.stride[1] + y % c.stride[1]) * c.stride[2] + x % c.stride[2];
      used_.data[phase] = true;
      at_.data[tap] = phase * phase_ + y / c.stride[1] * pitch_ + x / c.stride[2];
    }
  }

  // Calls body(first point of the outputs, rows, the first and the last tap but one that is inside)
  // for all rows of outputs, with a channel's numbers in place.
  template<typename Body>
  void each(const T* channel, const Body& body) {
    const int64_t in_plane = c_.kernel[1] * c_.kernel[2];
    for (int64_t z = 0; z < c_.out[0]; ++z) {
      int64_t low = c_.kernel[0], high = 0;
      for (int64_t kz = 0; kz < c_.kernel[0]; ++kz) {
        const int64_t from = z * c_.stride[0] - c_.padding[0] + kz * c_.dilation[0];
        if (from < 0 || from >= c_.in[0]) { continue; }
        low = std::min(low, kz);
        high = kz + 1;
      }
      low = std::min(low, high);
      for (int64_t y = 0; y < c_.out[1]; y += most_) {
        const int64_t rows = std::min(most_, c_.out[1] - y);
        for (int64_t kz = low; kz < high; ++kz) {
          const int64_t from = z * c_.stride[0] - c_.padding[0] + kz * c_.dilation[0];
          fill(channel + from * c_.in[1] * c_.in[2], kz, y, rows);
        }
        body((z * c_.out[1] + y) * c_.out[2], rows, low * in_plane, high * in_plane);
      }
    }
  }

  // Rows of outputs: the sums of the taps from low to high, times the weight.
  void convolve(const C* weight, C bias, int64_t rows, int64_t low, int64_t high, T* out) {
    const int64_t count = rows * pitch_ - (pitch_ - c_.out[2]);
    int64_t p = 0;
    for (; p + (kSums - 1) * size < count; p += kSums * size) {
      sums<kSums>(weight, bias, low, high, p);
    }
    for (; p + size < count; p += 2 * size) { sums<2>(weight, bias, low, high, p); }
    for (; p < count; p += size) { sums<1>(weight, bias, low, high, p); }
    for (int64_t r = 0; r < rows; ++r) {
      store_row<T>(line_.data + r * pitch_, out + r * c_.out[2], c_.out[2]);
    }
  }

  // Adds what rows of the outputs' gradient make of the weight's.
  void correlate(const T* grad, int64_t rows, int64_t low, int64_t high, double* weight) {
    for (int64_t r = 0; r < rows; ++r) {
      C* line = line_.data + r * pitch_;
      load_row<T>(grad + r * c_.out[2], line, c_.out[2]);
      std::fill(line + c_.out[2], line + pitch_, C(0));
    }
    std::fill(line_.data + rows * pitch_, line_.data + rows * pitch_ + size, C(0));
    mark(rows);
    int64_t tap = low;
    for (; tap + kSums <= high; tap += kSums) { products<kSums>(rows * pitch_, tap, weight); }
    for (; tap < high; ++tap) { products<1>(rows * pitch_, tap, weight); }
  }

 private:
  // Marks the points that are outputs: what an infinity between them would make is no number.
  void mark(int64_t rows) {
    if (marked_ == rows) { return; }
    marked_ = rows;
    std::fill(inside_.data, inside_.data + span_, C(0));
    for (int64_t r = 0; r < rows; ++r) {
      std::fill_n(inside_.data + r * pitch_, c_.out[2], C(1));
    }
  }

  // Puts the input's rows that outputs y to y + rows need into place.
  void fill(const T* plane, int64_t kz, int64_t y, int64_t rows) {
    for (int64_t py = 0; py < c_.stride[1]; ++py) {
      for (int64_t px = 0; px < c_.stride[2]; ++px) {
        const int64_t phase = (kz * c_.stride[1] + py) * c_.stride[2] + px;
        if (!used_.data[phase]) { continue; }
        const int64_t step = c_.stride[2], shift = px - c_.padding[2];
        const int64_t low = shift < 0 ? std::min(pitch_, (-shift + step - 1) / step) : 0;
        const int64_t inside = c_.in[2] > shift ? (c_.in[2] - 1 - shift) / step + 1 : 0;
        const int64_t high = std::max(low, std::min(pitch_, inside));
        C* to = room_.data + phase * phase_;
        for (int64_t r = 0; r < rows + below_; ++r, to += pitch_) {
          const int64_t row = (y + r) * c_.stride[1] + py - c_.padding[1];
          if (row < 0 || row >= c_.in[1]) {
            std::fill(to, to + pitch_, C(0));
            continue;
          }
          const T* from = plane + row * c_.in[2];
          std::fill(to, to + low, C(0));
          if (step == 1) {
            load_row<T>(from + low + shift, to + low, high - low);
          } else if (step == 2) {
            for (int64_t x = low; x < high; ++x) { to[x] = to_compute(from[x * 2 + shift]); }
          } else {
            for (int64_t x = low; x < high; ++x) { to[x] = to_compute(from[x * step + shift]); }
          }
          std::fill(to + high, to + pitch_, C(0));
        }
      }
    }
  }

  template<int kVectors>
  void sums(const C* weight, C bias, int64_t low, int64_t high, int64_t p) {
    V sum[kVectors];
    for (V& one : sum) { one = V{} + bias; }
    for (int64_t tap = low; tap < high; ++tap) {
      const C* from = room_.data + at_.data[tap] + p;
      const C factor = weight[tap];
#pragma GCC unroll 8
      for (int v = 0; v < kVectors; ++v) {
        sum[v] += factor * *reinterpret_cast<const V*>(from + v * size);
      }
    }
    for (int v = 0; v < kVectors; ++v) {
      *reinterpret_cast<V*>(line_.data + p + v * size) = sum[v];
    }
  }

  template<int kTaps>
  void products(int64_t count, int64_t tap, double* weight) {
    V sum[kTaps] = {};
    const C* from[kTaps];
    for (int k = 0; k < kTaps; ++k) { from[k] = room_.data + at_.data[tap + k]; }
    for (int64_t p = 0; p < count; p += size) {
      const V grad = *reinterpret_cast<const V*>(line_.data + p);
      const auto inside = *reinterpret_cast<const V*>(inside_.data + p) != V{};
#pragma GCC unroll 8
      for (int k = 0; k < kTaps; ++k) {
        sum[k] += grad * (inside ? *reinterpret_cast<const V*>(from[k] + p) : V{});
      }
    }
    for (int k = 0; k < kTaps; ++k) {
      for (int64_t lane = 0; lane < size; ++lane) { weight[tap + k] += sum[k][lane]; }
    }
  }

  const Convolution& c_;
  const int64_t pitch_, below_, most_, phase_, phases_, span_;
  int64_t marked_ = -1;
  Scratch<C> room_, line_, inside_;
  Scratch<bool> used_;
  Scratch<int64_t> at_;
};

template<typename T>
void outputs(const Convolution& c, const Operands& of, bool turned) {
  using C = compute_t<T>;
  const T* in = static_cast<const T*>(of.in);
  const T* weight = static_cast<const T*>(of.weight);
  const T* bias = static_cast<const T*>(of.bias);
  T* out = static_cast<T*>(const_cast<void*>(of.out));
  const int64_t taps = c.taps(), each_out = c.group_out();
  const int64_t grain = kGrain / (c.out_points() * taps * each_out) + 1;
  // One channel that becomes many is shared out by these.
  const int64_t channels = c.batch * c.in_channels;
  const int64_t shares = channels >= threads() ? 1 : std::min<int64_t>(each_out, threads());
  parallel_for(channels * shares, grain, [&](int64_t begin, int64_t end) {
    Rows<T> rows(c);
    Scratch<C> factors(taps * each_out);
    for (int64_t job = begin; job < end; ++job) {
      const int64_t channel = job / shares, share = job % shares;
      const int64_t low = each_out * share / shares, high = each_out * (share + 1) / shares;
      const int64_t first = channel % c.in_channels * each_out;
      load_row<T>(weight + first * taps, factors.data, taps * each_out);
      for (int64_t o = 0; turned && o < each_out; ++o) {
        std::reverse(factors.data + o * taps, factors.data + (o + 1) * taps);
      }
      rows.each(in + channel * c.in_points(), [&](int64_t point, int64_t count, int64_t from,
                                                  int64_t to) {
        for (int64_t o = low; o < high; ++o) {
          rows.convolve(factors.data + o * taps, bias ? to_compute(bias[first + o]) : C(0), count,
                        from, to, out + (channel * each_out + o) * c.out_points() + point);
        }
      });
    }
  });
}

template<typename T>
void weights(const Convolution& c, const Operands& of) {
  const T* in = static_cast<const T*>(of.in);
  const T* grad = static_cast<const T*>(of.out);
  T* weight = static_cast<T*>(const_cast<void*>(of.weight));
  const int64_t taps = c.taps(), each_out = c.group_out();
  const int64_t grain = kGrain / (c.batch * c.out_points() * taps * each_out) + 1;
  parallel_for(c.in_channels, grain, [&](int64_t begin, int64_t end) {
    Rows<T> rows(c);
    Scratch<double> sums(taps * each_out);
    for (int64_t channel = begin; channel < end; ++channel) {
      std::fill(sums.data, sums.data + taps * each_out, 0.);
      for (int64_t n = 0; n < c.batch; ++n) {
        const int64_t image = n * c.in_channels + channel;
        rows.each(in + image * c.in_points(), [&](int64_t point, int64_t count, int64_t from,
                                                  int64_t to) {
          for (int64_t o = 0; o < each_out; ++o) {
            rows.correlate(grad + (image * each_out + o) * c.out_points() + point, count, from, to,
                           sums.data + o * taps);
          }
        });
      }
      for (int64_t i = 0; i < taps * each_out; ++i) {
        weight[channel * each_out * taps + i] =
            from_compute<T>(static_cast<compute_t<T>>(sums.data[i]));
      }
    }
  });
}

}  // namespace

template<typename T>
bool convolve_by_channels(const Convolution& c, Wanted wanted, const Operands& of) {
  // Many outputs of one input are a product of matrices.
  const bool alone = c.group_in() == 1 && (c.groups > 1 || (c.dims == 2 && wanted == Wanted::kOut));
  if (!alone || c.channels_last) { return false; }
  if (wanted == Wanted::kOut) {
    outputs<T>(c, of, false);
    return true;
  }
  if (wanted == Wanted::kWeight) {
    weights<T>(c, of);
    return true;
  }
  if (c.group_out() != 1 || c.stride[0] != 1 || c.stride[1] != 1 || c.stride[2] != 1) { return false; }
  // A convolution with the kernel turned round.
  Convolution turned = c;
  for (int i = 0; i < 3; ++i) {
    std::swap(turned.in[i], turned.out[i]);
    turned.padding[i] = c.dilation[i] * (c.kernel[i] - 1) - c.padding[i];
  }
  outputs<T>(turned, {of.out, of.weight, of.in, nullptr}, true);
  return true;
}

#define OFM_BY_CHANNELS(type) \
  template bool convolve_by_channels<type>(const Convolution&, Wanted, const Operands&);
OFM_FOR_FLOATING(OFM_BY_CHANNELS)

}  // namespace ofm
