// Sums, products, extremes, any, all, norms and variances over any dimensions.
//
// A reduction is divided into pieces of fixed size, whose results are joined in order: it is the
// same for any number of threads. Floating point numbers are added up in many lanes within a
// block, and the blocks in double.
#include "exponentials.h"
#include "functional.h"

// Not in functional.h since nothing else needs them.
namespace oneflow {
namespace one {
namespace functional {
Maybe<Tensor> Sign(const Pointer& x);
Maybe<Tensor> Div(const Pointer& x, const Pointer& y);
Maybe<Tensor> ScalarLogicalEqual(const Pointer& x, const Scalar& y);
Maybe<Tensor> MaskedFill(const Pointer& x, const Pointer& mask, const Scalar& value);
}  // namespace functional
}  // namespace one
}  // namespace oneflow

namespace ofm {
namespace {

using lanes::Four;
using lanes::Lanes;

// --- the ways to reduce --------------------------------------------------------------------------

// T is the dtype, In what its numbers are computed as.
template<typename T, typename Accumulator, typename Sum, typename Result>
struct Types {
  using In = compute_t<T>;
  using Lane = Accumulator;
  using Total = Sum;
  using Out = Result;
};

template<typename T>
using wide_t = typename std::conditional<std::is_floating_point<compute_t<T>>::value, double, T>::type;

// A way may also go by registers: with `add` of some numbers, of which those that are not there
// are `missing`, and `total`.
struct NoLanes {
  static constexpr bool by_lanes = false;
};
struct SumLanes {
  static constexpr bool by_lanes = true;
  static constexpr float missing = 0;
  Four sum{0.f};

  OFM_MATH void add(Lanes x, int which) { sum[which] = sum[which] + x; }
  float total() const { return sum.total(); }
};
struct AbsSumLanes : SumLanes {
  OFM_MATH void add(Lanes x, int which) { SumLanes::add(size_of(x), which); }
};
struct SquareSumLanes : SumLanes {
  OFM_MATH void add(Lanes x, int which) { sum[which] = fma(x, x, sum[which]); }
};
template<bool least>
struct ExtremeLanes {
  static constexpr bool by_lanes = true;
  static constexpr float missing = least ? std::numeric_limits<float>::infinity()
                                         : -std::numeric_limits<float>::infinity();
  Four best{missing};
  bool nan = false;

