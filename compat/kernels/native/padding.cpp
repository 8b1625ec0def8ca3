// Borders added to tensors, and windows of images as columns.
#include "indexing.h"

#include <memory>

namespace ofm {
namespace {

using user_op::Tensor;

// --- constant ------------------------------------------------------------------------------------

// Rows of the last dimension: copied with their ends filled, or filled whole.
template<typename T>
struct Pad {
  static void compute(Context* context) {
    const Tensor* x = context->Tensor4ArgNameAndIndex("x", 0);
    Tensor* y = context->Tensor4ArgNameAndIndex("y", 0);
    const auto in = shape_of_1d(x), out = shape_of_1d(y);
    auto before = context->Attr<std::vector<int64_t>>("padding_before");
    before.resize(out.size(), 0);
    T value;
    if (std::is_integral<T>::value) {
      value = from_compute<T>(
          static_cast<compute_t<T>>(context->Attr<int64_t>("integral_constant_value")));
    } else {
      value = from_compute<T>(
          static_cast<compute_t<T>>(context->Attr<double>("floating_constant_value")));
    }
    const int last = static_cast<int>(out.size()) - 1;
    const int64_t columns = out[last], rows = columns == 0 ? 0 : product(out) / columns;
    const int64_t width = in[last], left = before[last];
    // Columns of the output that come from the input; a negative border cuts some off.
    const int64_t first = std::min(std::max<int64_t>(left, 0), columns);
    const int64_t stop = std::max(first, std::min(left + width, columns));
    const T* from = static_cast<const T*>(x->raw_dptr());
    T* to = static_cast<T*>(y->mut_raw_dptr());
    const auto strides = contiguous_strides(in);
    parallel_for(rows, std::max<int64_t>(1, kGrain / std::max<int64_t>(columns, 1)),
                 [&](int64_t begin, int64_t end) {
                   std::vector<int64_t> place(out.size(), 0);
                   for (int64_t d = last - 1, rest = begin; d >= 0; --d) {
                     place[d] = rest % out[d];
                     rest /= out[d];
                   }
                   // The place of the row after this one.
                   const auto move_on = [&] {
                     for (int d = last - 1; d >= 0 && ++place[d] == out[d]; --d) { place[d] = 0; }
                   };
                   for (int64_t row = begin; row < end; ++row, move_on()) {
                     int64_t source = 0;
                     bool inside = stop > first;
                     for (int d = last - 1; d >= 0; --d) {
                       const int64_t at = place[d] - before[d];
                       inside = inside && at >= 0 && at < in[d];
                       source += at * strides[d];
                     }
                     T* target = to + row * columns;
                     if (!inside) {
                       std::fill(target, target + columns, value);
                       continue;
                     }
                     std::fill(target, target + first, value);
                     std::memcpy(target + first, from + source + first - left,
                                 (stop - first) * sizeof(T));
                     std::fill(target + stop, target + columns, value);
                   }
                 });
  }
};

// --- by the mirror image or the edge -------------------------------------------------------------

// Which position of `size` each of `padded` comes from.
std::vector<int64_t> sources(int64_t padded, int64_t size, int64_t left, bool reflect) {
  std::vector<int64_t> out(padded);
  for (int64_t i = 0; i < padded; ++i) {
    int64_t at = i - left;
    if (reflect) {
      if (at < 0) { at = -at; }
      if (at >= size) { at = 2 * (size - 1) - at; }
    }
    out[i] = std::min(std::max<int64_t>(at, 0), size - 1);
  }
  return out;
}

// The last one or two dimensions as planes.
struct Planes {
  int64_t count, rows, columns;
  explicit Planes(const std::vector<int64_t>& shape, bool flat) {
    const size_t last = shape.size() - 1;
    columns = shape[last];
    rows = flat ? 1 : shape[last - 1];
    count = product(shape, 0, flat ? last : last - 1);
  }
};

template<typename T, bool reflect, bool flat>
struct EdgePad {
  static void compute(Context* context) {
    const Tensor* x = context->Tensor4ArgNameAndIndex("x", 0);
    Tensor* y = context->Tensor4ArgNameAndIndex("y", 0);
    const auto& padding = context->Attr<std::vector<int64_t>>("padding");
    const Planes in(shape_of(x), flat), out(shape_of(y), flat);
    if (in.rows * in.columns == 0) { return; }
    const auto across = sources(out.columns, in.columns, padding[0], reflect);
    const auto down = sources(out.rows, in.rows, flat ? 0 : padding[2], reflect);
    const int64_t left = std::max<int64_t>(padding[0], 0);
    const int64_t middle = std::min(in.columns, out.columns - left);
    const T* from = static_cast<const T*>(x->raw_dptr());
    T* to = static_cast<T*>(y->mut_raw_dptr());
    parallel_for(out.count * out.rows, std::max<int64_t>(1, kGrain / out.columns),
                 [&](int64_t begin, int64_t end) {
                   for (int64_t i = begin; i < end; ++i) {
                     const T* source =
                         from + (i / out.rows * in.rows + down[i % out.rows]) * in.columns;
                     T* target = to + i * out.columns;
                     for (int64_t j = 0; j < left; ++j) { target[j] = source[across[j]]; }
                     std::memcpy(target + left, source, middle * sizeof(T));
                     for (int64_t j = left + middle; j < out.columns; ++j) {
                       target[j] = source[across[j]];
                     }
                   }
                 });
  }
};

template<typename T, bool reflect, bool flat>
struct EdgePadGrad {
  static void compute(Context* context) {
    using C = compute_t<T>;
    const Tensor* dy = context->Tensor4ArgNameAndIndex("dy", 0);
    Tensor* dx = context->Tensor4ArgNameAndIndex("dx", 0);
    const auto& padding = context->Attr<std::vector<int64_t>>("padding");
    const Planes in(shape_of(dx), flat), out(shape_of(dy), flat);
    if (in.rows * in.columns == 0) { return; }
    const auto across = sources(out.columns, in.columns, padding[0], reflect);
    const auto down = sources(out.rows, in.rows, flat ? 0 : padding[2], reflect);
    const int64_t area = in.rows * in.columns;
    const T* from = static_cast<const T*>(dy->raw_dptr());
    T* to = static_cast<T*>(dx->mut_raw_dptr());
    parallel_for(in.count, std::max<int64_t>(1, kGrain / std::max<int64_t>(area, 1)),
                 [&](int64_t begin, int64_t end) {
                   std::vector<C> sums(area);
                   for (int64_t plane = begin; plane < end; ++plane) {
                     std::fill(sums.begin(), sums.end(), C{});
                     for (int64_t i = 0; i < out.rows; ++i) {
                       C* target = sums.data() + down[i] * in.columns;
                       const T* source = from + (plane * out.rows + i) * out.columns;
                       for (int64_t j = 0; j < out.columns; ++j) {
                         target[across[j]] += to_compute(source[j]);
                       }
                     }
                     store_row<T>(sums.data(), to + plane * area, area);
                   }
                 });
  }
};

// --- windows -------------------------------------------------------------------------------------

struct Windows {
  int64_t images, channels, height, width, down, across;
  std::vector<int32_t> kernel, padding, stride, dilation;

