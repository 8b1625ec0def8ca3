// Layer, RMS, group and batch normalisation, and their gradients.
//
// To layer, RMS and group norm the input is rows × channels × places: a row is a group of a sample
// (or what a layer norm normalises), and each channel of a row has a weight and a bias of its own.
// A layer norm has one place to a channel; its rows all have the same channels.
//
// Statistics and gradients are computed in float (double for double) whatever the dtype of the
// input; weights have the input's dtype, or float beside a Half or BFloat16 input.
#include "functional.h"
#include "row_lanes.h"
#include "rows.h"

namespace ofm {
namespace {

DataType compute_dtype(DataType dtype) {
  return dtype == DataType::kDouble ? DataType::kDouble : DataType::kFloat;
}

// A parameter in the type that is computed in; null if it is not there.
template<typename C>
class Parameter {
 public:
  Parameter(Context* context, const char* name) {
    if (!context->has_input(name, 0)) { return; }
    const user_op::Tensor* tensor = context->Tensor4ArgNameAndIndex(name, 0);
    const int64_t count = tensor->shape_view().elem_cnt();
    if (tensor->data_type() == DtypeOf<C>::value) {
      values_ = static_cast<const C*>(tensor->raw_dptr());
    } else if constexpr (std::is_same<C, float>::value) {
      converted_.resize(count);
      if (tensor->data_type() == DataType::kFloat16) {
        load_row(static_cast<const Half*>(tensor->raw_dptr()), converted_.data(), count);
      } else {
        load_row(static_cast<const BFloat16*>(tensor->raw_dptr()), converted_.data(), count);
      }
      values_ = converted_.data();
    }
  }
  explicit operator bool() const { return values_ != nullptr; }
  C operator[](int64_t i) const { return values_[i]; }
  C at(int64_t i, C otherwise) const { return values_ == nullptr ? otherwise : values_[i]; }
  const C* from(int64_t i) const { return values_ == nullptr ? nullptr : values_ + i; }

 private:
  const C* values_ = nullptr;
  std::vector<C> converted_;
};

// Writes numbers into an output of a parameter's dtype; nothing if it is not wanted, and empty.
template<typename Value>
void store_parameter(Context* context, const char* name, int64_t count, const Value& value) {
  user_op::Tensor* tensor = context->Tensor4ArgNameAndIndex(name, 0);
  if (tensor->shape_view().elem_cnt() == 0) { return; }
  void* to = tensor->mut_raw_dptr();
  for (int64_t i = 0; i < count; ++i) {
    switch (tensor->data_type()) {
      case DataType::kDouble: static_cast<double*>(to)[i] = value(i); break;
      case DataType::kFloat16: static_cast<Half*>(to)[i] = from_compute<Half>(value(i)); break;
      case DataType::kBFloat16:
        static_cast<BFloat16*>(to)[i] = from_compute<BFloat16>(value(i));
        break;
      default: static_cast<float*>(to)[i] = static_cast<float>(value(i));
    }
  }
}

bool wanted(Context* context, const char* name) { return elements(context, name) > 0; }

// What of an input is a row, a channel, a place.
struct Layout {
  int64_t samples, groups, channels, places;

  int64_t rows() const { return samples * groups; }
  int64_t row() const { return channels * places; }
  // The first of a row's parameters.
  int64_t parameters(int64_t row) const { return row % groups * channels; }
};

template<typename Shape>
Layout layout_of(const Shape& shape, int64_t axis, int64_t groups) {
  Layout out{1, 1, 1, 1};
  const int64_t ndim = shape.NumAxes();
  if (axis >= 0) {
    for (int64_t d = 0; d < ndim; ++d) { (d < axis ? out.samples : out.channels) *= shape.At(d); }
  } else {
    out.samples = shape.At(0);
    out.groups = groups;
    out.channels = shape.At(1) / groups;
    for (int64_t d = 2; d < ndim; ++d) { out.places *= shape.At(d); }
  }
  return out;
}
Layout layout_of(Context* context) {
  return layout_of(context->Tensor4ArgNameAndIndex("x", 0)->shape_view(),
                   context->Attr<int64_t>("axis"), context->Attr<int64_t>("groups"));
}

// --- layer, RMS and group norm -------------------------------------------------------------------

using lanes::each_of_row;
using lanes::Four;
using lanes::has_lanes;
using lanes::Lanes;
using lanes::over_row;

// The moments of a row: without its mean where it is not to be centred.
template<typename T>
Moments moments_of(const T* x, int64_t count, bool centred) {
  if constexpr (has_lanes<T>) {
    Moments all;
    for (int64_t first = 0; first < count; first += kBlock) {
      const int64_t part = std::min(kBlock, count - first);
      const T* v = x + first;
      Four squares(0.f);
      Moments block;
      if (centred) {
        Four sum(0.f), lost(0.f);
        over_row(part, [&](int64_t i, auto some, int which) {
          sum[which] = sum[which] + some.load(v + i);
        });
        const float mean = sum.total() / static_cast<float>(part);
        over_row(part, [&](int64_t i, auto some, int which) {
          const Lanes gap = some.or_else(some.load(v + i) - mean, 0.f);
          lost[which] = lost[which] + gap;
          squares[which] = fma(gap, gap, squares[which]);
        });
        const float gaps = lost.total();
        const double rest = static_cast<double>(gaps) / part;
        block = {static_cast<double>(part), mean + rest, squares.total() - rest * gaps};
      } else {
        over_row(part, [&](int64_t i, auto some, int which) {
          const Lanes one = some.load(v + i);
          squares[which] = fma(one, one, squares[which]);
        });
        block = {static_cast<double>(part), 0, squares.total()};
      }
      if (part == count) { return block; }
      all.add(block);
    }
    return all;
  } else {
    return centred ? row_moments(x, count) : row_squares(x, count);
  }
}

template<typename T>
struct Norm {
  using C = compute_t<T>;

  static void compute(Context* context) {
    const Layout layout = layout_of(context);
    const bool centred = context->Attr<bool>("centred");
    const double eps = context->Attr<double>("epsilon");
    const Parameter<C> weight(context, "weight"), bias(context, "bias");
    const T* x = data<T>(context, "x");
    T* y = mut_data<T>(context, "y");
    C *means = mut_data<C>(context, "mean"), *scales = mut_data<C>(context, "scale");
    const int64_t rows = layout.rows(), length = layout.row();
    const auto keep = [=](int64_t row, const Moments& moments) {
      means[row] = static_cast<C>(moments.mean);
      scales[row] = static_cast<C>(1 / std::sqrt(moments.variance() + eps));
    };
    const auto finish = [&](int64_t row, int64_t begin, int64_t end) {
      if (layout.places == 1) {
        const int64_t first = layout.parameters(row);
        shift_each(x + row * length, y + row * length, begin, end, means[row], scales[row],
                   weight.from(first), bias.from(first));
      } else {
        shift_channels(layout, x, y, row, begin, end, means[row], scales[row], weight, bias);
      }
    };
    if (rows < threads() && length > 2 * kGrain) {
      for (int64_t row = 0; row < rows; ++row) {
        keep(row, divided_moments(x + row * length, length, centred));
        parallel_for(length, kGrain,
                     [&](int64_t begin, int64_t end) { finish(row, begin, end); });
      }
      return;
    }
    const int64_t grain = std::max<int64_t>(1, kGrain / 4 / std::max<int64_t>(length, 1));
    parallel_for(rows, grain, [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        const T* from = x + row * length;
        keep(row, moments_of(from, length, centred));
        finish(row, 0, length);
      }
    });
  }