  OFM_MATH void add(Lanes x, int which) {
    nan |= any_nan(x);
    best[which] = least ? minimum(x, best[which]) : maximum(x, best[which]);
  }
  float total() const {
    if (nan) { return std::numeric_limits<float>::quiet_NaN(); }
    return least ? lowest(minimum(minimum(best.part[0], best.part[1]),
                                  minimum(best.part[2], best.part[3])))
                 : best.top();
  }
};
template<typename T>
struct Sum : Types<T, compute_t<T>, wide_t<T>, T> {
  using Registers = SumLanes;
  using In = compute_t<T>;
  static constexpr In start = 0;
  static In step(In all, In x) { return static_cast<In>(all + x); }
  static wide_t<T> join(wide_t<T> all, wide_t<T> x) { return static_cast<wide_t<T>>(all + x); }
};

template<typename T>
struct NanSum : Sum<T> {
  using Registers = NoLanes;
  using In = compute_t<T>;
  static In step(In all, In x) { return x == x ? static_cast<In>(all + x) : all; }
};

template<typename T>
struct AbsSum : Sum<T> {
  using Registers = AbsSumLanes;
  using In = compute_t<T>;
  static In step(In all, In x) { return all + math::abs(x); }
};
template<typename T>
struct SquareSum : Sum<T> {
  using Registers = SquareSumLanes;
  using In = compute_t<T>;
  static In step(In all, In x) { return all + x * x; }
};
template<typename T>
struct Product : Types<T, compute_t<T>, compute_t<T>, T> {
  using Registers = NoLanes;
  using In = compute_t<T>;
  static constexpr In start = 1;
  // A half's product rounds at each factor, as PyTorch's.
  static In step(In all, In x) { return to_compute(from_compute<T>(static_cast<In>(all * x))); }
  static In join(In all, In x) { return step(all, x); }
};

// NaN is larger than everything, and smaller.
template<typename T>
struct Largest : Types<T, compute_t<T>, compute_t<T>, T> {
  using Registers = ExtremeLanes<false>;
  using In = compute_t<T>;
  static constexpr In start = std::numeric_limits<In>::has_infinity
                                  ? -std::numeric_limits<In>::infinity()
                                  : std::numeric_limits<In>::lowest();
  static In step(In best, In x) { return (x > best) | (x != x) ? x : best; }
  static In join(In best, In x) { return step(best, x); }
};
template<typename T>
struct Smallest : Types<T, compute_t<T>, compute_t<T>, T> {
  using Registers = ExtremeLanes<true>;
  using In = compute_t<T>;
  static constexpr In start = std::numeric_limits<In>::has_infinity
                                  ? std::numeric_limits<In>::infinity()
                                  : std::numeric_limits<In>::max();
  static In step(In best, In x) { return (x < best) | (x != x) ? x : best; }
  static In join(In best, In x) { return step(best, x); }
};

template<typename T>
struct Any : Types<T, uint8_t, uint8_t, bool> {
  using Registers = NoLanes;
  static constexpr uint8_t start = 0;
  static uint8_t step(uint8_t any, compute_t<T> x) { return any | (x != 0); }
  static uint8_t join(uint8_t any, uint8_t x) { return any | x; }
};
template<typename T>
struct All : Types<T, uint8_t, uint8_t, bool> {
  using Registers = NoLanes;
  static constexpr uint8_t start = 1;
  static uint8_t step(uint8_t all, compute_t<T> x) { return all & (x != 0); }
  static uint8_t join(uint8_t all, uint8_t x) { return all & x; }
};

// What the driver below does with a way to reduce: rows of numbers, and columns of a tile.
template<typename T, typename Way>
struct Folding {
  using Total = typename Way::Total;
  using Lane = typename Way::Lane;
  using In = typename Way::In;

  Total start() const { return Way::start; }
  void join(Total* all, const Total& x) const { *all = Way::join(*all, x); }
  void store(typename Way::Out* to, const Total& x) const {
    if constexpr (std::is_same<compute_t<T>, T>::value) {
      *to = static_cast<typename Way::Out>(x);
    } else if constexpr (std::is_same<typename Way::Out, bool>::value) {
      *to = x;
    } else {
      *to = from_compute<T>(static_cast<float>(x));
    }
  }

  Total row(const T* x, int64_t count) const {
    if constexpr (Way::Registers::by_lanes && lanes::has_lanes<T>) { return lane_row(x, count); }
    if (count < kLanes) {
      Lane all = Way::start;
      for (int64_t i = 0; i < count; ++i) { all = Way::step(all, to_compute(x[i])); }
      return static_cast<Total>(all);
    }
    In buffer[kBlock];
    Total all = Way::start;
    for (int64_t first = 0; first < count; first += kBlock) {
      const int64_t part = std::min(kBlock, count - first);
      all = Way::join(all, static_cast<Total>(block(loaded(x + first, buffer, part), part)));
    }
    return all;
  }

  static Total lane_row(const T* x, int64_t count) {
    // So many in float before they are joined.
    constexpr int64_t kMany = 4 * kBlock;
    using Registers = typename Way::Registers;
    Total all = Way::start;
    for (int64_t first = 0; first < count; first += kMany) {
      const T* v = x + first;
      Registers some;
      lanes::over_row(std::min(kMany, count - first), [&](int64_t i, auto part, int which) {
        some.add(part.or_else(part.load(v + i), Registers::missing), which);
      });
      all = Way::join(all, static_cast<Total>(some.total()));
    }
    return all;
  }

