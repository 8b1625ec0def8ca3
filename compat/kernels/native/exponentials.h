// Exponentials of rows of numbers, less the largest of them, and their sums.
#ifndef OFM_EXPONENTIALS_H_
#define OFM_EXPONENTIALS_H_

#include "rows.h"
#include "vector_math.h"

namespace ofm {

// e^v for v ≤ 0, or NaN.
OFM_MATH float exp_below(float v) { return v < -87.f ? 0.f : math::exp_inside(v); }
OFM_MATH double exp_below(double v) { return math::exp(v); }

// The largest number; NaN are passed over, since they show in the sum.
template<typename C>
inline C largest(const C* x, int64_t count) {
  C lanes[kLanes];
  std::fill(lanes, lanes + kLanes, -std::numeric_limits<C>::infinity());
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (int lane = 0; lane < kLanes; ++lane) {
      lanes[lane] = x[i + lane] > lanes[lane] ? x[i + lane] : lanes[lane];
    }
  }
  for (int lane = 0; i + lane < count; ++lane) {
    lanes[lane] = x[i + lane] > lanes[lane] ? x[i + lane] : lanes[lane];
  }
  for (int width = kLanes / 2; width > 0; width /= 2) {
    for (int lane = 0; lane < width; ++lane) {
      lanes[lane] = lanes[lane] > lanes[lane + width] ? lanes[lane] : lanes[lane + width];
    }
  }
  return lanes[0];
}

// The sum of e^(x - high), each of which is also kept unless to is null.
template<typename C>
inline double exponentials(const C* x, C* to, int64_t count, C high) {
  double all = 0;
  for (int64_t first = 0; first < count; first += kBlock) {
    const int64_t part = std::min(kBlock, count - first);
    const C* v = x + first;
    if (to == nullptr) {
      all += sum_of<C>(part, [=](int64_t i) { return exp_below(v[i] - high); });
    } else {
      C* e = to + first;
#pragma GCC ivdep
      for (int64_t i = 0; i < part; ++i) { e[i] = exp_below(v[i] - high); }
      all += sum_of<C>(part, [=](int64_t i) { return e[i]; });
    }
  }
  return all;
}

}  // namespace ofm

#endif  // OFM_EXPONENTIALS_H_
