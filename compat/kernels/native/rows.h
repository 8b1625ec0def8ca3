// Sums and moments of rows of numbers, in blocks that stay in the first-level cache.
//
// A block is summed in the type that is computed in, in many lanes side by side; blocks are added
// up in double. The order is the same for any number of threads.
#ifndef OFM_ROWS_H_
#define OFM_ROWS_H_

#include "kernel.h"

namespace ofm {

constexpr int64_t kBlock = 2048;
constexpr int kLanes = 64;

// The block in the type that is computed in; in the buffer only if it has to be converted.
template<typename T>
inline const compute_t<T>* loaded(const T* from, compute_t<T>* buffer, int64_t count) {
  if constexpr (std::is_same<T, compute_t<T>>::value) {
    return from;
  } else {
    load_row(from, buffer, count);
    return buffer;
  }
}

// Where a block may be computed before store_block puts it into its place.
template<typename T>
inline compute_t<T>* scratch(T* to, compute_t<T>* buffer) {
  if constexpr (std::is_same<T, compute_t<T>>::value) {
    return to;
  } else {
    return buffer;
  }
}
template<typename T>
inline void store_block(const compute_t<T>* from, T* to, int64_t count) {
  if constexpr (!std::is_same<T, compute_t<T>>::value) { store_row(from, to, count); }
}

// The sum of term(i) for i in 0..count.
template<typename C, typename Term>
inline C sum_of(int64_t count, const Term& term) {
  C lanes[kLanes] = {};
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (int lane = 0; lane < kLanes; ++lane) { lanes[lane] += term(i + lane); }
  }
  for (int lane = 0; i + lane < count; ++lane) { lanes[lane] += term(i + lane); }
  for (int width = kLanes / 2; width > 0; width /= 2) {
    for (int lane = 0; lane < width; ++lane) { lanes[lane] += lanes[lane + width]; }
  }
  return lanes[0];
}

// Two sums in one pass: of first(i), and of second(i).
template<typename C>
struct Pair {
  C first, second;
};
template<typename C, typename First, typename Second>
inline Pair<C> sums_of(int64_t count, const First& first, const Second& second) {
  constexpr int kHalf = kLanes / 2;
  C one[kHalf] = {}, two[kHalf] = {};
  int64_t i = 0;
  for (; i + kHalf <= count; i += kHalf) {
    for (int lane = 0; lane < kHalf; ++lane) {
      one[lane] += first(i + lane);
      two[lane] += second(i + lane);
    }
  }
  for (int lane = 0; i + lane < count; ++lane) {
    one[lane] += first(i + lane);
    two[lane] += second(i + lane);
  }
  for (int width = kHalf / 2; width > 0; width /= 2) {
    for (int lane = 0; lane < width; ++lane) {
      one[lane] += one[lane + width];
      two[lane] += two[lane + width];
    }
  }
  return {one[0], two[0]};
}

// Mean and sum of squared deviations of numbers, put together from those of parts.
struct Moments {
  double count = 0, mean = 0, squares = 0;

  void add(const Moments& other) {
    const double total = count + other.count;
    if (total == 0) { return; }
    const double delta = other.mean - mean, share = other.count / total;
    squares += other.squares + delta * delta * count * share;
    mean += delta * share;
    count = total;
  }
  double variance() const { return squares / count; }
};

// Those of one block, in two passes over it, the second of which corrects the first.
template<typename C>
inline Moments block_moments(const C* x, int64_t count) {
  const C mean = sum_of<C>(count, [x](int64_t i) { return x[i]; }) / count;
  const Pair<C> rest = sums_of<C>(
      count, [x, mean](int64_t i) { return x[i] - mean; },
      [x, mean](int64_t i) { return (x[i] - mean) * (x[i] - mean); });
  const double lost = static_cast<double>(rest.first) / count;
  return {static_cast<double>(count), mean + lost, rest.second - lost * rest.first};
}

template<typename T>
inline Moments row_moments(const T* x, int64_t count) {
  using C = compute_t<T>;
  C buffer[kBlock];
  Moments all;
  for (int64_t i = 0; i < count; i += kBlock) {
    const int64_t part = std::min(kBlock, count - i);
    all.add(block_moments(loaded(x + i, buffer, part), part));
  }
  return all;
}

// A row whose square is summed, without its mean.
template<typename T>
inline Moments row_squares(const T* x, int64_t count) {
  using C = compute_t<T>;
  C buffer[kBlock];
  Moments all;
  for (int64_t i = 0; i < count; i += kBlock) {
    const int64_t part = std::min(kBlock, count - i);
    const C* v = loaded(x + i, buffer, part);
    all.squares += sum_of<C>(part, [v](int64_t j) { return v[j] * v[j]; });
  }
  all.count = static_cast<double>(count);
  return all;
}

}  // namespace ofm

#endif  // OFM_ROWS_H_