  static Lane block(const In* x, int64_t count) {
    Lane lanes[kLanes];
    for (int lane = 0; lane < kLanes; ++lane) { lanes[lane] = Way::start; }
    int64_t i = 0;
    for (; i + kLanes <= count; i += kLanes) {
#pragma GCC ivdep
      for (int lane = 0; lane < kLanes; ++lane) {
        lanes[lane] = Way::step(lanes[lane], x[i + lane]);
      }
    }
    for (int lane = 0; i + lane < count; ++lane) {
      lanes[lane] = Way::step(lanes[lane], x[i + lane]);
    }
    for (int width = kLanes / 2; width > 0; width /= 2) {
      for (int lane = 0; lane < width; ++lane) {
        lanes[lane] = static_cast<Lane>(Way::join(lanes[lane], lanes[lane + width]));
      }
    }
    return lanes[0];
  }

  // Columns of rows first..last, each at address(row), joined into totals.
  template<typename Address>
  void columns(const Address& address, int64_t first, int64_t last, int64_t width,
               Total* totals) const {
    // So many rows in the type of a lane, before they are joined into the totals.
    constexpr int64_t kRows = 64;
    std::vector<Lane> lanes(width);
    std::vector<In> buffer(std::is_same<In, T>::value ? 0 : 4 * width);
    Lane* all = lanes.data();
    for (int64_t begin = first; begin < last; begin += kRows) {
      const int64_t end = std::min(last, begin + kRows);
      for (int64_t i = 0; i < width; ++i) { all[i] = Way::start; }
      int64_t row = begin;
      for (; row + 4 <= end; row += 4) {
        const In* x[4];
        for (int k = 0; k < 4; ++k) {
          x[k] = loaded(address(row + k), buffer.data() + k * width, width);
        }
        const In *a = x[0], *b = x[1], *c = x[2], *d = x[3];
#pragma GCC ivdep
        for (int64_t i = 0; i < width; ++i) {
          all[i] = Way::step(Way::step(Way::step(Way::step(all[i], a[i]), b[i]), c[i]), d[i]);
        }
      }
      for (; row < end; ++row) {
        const In* x = loaded(address(row), buffer.data(), width);
#pragma GCC ivdep
        for (int64_t i = 0; i < width; ++i) { all[i] = Way::step(all[i], x[i]); }
      }
      for (int64_t i = 0; i < width; ++i) {
        totals[i] = Way::join(totals[i], static_cast<Total>(all[i]));
      }
    }
  }
};

// The variance: what is left of the count is divided by.
template<typename T>
struct Variance {
  using Total = Moments;
  using In = compute_t<T>;
  double correction;

  Total start() const { return {}; }
  void join(Total* all, const Total& x) const { all->add(x); }
  void store(T* to, const Total& x) const {
    const double count = x.count - correction;
    *to = from_compute<T>(static_cast<In>(x.squares / std::max(count, 0.)));
  }
  Total row(const T* x, int64_t count) const { return row_moments(x, count); }

  template<typename Address>
  void columns(const Address& address, int64_t first, int64_t last, int64_t width,
               Total* totals) const {
    constexpr int64_t kRows = 64;
    std::vector<In> kept(4 * width);
    In *buffer = kept.data(), *mean = buffer + width, *lost = mean + width, *squares = lost + width;
    for (int64_t begin = first; begin < last; begin += kRows) {
      const int64_t end = std::min(last, begin + kRows);
      std::fill(mean, mean + 3 * width, In(0));
      for (int64_t row = begin; row < end; ++row) {
        const In* x = loaded(address(row), buffer, width);
#pragma GCC ivdep
        for (int64_t i = 0; i < width; ++i) { mean[i] += x[i]; }
      }
      for (int64_t i = 0; i < width; ++i) { mean[i] /= end - begin; }
      for (int64_t row = begin; row < end; ++row) {
        const In* x = loaded(address(row), buffer, width);
#pragma GCC ivdep
        for (int64_t i = 0; i < width; ++i) {
          const In gap = x[i] - mean[i];
          lost[i] += gap;
          squares[i] += gap * gap;
        }
      }
      for (int64_t i = 0; i < width; ++i) {
        const double rest = static_cast<double>(lost[i]) / (end - begin);
        totals[i].add({static_cast<double>(end - begin), mean[i] + rest,
                       squares[i] - rest * lost[i]});
      }
    }
  }
};

// The logarithm of the sum of exponentials: the largest number, and the sum when it is taken off.
template<typename T>
struct LogSumExp {
  struct Total {
    double high, sum;
  };
  using In = compute_t<T>;

