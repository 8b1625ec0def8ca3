// Gradients of operators on two tensors: sums over what was broadcast, quotients, the larger one.
#include <memory>

#include "elementwise.h"
#include "vector_math.h"

namespace ofm {
namespace elementwise {
namespace {

// --- sums over dimensions ------------------------------------------------------------------------

constexpr int64_t kColumns = 512;
// What one part of a sum has at least; how a sum is parted does not depend on the threads.
constexpr int64_t kPart = 65536;

template<typename T>
struct SumType {
  using type = double;
};
template<>
struct SumType<int8_t> {
  using type = int64_t;
};
template<>
struct SumType<uint8_t> {
  using type = int64_t;
};
template<>
struct SumType<int16_t> {
  using type = int64_t;
};
template<>
struct SumType<std::complex<float>> {
  using type = std::complex<double>;
};
template<>
struct SumType<std::complex<double>> {
  using type = std::complex<double>;
};
template<>
struct SumType<int32_t> {
  using type = int64_t;
};
template<>
struct SumType<int64_t> {
  using type = int64_t;
};
template<>
struct SumType<bool> {
  using type = int64_t;
};

// A tensor as rows, some dimensions of which are summed up.
struct Rows {
  int64_t length = 1;     // of a row
  bool summed = false;    // the rows themselves
  int dims = 0;           // of the others
  int64_t kept = 1, gone = 1;
  int64_t sizes[kDims], steps[kDims];
  bool is_kept[kDims];

