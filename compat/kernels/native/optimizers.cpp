// Optimizers' steps over many parameters in one call, with PyTorch's formulas in its order.
//
// The caller has waited for OneFlow's threads, so that the tensors' memory is at rest.
#include "kernel.h"

#include <memory>
#include <utility>

#include "oneflow/core/framework/device.h"
#include "oneflow/core/framework/tensor.h"

namespace ofm {
namespace {

constexpr int kTensors = 5;    // of a row: the parameter, its gradient, up to three of its state
constexpr int kNumbers = 10;   // of a row
constexpr int64_t kPiece = 8192;
constexpr int64_t kBuffer = 1024;

template<typename C>
inline C descent(C grad, C param, bool maximize, C decay) {
  if (maximize) { grad = -grad; }
  return decay != 0 ? grad + decay * param : grad;
}

// Each formula reads p[0..] = parameter, gradient, state for `count` elements and writes all but
// the gradient. Numbers are as the Python formula of the same name has them.
struct Descend {
  static constexpr int tensors = 2;
  template<typename C>
  static void run(C* const* p, int64_t count, const double* n) {
    C* __restrict param = p[0];
    const C* __restrict grad = p[1];
    const C lr = static_cast<C>(-n[0]), decay = static_cast<C>(n[2]);
    const bool maximize = n[1] != 0;
    for (int64_t i = 0; i < count; ++i) {
      param[i] += lr * descent(grad[i], param[i], maximize, decay);
    }
  }
};

template<bool first>
struct Momentum {
  static constexpr int tensors = 3;
  template<typename C>
  static void run(C* const* p, int64_t count, const double* n) {
    C* __restrict param = p[0];
    const C* __restrict grad = p[1];
    C* __restrict buffer = p[2];
    const C lr = static_cast<C>(-n[0]), decay = static_cast<C>(n[2]);
    const bool maximize = n[1] != 0, nesterov = n[3] != 0;
    const C momentum = static_cast<C>(n[4]), kept = static_cast<C>(1 - n[5]);
    for (int64_t i = 0; i < count; ++i) {
      const C step = descent(grad[i], param[i], maximize, decay);
      const C average = first ? step : buffer[i] * momentum + kept * step;
      buffer[i] = average;
      param[i] += lr * (nesterov ? step + momentum * average : average);
    }
  }
};

template<typename C>
inline C lerp(C from, C to, C weight) {
  return std::abs(weight) < C(0.5) ? from + weight * (to - from)
                                   : to - (to - from) * (C(1) - weight);
}

template<bool amsgrad>
struct Adam {
  static constexpr int tensors = amsgrad ? 5 : 4;
  template<typename C>
  static void run(C* const* p, int64_t count, const double* n) {
    C* __restrict param = p[0];
    const C* __restrict grad = p[1];
    C* __restrict mean = p[2];
    C* __restrict square = p[3];
    C* __restrict largest = p[amsgrad ? 4 : 3];
    const C weight = static_cast<C>(1 - n[0]), beta2 = static_cast<C>(n[1]);
    const C fresh = static_cast<C>(1 - n[1]), eps = static_cast<C>(n[2]);
    const C rate = static_cast<C>(-n[3]), root = static_cast<C>(n[4]);
    const bool maximize = n[5] != 0;
    const C decay = static_cast<C>(n[6]), shrink = static_cast<C>(n[7]);
    for (int64_t i = 0; i < count; ++i) {
      const C old = param[i] * shrink;
      const C step = descent(grad[i], param[i], maximize, decay);
      const C m = lerp(mean[i], step, weight);
      const C v = square[i] * beta2 + fresh * step * step;
      mean[i] = m;
      square[i] = v;
      C scale = v;
      if (amsgrad) {
        const C before = largest[i];
        scale = before > v || before != before ? before : v;
        largest[i] = scale;
      }
      param[i] = old + rate * m / (std::sqrt(scale) / root + eps);
    }
  }
};

template<bool with_momentum, bool centered>
struct RmsProp {
  static constexpr int tensors = 3 + with_momentum + centered;
  template<typename C>
  static void run(C* const* p, int64_t count, const double* n) {
    C* __restrict param = p[0];
    const C* __restrict grad = p[1];
    C* __restrict square = p[2];
    C* __restrict buffer = p[with_momentum ? 3 : 2];
    C* __restrict mean = p[centered ? 3 + with_momentum : 2];
    const C lr = static_cast<C>(-n[0]), alpha = static_cast<C>(n[1]);
    const C fresh = static_cast<C>(1 - n[1]), eps = static_cast<C>(n[2]);
    const C momentum = static_cast<C>(n[3]), decay = static_cast<C>(n[6]);
    const bool maximize = n[5] != 0;
    for (int64_t i = 0; i < count; ++i) {
      const C step = descent(grad[i], param[i], maximize, decay);
      const C v = square[i] * alpha + fresh * step * step;
      square[i] = v;
      C spread = v;
      if (centered) {
        const C m = lerp(mean[i], step, fresh);
        mean[i] = m;
        spread = v - m * m;
      }
      const C scale = std::sqrt(spread) + eps;
      if (with_momentum) {
        const C average = buffer[i] * momentum + step / scale;
        buffer[i] = average;
        param[i] += lr * average;
      } else {
        param[i] += lr * step / scale;
      }
    }
  }
};

struct Adagrad {
  static constexpr int tensors = 3;
  template<typename C>
  static void run(C* const* p, int64_t count, const double* n) {
    C* __restrict param = p[0];
    const C* __restrict grad = p[1];
    C* __restrict total = p[2];
    const C rate = static_cast<C>(-n[0]), eps = static_cast<C>(n[1]);
    const bool maximize = n[2] != 0;
    const C decay = static_cast<C>(n[3]);
    for (int64_t i = 0; i < count; ++i) {
      const C step = descent(grad[i], param[i], maximize, decay);
      const C sum = total[i] + step * step;
      total[i] = sum;
      param[i] += rate * step / (std::sqrt(sum) + eps);
    }
  }
};

struct Adadelta {
  static constexpr int tensors = 4;
  template<typename C>
  static void run(C* const* p, int64_t count, const double* n) {
    C* __restrict param = p[0];
    const C* __restrict grad = p[1];
    C* __restrict square = p[2];
    C* __restrict moved = p[3];
    const C lr = static_cast<C>(-n[0]), rho = static_cast<C>(n[1]);
    const C fresh = static_cast<C>(1 - n[1]), eps = static_cast<C>(n[2]);
    const bool maximize = n[3] != 0;
    const C decay = static_cast<C>(n[4]);
    for (int64_t i = 0; i < count; ++i) {
      const C step = descent(grad[i], param[i], maximize, decay);
      const C v = square[i] * rho + fresh * step * step;
      square[i] = v;
      const C change = std::sqrt(moved[i] + eps) / std::sqrt(v + eps) * step;
      moved[i] = moved[i] * rho + fresh * change * change;
      param[i] += lr * change;
    }
  }
};

struct Adamax {
  static constexpr int tensors = 4;
  template<typename C>
  static void run(C* const* p, int64_t count, const double* n) {
    C* __restrict param = p[0];
    const C* __restrict grad = p[1];
    C* __restrict mean = p[2];
    C* __restrict largest = p[3];
    const C weight = static_cast<C>(1 - n[0]), beta2 = static_cast<C>(n[1]);
    const C eps = static_cast<C>(n[2]), rate = static_cast<C>(-n[3]);
    const bool maximize = n[4] != 0;
    const C decay = static_cast<C>(n[5]);
    for (int64_t i = 0; i < count; ++i) {
      const C step = descent(grad[i], param[i], maximize, decay);
      const C m = lerp(mean[i], step, weight);
      mean[i] = m;
      const C before = largest[i] * beta2, now = std::abs(step) + eps;
      const C most = before > now || before != before ? before : now;
      largest[i] = most;
      param[i] += rate * m / most;
    }
  }
};

struct Nadam {
  static constexpr int tensors = 4;
  template<typename C>
  static void run(C* const* p, int64_t count, const double* n) {
    C* __restrict param = p[0];
    const C* __restrict grad = p[1];
    C* __restrict mean = p[2];
    C* __restrict square = p[3];
    const C weight = static_cast<C>(1 - n[0]), beta2 = static_cast<C>(n[1]);
    const C fresh = static_cast<C>(1 - n[1]), eps = static_cast<C>(n[2]);
    const C correction = static_cast<C>(n[3]), grad_rate = static_cast<C>(-n[4]);
    const C mean_rate = static_cast<C>(-n[5]);
    const bool maximize = n[6] != 0;
    const C decay = static_cast<C>(n[7]), shrink = static_cast<C>(n[8]);
    for (int64_t i = 0; i < count; ++i) {
      const C old = param[i] * shrink;
      const C step = descent(grad[i], param[i], maximize, decay);
      const C m = lerp(mean[i], step, weight);
      const C v = square[i] * beta2 + fresh * step * step;
      mean[i] = m;
      square[i] = v;
      const C scale = std::sqrt(v / correction) + eps;
      param[i] = old + grad_rate * step / scale + mean_rate * m / scale;
    }
  }
};

// --- rows ----------------------------------------------------------------------------------------

using Run32 = void (*)(float* const*, int64_t, const double*);
using Run64 = void (*)(double* const*, int64_t, const double*);

struct Formula {
  int tensors;
  Run32 in_float;
  Run64 in_double;
};

template<typename F>
Formula formula() {
  return Formula{F::tensors, &F::template run<float>, &F::template run<double>};
}

// In the order of stepping.py's list.
const Formula kFormulas[] = {
    formula<Descend>(),
    formula<Momentum<true>>(),
    formula<Momentum<false>>(),
    formula<Adam<false>>(),
    formula<Adam<true>>(),
    formula<RmsProp<false, false>>(),
    formula<RmsProp<true, false>>(),
    formula<RmsProp<false, true>>(),
    formula<RmsProp<true, true>>(),
    formula<Adagrad>(),
    formula<Adadelta>(),
    formula<Adamax>(),
    formula<Nadam>(),
};

// What a Python object of OneFlow's Tensor type begins with.
struct PythonTensor {
  intptr_t references;
  void* type;
  std::shared_ptr<oneflow::one::Tensor> tensor;
};

struct Row {
  const Formula* formula;
  const double* numbers;
  DataType dtype;
  int64_t count;
  char* memory[kTensors];
};

// The value behind a Python tensor; null where there is none on the CPU.
user_op::Tensor* value_of(uint64_t address) {
  const auto* object = reinterpret_cast<const PythonTensor*>(address);
  if (object == nullptr || object->tensor == nullptr) { return nullptr; }
  const auto& tensor = object->tensor;
  if (!tensor->is_local() || tensor->is_lazy()) { return nullptr; }
  const auto blob = tensor->eager_blob_object().GetDataPtrAndStackedError().first;
  if (blob == nullptr) { return nullptr; }
  // Its first base; OneFlow's wheel does not bring the class's own header. The tensor keeps it.
  auto* value = reinterpret_cast<user_op::Tensor*>(blob.get());
  return value->mem_case().device_type() == DeviceType::kCPU ? value : nullptr;
}

bool is_floating(DataType dtype) {
  return dtype == DataType::kFloat || dtype == DataType::kDouble || dtype == DataType::kFloat16
         || dtype == DataType::kBFloat16;
}

// The elements fill their memory without gaps, in whatever order.
bool is_dense(const user_op::Tensor* tensor) {
  const auto shape = tensor->shape_view();
  int64_t inner = 1, at = shape.NumAxes();
  while (at > 0 && (shape.At(at - 1) == 1 || tensor->stride().at(at - 1) == inner)) {
    inner *= shape.At(--at);
  }
  if (at == 0) { return true; }
  std::vector<std::pair<int64_t, int64_t>> dims;
  for (int64_t i = 0; i < shape.NumAxes(); ++i) {
    if (shape.At(i) != 1) { dims.emplace_back(tensor->stride().at(i), shape.At(i)); }
  }
  std::sort(dims.begin(), dims.end());
  int64_t expected = 1;
  for (const auto& dim : dims) {
    if (dim.first != expected) { return false; }
    expected *= dim.second;
  }
  return true;
}

// The tensors of a row, if they are alike: on the CPU, of one dtype, in one order.
bool read_row(const uint64_t* objects, Row* row) {
  const user_op::Tensor* first = nullptr;
  for (int i = 0; i < row->formula->tensors; ++i) {
    user_op::Tensor* value = value_of(objects[i]);
    if (value == nullptr) { return false; }
    if (first == nullptr) {
      first = value;
      row->dtype = value->data_type();
      row->count = value->shape_view().elem_cnt();
      if (!is_floating(row->dtype) || !is_dense(value)) { return false; }
    } else {
      const auto shape = first->shape_view(), other = value->shape_view();
      if (value->data_type() != row->dtype || shape.NumAxes() != other.NumAxes()) { return false; }
      for (int64_t d = 0; d < shape.NumAxes(); ++d) {
        if (shape.At(d) != other.At(d)) { return false; }
        if (shape.At(d) != 1 && first->stride().at(d) != value->stride().at(d)) { return false; }
      }
    }
    row->memory[i] = row->count == 0 ? nullptr : static_cast<char*>(value->mut_raw_dptr());
  }
  return true;
}

template<typename T>
void run_narrow(const Row& row, int64_t begin, int64_t end) {
  float buffers[kTensors][kBuffer];
  float* wide[kTensors];
  for (int i = 0; i < kTensors; ++i) { wide[i] = buffers[i]; }
  for (int64_t at = begin; at < end; at += kBuffer) {
    const int64_t count = std::min(kBuffer, end - at);
    for (int i = 0; i < row.formula->tensors; ++i) {
      load_row<T>(reinterpret_cast<const T*>(row.memory[i]) + at, wide[i], count);
    }
    row.formula->in_float(wide, count, row.numbers);
    for (int i = 0; i < row.formula->tensors; ++i) {
      if (i != 1) { store_row<T>(wide[i], reinterpret_cast<T*>(row.memory[i]) + at, count); }
    }
  }
}

template<typename C, typename Run>
void run_exact(const Row& row, Run run, int64_t begin, int64_t end) {
  C* moved[kTensors];
  for (int i = 0; i < row.formula->tensors; ++i) {
    moved[i] = reinterpret_cast<C*>(row.memory[i]) + begin;
  }
  run(moved, end - begin, row.numbers);
}

void run_row(const Row& row, int64_t begin, int64_t end) {
  switch (row.dtype) {
    case DataType::kFloat: run_exact<float>(row, row.formula->in_float, begin, end); break;
    case DataType::kDouble: run_exact<double>(row, row.formula->in_double, begin, end); break;
    case DataType::kFloat16: run_narrow<Half>(row, begin, end); break;
    default: run_narrow<BFloat16>(row, begin, end); break;
  }
}

// --- norms ---------------------------------------------------------------------------------------

// Calls body(typed pointer, count) for a dense value of a floating dtype.
template<typename Body>
void visit(user_op::Tensor* value, const Body& body) {
  const int64_t count = value->shape_view().elem_cnt();
  void* memory = value->mut_raw_dptr();
  switch (value->data_type()) {
    case DataType::kFloat: body(static_cast<float*>(memory), count); break;
    case DataType::kDouble: body(static_cast<double*>(memory), count); break;
    case DataType::kFloat16: body(static_cast<Half*>(memory), count); break;
    default: body(static_cast<BFloat16*>(memory), count); break;
  }
}

// The values behind Python tensors; empty where one of them does not do.
std::vector<user_op::Tensor*> dense_values(int count, const uint64_t* objects) {
  std::vector<user_op::Tensor*> values;
  for (int i = 0; i < count; ++i) {
    user_op::Tensor* value = value_of(objects[i]);
    if (value == nullptr || !is_floating(value->data_type()) || !is_dense(value)) { return {}; }
    values.push_back(value);
  }
  return values;
}

// What each piece of at most kPiece elements has to do, over all tensors.
template<typename Body>
void by_pieces(const std::vector<user_op::Tensor*>& values, const Body& body) {
  std::vector<std::pair<size_t, int64_t>> pieces;
  int64_t total = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    const int64_t count = values[i]->shape_view().elem_cnt();
    for (int64_t at = 0; at < count; at += kPiece) { pieces.emplace_back(i, at); }
    total += count;
  }
  const int64_t each = pieces.empty() ? 1 : std::max<int64_t>(1, total / pieces.size());
  parallel_for(pieces.size(), std::max<int64_t>(1, kGrain / each),
               [&](int64_t begin, int64_t end) {
                 for (int64_t i = begin; i < end; ++i) {
                   body(i, pieces[i].first, pieces[i].second);
                 }
               });
}

template<typename T>
double sum_of_squares(const T* from, int64_t count) {
  compute_t<T> lanes[16] = {};
  int64_t i = 0;
  for (; i + 16 <= count; i += 16) {
    for (int lane = 0; lane < 16; ++lane) {
      const auto value = to_compute(from[i + lane]);
      lanes[lane] += value * value;
    }
  }
  double sum = 0;
  for (; i < count; ++i) {
    const double value = to_compute(from[i]);
    sum += value * value;
  }
  for (const auto lane : lanes) { sum += lane; }
  return sum;
}

}  // namespace
}  // namespace ofm