  Total start() const { return {-std::numeric_limits<double>::infinity(), 0}; }
  void join(Total* all, const Total& x) const {
    if (x.high > all->high) {
      *all = {x.high, x.sum + all->sum * scale(all->high - x.high)};
    } else {
      all->sum += x.sum * scale(x.high - all->high);
    }
  }
  static double scale(double gap) { return gap != gap ? 1 : std::exp(gap); }
  void store(T* to, const Total& x) const {
    *to = from_compute<T>(static_cast<In>(x.high + std::log(x.sum)));
  }

  Total row(const T* x, int64_t count) const {
    In buffer[kBlock];
    Total all = start();
    for (int64_t first = 0; first < count; first += kBlock) {
      const int64_t part = std::min(kBlock, count - first);
      const In* v = loaded(x + first, buffer, part);
      const In high = largest(v, part);
      if (std::isinf(high)) {
        // Nothing to be taken off: what is not NaN adds 1 if it is the infinity above.
        const auto one = [=](int64_t i) { return v[i] != v[i] ? v[i] : In(v[i] == high && high > 0); };
        join(&all, {high, sum_of<In>(part, one)});
      } else {
        join(&all, {high, exponentials(v, nullptr, part, high)});
      }
    }
    return all;
  }

  template<typename Address>
  void columns(const Address& address, int64_t first, int64_t last, int64_t width,
               Total* totals) const {
    constexpr int64_t kRows = 64;
    std::vector<In> kept(3 * width);
    In *buffer = kept.data(), *high = buffer + width, *sum = high + width;
    for (int64_t begin = first; begin < last; begin += kRows) {
      const int64_t end = std::min(last, begin + kRows);
      std::fill(high, high + width, -std::numeric_limits<In>::infinity());
      std::fill(sum, sum + width, In(0));
      for (int64_t row = begin; row < end; ++row) {
        const In* x = loaded(address(row), buffer, width);
        for (int64_t i = 0; i < width; ++i) { high[i] = x[i] > high[i] ? x[i] : high[i]; }
      }
      for (int64_t row = begin; row < end; ++row) {
        const In* x = loaded(address(row), buffer, width);
#pragma GCC ivdep
        for (int64_t i = 0; i < width; ++i) {
          // At an infinity: 1 for what is the upper one, 0 for the lower.
          const In gap = x[i] == high[i] ? In(0) : x[i] - high[i];
          const In e = exp_below(gap);
          sum[i] += high[i] == -std::numeric_limits<In>::infinity() && x[i] == high[i] ? In(0) : e;
        }
      }
      for (int64_t i = 0; i < width; ++i) { join(totals + i, {high[i], sum[i]}); }
    }
  }
};

// The mean of a Half or BFloat16 is rounded once.
template<typename T>
struct Mean : Folding<T, Sum<T>> {
  double count;

  explicit Mean(double among) : count(among) {}
  void store(T* to, double x) const { *to = from_compute<T>(static_cast<compute_t<T>>(x / count)); }
};

// The sum of sizes, or the root of the sum of squares.
template<typename T, template<typename> class Way>
struct Norm : Folding<T, Way<T>> {
  void store(T* to, double x) const {
    constexpr bool root = std::is_same<Way<T>, SquareSum<T>>::value;
    *to = from_compute<T>(static_cast<compute_t<T>>(root ? std::sqrt(x) : x));
  }
};

// --- the driver ----------------------------------------------------------------------------------

struct Dim {
  int64_t size, stride;
};

// Where the index-th of the dimensions' places is.
inline int64_t place(const std::vector<Dim>& dims, int64_t index) {
  if (dims.size() == 1) { return index * dims[0].stride; }
  int64_t at = 0;
  for (size_t d = dims.size(); d-- > 0;) {
    at += index % dims[d].size * dims[d].stride;
    index /= dims[d].size;
  }
  return at;
}
inline int64_t count_of(const std::vector<Dim>& dims) {
  int64_t count = 1;
  for (const Dim& dim : dims) { count *= dim.size; }
  return count;
}

// The dimensions that are kept and reduced, those joined that lie together. The last of them all
// is apart, as `inner`.
struct Plan {
  std::vector<Dim> kept, reduced;
  int64_t inner = 1;
  bool inner_is_reduced = false;