  // A row's moments by all threads, in the order in which one of them adds the blocks up.
  static Moments divided_moments(const T* x, int64_t length, bool centred) {
    const int64_t blocks = (length + kBlock - 1) / kBlock;
    std::vector<Moments> parts(blocks);
    parallel_for(blocks, 4, [&](int64_t begin, int64_t end) {
      for (int64_t block = begin; block < end; ++block) {
        const int64_t first = block * kBlock, count = std::min(kBlock, length - first);
        parts[block] = moments_of(x + first, count, centred);
      }
    });
    Moments all;
    for (const Moments& part : parts) { all.add(part); }
    return all;
  }

  static void shift_each(const T* x, T* y, int64_t begin, int64_t end, C mean, C scale,
                         const C* weight, const C* bias) {
    if constexpr (has_lanes<T>) {
      const T* from = x + begin;
      T* to = y + begin;
      const float *w = weight + begin, *b = bias + begin;
      each_of_row(end - begin, [&](int64_t i, auto part) {
        Lanes value = (part.load(from + i) - mean) * scale;
        if (weight != nullptr) { value = value * part.load(w + i); }
        if (bias != nullptr) { value = value + part.load(b + i); }
        part.store(value, to + i);
      });
      return;
    }
    C in[kBlock], out[kBlock];
    for (int64_t first = begin; first < end; first += kBlock) {
      const int64_t count = std::min(kBlock, end - first);
      const C* v = loaded(x + first, in, count);
      C* to = scratch(y + first, out);
      const C *w = weight + first, *b = bias + first;
      if (weight != nullptr && bias != nullptr) {
        for (int64_t i = 0; i < count; ++i) { to[i] = (v[i] - mean) * scale * w[i] + b[i]; }
      } else if (weight != nullptr) {
        for (int64_t i = 0; i < count; ++i) { to[i] = (v[i] - mean) * scale * w[i]; }
      } else if (bias != nullptr) {
        for (int64_t i = 0; i < count; ++i) { to[i] = (v[i] - mean) * scale + b[i]; }
      } else {
        for (int64_t i = 0; i < count; ++i) { to[i] = (v[i] - mean) * scale; }
      }
      store_block(to, y + first, count);
    }
  }

  static void shift_channels(const Layout& layout, const T* x, T* y, int64_t row, int64_t begin,
                             int64_t end, C mean, C scale, const Parameter<C>& weight,
                             const Parameter<C>& bias) {
    const int64_t places = layout.places, parameters = layout.parameters(row);
    while (begin < end) {
      const int64_t channel = begin / places;
      const int64_t until = std::min(end, (channel + 1) * places);
      const C factor = scale * weight.at(parameters + channel, 1);
      const C shift = bias.at(parameters + channel, 0);
      shift_range(x + row * layout.row() + begin, y + row * layout.row() + begin, until - begin,
                  mean, factor, shift);
      begin = until;
    }
  }

  static void shift_range(const T* x, T* y, int64_t count, C mean, C factor, C shift) {
    if constexpr (has_lanes<T>) {
      each_of_row(count, [&](int64_t i, auto part) {
        part.store(fma(part.load(x + i) - mean, factor, shift), y + i);
      });
      return;
    }
    C in[kBlock], out[kBlock];
    for (int64_t first = 0; first < count; first += kBlock) {
      const int64_t part = std::min(kBlock, count - first);
      const C* v = loaded(x + first, in, part);
      C* to = scratch(y + first, out);
      for (int64_t i = 0; i < part; ++i) { to[i] = (v[i] - mean) * factor + shift; }
      store_block(to, y + first, part);
    }
  }
};

// What a channel of a gradient adds up to, alone and with the input's distance from the mean.
template<typename T>
Pair<double> channel_sums(const T* dy, const T* x, int64_t count, compute_t<T> mean) {
  using C = compute_t<T>;
  if constexpr (has_lanes<T>) {
    Pair<double> total{0, 0};
    for (int64_t first = 0; first < count; first += kBlock) {
      const T *d = dy + first, *v = x + first;
      Four sum(0.f), product(0.f);
      over_row(std::min(kBlock, count - first), [&](int64_t i, auto some, int which) {
        const Lanes one = some.load(d + i);
        sum[which] = sum[which] + one;
        product[which] = fma(one, some.load(v + i) - mean, product[which]);
      });
      total.first += sum.total();
      total.second += product.total();
    }
    return total;
  }
  C dy_buffer[kBlock], x_buffer[kBlock];
  Pair<double> all{0, 0};
  for (int64_t first = 0; first < count; first += kBlock) {
    const int64_t part = std::min(kBlock, count - first);
    const C *d = loaded(dy + first, dy_buffer, part), *v = loaded(x + first, x_buffer, part);
    const Pair<C> sums = sums_of<C>(
        part, [d](int64_t i) { return d[i]; },
        [d, v, mean](int64_t i) { return d[i] * (v[i] - mean); });
    all.first += sums.first;
    all.second += sums.second;
  }
  return all;
}

// dx = factor dy - offset - slope (x - mean), over the places of a channel.
template<typename T>
void channel_gradient(const T* dy, const T* x, T* dx, int64_t count, compute_t<T> mean,
                      compute_t<T> factor, compute_t<T> offset, compute_t<T> slope) {
  using C = compute_t<T>;
  if constexpr (has_lanes<T>) {
    each_of_row(count, [&](int64_t i, auto part) {
      const Lanes shifted = fma(part.load(dy + i), factor, -offset);
      part.store(less_product(part.load(x + i) - mean, slope, shifted), dx + i);
    });
    return;
  }
  C dy_buffer[kBlock], x_buffer[kBlock], out[kBlock];
  for (int64_t first = 0; first < count; first += kBlock) {
    const int64_t part = std::min(kBlock, count - first);
    const C *d = loaded(dy + first, dy_buffer, part), *v = loaded(x + first, x_buffer, part);
    C* to = scratch(dx + first, out);
    for (int64_t i = 0; i < part; ++i) {
      to[i] = d[i] * factor - offset - (v[i] - mean) * slope;
    }
    store_block(to, dx + first, part);
  }
}

// Whether PyTorch keeps the moments in the input's dtype: where the parameters have it too.
template<typename T>
bool keeps_narrow(Context* context) {
  if (std::is_same<T, compute_t<T>>::value) { return false; }
  for (const char* name : {"weight", "bias"}) {
    if (context->has_input(name, 0)
        && context->Tensor4ArgNameAndIndex(name, 0)->data_type() != DtypeOf<T>::value) {
      return false;
    }
  }
  return true;
}
template<typename T>
inline compute_t<T> kept_as(compute_t<T> value) {
  return to_compute(from_compute<T>(value));
}
template<typename T>
std::vector<compute_t<T>> moments_kept(Context* context, const char* name, int64_t count,
                                       bool narrow) {
  const compute_t<T>* from = data<compute_t<T>>(context, name);
  std::vector<compute_t<T>> kept(from, from + count);
  if (narrow) {
    for (auto& one : kept) { one = kept_as<T>(one); }
  }
  return kept;
}

template<typename T>
struct NormGrad {
  using C = compute_t<T>;

