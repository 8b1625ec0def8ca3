// Exponentials of rows of numbers, less the largest of them, and their sums.
#ifndef OFM_EXPONENTIALS_H_
#define OFM_EXPONENTIALS_H_

#include "row_lanes.h"
#include "rows.h"
#include "vector_math.h"

namespace ofm {

// e^v for v ≤ 0, or NaN.
OFM_MATH float exp_below(float v) { return v < -87.f ? 0.f : math::exp_inside(v); }
OFM_MATH double exp_below(double v) { return math::exp(v); }

// The largest number; NaN are passed over, since they show in the sum.
template<typename T>
inline compute_t<T> largest(const T* x, int64_t count) {
  if constexpr (lanes::has_lanes<T>) {
    return lanes::row_highest(x, count);
  } else {
    T some[kLanes];
    std::fill(some, some + kLanes, -std::numeric_limits<T>::infinity());
    int64_t i = 0;
    for (; i + kLanes <= count; i += kLanes) {
      for (int lane = 0; lane < kLanes; ++lane) {
        some[lane] = x[i + lane] > some[lane] ? x[i + lane] : some[lane];
      }
    }
    for (int lane = 0; i + lane < count; ++lane) {
      some[lane] = x[i + lane] > some[lane] ? x[i + lane] : some[lane];
    }
    for (int width = kLanes / 2; width > 0; width /= 2) {
      for (int lane = 0; lane < width; ++lane) {
        some[lane] = some[lane] > some[lane + width] ? some[lane] : some[lane + width];
      }
    }
    return some[0];
  }
}

// The sum of e^(x - high), each of which is also kept unless to is null.
template<typename T>
inline double exponentials(const T* x, compute_t<T>* to, int64_t count, compute_t<T> high) {
  double all = 0;
  if constexpr (lanes::has_lanes<T>) {
    using namespace lanes;
    // So many in float before they are added up in double.
    constexpr int64_t kMany = 8 * kBlock;
    for (int64_t first = 0; first < count; first += kMany) {
      const int64_t part = std::min(kMany, count - first);
      const T* v = x + first;
      Four sum(0.f);
      if (to == nullptr) {
        over_row(part, [&](int64_t i, auto some, int which) {
          sum[which] = sum[which] + some.or_else(lanes::exp_below(some.load(v + i) - high), 0.f);
        });
      } else {
        float* const kept = to + first;
        over_row(part, [&](int64_t i, auto some, int which) {
          const Lanes e = some.or_else(lanes::exp_below(some.load(v + i) - high), 0.f);
          some.store(e, kept + i);
          sum[which] = sum[which] + e;
        });
      }
      all += sum.total();
    }
  } else {
    for (int64_t first = 0; first < count; first += kBlock) {
      const int64_t part = std::min(kBlock, count - first);
      const T* v = x + first;
      if (to == nullptr) {
        all += sum_of<T>(part, [=](int64_t i) { return exp_below(v[i] - high); });
      } else {
        T* e = to + first;
#pragma GCC ivdep
        for (int64_t i = 0; i < part; ++i) { e[i] = exp_below(v[i] - high); }
        all += sum_of<T>(part, [=](int64_t i) { return e[i]; });
      }
    }
  }
  return all;
}

}  // namespace ofm

#endif  // OFM_EXPONENTIALS_H_