  template<typename Shape, typename Reduced>
  Plan(const Shape& shape, const Reduced& is_reduced) {
    std::vector<std::pair<int64_t, bool>> joined;
    for (int64_t d = 0; d < shape.NumAxes(); ++d) {
      const int64_t size = shape.At(d);
      if (size == 1) { continue; }
      if (!joined.empty() && joined.back().second == is_reduced(d)) {
        joined.back().first *= size;
      } else {
        joined.emplace_back(size, is_reduced(d));
      }
    }
    if (!joined.empty()) {
      inner = joined.back().first;
      inner_is_reduced = joined.back().second;
      joined.pop_back();
    }
    int64_t stride = inner;
    for (size_t d = joined.size(); d-- > 0;) {
      auto& dims = joined[d].second ? reduced : kept;
      dims.insert(dims.begin(), {joined[d].first, stride});
      stride *= joined[d].first;
    }
  }
};

constexpr int64_t kPiece = 65536;

template<typename T, typename Out, typename Fold>
void reduce(const Fold& fold, const Plan& plan, const T* x, Out* out) {
  using Total = typename Fold::Total;
  const int64_t outer = count_of(plan.kept), rows = count_of(plan.reduced), inner = plan.inner;
  if (plan.inner_is_reduced) {
    // A piece is some rows, or a part of one.
    const int64_t parts = std::max<int64_t>(1, (inner + kPiece - 1) / kPiece);
    const int64_t together = parts > 1 ? 1 : std::max<int64_t>(1, kPiece / std::max<int64_t>(inner, 1));
    const int64_t lots = (rows + together - 1) / together, pieces = lots * parts;
    const auto piece_of = [&](int64_t o, int64_t piece) {
      const T* from = x + place(plan.kept, o);
      const int64_t begin = piece % parts * kPiece;
      const int64_t count = std::min(kPiece, inner - begin);
      const int64_t first = piece / parts * together, last = std::min(rows, first + together);
      Total all = fold.start();
      for (int64_t row = first; row < last; ++row) {
        fold.join(&all, fold.row(from + place(plan.reduced, row) + begin, count));
      }
      return all;
    };
    const int64_t each = std::max<int64_t>(1, std::min(together, rows) * std::min(kPiece, inner));
    const int64_t grain = std::max<int64_t>(1, kGrain / each);
    if (pieces == 1) {
      parallel_for(outer, grain, [&](int64_t begin, int64_t end) {
        for (int64_t o = begin; o < end; ++o) { fold.store(out + o, piece_of(o, 0)); }
      });
      return;
    }
    std::vector<Total> totals(outer * pieces, fold.start());
    parallel_for(outer * pieces, grain, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) { totals[i] = piece_of(i / pieces, i % pieces); }
    });
    for (int64_t o = 0; o < outer; ++o) {
      Total all = fold.start();
      for (int64_t piece = 0; piece < pieces; ++piece) {
        fold.join(&all, totals[o * pieces + piece]);
      }
      fold.store(out + o, all);
    }
    return;
  }
  // A tile of columns, and of its rows as many as are a piece, but no more than 16 pieces.
  const bool dense = plan.reduced.size() == 1 && plan.reduced[0].stride == inner;
  const int64_t width = std::max<int64_t>(1, std::min<int64_t>(inner, 1024));
  const int64_t tiles = (inner + width - 1) / width;
  // Few columns: several rows side by side are one.
  const int64_t abreast = dense && inner < kLanes ? std::max<int64_t>(1, 256 / std::max<int64_t>(inner, 1)) : 1;
  const int64_t together = std::max<int64_t>(
      {(rows + 15) / 16, kPiece / width, abreast});
  const int64_t pieces = std::max<int64_t>(1, (rows + together - 1) / together);
  std::vector<Total> totals(pieces > 1 ? outer * pieces * inner : 0, fold.start());
  const int64_t each = std::max<int64_t>(1, std::min(together, rows) * width);
  parallel_for(outer * tiles * pieces, std::max<int64_t>(1, kGrain / each),
               [&](int64_t begin, int64_t end) {
    std::vector<Total> alone(pieces > 1 ? 0 : width), wide(abreast > 1 ? abreast * inner : 0);
    for (int64_t i = begin; i < end; ++i) {
      const int64_t piece = i % pieces, tile = i / pieces % tiles, o = i / pieces / tiles;
      const int64_t column = tile * width, count = std::min(width, inner - column);
      const int64_t first = piece * together, last = std::min(rows, first + together);
      const T* from = x + place(plan.kept, o) + column;
      Total* to = alone.data();
      if (pieces > 1) {
        to = totals.data() + (o * pieces + piece) * inner + column;
      } else {
        std::fill(alone.begin(), alone.end(), fold.start());
      }
      int64_t row = first;
      if (abreast > 1) {
        const int64_t lots = (last - first) / abreast;
        std::fill(wide.begin(), wide.end(), fold.start());
        const T* start = from + first * inner;
        fold.columns([=](int64_t lot) { return start + lot * abreast * inner; }, 0, lots,
                     abreast * inner, wide.data());
        for (int64_t k = 0; k < abreast * inner; ++k) { fold.join(to + k % inner, wide[k]); }
        row += lots * abreast;
      }
      fold.columns([&](int64_t r) { return from + place(plan.reduced, r); }, row, last, count, to);
      if (pieces == 1) {
        for (int64_t k = 0; k < count; ++k) { fold.store(out + o * inner + column + k, to[k]); }
      }
    }
  });
  if (pieces == 1) { return; }
  parallel_for(outer * inner, std::max<int64_t>(1, kGrain / 4 / pieces),
               [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      Total all = fold.start();
      const Total* from = totals.data() + i / inner * pieces * inner + i % inner;
      for (int64_t piece = 0; piece < pieces; ++piece) { fold.join(&all, from[piece * inner]); }
      fold.store(out + i, all);
    }
  });
}