  static void compute(Context* context) {
    const Layout layout = layout_of(context);
    if (layout.places == 1) {
      each(context, layout);
    } else {
      channels(context, layout);
    }
  }

  // One place to a channel: the parameters' gradients are added up over the rows of a part.
  static void each(Context* context, const Layout& layout) {
    const int64_t rows = layout.rows(), length = layout.row(), all = layout.groups * length;
    const bool centred = context->Attr<bool>("centred");
    const bool want_x = wanted(context, "dx");
    const bool want_parameters = wanted(context, "dweight") || wanted(context, "dbias");
    const Parameter<C> weight(context, "weight");
    const T *dy = data<T>(context, "dy"), *x = data<T>(context, "x");
    T* dx = want_x ? mut_data<T>(context, "dx") : nullptr;
    const bool narrow = centred && keeps_narrow<T>(context);
    const std::vector<C> means = moments_kept<T>(context, "mean", rows, narrow);
    const std::vector<C> scales = moments_kept<T>(context, "scale", rows, narrow);
    // PyTorch adds a half's parameters' gradients up in its dtype, of layers alone.
    const bool rounds = narrow && context->Attr<int64_t>("axis") >= 0;
    const int64_t work = std::max<int64_t>(1, rounds ? rows : rows * length / (kGrain / 2));
    const int64_t parts = std::max<int64_t>(1, std::min<int64_t>({threads(), work, rows}));
    std::vector<double> totals(want_parameters ? 2 * all * parts : 0);
    parallel_for(parts, 1, [&](int64_t first_part, int64_t last_part) {
      std::vector<C> buffer(want_parameters ? 2 * all : 0);
      C *d_weight = buffer.data(), *d_bias = d_weight + all;
      for (int64_t part = first_part; part < last_part; ++part) {
        const int64_t begin = rows * part / parts, end = rows * (part + 1) / parts;
        double* total = totals.data() + 2 * all * part;
        for (int64_t row = begin; row < end; ++row) {
          const T *d = dy + row * length, *v = x + row * length;
          T* to = want_x ? dx + row * length : nullptr;
          const int64_t parameters = layout.parameters(row);
          C* dw = want_parameters ? d_weight + parameters : nullptr;
          C* db = d_bias + parameters;
          const C* w = weight.from(parameters);
          if constexpr (has_lanes<T>) {
            row_gradients(d, v, w, to, dw, db, length, means[row], scales[row], centred);
          } else {
            row_gradient(d, v, w, to, dw, db, length, means[row], scales[row], centred);
          }
          if (rounds && want_parameters) {
            for (int64_t i = 0; i < 2 * all; ++i) { d_weight[i] = kept_as<T>(d_weight[i]); }
          }
          // A few rows in float, many of them in double.
          if (want_parameters && ((!rounds && (row - begin) % 64 == 63) || row + 1 == end)) {
            for (int64_t i = 0; i < 2 * all; ++i) {
              total[i] += d_weight[i];
              d_weight[i] = 0;
            }
          }
        }
      }
    });
    const auto total = [&](int64_t i) {
      double sum = 0;
      for (int64_t part = 0; part < parts; ++part) { sum += totals[2 * all * part + i]; }
      return sum;
    };
    store_parameter(context, "dweight", all, total);
    store_parameter(context, "dbias", all, [&](int64_t i) { return total(all + i); });
  }

  // Of one row: dx, unless it is null, and the parameters' gradients, to which dw and db are added.
  static void row_gradient(const C* d, const C* v, const C* w, C* to, C* dw, C* db, int64_t length,
                           C mean, C scale, bool centred) {
    double sum = 0, product = 0;
    for (int64_t first = 0; to != nullptr && first < length; first += kBlock) {
      const int64_t part = std::min(kBlock, length - first);
      const C *dp = d + first, *vp = v + first, *wp = w + first;
      const Pair<C> sums =
          w != nullptr
              ? sums_of<C>(
                    part, [=](int64_t i) { return dp[i] * wp[i]; },
                    [=](int64_t i) { return dp[i] * wp[i] * (vp[i] - mean); })
              : sums_of<C>(
                    part, [=](int64_t i) { return dp[i]; },
                    [=](int64_t i) { return dp[i] * (vp[i] - mean); });
      sum += sums.first;
      product += sums.second;
    }
    const C offset = static_cast<C>(centred ? sum * scale / length : 0);
    const C slope = static_cast<C>(product * scale * scale * scale / length);
    if (to != nullptr && w != nullptr) {
      for (int64_t i = 0; i < length; ++i) {
        to[i] = d[i] * w[i] * scale - offset - (v[i] - mean) * slope;
      }
    } else if (to != nullptr) {
      for (int64_t i = 0; i < length; ++i) {
        to[i] = d[i] * scale - offset - (v[i] - mean) * slope;
      }
    }
    for (int64_t i = 0; dw != nullptr && i < length; ++i) {
      dw[i] += d[i] * ((v[i] - mean) * scale);
      db[i] += d[i];
    }
  }

  static void row_gradients(const T* d, const T* v, const float* w, T* to, float* dw, float* db,
                            int64_t length, float mean, float scale, bool centred) {
    double sums = 0, products = 0;
    for (int64_t first = 0; to != nullptr && first < length; first += kBlock) {
      Four sum(0.f), product(0.f);
      over_row(std::min(kBlock, length - first), [&](int64_t j, auto some, int which) {
        const int64_t i = first + j;
        Lanes one = some.load(d + i);
        if (w != nullptr) { one = one * some.load(w + i); }
        sum[which] = sum[which] + one;
        product[which] = fma(one, some.load(v + i) - mean, product[which]);
      });
      sums += sum.total();
      products += product.total();
    }
    const float offset = static_cast<float>(centred ? sums * scale / length : 0);
    const float slope = static_cast<float>(products * scale * scale * scale / length);
    each_of_row(length, [&](int64_t i, auto part) {
      const Lanes one = part.load(d + i), gap = part.load(v + i) - mean;
      if (to != nullptr) {
        const Lanes weighted = w != nullptr ? one * part.load(w + i) : one;
        part.store(less_product(gap, slope, fma(weighted, scale, -offset)), to + i);
      }
      if (dw != nullptr) {
        part.store(fma(one, gap * scale, part.load(dw + i)), dw + i);
        part.store(one + part.load(db + i), db + i);
      }
    });
  }

