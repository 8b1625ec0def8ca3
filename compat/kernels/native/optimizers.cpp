// Optimizers' steps over many parameters in one call, with PyTorch's formulas in its order.
//
// The caller has waited for OneFlow's threads, so that the tensors' memory is at rest.
#include "kernel.h"
#include "vector_math.h"

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

// A formula changes a parameter and up to three tensors of its state by the direction of descent.
// Its numbers are as the Python formula of the same name has them; two of them, from a place on, say
// how that direction comes from the gradient. `tensors` counts parameter, gradient and state.
template<typename C>
struct Formula {
  Formula(const double* n, int place)
      : maximize(n[place] != 0), decay(static_cast<C>(n[place + 1])) {}
  OFM_MATH C direction(C grad, C param) const {
    const C along = maximize ? -grad : grad;
    return decay != 0 ? along + decay * param : along;
  }
  const bool maximize;
  const C decay;
};

template<typename C>
OFM_MATH C lerp(C from, C to, C weight) {
  return std::abs(weight) < C(0.5) ? from + weight * (to - from)
                                   : to - (to - from) * (C(1) - weight);
}

template<typename C>
struct Descend : Formula<C> {
  static constexpr int tensors = 2;
  explicit Descend(const double* n) : Formula<C>(n, 1), rate(-n[0]) {}
  OFM_MATH void operator()(C& param, C step, C&, C&, C&) const { param += rate * step; }
  const C rate;
};

template<bool first, typename C>
struct MomentumOf : Formula<C> {
  static constexpr int tensors = 3;
  explicit MomentumOf(const double* n)
      : Formula<C>(n, 1), rate(-n[0]), momentum(n[4]), kept(1 - n[5]), nesterov(n[3] != 0) {}
  OFM_MATH void operator()(C& param, C step, C& buffer, C&, C&) const {
    const C average = first ? step : buffer * momentum + kept * step;
    buffer = average;
    param += rate * (nesterov ? step + momentum * average : average);
  }
  const C rate, momentum, kept;
  const bool nesterov;
};
template<typename C>
using BeginMomentum = MomentumOf<true, C>;
template<typename C>
using WithMomentum = MomentumOf<false, C>;

template<bool amsgrad, typename C>
struct AdamOf : Formula<C> {
  static constexpr int tensors = amsgrad ? 5 : 4;
  explicit AdamOf(const double* n)
      : Formula<C>(n, 5), weight(1 - n[0]), beta2(n[1]), fresh(1 - n[1]), eps(n[2]), rate(-n[3]),
        root(n[4]), shrink(n[7]) {}
  OFM_MATH void operator()(C& param, C step, C& mean, C& square, C& largest) const {
    const C m = lerp(mean, step, weight), v = square * beta2 + fresh * step * step;
    mean = m;
    square = v;
    C scale = v;
    if (amsgrad) {
      const C before = largest;
      scale = before > v || before != before ? before : v;
      largest = scale;
    }
    param = param * shrink + rate * m / (std::sqrt(scale) / root + eps);
  }
  const C weight, beta2, fresh, eps, rate, root, shrink;
};
template<typename C>
using Adam = AdamOf<false, C>;
template<typename C>
using Amsgrad = AdamOf<true, C>;

template<bool with_momentum, bool centered, typename C>
struct RmsPropOf : Formula<C> {
  static constexpr int tensors = 3 + with_momentum + centered;
  explicit RmsPropOf(const double* n)
      : Formula<C>(n, 5), rate(-n[0]), alpha(n[1]), fresh(1 - n[1]), eps(n[2]), momentum(n[3]) {}
  OFM_MATH void operator()(C& param, C step, C& square, C& second, C& third) const {
    const C v = square * alpha + fresh * step * step;
    square = v;
    C spread = v;
    if (centered) {
      C& mean = with_momentum ? third : second;
      const C m = lerp(mean, step, fresh);
      mean = m;
      spread = v - m * m;
    }
    const C scale = std::sqrt(spread) + eps;
    if (with_momentum) {
      const C average = second * momentum + step / scale;
      second = average;
      param += rate * average;
    } else {
      param += rate * step / scale;
    }
  }
  const C rate, alpha, fresh, eps, momentum;
};
template<typename C>
using RmsProp = RmsPropOf<false, false, C>;
template<typename C>
using RmsPropMomentum = RmsPropOf<true, false, C>;
template<typename C>
using RmsPropCentered = RmsPropOf<false, true, C>;
template<typename C>
using RmsPropMomentumCentered = RmsPropOf<true, true, C>;