Plan plan_of(Context* context, const char* input, const char* axes) {
  const auto shape = context->Tensor4ArgNameAndIndex(input, 0)->shape_view();
  const auto& dims = context->Attr<std::vector<int32_t>>(axes);
  const int64_t ndim = shape.NumAxes();
  return Plan(shape, [&](int64_t d) {
    return std::any_of(dims.begin(), dims.end(),
                       [&](int64_t dim) { return dim == d || dim + ndim == d; });
  });
}

template<typename T, template<typename> class Way>
struct Reduce {
  static void compute(Context* context) {
    reduce<T>(Folding<T, Way<T>>(), plan_of(context, "input_tensor", "axis"),
              data<T>(context, "input_tensor"),
              mut_data<typename Way<T>::Out>(context, "output_tensor"));
  }
};

template<typename T>
struct Var {
  static void compute(Context* context) {
    const Variance<T> variance{context->Attr<bool>("unbiased") ? 1. : 0.};
    reduce<T>(variance, plan_of(context, "input", "dim"),
              data<T>(context, "input"), mut_data<T>(context, "output"));
  }
};

#define OFM_REDUCE_KERNEL(type, way) Stateless<Reduce<type, way>>
#define OFM_REDUCE(type, of, name, way)              \
  OFM_REGISTER(name, OFM_REDUCE_KERNEL(type, way),   \
               OFM_ON_CPU("input_tensor", DtypeOf<of>::value))
#define OFM_REDUCE_ORDERED(type, of)             \
  OFM_REDUCE(type, of, "reduce_max", Largest)    \
  OFM_REDUCE(type, of, "reduce_min", Smallest)   \
  OFM_REDUCE(type, of, "reduce_any", Any)        \
  OFM_REDUCE(type, of, "reduce_all", All)
#define OFM_REDUCE_NUMBERS(type)                 \
  OFM_REDUCE(type, type, "reduce_sum", Sum)      \
  OFM_REDUCE(type, type, "reduce_prod", Product) \
  OFM_REDUCE_ORDERED(type, type)