  static void channels(Context* context, const Layout& layout) {
    const int64_t rows = layout.rows(), channels = layout.channels, places = layout.places;
    const bool centred = context->Attr<bool>("centred"), want_x = wanted(context, "dx");
    const Parameter<C> weight(context, "weight");
    const T *dy = data<T>(context, "dy"), *x = data<T>(context, "x");
    T* dx = want_x ? mut_data<T>(context, "dx") : nullptr;
    const bool narrow = centred && keeps_narrow<T>(context);
    const std::vector<C> means = moments_kept<T>(context, "mean", rows, narrow);
    const std::vector<C> scales = moments_kept<T>(context, "scale", rows, narrow);
    std::vector<Pair<double>> sums(rows * channels);
    const auto add_up = [&](int64_t i) {
      sums[i] = channel_sums(dy + i * places, x + i * places, places, means[i / channels]);
    };
    const auto gradients = [&](int64_t row, int64_t begin, int64_t end) {
      double sum = 0, product = 0;
      const int64_t parameters = layout.parameters(row);
      for (int64_t channel = 0; channel < channels; ++channel) {
        const double w = weight.at(parameters + channel, 1);
        sum += w * sums[row * channels + channel].first;
        product += w * sums[row * channels + channel].second;
      }
      const C scale = scales[row];
      const double count = static_cast<double>(layout.row());
      const C offset = static_cast<C>(centred ? sum * scale / count : 0);
      const C slope = static_cast<C>(product * scale * scale * scale / count);
      for (int64_t channel = begin; channel < end; ++channel) {
        const int64_t at = (row * channels + channel) * places;
        channel_gradient(dy + at, x + at, dx + at, places, means[row],
                         scale * weight.at(parameters + channel, 1), offset, slope);
      }
    };
    if (rows < threads()) {
      const int64_t grain = std::max<int64_t>(1, kGrain / 4 / std::max<int64_t>(places, 1));
      parallel_for(rows * channels, grain, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) { add_up(i); }
      });
      for (int64_t row = 0; want_x && row < rows; ++row) {
        parallel_for(channels, grain,
                     [&](int64_t begin, int64_t end) { gradients(row, begin, end); });
      }
    } else {
      const int64_t grain =
          std::max<int64_t>(1, kGrain / 4 / std::max<int64_t>(layout.row(), 1));
      parallel_for(rows, grain, [&](int64_t begin, int64_t end) {
        for (int64_t row = begin; row < end; ++row) {
          for (int64_t i = row * channels; i < (row + 1) * channels; ++i) { add_up(i); }
          if (want_x) { gradients(row, 0, channels); }
        }
      });
    }
    const int64_t all = layout.groups * channels;
    store_parameter(context, "dweight", all, [&](int64_t i) {
      double sum = 0;
      for (int64_t n = 0; n < layout.samples; ++n) {
        sum += sums[n * all + i].second * scales[(n * all + i) / channels];
      }
      return sum;
    });
    store_parameter(context, "dbias", all, [&](int64_t i) {
      double sum = 0;
      for (int64_t n = 0; n < layout.samples; ++n) { sum += sums[n * all + i].first; }
      return sum;
    });
  }
};

#define OFM_NORM(type)                                                                         \
  OFM_REGISTER("ofm_norm", Stateless<Norm<type>>, OFM_ON_CPU("x", DtypeOf<type>::value))       \
  OFM_REGISTER("ofm_norm_grad", Stateless<NormGrad<type>>, OFM_ON_CPU("x", DtypeOf<type>::value))
OFM_FOR_FLOATING(OFM_NORM)

// --- batch norm ----------------------------------------------------------------------------------

// A batch (samples, channels, places). With few places to a channel the columns of a sample are
// taken side by side, else a channel's rows one after the other.
constexpr int64_t kFewPlaces = 16;

struct Batch {
  int64_t samples, channels, places;

  int64_t columns() const { return channels * places; }
  bool narrow() const { return places < kFewPlaces; }
  int64_t grain() const {
    return std::max<int64_t>(1, kGrain / 4 / std::max<int64_t>(samples * places, 1));
  }
};

template<typename Shape>
Batch batch_of(const Shape& shape) {
  Batch out{shape.At(0), shape.At(1), 1};
  for (int64_t d = 2; d < shape.NumAxes(); ++d) { out.places *= shape.At(d); }
  return out;
}
Batch batch_of(Context* context) {
  return batch_of(context->Tensor4ArgNameAndIndex("x", 0)->shape_view());
}

// Calls body(first, count) for tiles of the columns, and body's own loop over the samples.
template<typename Body>
void for_column_tiles(const Batch& batch, const Body& body) {
  constexpr int64_t kTile = 512;
  const int64_t columns = batch.columns(), grain = 64 * batch.places;
  const int64_t pieces = (batch.channels + 63) / 64;
  const int64_t pay = std::max<int64_t>(1, kGrain / 4 / std::max<int64_t>(batch.samples * grain, 1));
  parallel_for(pieces, pay, [&](int64_t begin, int64_t end) {
    const int64_t last = std::min(columns, end * grain);
    for (int64_t first = begin * grain; first < last; first += kTile) {
      body(first, std::min(kTile, last - first));
    }
  });
}

// The moments of each channel.
template<typename T>
std::vector<Moments> batch_moments(const Batch& batch, const T* x) {
  using C = compute_t<T>;
  std::vector<Moments> out(batch.channels);
  const int64_t columns = batch.columns();
  if (!batch.narrow()) {
    parallel_for(batch.channels, batch.grain(), [&](int64_t begin, int64_t end) {
      for (int64_t channel = begin; channel < end; ++channel) {
        for (int64_t n = 0; n < batch.samples; ++n) {
          out[channel].add(moments_of(x + n * columns + channel * batch.places, batch.places, true));
        }
      }
    });
    return out;
  }
  std::vector<Moments> each(columns);
  for_column_tiles(batch, [&](int64_t first, int64_t count) {
    std::vector<C> buffer(4 * count);
    C *mean = buffer.data() + count, *lost = mean + count, *squares = lost + count;
    // Some samples at a time, each lot in two passes.
    constexpr int64_t kLot = 64;
    for (int64_t begin = 0; begin < batch.samples; begin += kLot) {
      const int64_t lot = std::min(kLot, batch.samples - begin);
      std::fill(mean, mean + 3 * count, C(0));
      for (int64_t n = begin; n < begin + lot; ++n) {
        const C* v = loaded(x + n * columns + first, buffer.data(), count);
        for (int64_t i = 0; i < count; ++i) { mean[i] += v[i]; }
      }
      for (int64_t i = 0; i < count; ++i) { mean[i] /= lot; }
      for (int64_t n = begin; n < begin + lot; ++n) {
        const C* v = loaded(x + n * columns + first, buffer.data(), count);
        for (int64_t i = 0; i < count; ++i) {
          const C gap = v[i] - mean[i];
          lost[i] += gap;
          squares[i] += gap * gap;
        }
      }
      for (int64_t i = 0; i < count; ++i) {
        const double rest = static_cast<double>(lost[i]) / lot;
        each[first + i].add({static_cast<double>(lot), mean[i] + rest, squares[i] - rest * lost[i]});
      }
    }
  });
  for (int64_t i = 0; i < columns; ++i) { out[i / batch.places].add(each[i]); }
  return out;
}

template<typename C>
void blend(Context* context, const char* name, int64_t count, double momentum,
           const std::function<double(int64_t)>& found) {
  const Parameter<C> running(context, name);
  std::vector<double> mixed(count);
  for (int64_t i = 0; i < count; ++i) {
    mixed[i] = momentum * found(i) + (1 - momentum) * running[i];
  }
  store_parameter(context, name, count, [&](int64_t i) { return mixed[i]; });
}