template<typename C>
struct Adagrad : Formula<C> {
  static constexpr int tensors = 3;
  explicit Adagrad(const double* n) : Formula<C>(n, 2), rate(-n[0]), eps(n[1]) {}
  OFM_MATH void operator()(C& param, C step, C& total, C&, C&) const {
    const C sum = total + step * step;
    total = sum;
    param += rate * step / (std::sqrt(sum) + eps);
  }
  const C rate, eps;
};

template<typename C>
struct Adadelta : Formula<C> {
  static constexpr int tensors = 4;
  explicit Adadelta(const double* n)
      : Formula<C>(n, 3), rate(-n[0]), rho(n[1]), fresh(1 - n[1]), eps(n[2]) {}
  OFM_MATH void operator()(C& param, C step, C& square, C& moved, C&) const {
    const C v = square * rho + fresh * step * step;
    square = v;
    const C change = std::sqrt(moved + eps) / std::sqrt(v + eps) * step;
    moved = moved * rho + fresh * change * change;
    param += rate * change;
  }
  const C rate, rho, fresh, eps;
};

template<typename C>
struct Adamax : Formula<C> {
  static constexpr int tensors = 4;
  explicit Adamax(const double* n)
      : Formula<C>(n, 4), weight(1 - n[0]), beta2(n[1]), eps(n[2]), rate(-n[3]) {}
  OFM_MATH void operator()(C& param, C step, C& mean, C& largest, C&) const {
    const C m = lerp(mean, step, weight);
    mean = m;
    const C before = largest * beta2, now = std::abs(step) + eps;
    const C most = before > now || before != before ? before : now;
    largest = most;
    param += rate * m / most;
  }
  const C weight, beta2, eps, rate;
};

template<typename C>
struct Nadam : Formula<C> {
  static constexpr int tensors = 4;
  explicit Nadam(const double* n)
      : Formula<C>(n, 6), weight(1 - n[0]), beta2(n[1]), fresh(1 - n[1]), eps(n[2]),
        correction(n[3]), grad_rate(-n[4]), mean_rate(-n[5]), shrink(n[8]) {}
  OFM_MATH void operator()(C& param, C step, C& mean, C& square, C&) const {
    const C m = lerp(mean, step, weight), v = square * beta2 + fresh * step * step;
    mean = m;
    square = v;
    const C scale = std::sqrt(v / correction) + eps;
    param = param * shrink + grad_rate * step / scale + mean_rate * m / scale;
  }
  const C weight, beta2, fresh, eps, correction, grad_rate, mean_rate, shrink;
};

// --- rows ----------------------------------------------------------------------------------------

// p: the parameter, its gradient, its state, of `count` elements each.
template<template<typename> class F, typename C>
void run(C* const* p, int64_t count, const double* numbers) {
  const F<C> formula(numbers);
  constexpr int states = F<C>::tensors - 2;
  C* __restrict param = p[0];
  const C* __restrict grad = p[1];
  C* __restrict first = p[states > 0 ? 2 : 0];
  C* __restrict second = p[states > 1 ? 3 : 0];
  C* __restrict third = p[states > 2 ? 4 : 0];
  for (int64_t i = 0; i < count; ++i) {
    C none{};
    formula(param[i], formula.direction(grad[i], param[i]), states > 0 ? first[i] : none,
            states > 1 ? second[i] : none, states > 2 ? third[i] : none);
  }
}

using Run32 = void (*)(float* const*, int64_t, const double*);
using Run64 = void (*)(double* const*, int64_t, const double*);

struct Known {
  int tensors;
  Run32 in_float;
  Run64 in_double;
};

template<template<typename> class F>
Known known() {
  return Known{F<float>::tensors, &run<F, float>, &run<F, double>};
}

// In the order of stepping.py's list.
const Known kFormulas[] = {
    known<Descend>(),         known<BeginMomentum>(),
    known<WithMomentum>(),    known<Adam>(),
    known<Amsgrad>(),         known<RmsProp>(),
    known<RmsPropMomentum>(), known<RmsPropCentered>(),
    known<RmsPropMomentumCentered>(), known<Adagrad>(),
    known<Adadelta>(),        known<Adamax>(),
    known<Nadam>(),
};

// What a Python object of OneFlow's Tensor type begins with.
struct PythonTensor {
  intptr_t references;
  void* type;
  std::shared_ptr<oneflow::one::Tensor> tensor;
};

struct Row {
  const Known* formula;
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