#define OFM_REDUCE_FLOATING(type)                        \
  OFM_REDUCE(type, type, "reduce_nansum", NanSum)        \
  OFM_REGISTER("var", Stateless<Var<type>>, OFM_ON_CPU("input", DtypeOf<type>::value))
OFM_FOR_FLOATING(OFM_REDUCE_FLOATING)
OFM_FOR_FLOATING(OFM_REDUCE_NUMBERS)
OFM_FOR_INTEGERS(OFM_REDUCE_NUMBERS)
// As bytes of 0 and 1.
OFM_REDUCE_ORDERED(uint8_t, bool)

// --- operators beside OneFlow's ------------------------------------------------------------------

// What is reduced, with a bit for each dimension.
constexpr int64_t kMean = 0, kVariance = 1, kLogSumExp = 2, kNorm = 3,
                  kSumOfSizes = 4;

using InferContext = user_op::InferContext;
using oneflow::Shape;

template<typename T>
struct Statistic {
  static void compute(Context* context) {
    const auto shape = context->Tensor4ArgNameAndIndex("x", 0)->shape_view();
    const int64_t dims = context->Attr<int64_t>("dims");
    const Plan plan(shape, [=](int64_t d) { return (dims >> d & 1) != 0; });
    const T* x = data<T>(context, "x");
    T* y = mut_data<T>(context, "y");
    switch (context->Attr<int64_t>("kind")) {
      case kMean: {
        double count = 1;
        for (int64_t d = 0; d < shape.NumAxes(); ++d) { count *= dims >> d & 1 ? shape.At(d) : 1; }
        reduce<T>(Mean<T>(count), plan, x, y);
        break;
      }
      case kVariance:
        reduce<T>(Variance<T>{context->Attr<double>("correction")}, plan, x, y);
        break;
      case kNorm: reduce<T>(Norm<T, SquareSum>(), plan, x, y); break;
      case kSumOfSizes: reduce<T>(Norm<T, AbsSum>(), plan, x, y); break;
      default: reduce<T>(LogSumExp<T>(), plan, x, y);
    }
  }
};
#define OFM_STATISTIC(type) \
  OFM_REGISTER("ofm_statistic", Stateless<Statistic<type>>, OFM_ON_CPU("x", DtypeOf<type>::value))
OFM_FOR_FLOATING(OFM_STATISTIC)

Shape reduced_shape(const Shape& shape, int64_t dims, bool keepdim) {
  oneflow::DimVector out;
  for (int64_t d = 0; d < shape.NumAxes(); ++d) {
    if (!(dims >> d & 1)) {
      out.push_back(shape.At(d));
    } else if (keepdim) {
      out.push_back(1);
    }
  }
  return Shape(out);
}

Maybe<void> statistic_shape(InferContext* context) {
  set_contiguous(context, "y",
                 reduced_shape(context->InputShape("x", 0), context->Attr<int64_t>("dims"),
                               context->Attr<bool>("keepdim")));
  return Maybe<void>::Ok();
}
Maybe<void> statistic_dtype(InferContext* context) {
  context->SetOutputDType("y", 0, context->InputDType("x", 0));
  return Maybe<void>::Ok();
}
REGISTER_USER_OP("ofm_statistic")
    .Input("x")
    .Attr<int64_t>("kind")
    .Attr<int64_t>("dims")
    .Attr<bool>("keepdim")
    .Attr<double>("correction")
    .Output("y")
    .SetLogicalTensorDescInferFn(statistic_shape)
    .SetPhysicalTensorDescInferFn(statistic_shape)
    .SetDataTypeInferFn(statistic_dtype)
    .SetGetSbpFn(user_op::GetSbpFnUtil::DefaultBroadcastToBroadcast);

struct StatisticState : public one::AutoGradCaptureState {
  int64_t kind = 0, dims = 0;
  double correction = 0;
  bool wanted = false;
};

// Composed, and so with gradients of its own.
class StatisticGradient final : public one::OpExprGradFunction<StatisticState> {
 public:
  Maybe<void> Init(const one::OpExpr&) override { return Maybe<void>::Ok(); }