template<typename T>
struct BatchNorm {
  using C = compute_t<T>;

  static void compute(Context* context) {
    const Batch batch = batch_of(context);
    const double eps = context->Attr<double>("epsilon");
    const Parameter<C> weight(context, "weight"), bias(context, "bias");
    const T* x = data<T>(context, "x");
    T* y = mut_data<T>(context, "y");
    C *means = mut_data<C>(context, "mean"), *scales = mut_data<C>(context, "scale");
    const int64_t channels = batch.channels, columns = batch.columns(), places = batch.places;
    if (context->Attr<bool>("training")) {
      std::vector<Moments> moments = batch_moments(batch, x);
      const bool narrow = keeps_narrow<T>(context);
      // Of BFloat16 alone what the squares add up to is rounded, too.
      const bool squares = narrow && std::is_same<T, BFloat16>::value;
      for (int64_t i = 0; squares && i < channels; ++i) {
        moments[i].squares = kept_as<T>(static_cast<C>(moments[i].squares));
      }
      for (int64_t i = 0; i < channels; ++i) {
        means[i] = static_cast<C>(moments[i].mean);
        scales[i] = static_cast<C>(1 / std::sqrt(moments[i].variance() + eps));
        if (narrow) {
          C variance = static_cast<C>(moments[i].variance());
          if (squares) { variance = kept_as<T>(variance); }
          means[i] = kept_as<T>(means[i]);
          scales[i] = kept_as<T>(static_cast<C>(1 / std::sqrt(variance + eps)));
        }
      }
      if (context->has_input("running_mean", 0)) {
        const double momentum = context->Attr<double>("momentum");
        blend<C>(context, "running_mean", channels, momentum,
                 [&](int64_t i) { return moments[i].mean; });
        blend<C>(context, "running_var", channels, momentum,
                 [&](int64_t i) {
          const double variance = moments[i].squares / (moments[i].count - 1);
          return squares ? kept_as<T>(static_cast<C>(variance)) : variance;
        });
      }
    } else {
      const Parameter<C> mean(context, "running_mean"), variance(context, "running_var");
      for (int64_t i = 0; i < channels; ++i) {
        means[i] = mean[i];
        scales[i] = static_cast<C>(1 / std::sqrt(static_cast<double>(variance[i]) + eps));
      }
    }
    if (!batch.narrow()) {
      const int64_t grain = std::max<int64_t>(1, kGrain / 2 / places);
      parallel_for(batch.samples * channels, grain, [&](int64_t begin, int64_t end) {
        for (int64_t row = begin; row < end; ++row) {
          const int64_t i = row % channels;
          Norm<T>::shift_range(x + row * places, y + row * places, places, means[i],
                               scales[i] * weight.at(i, 1), bias.at(i, 0));
        }
      });
      return;
    }
    std::vector<C> spread(3 * columns);
    C *mean = spread.data(), *factor = mean + columns, *shift = factor + columns;
    for (int64_t i = 0; i < columns; ++i) {
      const int64_t channel = i / places;
      mean[i] = means[channel];
      factor[i] = scales[channel] * weight.at(channel, 1);
      shift[i] = bias.at(channel, 0);
    }
    parallel_for(batch.samples, std::max<int64_t>(1, kGrain / 2 / std::max<int64_t>(columns, 1)),
                 [&](int64_t begin, int64_t end) {
      C in[kBlock], out[kBlock];
      for (int64_t n = begin; n < end; ++n) {
        for (int64_t first = 0; first < columns; first += kBlock) {
          const int64_t part = std::min(kBlock, columns - first), at = n * columns + first;
          const C* v = loaded(x + at, in, part);
          C* to = scratch(y + at, out);
          for (int64_t i = 0; i < part; ++i) {
            to[i] = (v[i] - mean[first + i]) * factor[first + i] + shift[first + i];
          }
          store_block(to, y + at, part);
        }
      }
    });
  }
};

template<typename T>
struct BatchNormGrad {
  using C = compute_t<T>;

  static void compute(Context* context) {
    const Batch batch = batch_of(context);
    const bool training = context->Attr<bool>("training"), want_x = wanted(context, "dx");
    const Parameter<C> weight(context, "weight");
    const T *dy = data<T>(context, "dy"), *x = data<T>(context, "x");
    const C *means = data<C>(context, "mean"), *scales = data<C>(context, "scale");
    const int64_t channels = batch.channels, columns = batch.columns(), places = batch.places;
    const std::vector<Pair<double>> sums = add_up(batch, dy, x, means);
    if (want_x) {
      T* dx = mut_data<T>(context, "dx");
      // dx = factor dy - offset - slope (x - mean)
      std::vector<C> factor(channels), offset(channels), slope(channels);
      const double count = static_cast<double>(batch.samples) * places;
      for (int64_t i = 0; i < channels; ++i) {
        const double f = static_cast<double>(scales[i]) * weight.at(i, 1);
        factor[i] = static_cast<C>(f);
        offset[i] = static_cast<C>(training ? f * sums[i].first / count : 0);
        const double square = static_cast<double>(scales[i]) * scales[i];
        slope[i] = static_cast<C>(training ? f * square * sums[i].second / count : 0);
      }
      if (!batch.narrow()) {
        const int64_t grain = std::max<int64_t>(1, kGrain / 2 / places);
        parallel_for(batch.samples * channels, grain, [&](int64_t begin, int64_t end) {
          for (int64_t row = begin; row < end; ++row) {
            const int64_t i = row % channels, at = row * places;
            channel_gradient(dy + at, x + at, dx + at, places, means[i], factor[i], offset[i],
                             slope[i]);
          }
        });
      } else {
        for_column_tiles(batch, [&](int64_t first, int64_t tile) {
          std::vector<C> buffer(7 * tile);
          C *in = buffer.data(), *other = in + tile, *out = other + tile;
          C *m = out + tile, *f = m + tile, *o = f + tile, *s = o + tile;
          for (int64_t i = 0; i < tile; ++i) {
            const int64_t channel = (first + i) / places;
            m[i] = means[channel];
            f[i] = factor[channel];
            o[i] = offset[channel];
            s[i] = slope[channel];
          }
          for (int64_t n = 0; n < batch.samples; ++n) {
            const int64_t at = n * columns + first;
            const C *d = loaded(dy + at, in, tile), *v = loaded(x + at, other, tile);
            C* to = scratch(dx + at, out);
            for (int64_t i = 0; i < tile; ++i) {
              to[i] = d[i] * f[i] - o[i] - (v[i] - m[i]) * s[i];
            }
            store_block(to, dx + at, tile);
          }
        });
      }
    }
    store_parameter(context, "dweight", channels,
                    [&](int64_t i) { return sums[i].second * scales[i]; });
    store_parameter(context, "dbias", channels, [&](int64_t i) { return sums[i].first; });
  }