  Windows(Context* context, const std::vector<int64_t>& image)
      : images(image[0]),
        channels(image[1]),
        height(image[2]),
        width(image[3]),
        kernel(context->Attr<std::vector<int32_t>>("kernel_size")),
        padding(context->Attr<std::vector<int32_t>>("padding")),
        stride(context->Attr<std::vector<int32_t>>("strides")),
        dilation(context->Attr<std::vector<int32_t>>("dilation_rate")) {
    down = (height + 2 * padding[0] - dilation[0] * (kernel[0] - 1) - 1) / stride[0] + 1;
    across = (width + 2 * padding[1] - dilation[1] * (kernel[1] - 1) - 1) / stride[1] + 1;
  }
  // The columns of a window's place that lie in the image: from where, and until where.
  void inside(int64_t offset, int64_t* first, int64_t* stop) const {
    const int64_t step = stride[1];
    *first = std::min(across, offset >= 0 ? 0 : (-offset + step - 1) / step);
    *stop = std::max(*first, std::min(across, offset >= width ? 0 : (width - 1 - offset) / step + 1));
  }
};

template<typename T>
struct Unfold {
  static void compute(Context* context) {
    const Tensor* x = context->Tensor4ArgNameAndIndex("x", 0);
    Tensor* y = context->Tensor4ArgNameAndIndex("y", 0);
    const Windows w(context, shape_of(x));
    const int64_t places = w.kernel[0] * w.kernel[1], size = w.down * w.across;
    const T* from = static_cast<const T*>(x->raw_dptr());
    T* to = static_cast<T*>(y->mut_raw_dptr());
    parallel_for(
        w.images * w.channels * places, std::max<int64_t>(1, kGrain / std::max<int64_t>(size, 1)),
        [&](int64_t begin, int64_t end) {
          for (int64_t i = begin; i < end; ++i) {
            const int64_t place = i % places, plane = i / places;
            const int64_t top = place / w.kernel[1] * w.dilation[0] - w.padding[0];
            const int64_t left = place % w.kernel[1] * w.dilation[1] - w.padding[1];
            const T* image = from + plane * w.height * w.width;
            T* target = to + i * size;
            int64_t first, stop;
            w.inside(left, &first, &stop);
            for (int64_t row = 0; row < w.down; ++row, target += w.across) {
              const int64_t at = row * w.stride[0] + top;
              if (at < 0 || at >= w.height) {
                std::fill(target, target + w.across, T{});
                continue;
              }
              const T* source = image + at * w.width + left;
              std::fill(target, target + first, T{});
              if (w.stride[1] == 1) {
                if (stop > first) {
                  std::memcpy(target + first, source + first, (stop - first) * sizeof(T));
                }
              } else {
                for (int64_t j = first; j < stop; ++j) { target[j] = source[j * w.stride[1]]; }
              }
              std::fill(target + stop, target + w.across, T{});
            }
          }
        });
  }
};

template<typename T>
struct Fold {
  static void compute(Context* context) {
    using C = compute_t<T>;
    const Tensor* x = context->Tensor4ArgNameAndIndex("x", 0);
    Tensor* y = context->Tensor4ArgNameAndIndex("y", 0);
    const Windows w(context, shape_of(y));
    const int64_t places = w.kernel[0] * w.kernel[1], size = w.down * w.across;
    const int64_t area = w.height * w.width;
    const T* from = static_cast<const T*>(x->raw_dptr());
    T* to = static_cast<T*>(y->mut_raw_dptr());
    const int64_t grain = std::max<int64_t>(1, kGrain / std::max<int64_t>(size * places, 1));
    parallel_for(w.images * w.channels, grain, [&](int64_t begin, int64_t end) {
      std::vector<C> sums(area);
      for (int64_t plane = begin; plane < end; ++plane) {
        std::fill(sums.begin(), sums.end(), C{});
        for (int64_t place = 0; place < places; ++place) {
          const int64_t top = place / w.kernel[1] * w.dilation[0] - w.padding[0];
          const int64_t left = place % w.kernel[1] * w.dilation[1] - w.padding[1];
          const T* source = from + (plane * places + place) * size;
          int64_t first, stop;
          w.inside(left, &first, &stop);
          for (int64_t row = 0; row < w.down; ++row, source += w.across) {
            const int64_t at = row * w.stride[0] + top;
            if (at < 0 || at >= w.height) { continue; }
            C* target = sums.data() + at * w.width + left;
            if (w.stride[1] == 1) {
              for (int64_t j = first; j < stop; ++j) { target[j] += to_compute(source[j]); }
            } else {
              for (int64_t j = first; j < stop; ++j) {
                target[j * w.stride[1]] += to_compute(source[j]);
              }
            }
          }
        }
        store_row<T>(sums.data(), to + plane * area, area);
      }
    });
  }
};

auto images_channels_first(const std::string& image) {
  return oneflow::hob::make_custom(
             "images, channels first",
             [image](const user_op::KernelRegContext& context) {
               const auto* desc = context.TensorDesc4ArgNameAndIndex(image, 0);
               return desc != nullptr && desc->shape().NumAxes() == 4
                      && context.Attr<std::string>("data_format") == "channels_first";
             })
         == true;
}

#define OFM_PAD(type) OFM_REGISTER("pad", Stateless<Pad<type>>, OFM_ON_CPU("y", DtypeOf<type>::value))
OFM_FOR_ALL(OFM_PAD)
OFM_FOR_COMPLEX(OFM_PAD)

#define OFM_COMMA ,
#define OFM_EDGES(type)                                                                         \
  OFM_REGISTER("reflection_pad1d", Stateless<EdgePad<type OFM_COMMA true OFM_COMMA true>>,      \
               OFM_ON_CPU("y", DtypeOf<type>::value))                                           \
  OFM_REGISTER("reflection_pad2d", Stateless<EdgePad<type OFM_COMMA true OFM_COMMA false>>,     \
               OFM_ON_CPU("y", DtypeOf<type>::value))                                           \
  OFM_REGISTER("replication_pad1d", Stateless<EdgePad<type OFM_COMMA false OFM_COMMA true>>,    \
               OFM_ON_CPU("y", DtypeOf<type>::value))                                           \
  OFM_REGISTER("replication_pad2d", Stateless<EdgePad<type OFM_COMMA false OFM_COMMA false>>,   \
               OFM_ON_CPU("y", DtypeOf<type>::value))
OFM_FOR_FLOATING(OFM_EDGES)
OFM_FOR_INTEGERS(OFM_EDGES)
OFM_FOR_COMPLEX(OFM_EDGES)

#define OFM_EDGE_GRADS(type)                                                                    \
  OFM_REGISTER("reflection_pad1d_grad",                                                         \
               Stateless<EdgePadGrad<type OFM_COMMA true OFM_COMMA true>>,                      \
               OFM_ON_CPU("dx", DtypeOf<type>::value))                                          \
  OFM_REGISTER("reflection_pad2d_grad",                                                         \
               Stateless<EdgePadGrad<type OFM_COMMA true OFM_COMMA false>>,                     \
               OFM_ON_CPU("dx", DtypeOf<type>::value))                                          \
  OFM_REGISTER("replication_pad1d_grad",                                                        \
               Stateless<EdgePadGrad<type OFM_COMMA false OFM_COMMA true>>,                     \
               OFM_ON_CPU("dx", DtypeOf<type>::value))                                          \
  OFM_REGISTER("replication_pad2d_grad",                                                        \
               Stateless<EdgePadGrad<type OFM_COMMA false OFM_COMMA false>>,                    \
               OFM_ON_CPU("dx", DtypeOf<type>::value))                                          \
  OFM_REGISTER("unfold", Stateless<Unfold<type>>,                                               \
               OFM_ON_CPU("x", DtypeOf<type>::value) && images_channels_first("x"))             \
  OFM_REGISTER("fold", Stateless<Fold<type>>,                                                   \
               OFM_ON_CPU("x", DtypeOf<type>::value) && images_channels_first("y"))
OFM_FOR_FLOATING(OFM_EDGE_GRADS)
OFM_FOR_COMPLEX(OFM_EDGE_GRADS)

}  // namespace
}  // namespace ofm