  // Where a row is, by its number among those kept and those summed up.
  int64_t offset(int64_t kept_index, int64_t gone_index) const {
    int64_t out = 0;
    for (int d = dims - 1; d >= 0; --d) {
      int64_t& index = is_kept[d] ? kept_index : gone_index;
      out += index % sizes[d] * steps[d];
      index /= sizes[d];
    }
    return out;
  }
};

// The sizes of a tensor, and which of its dimensions are summed up, as rows.
Rows rows_of(const int64_t* sizes, const bool* summed, int dims) {
  Rows rows;
  int64_t joined[kDims];
  bool gone[kDims];
  int groups = 0;
  for (int d = 0; d < dims; ++d) {
    if (sizes[d] == 1) { continue; }
    if (groups > 0 && gone[groups - 1] == summed[d]) {
      joined[groups - 1] *= sizes[d];
    } else {
      joined[groups] = sizes[d];
      gone[groups++] = summed[d];
    }
  }
  if (groups == 0) { return rows; }
  rows.length = joined[groups - 1];
  rows.summed = gone[groups - 1];
  rows.dims = groups - 1;
  int64_t step = rows.length;
  for (int d = rows.dims - 1; d >= 0; --d) {
    rows.sizes[d] = joined[d];
    rows.steps[d] = step;
    rows.is_kept[d] = !gone[d];
    step *= joined[d];
    (gone[d] ? rows.gone : rows.kept) *= joined[d];
  }
  return rows;
}

template<typename T>
inline const compute_t<T>* loaded(const T* from, compute_t<T>* buffer, int64_t count) {
  if (std::is_same<T, compute_t<T>>::value) { return reinterpret_cast<const compute_t<T>*>(from); }
  load_row(from, buffer, count);
  return buffer;
}

template<typename T>
typename SumType<T>::type sum_of_row(const T* row, int64_t count) {
  using Compute = compute_t<T>;
  using Sum = typename SumType<T>::type;
  using Lane = typename std::conditional<std::is_same<Sum, double>::value, Compute, Sum>::type;
  constexpr int kLanes = 32;
  Compute buffer[kColumns];
  Sum sum = 0;
  for (int64_t done = 0; done < count; done += kColumns) {
    const int64_t some = std::min(kColumns, count - done);
    const Compute* from = loaded(row + done, buffer, some);
    Lane lanes[kLanes] = {};
    int64_t i = 0;
    for (; i + kLanes <= some; i += kLanes) {
      for (int j = 0; j < kLanes; ++j) { lanes[j] += from[i + j]; }
    }
    for (int j = 0; i < some; ++i, ++j) { lanes[j] += from[i]; }
    for (int width = kLanes / 2; width > 0; width /= 2) {
      for (int j = 0; j < width; ++j) { lanes[j] += lanes[j + width]; }
    }
    sum += lanes[0];
  }
  return sum;
}

// Adds columns of the rows with the given numbers.
template<typename T>
void add_columns(const T* x, const Rows& rows, int64_t kept, int64_t begin, int64_t end,
                 int64_t column, int64_t count, typename SumType<T>::type* sums) {
  using Compute = compute_t<T>;
  using Sum = typename SumType<T>::type;
  using Lane = typename std::conditional<std::is_same<Sum, double>::value, Compute, Sum>::type;
  constexpr int64_t kRows = 32;
  Compute buffer[kColumns];
  Lane lanes[kColumns];
  for (int64_t row = begin; row < end; row += kRows) {
    for (int64_t j = 0; j < count; ++j) { lanes[j] = 0; }
    for (int64_t r = row; r < std::min(row + kRows, end); ++r) {
      const Compute* from = loaded(x + rows.offset(kept, r) + column, buffer, count);
#pragma GCC ivdep
      for (int64_t j = 0; j < count; ++j) { lanes[j] += from[j]; }
    }
    for (int64_t j = 0; j < count; ++j) { sums[j] += lanes[j]; }
  }
}

template<typename T>
inline T rounded(typename SumType<T>::type sum) {
  return from_compute<T>(static_cast<compute_t<T>>(sum));
}

template<typename T>
void sum_rows(const T* x, const Rows& rows, T* y) {
  using Sum = typename SumType<T>::type;
  const int64_t width = rows.summed ? 1 : rows.length;
  const int64_t each = rows.gone * rows.length;
  // Parts of the rows of one result, where the results alone do not keep the threads busy.
  const int64_t tasks = rows.kept * ((width + kColumns - 1) / kColumns);
  int64_t parts = 1;
  if (tasks < 8) { parts = std::min(rows.gone, std::max<int64_t>(1, each / kPart)); }
  if (rows.summed && rows.gone == 1 && tasks < 8) {
    parts = std::max<int64_t>(1, rows.length / kPart);
  }
  const int64_t blocks = (width + kColumns - 1) / kColumns;
  std::vector<Sum> partial;
  if (parts > 1) { partial.assign(parts * rows.kept * width, Sum(0)); }
  const int64_t total = tasks * parts;
  parallel_for(total, std::max<int64_t>(1, kGrain * total / std::max<int64_t>(1, rows.kept * each)),
               [&](int64_t begin, int64_t end) {
    for (int64_t task = begin; task < end; ++task) {
      const int64_t part = task % parts, block = task / parts % blocks;
      const int64_t kept = task / parts / blocks;
      const int64_t column = block * kColumns, count = std::min(kColumns, width - column);
      Sum sums[kColumns];
      std::fill(sums, sums + count, Sum(0));
      if (rows.summed && rows.gone == 1) {
        const int64_t from = rows.length * part / parts, to = rows.length * (part + 1) / parts;
        sums[0] = sum_of_row(x + rows.offset(kept, 0) + from, to - from);
      } else {
        const int64_t from = rows.gone * part / parts, to = rows.gone * (part + 1) / parts;
        if (rows.summed) {
          for (int64_t r = from; r < to; ++r) {
            sums[0] += sum_of_row(x + rows.offset(kept, r), rows.length);
          }
        } else {
          add_columns(x, rows, kept, from, to, column, count, sums);
        }
      }
      if (parts > 1) {
        std::copy(sums, sums + count, partial.data() + (part * rows.kept + kept) * width + column);
      } else {
        for (int64_t j = 0; j < count; ++j) { y[kept * width + column + j] = rounded<T>(sums[j]); }
      }
    }
  });
  if (parts > 1) {
    const int64_t count = rows.kept * width;
    for (int64_t j = 0; j < count; ++j) {
      Sum sum = 0;
      for (int64_t part = 0; part < parts; ++part) { sum += partial[part * count + j]; }
      y[j] = rounded<T>(sum);
    }
  }
}

// Sums x over the dimensions told, or over those that y has not.
void sum_to(const Operand& x, const bool* summed, const Operand& y) {
  int64_t count = 1, wanted = 1;
  for (int d = 0; d < x.dims; ++d) { count *= x.sizes[d]; }
  for (int d = 0; d < y.dims; ++d) { wanted *= y.sizes[d]; }
  if (wanted == 0) { return; }
  const Rows rows = rows_of(x.sizes, summed, x.dims);
  void* out = const_cast<void*>(y.data);
  switch (y.dtype) {
#define OFM_SUM(type)                                                                          \
  case DtypeOf<type>::value:                                                                   \
    if (count == 0) {                                                                          \
      std::memset(out, 0, wanted * sizeof(type));                                              \
    } else {                                                                                   \
      sum_rows(static_cast<const type*>(x.data), rows, static_cast<type*>(out));               \
    }                                                                                          \
    return;
    OFM_FOR_FLOATING(OFM_SUM)
    OFM_FOR_INTEGERS(OFM_SUM)
    OFM_SUM(std::complex<float>)
    OFM_SUM(std::complex<double>)
#undef OFM_SUM
    default: return;
  }
}

// Which dimensions of x have been broadcast from y.
void summed_dims(const Operand& x, const Operand& y, bool* summed) {
  for (int d = 0; d < x.dims; ++d) {
    const int own = d - (x.dims - y.dims);
    summed[d] = own < 0 || (y.sizes[own] == 1 && x.sizes[d] != 1);
  }
}

bool is_summable(DataType dtype) { return type_of(dtype) != kNone && dtype != DataType::kBool; }

class ReduceSumLike final : public user_op::OpKernel {
 public:
  ReduceSumLike() = default;
  ~ReduceSumLike() override = default;