  static std::vector<Pair<double>> add_up(const Batch& batch, const T* dy, const T* x,
                                          const C* means) {
    const int64_t columns = batch.columns(), places = batch.places;
    std::vector<Pair<double>> out(batch.channels, {0, 0});
    if (!batch.narrow()) {
      parallel_for(batch.channels, batch.grain(), [&](int64_t begin, int64_t end) {
        for (int64_t channel = begin; channel < end; ++channel) {
          for (int64_t n = 0; n < batch.samples; ++n) {
            const int64_t at = n * columns + channel * places;
            const Pair<double> sums = channel_sums(dy + at, x + at, places, means[channel]);
            out[channel].first += sums.first;
            out[channel].second += sums.second;
          }
        }
      });
      return out;
    }
    std::vector<Pair<double>> each(columns, {0, 0});
    for_column_tiles(batch, [&](int64_t first, int64_t tile) {
      std::vector<C> buffer(5 * tile);
      C *in = buffer.data(), *other = in + tile, *m = other + tile;
      C *sum = m + tile, *product = sum + tile;
      for (int64_t i = 0; i < tile; ++i) { m[i] = means[(first + i) / places]; }
      for (int64_t n = 0; n < batch.samples; ++n) {
        const int64_t at = n * columns + first;
        const C *d = loaded(dy + at, in, tile), *v = loaded(x + at, other, tile);
        for (int64_t i = 0; i < tile; ++i) {
          sum[i] += d[i];
          product[i] += d[i] * (v[i] - m[i]);
        }
        if (n % 64 == 63 || n + 1 == batch.samples) {
          for (int64_t i = 0; i < tile; ++i) {
            each[first + i].first += sum[i];
            each[first + i].second += product[i];
            sum[i] = product[i] = 0;
          }
        }
      }
    });
    for (int64_t i = 0; i < columns; ++i) {
      out[i / places].first += each[i].first;
      out[i / places].second += each[i].second;
    }
    return out;
  }
};

#define OFM_BATCH_NORM(type)                                                                      \
  OFM_REGISTER("ofm_batch_norm", Stateless<BatchNorm<type>>, OFM_ON_CPU("x", DtypeOf<type>::value)) \
  OFM_REGISTER("ofm_batch_norm_grad", Stateless<BatchNormGrad<type>>,                             \
               OFM_ON_CPU("x", DtypeOf<type>::value))
OFM_FOR_FLOATING(OFM_BATCH_NORM)

// --- the operators -------------------------------------------------------------------------------

using InferContext = user_op::InferContext;
using oneflow::Shape;

Maybe<void> check_parameter(InferContext* context, const char* name, int64_t count) {
  if (!context->has_input(name, 0)) { return Maybe<void>::Ok(); }
  CHECK_EQ_OR_RETURN(context->InputShape(name, 0).elem_cnt(), count)
      << "Expected " << name << " to have " << count << " elements, but it has shape "
      << context->InputShape(name, 0).ToString();
  return Maybe<void>::Ok();
}

Maybe<void> check_dtype(InferContext* context, const char* name) {
  if (!context->has_input(name, 0)) { return Maybe<void>::Ok(); }
  const DataType dtype = context->InputDType(name, 0), of_x = context->InputDType("x", 0);
  CHECK_OR_RETURN(dtype == of_x || dtype == compute_dtype(of_x))
      << "mixed dtype (CPU): expect parameter to have the input's dtype, or float beside a "
         "half-precision input";
  return Maybe<void>::Ok();
}

Maybe<void> statistics_dtypes(InferContext* context) {
  const DataType dtype = context->InputDType("x", 0);
  for (const char* name : {"weight", "bias", "running_mean", "running_var"}) {
    JUST(check_dtype(context, name));
  }
  context->SetOutputDType("y", 0, dtype);
  context->SetOutputDType("mean", 0, compute_dtype(dtype));
  context->SetOutputDType("scale", 0, compute_dtype(dtype));
  return Maybe<void>::Ok();
}

Maybe<void> norm_shapes(InferContext* context) {
  const Shape& shape = context->InputShape("x", 0);
  const int64_t axis = context->Attr<int64_t>("axis"), groups = context->Attr<int64_t>("groups");
  CHECK_OR_RETURN(axis >= 0 ? axis <= shape.NumAxes()
                            : shape.NumAxes() >= 2 && groups > 0 && shape.At(1) % groups == 0)
      << "cannot normalise a tensor of shape " << shape.ToString();
  const Layout layout = layout_of(shape, axis, groups);
  JUST(check_parameter(context, "weight", layout.groups * layout.channels));
  JUST(check_parameter(context, "bias", layout.groups * layout.channels));
  set_contiguous(context, "y", shape);
  set_contiguous(context, "mean", Shape({layout.rows()}));
  set_contiguous(context, "scale", Shape({layout.rows()}));
  return Maybe<void>::Ok();
}

Maybe<void> batch_norm_shapes(InferContext* context) {
  const Shape& shape = context->InputShape("x", 0);
  CHECK_OR_RETURN(shape.NumAxes() >= 2) << "Expected more than 1 dimension in batch_norm";
  for (const char* name : {"weight", "bias", "running_mean", "running_var"}) {
    JUST(check_parameter(context, name, shape.At(1)));
  }
  CHECK_OR_RETURN(context->Attr<bool>("training") || context->has_input("running_mean", 0))
      << "Expected running_mean and running_var to be defined when training=False";
  set_contiguous(context, "y", shape);
  set_contiguous(context, "mean", Shape({shape.At(1)}));
  set_contiguous(context, "scale", Shape({shape.At(1)}));
  return Maybe<void>::Ok();
}

// Those gradients that are not wanted are empty.
Maybe<void> grad_shapes(InferContext* context) {
  const int64_t wants = context->Attr<int64_t>("wants");
  const Shape none({0}), parameters({context->Attr<int64_t>("parameters")});
  set_contiguous(context, "dx", wants & 1 ? context->InputShape("x", 0) : none);
  set_contiguous(context, "dweight", wants & 2 ? parameters : none);
  set_contiguous(context, "dbias", wants & 4 ? parameters : none);
  return Maybe<void>::Ok();
}
Maybe<void> grad_dtypes(InferContext* context) {
  const DataType dtype = context->InputDType("x", 0);
  context->SetOutputDType("dx", 0, dtype);
  const bool wide = context->Attr<bool>("wide");
  context->SetOutputDType("dweight", 0, wide ? compute_dtype(dtype) : dtype);
  context->SetOutputDType("dbias", 0, wide ? compute_dtype(dtype) : dtype);
  return Maybe<void>::Ok();
}

// What both norms have in common, forward and backward.
user_op::OpRegistry norm_op(const char* name, user_op::TensorDescInferFn shapes) {
  auto op = user_op::UserOpRegistryMgr::Get().CheckAndGetOpRegistry(name);
  op.Input("x").OptionalInput("weight").OptionalInput("bias");
  op.Attr<double>("epsilon").Attr<int64_t>("parts");
  op.Output("y").Output("mean").Output("scale");
  op.SetLogicalTensorDescInferFn(shapes).SetPhysicalTensorDescInferFn(shapes);
  op.SetDataTypeInferFn(statistics_dtypes);
  op.SetGetSbpFn(user_op::GetSbpFnUtil::DefaultBroadcastToBroadcast);
  return op;
}
user_op::OpRegistry gradient_op(const char* name) {
  auto op = user_op::UserOpRegistryMgr::Get().CheckAndGetOpRegistry(name);
  op.Input("dy").Input("x").Input("mean").Input("scale").OptionalInput("weight");
  op.Attr<int64_t>("wants").Attr<int64_t>("parameters").Attr<bool>("wide");
  op.Output("dx").Output("dweight").Output("dbias");
  op.SetLogicalTensorDescInferFn(grad_shapes).SetPhysicalTensorDescInferFn(grad_shapes);
  op.SetDataTypeInferFn(grad_dtypes);
  op.SetGetSbpFn(user_op::GetSbpFnUtil::DefaultBroadcastToBroadcast);
  return op.NoGrad();
}