extern "C" {

// The memory of a Python tensor on the CPU without gaps; null where it is not that.
__attribute__((visibility("default"))) void* ofm_memory(uint64_t object) {
  using namespace ofm;
  user_op::Tensor* value = value_of(object);
  return value != nullptr && is_dense(value) ? value->mut_raw_dptr() : nullptr;
}

// Writes the 2-norm of each Python tensor; returns 0 where one of them does not do.
__attribute__((visibility("default"))) int ofm_norms(int count, const uint64_t* objects,
                                                     double* norms) {
  using namespace ofm;
  const auto values = dense_values(count, objects);
  if (values.size() != static_cast<size_t>(count)) { return 0; }
  std::vector<int64_t> firsts(count + 1, 0);
  for (int i = 0; i < count; ++i) {
    firsts[i + 1] = firsts[i] + (values[i]->shape_view().elem_cnt() + kPiece - 1) / kPiece;
  }
  std::vector<double> sums(firsts[count]);
  by_pieces(values, [&](int64_t piece, size_t i, int64_t at) {
    visit(values[i], [&](const auto* from, int64_t size) {
      sums[piece] = sum_of_squares(from + at, std::min(kPiece, size - at));
    });
  });
  for (int i = 0; i < count; ++i) {
    double sum = 0;
    for (int64_t piece = firsts[i]; piece < firsts[i + 1]; ++piece) { sum += sums[piece]; }
    norms[i] = std::sqrt(sum);
  }
  return 1;
}

// Multiplies Python tensors by a number; returns 0, and does nothing, where one does not do.
__attribute__((visibility("default"))) int ofm_scale(int count, const uint64_t* objects,
                                                     double factor) {
  using namespace ofm;
  const auto values = dense_values(count, objects);
  if (values.size() != static_cast<size_t>(count)) { return 0; }
  by_pieces(values, [&](int64_t, size_t i, int64_t at) {
    visit(values[i], [&](auto* to, int64_t size) {
      using T = std::remove_pointer_t<decltype(to)>;
      const auto by = static_cast<compute_t<T>>(factor);
      const int64_t end = std::min(at + kPiece, size);
      for (int64_t j = at; j < end; ++j) {
        to[j] = from_compute<T>(static_cast<compute_t<T>>(to_compute(to[j]) * by));
      }
    });
  });
  return 1;
}

// Runs `count` rows: formulas[i] over the Python tensors at objects[5 i ...] with the numbers at
// numbers[10 i ...]. Writes to refused the rows whose tensors are not alike, untouched; returns
// how many those are.
__attribute__((visibility("default"))) int ofm_step(int count, const int* formulas,
                                                    const uint64_t* objects, const double* numbers,
                                                    int* refused) {
  using namespace ofm;
  std::vector<Row> rows;
  std::vector<std::pair<int, int64_t>> pieces;
  rows.reserve(count);
  int left = 0;
  int64_t total = 0;
  for (int i = 0; i < count; ++i) {
    Row row{};
    row.formula = &kFormulas[formulas[i]];
    row.numbers = numbers + static_cast<int64_t>(i) * kNumbers;
    if (!read_row(objects + static_cast<int64_t>(i) * kTensors, &row)) {
      refused[left++] = i;
      continue;
    }
    for (int64_t at = 0; at < row.count; at += kPiece) {
      pieces.emplace_back(static_cast<int>(rows.size()), at);
    }
    total += row.count;
    rows.push_back(row);
  }
  const int64_t each = pieces.empty() ? 1 : std::max<int64_t>(1, total / pieces.size());
  parallel_for(pieces.size(), std::max<int64_t>(1, kGrain / 2 / each),
               [&](int64_t begin, int64_t end) {
                 for (int64_t i = begin; i < end; ++i) {
                   const Row& row = rows[pieces[i].first];
                   const int64_t at = pieces[i].second;
                   run_row(row, at, std::min(row.count, at + kPiece));
                 }
               });
  return left;
}
}