 private:
  using user_op::OpKernel::Compute;
  void Compute(Context* context) const override {
    const Operand x = operand(context->Tensor4ArgNameAndIndex("x", 0));
    const Operand y = operand(context->Tensor4ArgNameAndIndex("y", 0));
    bool summed[kDims] = {};
    for (int32_t axis : context->Attr<std::vector<int32_t>>("axis")) {
      summed[axis < 0 ? axis + x.dims : axis] = true;
    }
    sum_to(x, summed, y);
  }
  bool AlwaysComputeWhenAllOutputsEmpty() const override { return false; }
};

// --- smooth absolute differences -----------------------------------------------------------------

template<typename T>
struct SmoothL1 {
  explicit SmoothL1(const Numbers& numbers) : beta(numbers.get<T>(0)) {}
  OFM_MATH T operator()(T x, T target) const {
    const T d = x - target, size = d < 0 ? -d : d;
    return size < beta ? T(0.5) * size * size / beta : size - T(0.5) * beta;
  }
  const T beta;
};
template<typename T>
struct SmoothL1Grad {
  explicit SmoothL1Grad(const Numbers& numbers) : beta(numbers.get<T>(0)) {}
  OFM_MATH T operator()(T dy, T x, T target) const {
    const T d = x - target;
    return d <= -beta ? -dy : d >= beta ? dy : d * dy / beta;
  }
  const T beta;
};
void smoothness(Context* context, DataType, Numbers* numbers) {
  numbers->real[0] = context->Attr<float>("beta");
}

const bool registered_smooth = [] {
  Plan plan{"smooth_l1_loss", 2, {"input", "target"}, "out"};
  fill2<SmoothL1, float, double>(plan);
  plan.numbers = smoothness;
  add(plan);
  Plan gradient{"smooth_l1_loss_grad", 3, {"dy", "input", "target"}, "dx"};
  fill3<SmoothL1Grad, float, double>(gradient);
  gradient.numbers = smoothness;
  add(gradient);
  return true;
}();

// --- quotients -----------------------------------------------------------------------------------

// Of dz, z and y.
template<typename T, typename Round>
struct DivGrad {
  explicit DivGrad(const Numbers&) {}
  OFM_MATH T operator()(T dz, T z, T y) const { return -dz * r(z / y); }
  const Round r{};
};

Plan division_plan() {
  Plan plan{"broadcast_div_grad", 3, {"dz", "z", "y"}, "dy"};
  fill_steps<DivGrad, float, double, OFM_COMPLEX>(plan, std::make_index_sequence<3>());
  return plan;
}

class BroadcastDivGrad final : public user_op::OpKernel {
 public:
  BroadcastDivGrad() : plan_(division_plan()) {}
  ~BroadcastDivGrad() override = default;