Maybe<void> running_is_written(const user_op::GetInputArgModifier& modifier_of,
                               const user_op::UserOpConfWrapper& conf) {
  for (const char* name : {"running_mean", "running_var"}) {
    if (conf.has_input(name, 0) && conf.attr<bool>("training")) {
      user_op::InputArgModifier* modifier = modifier_of(name, 0);
      CHECK_NOTNULL_OR_RETURN(modifier);
      modifier->set_is_mutable(true);
    }
  }
  return Maybe<void>::Ok();
}

using Registration = user_op::UserOpRegisterTrigger<user_op::OpRegistry>;
const Registration kNorm = norm_op("ofm_norm", norm_shapes)
                               .Attr<int64_t>("axis")
                               .Attr<int64_t>("groups")
                               .Attr<bool>("centred");
const Registration kNormGrad = gradient_op("ofm_norm_grad")
                                   .Attr<int64_t>("axis")
                                   .Attr<int64_t>("groups")
                                   .Attr<bool>("centred");
const Registration kBatchNorm = norm_op("ofm_batch_norm", batch_norm_shapes)
                                    .OptionalInput("running_mean")
                                    .OptionalInput("running_var")
                                    .Attr<bool>("training")
                                    .Attr<double>("momentum")
                                    .SetInputArgModifyFn(running_is_written);
const Registration kBatchNormGrad = gradient_op("ofm_batch_norm_grad").Attr<bool>("training");

// --- gradients -----------------------------------------------------------------------------------

// Which of the optional inputs a call has, in this order behind x.
constexpr int64_t kWeight = 1, kBias = 2, kRunning = 4;


// An input in a shape where statistics are over some dimensions, and parameters are broadcast.
struct View {
  Shape shape, parameters;
  std::vector<int32_t> statistics, over;
};

struct NormState : public one::AutoGradCaptureState {
  bool wants[3] = {false, false, false};
  int64_t parts = 0, axis = -1, groups = 1;
  bool batch = false, centred = true, training = true, wide = false;
  double epsilon = 0;
  Shape parameters;

  View view(const Shape& shape) const {
    if (batch) {
      const Batch as = batch_of(shape);
      return {Shape({as.samples, as.channels, as.places}), Shape({1, as.channels, 1}), {0, 2}, {0, 2}};
    }
    const Layout as = layout_of(shape, axis, groups);
    if (axis >= 0) { return {Shape({as.samples, as.channels}), Shape({1, as.channels}), {1}, {0}}; }
    return {Shape({as.samples, groups, as.channels, as.places}), Shape({1, groups, as.channels, 1}),
            {2, 3}, {0, 3}};
  }
};

// The gradients by OneFlow's operators, which have gradients themselves.
class Composed {
 public:
  Composed(const NormState& state, const Shape& shape) : state_(state), view_(state.view(shape)) {}

  Maybe<void> compute(const TensorPointer& dy, const TensorPointer& x, const TensorPointer& mean,
                      const TensorPointer& scale, const TensorPointer& weight,
                      one::TensorTuple* found) const {
    using namespace functional;
    const TensorPointer d = JUST(wide(dy, view_.shape)), v = JUST(wide(x, view_.shape));
    TensorPointer centre = v, factor;
    if (state_.training) {
      if (state_.centred) { centre = JUST(Sub(v, JUST(average(v)), 1, false)); }
      const TensorPointer squares = JUST(average(JUST(Mul(centre, centre))));
      factor = JUST(Rsqrt(JUST(ScalarAdd(squares, state_.epsilon, 1, false))));
    } else {
      centre = JUST(Sub(v, JUST(wide(JUST(mean->detach()), view_.parameters)), 1, false));
      factor = JUST(wide(JUST(scale->detach()), view_.parameters));
    }
    const TensorPointer normal = JUST(Mul(centre, factor));
    if (state_.wants[0]) {
      const TensorPointer g = weight ? JUST(Mul(d, JUST(wide(weight, view_.parameters)))) : d;
      TensorPointer rest = g;
      if (state_.training) {
        if (state_.centred) { rest = JUST(Sub(rest, JUST(average(g)), 1, false)); }
        const TensorPointer along = JUST(average(JUST(Mul(g, normal))));
        rest = JUST(Sub(rest, JUST(Mul(normal, along)), 1, false));
      }
      found->at(0) = JUST(narrow(JUST(Mul(rest, factor)), *x->shape(), x->dtype()));
    }
    const auto dtype = state_.wide ? d->dtype() : x->dtype();
    if (state_.wants[1]) {
      const TensorPointer sum = JUST(ReduceSum(JUST(Mul(d, normal)), view_.over, true));
      found->at(1) = JUST(narrow(sum, state_.parameters, dtype));
    }
    if (state_.wants[2]) {
      const TensorPointer sum = JUST(ReduceSum(d, view_.over, true));
      found->at(2) = JUST(narrow(sum, state_.parameters, dtype));
    }
    return Maybe<void>::Ok();
  }

 private:
  Maybe<one::Tensor> average(const TensorPointer& x) const {
    return functional::ReduceMean(x, view_.statistics, true);
  }
  static Maybe<one::Tensor> wide(const TensorPointer& x, const Shape& shape) {
    const TensorPointer y = JUST(functional::Reshape(x, shape));
    if (x->dtype() == oneflow::DType::Double()) { return y; }
    return functional::Cast(y, oneflow::DType::Float(), false);
  }
  static Maybe<one::Tensor> narrow(const TensorPointer& x, const Shape& shape,
                                   oneflow::Symbol<oneflow::DType> dtype) {
    return functional::Cast(JUST(functional::Reshape(x, shape)), dtype, false);
  }

  const NormState& state_;
  const View view_;
};

class NormGradient final : public one::OpExprGradFunction<NormState> {
 public:
  Maybe<void> Init(const one::OpExpr& op) override {
    batch_ = op.op_type_name() == "ofm_batch_norm";
    return Maybe<void>::Ok();
  }

  Maybe<void> Capture(NormState* state, const one::TensorTuple& inputs,
                      const one::TensorTuple& outputs,
                      const oneflow::AttrMap& attributes) const override {
    state->batch = batch_;
    state->epsilon = JUST(attributes.GetAttr<double>("epsilon"));
    state->parts = JUST(attributes.GetAttr<int64_t>("parts"));
    if (batch_) {
      state->training = JUST(attributes.GetAttr<bool>("training"));
    } else {
      state->axis = JUST(attributes.GetAttr<int64_t>("axis"));
      state->groups = JUST(attributes.GetAttr<int64_t>("groups"));
      state->centred = JUST(attributes.GetAttr<bool>("centred"));
    }
    state->wants[0] = inputs.at(0)->requires_grad();
    size_t next = 1;
    for (int i : {1, 2}) {
      if (!(state->parts & i)) { continue; }
      const TensorPointer& parameter = inputs.at(next++);
      state->wants[i] = parameter->requires_grad();
      state->parameters = *parameter->shape();
      state->wide = parameter->dtype() != inputs.at(0)->dtype();
    }
    state->SaveTensorForBackward(inputs.at(0));
    state->SaveTensorForBackward(outputs.at(1));
    state->SaveTensorForBackward(outputs.at(2));
    if (state->parts & kWeight) { state->SaveTensorForBackward(inputs.at(1)); }
    return Maybe<void>::Ok();
  }