  Maybe<void> Capture(StatisticState* state, const one::TensorTuple& inputs,
                      const one::TensorTuple& outputs,
                      const oneflow::AttrMap& attributes) const override {
    state->wanted = inputs.at(0)->requires_grad();
    if (!state->wanted) { return Maybe<void>::Ok(); }
    state->kind = JUST(attributes.GetAttr<int64_t>("kind"));
    state->dims = JUST(attributes.GetAttr<int64_t>("dims"));
    state->correction = JUST(attributes.GetAttr<double>("correction"));
    state->SaveTensorForBackward(inputs.at(0));
    if (state->kind == kLogSumExp || state->kind == kNorm) { state->SaveTensorForBackward(outputs.at(0)); }
    return Maybe<void>::Ok();
  }

  Maybe<void> Apply(const StatisticState* state, const one::TensorTuple& out_grads,
                    one::TensorTuple* in_grads) const override {
    using namespace functional;
    in_grads->resize(1);
    if (!state->wanted) { return Maybe<void>::Ok(); }
    const TensorPointer& x = state->SavedTensors().at(0);
    const Shape &shape = *x->shape(), wide = reduced_shape(shape, state->dims, true);
    const double count =
        static_cast<double>(shape.elem_cnt()) / std::max<int64_t>(1, wide.elem_cnt());
    TensorPointer dy = JUST(Reshape(out_grads.at(0), wide));
    std::vector<int32_t> axes;
    for (int32_t d = 0; d < shape.NumAxes(); ++d) {
      if (state->dims >> d & 1) { axes.push_back(d); }
    }
    if (state->kind == kMean) {
      dy = JUST(ScalarMul(dy, 1 / count, false));
      in_grads->at(0) = axes.empty() ? dy : JUST(BroadcastLike(dy, x, axes));
    } else if (state->kind == kVariance) {
      dy = JUST(ScalarMul(dy, 2 / std::max(count - state->correction, 0.), false));
      const TensorPointer mean = JUST(statistic(x, kMean, state->dims, true, 0));
      in_grads->at(0) = JUST(Mul(JUST(Sub(x, mean, 1, false)), dy));
    } else if (state->kind == kSumOfSizes) {
      in_grads->at(0) = JUST(Mul(JUST(Sign(x)), dy));
    } else {
      const TensorPointer y = JUST(Reshape(state->SavedTensors().at(1), wide));
      if (state->kind == kNorm) {
        // 0 where the norm is.
        const TensorPointer zero = JUST(ScalarLogicalEqual(y, 0.));
        in_grads->at(0) = JUST(Mul(x, JUST(Div(dy, JUST(MaskedFill(y, zero, 1.))))));
      } else {
        in_grads->at(0) = JUST(Mul(JUST(Exp(JUST(Sub(x, y, 1, false)))), dy));
      }
    }
    return Maybe<void>::Ok();
  }

  static Maybe<one::Tensor> statistic(const TensorPointer& x, int64_t kind, int64_t dims,
                                      bool keepdim, double correction) {
    static const one::UserOpExpr& op = make_op("ofm_statistic", {"x"}, {"y"});
    auto& attributes = THREAD_CACHED_MUTABLE_ATTR_MAP("kind", "dims", "keepdim", "correction");
    attributes.SetAllAttrs(kind, dims, keepdim, correction);
    return dispatch(op, {x}, attributes)->at(0);
  }
};
OFM_REGISTER_GRADIENT("ofm_statistic", StatisticGradient)

// statistic(x, kind, dims, keepdim, correction): dims has a bit for each dimension.
PyObject* statistic(PyObject*, PyObject* const* arguments, ssize_t count) {
  return guarded([&] {
    if (count != 5) { throw TypeError{"statistic takes 5 arguments"}; }
    return python(StatisticGradient::statistic(tensor(arguments[0]), integer(arguments[1]),
                                               integer(arguments[2]), truth(arguments[3]),
                                               number(arguments[4]))
                      .GetPtrOrThrow());
  });
}
OFM_PYTHON_FUNCTION(statistic, statistic)

}  // namespace
}  // namespace ofm