 private:
  using user_op::OpKernel::Compute;
  void Compute(Context* context) const override {
    const Operand in[3] = {operand(context->Tensor4ArgNameAndIndex("dz", 0)),
                           operand(context->Tensor4ArgNameAndIndex("z", 0)),
                           operand(context->Tensor4ArgNameAndIndex("y", 0))};
    const Operand dy = operand(context->Tensor4ArgNameAndIndex("dy", 0));
    const Type type = type_of(dy.dtype);
    int64_t count = 1, wanted = 1;
    for (int d = 0; d < in[0].dims; ++d) { count *= in[0].sizes[d]; }
    for (int d = 0; d < dy.dims; ++d) { wanted *= dy.sizes[d]; }
    if (count == wanted) {
      run(plan_, type, in, dy, Numbers());
      return;
    }
    Operand whole = in[0];
    whole.data = context->Tensor4ArgNameAndIndex("tmp_buffer", 0)->mut_raw_dptr();
    run(plan_, type, in, whole, Numbers());
    bool summed[kDims];
    summed_dims(whole, dy, summed);
    sum_to(whole, summed, dy);
  }
  bool AlwaysComputeWhenAllOutputsEmpty() const override { return false; }

  const Plan plan_;
};

// --- the larger and the smaller ------------------------------------------------------------------

// Half of dz for each where both are equal; for both where they cannot be compared, as in PyTorch.
template<typename T, bool larger, bool first>
void share(const Block& block) {
  const T* dz = static_cast<const T*>(block.in[0]);
  const T* mine = static_cast<const T*>(block.in[first ? 1 : 2]);
  const T* other = static_cast<const T*>(block.in[first ? 2 : 1]);
  T* out = static_cast<T*>(block.out);
  OFM_EACH {
    const bool lost = larger ? mine[i] < other[i] : mine[i] > other[i];
    const T whole = lost ? T(0) : dz[i];
    out[i] = mine[i] == other[i] ? dz[i] / 2 : whole;
  }
}
template<bool larger, bool first>
Plan share_plan() {
  Plan plan{"", 3, {"dz", "x", "y"}, first ? "dx" : "dy"};
  plan.row[F32] = share<float, larger, first>;
  plan.row[F64] = share<double, larger, first>;
  plan.row[I8] = share<int8_t, larger, first>;
  plan.row[U8] = share<uint8_t, larger, first>;
  plan.row[I16] = share<int16_t, larger, first>;
  plan.row[I32] = share<int32_t, larger, first>;
  plan.row[I64] = share<int64_t, larger, first>;
  return plan;
}
template<bool larger>
class Share final : public user_op::OpKernel {
 public:
  Share() : of_x_(share_plan<larger, true>()), of_y_(share_plan<larger, false>()) {}
  ~Share() override = default;