  Maybe<void> Apply(const NormState* state, const one::TensorTuple& out_grads,
                    one::TensorTuple* in_grads) const override {
    const auto& saved = state->SavedTensors();
    const TensorPointer &dy = out_grads.at(0), &x = saved.at(0);
    const TensorPointer weight = state->parts & kWeight ? saved.at(3) : nullptr;
    one::TensorTuple found(3);
    if (gradient_is_recorded()) {
      const Composed composed(*state, *x->shape());
      JUST(composed.compute(dy, x, saved.at(1), saved.at(2), weight, &found));
    } else {
      one::TensorTuple inputs{dy, x, saved.at(1), saved.at(2)};
      if (weight) { inputs.push_back(weight); }
      found = *dispatch(op(weight != nullptr), inputs, attributes_of(*state));
      for (int i : {1, 2}) {
        if (state->wants[i] && state->parameters.NumAxes() != 1) {
          found.at(i) = JUST(functional::Reshape(found.at(i), state->parameters));
        }
      }
    }
    in_grads->resize(1 + !!(state->parts & kWeight) + !!(state->parts & kBias)
                     + 2 * !!(state->parts & kRunning));
    if (state->wants[0]) { in_grads->at(0) = found.at(0); }
    size_t next = 1;
    for (int i : {1, 2}) {
      if (!(state->parts & i)) { continue; }
      if (state->wants[i]) { in_grads->at(next) = found.at(i); }
      ++next;
    }
    return Maybe<void>::Ok();
  }

 private:
  const one::UserOpExpr& op(bool weighted) const {
    const char* name = batch_ ? "ofm_batch_norm_grad" : "ofm_norm_grad";
    static const one::UserOpExpr* kept[2][2] = {};
    const one::UserOpExpr*& one = kept[batch_][weighted];
    if (one == nullptr) {
      one = weighted ? &make_op(name, {"dy", "x", "mean", "scale", "weight"},
                                {"dx", "dweight", "dbias"})
                     : &make_op(name, {"dy", "x", "mean", "scale"}, {"dx", "dweight", "dbias"});
    }
    return *one;
  }

  oneflow::AttrMap attributes_of(const NormState& state) const {
    int64_t wants = 0;
    for (int i = 0; i < 3; ++i) { wants |= state.wants[i] ? 1 << i : 0; }
    const int64_t parameters = state.parts & (kWeight | kBias) ? state.parameters.elem_cnt() : 0;
    if (batch_) {
      auto& attributes = THREAD_CACHED_MUTABLE_ATTR_MAP("training", "wants", "parameters", "wide");
      attributes.SetAllAttrs(state.training, wants, parameters, state.wide);
      return attributes;
    }
    auto& attributes =
        THREAD_CACHED_MUTABLE_ATTR_MAP("axis", "groups", "centred", "wants", "parameters", "wide");
    attributes.SetAllAttrs(state.axis, state.groups, state.centred, wants, parameters, state.wide);
    return attributes;
  }

  bool batch_ = false;
};
OFM_REGISTER_GRADIENT("ofm_norm", NormGradient)
OFM_REGISTER_GRADIENT("ofm_batch_norm", NormGradient)

// --- for Python ----------------------------------------------------------------------------------

// An operator's expression for the optional inputs that a call has.
const one::UserOpExpr& forward_op(const char* name, int64_t parts) {
  one::OpBuilder builder(name);
  builder.Input("x");
  if (parts & kWeight) { builder.Input("weight"); }
  if (parts & kBias) { builder.Input("bias"); }
  if (parts & kRunning) {
    builder.Input("running_mean");
    builder.Input("running_var");
  }
  builder.Output("y").Output("mean").Output("scale");
  return **new OpPointer(builder.Build().GetPtrOrThrow());
}

int64_t add_parameters(PyObject* weight, PyObject* bias, one::TensorTuple* inputs) {
  int64_t parts = 0;
  if (!is_none(weight)) {
    inputs->push_back(tensor(weight));
    parts |= kWeight;
  }
  if (!is_none(bias)) {
    inputs->push_back(tensor(bias));
    parts |= kBias;
  }
  return parts;
}

// norm(x, weight, bias, axis, groups, centred, epsilon)
PyObject* norm(PyObject*, PyObject* const* arguments, ssize_t count) {
  return guarded([&] {
    if (count != 7) { throw TypeError{"norm takes 7 arguments"}; }
    static const one::UserOpExpr* const ops[4] = {
        &forward_op("ofm_norm", 0), &forward_op("ofm_norm", 1), &forward_op("ofm_norm", 2),
        &forward_op("ofm_norm", 3)};
    one::TensorTuple inputs{tensor(arguments[0])};
    const int64_t parts = add_parameters(arguments[1], arguments[2], &inputs);
    auto& attributes =
        THREAD_CACHED_MUTABLE_ATTR_MAP("axis", "groups", "centred", "epsilon", "parts");
    attributes.SetAllAttrs(integer(arguments[3]), integer(arguments[4]), truth(arguments[5]),
                           number(arguments[6]), parts);
    return python(dispatch(*ops[parts], inputs, attributes)->at(0));
  });
}
OFM_PYTHON_FUNCTION(norm, norm)

// batch_norm(x, weight, bias, running_mean, running_var, training, momentum, epsilon)
PyObject* batch_norm(PyObject*, PyObject* const* arguments, ssize_t count) {
  return guarded([&] {
    if (count != 8) { throw TypeError{"batch_norm takes 8 arguments"}; }
    static const std::vector<const one::UserOpExpr*> ops = [] {
      std::vector<const one::UserOpExpr*> all;
      for (int64_t parts = 0; parts < 8; ++parts) {
        all.push_back(&forward_op("ofm_batch_norm", parts));
      }
      return all;
    }();
    one::TensorTuple inputs{tensor(arguments[0])};
    int64_t parts = add_parameters(arguments[1], arguments[2], &inputs);
    if (!is_none(arguments[3])) {
      inputs.push_back(tensor(arguments[3]));
      inputs.push_back(tensor(arguments[4]));
      parts |= kRunning;
    }
    auto& attributes = THREAD_CACHED_MUTABLE_ATTR_MAP("training", "momentum", "epsilon", "parts");
    attributes.SetAllAttrs(truth(arguments[5]), number(arguments[6]), number(arguments[7]), parts);
    return python(dispatch(*ops[parts], inputs, attributes)->at(0));
  });
}
OFM_PYTHON_FUNCTION(batch_norm, batch_norm)

}  // namespace
}  // namespace ofm
