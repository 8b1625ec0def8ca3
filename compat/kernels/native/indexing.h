// Kernels that read positions from a tensor: how one out of range is reported.
#ifndef OFM_INDEXING_H_
#define OFM_INDEXING_H_

#include "strided_copy.h"

namespace ofm {

// Notes the first position that was out of range since the mock last asked. A kernel that meets one
// leaves it out, and goes on.
void report_bad_index(int64_t index, int64_t dim, int64_t size);

inline std::vector<int64_t> shape_of(const user_op::Tensor* tensor) {
  const auto view = tensor->shape_view();
  std::vector<int64_t> out(view.NumAxes());
  for (size_t i = 0; i < out.size(); ++i) { out[i] = view.At(i); }
  return out;
}

// The shape, with one dimension where there is none.
inline std::vector<int64_t> shape_of_1d(const user_op::Tensor* tensor) {
  auto out = shape_of(tensor);
  if (out.empty()) { out.push_back(1); }
  return out;
}

template<typename T>
inline T add(T a, T b) {
  return from_compute<T>(static_cast<compute_t<T>>(to_compute(a) + to_compute(b)));
}
template<>
inline bool add<bool>(bool a, bool b) {
  return a || b;
}
template<typename T>
inline T multiply(T a, T b) {
  return from_compute<T>(static_cast<compute_t<T>>(to_compute(a) * to_compute(b)));
}
template<>
inline bool multiply<bool>(bool a, bool b) {
  return a && b;
}

// How a value meets the one that is there.
struct Replace {
  template<typename T>
  static inline void apply(T* place, T value) {
    *place = value;
  }
};
struct Add {
  template<typename T>
  static inline void apply(T* place, T value) {
    *place = add(*place, value);
  }
};
struct Multiply {
  template<typename T>
  static inline void apply(T* place, T value) {
    *place = multiply(*place, value);
  }
};

// to[row * size + j] meets from[i * size + j] for every i, row = row_of(i); a negative row is left
// out. Each place is written by one thread, in the order of i, so that sums never change.
template<typename Meet, typename T, typename RowOf>
void scatter_rows(T* to, int64_t rows, const T* from, int64_t count, int64_t size,
                  const RowOf& row_of) {
  if (count <= 0 || size <= 0) { return; }
  const int64_t work = count * size;
  if (size * static_cast<int64_t>(sizeof(T)) >= 512) {
    parallel_for(size, std::max<int64_t>(64, kGrain / count), [&](int64_t begin, int64_t end) {
      for (int64_t i = 0; i < count; ++i) {
        const int64_t row = row_of(i);
        if (row < 0) { continue; }
        T* target = to + row * size;
        const T* source = from + i * size;
        for (int64_t j = begin; j < end; ++j) { Meet::apply(target + j, source[j]); }
      }
    });
    return;
  }
  const int64_t grain = work < kGrain ? rows : std::max<int64_t>(1, rows / threads());
  parallel_for(rows, grain, [&](int64_t begin, int64_t end) {
    for (int64_t i = 0; i < count; ++i) {
      const int64_t row = row_of(i);
      if (row < begin || row >= end) { continue; }
      T* target = to + row * size;
      const T* source = from + i * size;
      for (int64_t j = 0; j < size; ++j) { Meet::apply(target + j, source[j]); }
    }
  });
}

inline void clear_bytes(void* to, int64_t bytes) {
  parallel_for(bytes, kGrain * 8, [=](int64_t begin, int64_t end) {
    std::memset(static_cast<char*>(to) + begin, 0, end - begin);
  });
}

// A tensor of positions of either width.
class Positions {
 public:
  explicit Positions(const user_op::Tensor* tensor)
      : data_(tensor->raw_dptr()), wide_(tensor->data_type() == DataType::kInt64) {}
  // Calls body with the typed pointer.
  template<typename Body>
  void visit(const Body& body) const {
    if (wide_) {
      body(static_cast<const int64_t*>(data_));
    } else {
      body(static_cast<const int32_t*>(data_));
    }
  }

 private:
  const void* data_;
  bool wide_;
};

// The dtype of an argument is one that positions have.
inline auto positions(const std::string& argument) {
  return (user_op::HobDataType(argument, 0) == DataType::kInt32)
         || (user_op::HobDataType(argument, 0) == DataType::kInt64);
}

// Calls body with a pointer type of the width of a dtype, for what only moves elements.
template<typename Body>
void by_width(size_t width, const Body& body) {
  struct Wide {
    uint64_t low, high;
  };
  switch (width) {
    case 1: body(static_cast<uint8_t*>(nullptr)); break;
    case 2: body(static_cast<uint16_t*>(nullptr)); break;
    case 4: body(static_cast<uint32_t*>(nullptr)); break;
    case 8: body(static_cast<uint64_t*>(nullptr)); break;
    case 16: body(static_cast<Wide*>(nullptr)); break;
    default: break;
  }
}

}  // namespace ofm

#endif  // OFM_INDEXING_H_