 private:
  using user_op::OpKernel::Compute;
  void Compute(Context* context) const override {
    const Operand in[3] = {operand(context->Tensor4ArgNameAndIndex("dz", 0)),
                           operand(context->Tensor4ArgNameAndIndex("x", 0)),
                           operand(context->Tensor4ArgNameAndIndex("y", 0))};
    for (const Plan* plan : {&of_x_, &of_y_}) {
      user_op::Tensor* out = context->Tensor4ArgNameAndIndex(plan->out, 0);
      if (out != nullptr) { run(*plan, type_of(in[0].dtype), in, operand(out), Numbers()); }
    }
  }
  bool AlwaysComputeWhenAllOutputsEmpty() const override { return false; }

  const Plan of_x_, of_y_;
};

// --- broadcasting itself -------------------------------------------------------------------------

OFM_FUNCTION(Same, x)

class BroadcastLike final : public user_op::OpKernel {
 public:
  BroadcastLike() : plan_{"broadcast_like", 1, {"x"}, "y"} {
    fill1<Same, float, double, int8_t, uint8_t, int16_t, int32_t, int64_t, bool, OFM_COMPLEX>(plan_);
  }
  ~BroadcastLike() override = default;

 private:
  using user_op::OpKernel::Compute;
  void Compute(Context* context) const override {
    Operand x = operand(context->Tensor4ArgNameAndIndex("x", 0));
    const Operand y = operand(context->Tensor4ArgNameAndIndex("y", 0));
    const auto& axes = context->Attr<std::vector<int32_t>>("broadcast_axes");
    int64_t sizes[kDims];
    for (int d = 0; d < y.dims; ++d) { sizes[d] = axes.empty() ? 1 : y.sizes[d]; }
    for (int32_t axis : axes) { sizes[axis < 0 ? axis + y.dims : axis] = 1; }
    x.sizes = sizes;
    x.dims = y.dims;
    run(plan_, type_of(x.dtype), &x, y, Numbers());
  }
  bool AlwaysComputeWhenAllOutputsEmpty() const override { return false; }

  Plan plan_;
};

auto matched(const char* name, bool (*fits)(DataType)) {
  const std::string argument = name;
  return ::oneflow::hob::make_custom(
      "native", [argument, fits](const user_op::KernelRegContext& context) {
        return context.device_type() == DeviceType::kCPU
               && fits(context.TensorDesc4ArgNameAndIndex(argument, 0)->data_type());
      });
}
bool is_complex(DataType dtype) { return type_of(dtype) == C64 || type_of(dtype) == C128; }
bool is_divisible(DataType dtype) {
  return type_of(dtype) == F32 || type_of(dtype) == F64 || is_complex(dtype);
}
bool is_ordered(DataType dtype) { return is_summable(dtype) && !is_complex(dtype); }
bool is_known(DataType dtype) { return type_of(dtype) != kNone; }

REGISTER_USER_KERNEL("reduce_sum_like")
    .SetCreateFn<ReduceSumLike>()
    .SetIsMatchedHob(matched("y", is_summable))
    .SetPriority(kPriority);
REGISTER_USER_KERNEL("broadcast_like")
    .SetCreateFn<BroadcastLike>()
    .SetIsMatchedHob(matched("x", is_known))
    .SetPriority(kPriority);
REGISTER_USER_KERNEL("broadcast_div_grad")
    .SetCreateFn<BroadcastDivGrad>()
    .SetIsMatchedHob(matched("y", is_divisible))
    .SetPriority(kPriority)
    .SetInferTmpSizeFn([](user_op::InferContext* context) -> size_t {
      return context->InputTensorDesc("z", 0).shape().elem_cnt()
             * sizeof(std::complex<double>);
    });
REGISTER_USER_KERNEL("elementwise_maximum_backward")
    .SetCreateFn<Share<true>>()
    .SetIsMatchedHob(matched("dz", is_ordered))
    .SetPriority(kPriority);
REGISTER_USER_KERNEL("elementwise_minimum_backward")
    .SetCreateFn<Share<false>>()
    .SetIsMatchedHob(matched("dz", is_ordered))
    .SetPriority(kPriority);

}  // namespace
}  // namespace elementwise
}  // namespace ofm
