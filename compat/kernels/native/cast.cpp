// From any dtype to any other.
#include "kernel.h"

namespace ofm {
namespace {

// As PyTorch does on x86: what does not fit wraps around, by way of a wider integer.
template<typename To, typename From, typename Enable = void>
struct Convert {
  static inline To of(From value) { return static_cast<To>(value); }
};
template<typename From>
struct Convert<bool, From, void> {
  static inline bool of(From value) { return value != 0; }
};
template<typename From>
struct Convert<int8_t, From, typename std::enable_if<std::is_floating_point<From>::value>::type> {
  static inline int8_t of(From value) { return static_cast<int8_t>(static_cast<int32_t>(value)); }
};
template<typename From>
struct Convert<uint8_t, From, typename std::enable_if<std::is_floating_point<From>::value>::type> {
  static inline uint8_t of(From value) { return static_cast<uint8_t>(static_cast<int64_t>(value)); }
};

template<typename From, typename To>
void cast(const void* from, void* to, int64_t count) {
  const From* source = static_cast<const From*>(from);
  To* target = static_cast<To*>(to);
#pragma GCC ivdep
  for (int64_t i = 0; i < count; ++i) { target[i] = Convert<To, From>::of(source[i]); }
}

using Loop = void (*)(const void*, void*, int64_t);

template<typename From>
Loop loop_to(DataType to) {
  switch (to) {
    case DataType::kFloat: return cast<From, float>;
    case DataType::kDouble: return cast<From, double>;
    case DataType::kInt8: return cast<From, int8_t>;
    case DataType::kUInt8: return cast<From, uint8_t>;
    case DataType::kInt32: return cast<From, int32_t>;
    case DataType::kInt64: return cast<From, int64_t>;
    case DataType::kBool: return cast<From, bool>;
    default: return nullptr;
  }
}
Loop loop_of(DataType from, DataType to) {
  switch (from) {
    case DataType::kFloat: return loop_to<float>(to);
    case DataType::kDouble: return loop_to<double>(to);
    case DataType::kInt8: return loop_to<int8_t>(to);
    case DataType::kUInt8: return loop_to<uint8_t>(to);
    case DataType::kInt32: return loop_to<int32_t>(to);
    case DataType::kInt64: return loop_to<int64_t>(to);
    case DataType::kBool: return loop_to<bool>(to);
    default: return nullptr;
  }
}

bool is_short(DataType dtype) {
  return dtype == DataType::kFloat16 || dtype == DataType::kBFloat16;
}
int bytes_of(DataType dtype) {
  switch (dtype) {
    case DataType::kFloat16:
    case DataType::kBFloat16: return 2;
    case DataType::kFloat:
    case DataType::kInt32: return 4;
    case DataType::kDouble:
    case DataType::kInt64: return 8;
    default: return 1;
  }
}

void widen(DataType dtype, const void* from, float* to, int64_t count) {
  if (dtype == DataType::kFloat16) {
    load_row(static_cast<const Half*>(from), to, count);
  } else {
    load_row(static_cast<const BFloat16*>(from), to, count);
  }
}
void narrow(DataType dtype, const float* from, void* to, int64_t count) {
  if (dtype == DataType::kFloat16) {
    store_row(from, static_cast<Half*>(to), count);
  } else {
    store_row(from, static_cast<BFloat16*>(to), count);
  }
}

// Half and BFloat16 become floats, and are made of floats, as in PyTorch.
void convert(DataType from, DataType to, const char* source, char* target, int64_t count) {
  if (from == to) {
    std::memmove(target, source, count * bytes_of(from));
  } else if (!is_short(from) && !is_short(to)) {
    loop_of(from, to)(source, target, count);
  } else if (is_short(from) && to == DataType::kFloat) {
    widen(from, source, reinterpret_cast<float*>(target), count);
  } else if (from == DataType::kFloat && is_short(to)) {
    narrow(to, reinterpret_cast<const float*>(source), target, count);
  } else {
    constexpr int64_t kBlock = 2048;
    alignas(64) float row[kBlock];
    for (int64_t done = 0; done < count; done += kBlock) {
      const int64_t some = std::min(kBlock, count - done);
      const char* part = source + done * bytes_of(from);
      char* out = target + done * bytes_of(to);
      if (is_short(from)) {
        widen(from, part, row, some);
      } else {
        loop_of(from, DataType::kFloat)(part, row, some);
      }
      if (is_short(to)) {
        narrow(to, row, out, some);
      } else {
        loop_of(DataType::kFloat, to)(row, out, some);
      }
    }
  }
}

bool known(DataType dtype) {
  return is_short(dtype) || loop_of(DataType::kFloat, dtype) != nullptr;
}

class Cast final : public user_op::OpKernel {
 public:
  Cast() = default;
  ~Cast() override = default;

 private:
  using user_op::OpKernel::Compute;
  void Compute(Context* context) const override {
    static const std::string in = "in", out = "out";
    const user_op::Tensor* source = context->Tensor4ArgNameAndIndex(in, 0);
    user_op::Tensor* target = context->Tensor4ArgNameAndIndex(out, 0);
    const char* from = static_cast<const char*>(source->raw_dptr());
    char* to = static_cast<char*>(target->mut_raw_dptr());
    const DataType from_dtype = source->data_type(), to_dtype = target->data_type();
    if (from == to) { return; }
    const int from_bytes = bytes_of(from_dtype), to_bytes = bytes_of(to_dtype);
    parallel_for(source->shape_view().elem_cnt(), kGrain, [=](int64_t begin, int64_t end) {
      convert(from_dtype, to_dtype, from + begin * from_bytes, to + begin * to_bytes, end - begin);
    });
  }
  bool AlwaysComputeWhenAllOutputsEmpty() const override { return false; }
};

auto matched() {
  return ::oneflow::hob::make_custom("native", [](const user_op::KernelRegContext& context) {
    return context.device_type() == DeviceType::kCPU
           && known(context.TensorDesc4ArgNameAndIndex("in", 0)->data_type())
           && known(context.TensorDesc4ArgNameAndIndex("out", 0)->data_type());
  });
}

const bool registered = [] {
  using user_op::InferContext;
  for (const char* op : {"cast", "cast_like"}) {
    auto registry = user_op::UserOpRegistryMgr::Get().CheckAndGetOpKernelRegistry(op);
    registry.SetCreateFn<Cast>().SetIsMatchedHob(matched()).SetPriority(kPriority);
    if (op[4] == 0) {
      registry.SetInplaceProposalFn(
          [](const InferContext& context, user_op::AddInplaceArgPair propose) {
            return context.InputDType("in", 0) == context.Attr<DataType>("dtype")
                       ? propose("out", 0, "in", 0, false)
                       : oneflow::Maybe<void>(oneflow::Maybe<void>::Ok());
          });
    }
    user_op::UserOpRegisterTrigger<user_op::OpKernelRegistry> trigger(registry);
  }
  return true;
}();

}  // namespace
}  // namespace ofm
