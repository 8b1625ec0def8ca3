// How operators run element by element: see elementwise.h.
#include "elementwise.h"

namespace ofm {
namespace elementwise {
namespace {

// Elements that are brought into form at a time: four rows of doubles fit the first-level cache.
constexpr int64_t kBlock = 1024;

int bytes_of(Type type) {
  static constexpr int bytes[kTypes] = {4, 8, 1, 1, 2, 4, 8, 1, 8, 16};
  return bytes[type];
}

int bytes_of(DataType dtype) {
  return dtype == DataType::kFloat16 || dtype == DataType::kBFloat16 ? 2 : bytes_of(type_of(dtype));
}

// Brings `count` elements, `stride` elements apart, into a row.
using Load = void (*)(const void* from, int64_t stride, void* to, int64_t count);

template<typename T>
void gather(const void* from, int64_t stride, void* to, int64_t count) {
  const T* source = static_cast<const T*>(from);
  T* target = static_cast<T*>(to);
  if (stride == 1) {
    std::memcpy(target, source, count * sizeof(T));
  } else if (stride == 0) {
    std::fill(target, target + count, *source);
  } else {
    for (int64_t i = 0; i < count; ++i) { target[i] = source[i * stride]; }
  }
}

#ifdef __AVX512F__
void load_all(const Half* from, float* to, int64_t count) {
  int64_t i = 0;
  for (; i + 16 <= count; i += 16) {
    const __m256i bits = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from + i));
    _mm512_storeu_ps(to + i, _mm512_cvtph_ps(bits));
  }
  for (; i < count; ++i) { to[i] = to_compute(from[i]); }
}
void store_all(const float* from, Half* to, int64_t count) {
  int64_t i = 0;
  for (; i + 16 <= count; i += 16) {
    const __m256i bits = _mm512_cvtps_ph(_mm512_loadu_ps(from + i), _MM_FROUND_TO_NEAREST_INT);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + i), bits);
  }
  for (; i < count; ++i) { to[i] = from_compute<Half>(from[i]); }
}
#endif
template<typename T>
void load_all(const T* from, float* to, int64_t count) {
  load_row(from, to, count);
}
template<typename T>
void store_all(const float* from, T* to, int64_t count) {
  store_row(from, to, count);
}

template<typename T>
void widen(const void* from, int64_t stride, void* to, int64_t count) {
  const T* source = static_cast<const T*>(from);
  float* target = static_cast<float*>(to);
  if (stride == 1) {
    load_all(source, target, count);
  } else if (stride == 0) {
    std::fill(target, target + count, to_compute(*source));
  } else {
    for (int64_t i = 0; i < count; ++i) { target[i] = to_compute(source[i * stride]); }
  }
}

// Whether elements are other than zero.
template<typename T>
void truth(const void* from, int64_t stride, void* to, int64_t count) {
  const T* source = static_cast<const T*>(from);
  bool* target = static_cast<bool*>(to);
  for (int64_t i = 0; i < count; ++i) { target[i] = to_compute(source[i * stride]) != compute_t<T>(0); }
}

template<typename T>
void narrow(const void* from, void* to, int64_t count) {
  store_all(static_cast<const float*>(from), static_cast<T*>(to), count);
}

Load gather_of(int bytes) {
  switch (bytes) {
    case 1: return gather<uint8_t>;
    case 2: return gather<uint16_t>;
    case 4: return gather<uint32_t>;
    case 16: return gather<std::complex<double>>;
    default: return gather<uint64_t>;
  }
}

// How elements of a dtype become elements of a type.
Load load_of(DataType dtype, Type type) {
  if (type == B1 && dtype != DataType::kBool) {
    switch (dtype) {
      case DataType::kFloat: return truth<float>;
      case DataType::kDouble: return truth<double>;
      case DataType::kFloat16: return truth<Half>;
      case DataType::kBFloat16: return truth<BFloat16>;
      case DataType::kInt16: return truth<int16_t>;
      case DataType::kComplex64: return truth<std::complex<float>>;
      case DtypeOf<std::complex<double>>::value: return truth<std::complex<double>>;
      case DataType::kInt32: return truth<int32_t>;
      case DataType::kInt64: return truth<int64_t>;
      default: return truth<int8_t>;
    }
  }
  if (dtype == DataType::kFloat16) { return widen<Half>; }
  if (dtype == DataType::kBFloat16) { return widen<BFloat16>; }
  return gather_of(bytes_of(type));
}

struct Input {
  const char* data;
  Load load;
  int bytes, row_bytes;
  // The elements follow each other as the output's do.
  bool linear;
  // They are to be loaded even where they are in a row.
  bool converted;
  // After so many elements they come again, where that is less than a block; or 0.
  int64_t period;
  int64_t strides[kDims];
};

struct Job {
  int inputs, dims;
  int64_t sizes[kDims];
  int64_t count;
  Input in[kInputs];
  char* out;
  int out_bytes;
  void (*store)(const void*, void*, int64_t);
  Row row;
  const Numbers* numbers;
};

// Where an element of the output is, in each dimension.
inline void place(const Job& job, int64_t index, int64_t* at) {
  for (int d = job.dims - 1; d > 0; --d) {
    at[d] = index % job.sizes[d];
    index /= job.sizes[d];
  }
  at[0] = index;
}

// `count` elements of an input from that place on: where they are, or in the buffer.
inline const void* fetch(const Job& job, const Input& in, const int64_t* start, int64_t count,
                         char* buffer) {
  const int last = job.dims - 1;
  int64_t at[kDims], offset = 0;
  for (int d = 0; d <= last; ++d) {
    at[d] = start[d];
    offset += at[d] * in.strides[d];
  }
  const int64_t step = in.strides[last];
  int64_t ready = std::min(count, job.sizes[last] - at[last]);
  if (ready == count && step == 1 && !in.converted) { return in.data + offset * in.bytes; }
  for (int64_t done = 0;;) {
    in.load(in.data + offset * in.bytes, step, buffer + done * in.row_bytes, ready);
    done += ready;
    if (done == count) { return buffer; }
    offset -= at[last] * step;
    at[last] = 0;
    for (int d = last - 1; d >= 0; --d) {
      offset += in.strides[d];
      if (++at[d] < job.sizes[d]) { break; }
      offset -= at[d] * in.strides[d];
      at[d] = 0;
    }
    ready = std::min(count - done, job.sizes[last]);
  }
}

void run_part(const Job& job, int64_t begin, int64_t end) {
  alignas(64) char buffers[kInputs][2 * kBlock * 16];
  alignas(64) char made[kBlock * 4];
  int64_t at[kDims];
  bool placed = false;
  for (int k = 0; k < job.inputs; ++k) {
    const Input& in = job.in[k];
    if (in.linear) { continue; }
    if (in.period == 0) {
      placed = true;
      continue;
    }
    // A block and a period: a block that begins anywhere in the period is within.
    in.load(in.data, 1, buffers[k], in.period);
    const int64_t wanted = std::min(end - begin, kBlock) + in.period;
    for (int64_t have = in.period; have < wanted; have *= 2) {
      std::memcpy(buffers[k] + have * in.row_bytes, buffers[k],
                  std::min(have, 2 * kBlock - have) * in.row_bytes);
    }
  }
  Block block;
  block.numbers = job.numbers;
  // Long rows one after another: what has no gaps in them is then computed where it is.
  const int last = job.dims - 1;
  const bool by_rows = placed && job.sizes[last] >= kBlock / 8;
  int64_t count = 0, before = 0;
  for (int64_t index = begin; index < end; index += count) {
    count = std::min(kBlock, end - index);
    if (by_rows && index > begin) {
      // The last piece ended a row, or a block within it.
      at[last] += before;
      for (int d = last; d > 0 && at[d] == job.sizes[d]; --d) {
        at[d] = 0;
        ++at[d - 1];
      }
    } else if (placed) {
      place(job, index, at);
    }
    if (by_rows) { count = std::min(count, job.sizes[last] - at[last]); }
    before = count;
    for (int k = 0; k < job.inputs; ++k) {
      const Input& in = job.in[k];
      if (in.linear) {
        const char* data = in.data + index * in.bytes;
        if (in.converted) { in.load(data, 1, buffers[k], count); }
        block.in[k] = in.converted ? buffers[k] : data;
      } else if (in.period > 0) {
        block.in[k] = buffers[k] + index % in.period * in.row_bytes;
      } else {
        block.in[k] = fetch(job, in, at, count, buffers[k]);
      }
    }
    char* out = job.out + index * job.out_bytes;
    block.out = job.store != nullptr ? made : out;
    block.count = count;
    job.row(block);
    if (job.store != nullptr) { job.store(made, out, count); }
  }
}

// Joins dimensions that all inputs go through as through one.
void join_dims(Job* job) {
  int kept = 0;
  for (int d = 1; d < job->dims; ++d) {
    bool joined = true;
    for (int k = 0; k < job->inputs && joined; ++k) {
      const Input& in = job->in[k];
      joined = in.linear || in.strides[kept] == in.strides[d] * job->sizes[d];
    }
    if (joined) {
      job->sizes[kept] *= job->sizes[d];
    } else {
      job->sizes[++kept] = job->sizes[d];
    }
    for (int k = 0; k < job->inputs; ++k) { job->in[k].strides[kept] = job->in[k].strides[d]; }
  }
  job->dims = kept + 1;
}

// The product of the last dimensions that an input has, if it is the same along all others.
int64_t period_of(const Job& job, const Input& in) {
  int64_t period = 1;
  int d = job.dims - 1;
  for (; d >= 0 && in.strides[d] == period; --d) { period *= job.sizes[d]; }
  for (; d >= 0; --d) {
    if (in.strides[d] != 0) { return 0; }
  }
  return period <= kBlock ? period : 0;
}

}  // namespace

Type type_of(DataType dtype) {
  switch (dtype) {
    case DataType::kFloat:
    case DataType::kFloat16:
    case DataType::kBFloat16: return F32;
    case DataType::kDouble: return F64;
    case DataType::kInt8: return I8;
    case DataType::kUInt8: return U8;
    case DataType::kInt16: return I16;
    case DataType::kInt32: return I32;
    case DataType::kInt64: return I64;
    case DataType::kBool: return B1;
    case DataType::kComplex64: return C64;
    case DtypeOf<std::complex<double>>::value: return C128;
    default: return kNone;
  }
}

void run(const Plan& plan, Type type, const Operand* in, const Operand& out,
         const Numbers& numbers) {
  Job job;
  job.count = 1;
  for (int d = 0; d < out.dims; ++d) { job.count *= out.sizes[d]; }
  if (job.count == 0) { return; }
  job.inputs = plan.inputs;
  job.row = plan.row[type];
  job.numbers = &numbers;
  job.out = static_cast<char*>(const_cast<void*>(out.data));
  job.out_bytes = bytes_of(out.dtype);
  job.store = out.dtype == DataType::kFloat16    ? narrow<Half>
              : out.dtype == DataType::kBFloat16 ? narrow<BFloat16>
                                                 : nullptr;
  // Where all are of one dtype without gaps, the rows go over the tensors themselves.
  const bool converts = job.store != nullptr;
  const int half = out.dtype == DataType::kBFloat16;
  if (converts && plan.stepped[half] != nullptr) { job.row = plan.stepped[half]; }
  const Row direct_row = converts ? plan.narrow[half] : plan.row[type];
  bool direct = direct_row != nullptr, broadcast = false;
  for (int k = 0; k < job.inputs; ++k) {
    Input& input = job.in[k];
    const Type wanted = plan.fixed[k] == kNone ? type : plan.fixed[k];
    int64_t count = 1;
    for (int d = 0; d < in[k].dims; ++d) { count *= in[k].sizes[d]; }
    if (count == 0) { return; }
    input.data = static_cast<const char*>(in[k].data);
    input.bytes = bytes_of(in[k].dtype);
    input.row_bytes = bytes_of(wanted);
    input.load = load_of(in[k].dtype, wanted);
    input.converted =
        input.bytes != input.row_bytes || (wanted == B1 && in[k].dtype != DataType::kBool);
    input.linear = count == job.count;
    input.period = count == 1 ? 1 : 0;
    direct = direct && input.linear
             && (converts ? in[k].dtype == out.dtype : !input.converted);
    broadcast = broadcast || (!input.linear && count != 1);
  }
  if (direct) {
    parallel_for(job.count, plan.grain, [&job, direct_row](int64_t begin, int64_t end) {
      Block block;
      for (int k = 0; k < job.inputs; ++k) {
        block.in[k] = job.in[k].data + begin * job.in[k].bytes;
      }
      block.out = job.out + begin * job.out_bytes;
      block.count = end - begin;
      block.numbers = job.numbers;
      direct_row(block);
    });
    return;
  }
  job.dims = 0;
  if (broadcast) {
    job.dims = out.dims;
    for (int k = 0; k < job.inputs; ++k) {
      // Sizes are compared from the last dimension on.
      const int64_t* sizes = in[k].sizes;
      int d = out.dims - 1, own = in[k].dims - 1;
      int64_t stride = 1;
      for (; d >= 0; --d, --own) {
        job.in[k].strides[d] = own >= 0 && sizes[own] != 1 ? stride : 0;
        if (own >= 0) { stride *= sizes[own]; }
      }
    }
    for (int d = 0; d < out.dims; ++d) { job.sizes[d] = out.sizes[d]; }
    // Dimensions of size 1 are in nobody's way.
    int kept = 0;
    for (int d = 0; d < job.dims; ++d) {
      if (job.sizes[d] == 1) { continue; }
      job.sizes[kept] = job.sizes[d];
      for (int k = 0; k < job.inputs; ++k) { job.in[k].strides[kept] = job.in[k].strides[d]; }
      ++kept;
    }
    job.dims = kept;
    join_dims(&job);
    for (int k = 0; k < job.inputs; ++k) {
      if (!job.in[k].linear) { job.in[k].period = period_of(job, job.in[k]); }
    }
  }
  parallel_for(job.count, plan.grain,
               [&job](int64_t begin, int64_t end) { run_part(job, begin, end); });
}

namespace {

class Kernel final : public user_op::OpKernel {
 public:
  explicit Kernel(const Plan* plan) : plan_(*plan), out_(plan->out) {
    for (int k = 0; k < plan_.inputs; ++k) { in_[k] = plan_.in[k]; }
  }
  ~Kernel() override = default;

 private:
  using user_op::OpKernel::Compute;
  void Compute(Context* context) const override {
    Operand in[kInputs];
    for (int k = 0; k < plan_.inputs; ++k) {
      in[k] = operand(context->Tensor4ArgNameAndIndex(in_[k], 0));
    }
    user_op::Tensor* out = context->Tensor4ArgNameAndIndex(out_, 0);
    Numbers numbers;
    const DataType dtype = in[plan_.decides].dtype;
    if (plan_.numbers != nullptr) { plan_.numbers(context, dtype, &numbers); }
    run(plan_, type_of(dtype), in, operand(out), numbers);
  }
  bool AlwaysComputeWhenAllOutputsEmpty() const override { return false; }

  const Plan plan_;
  std::string in_[kInputs];
  const std::string out_;
};

}  // namespace

void add(const Plan& plan) {
  // Kept for as long as the process lives, as OneFlow's registry is.
  const Plan* kept = new Plan(plan);
  const auto fits = [kept](const user_op::KernelRegContext& context) {
    if (context.device_type() != DeviceType::kCPU) { return false; }
    const auto* decides = context.TensorDesc4ArgNameAndIndex(kept->in[kept->decides], 0);
    const auto* out = context.TensorDesc4ArgNameAndIndex(kept->out, 0);
    if (decides == nullptr || out == nullptr) { return false; }
    const DataType dtype = decides->data_type();
    const Type type = type_of(dtype);
    if (type == kNone || kept->row[type] == nullptr) { return false; }
    for (int k = 0; k < kept->inputs; ++k) {
      const auto* in = context.TensorDesc4ArgNameAndIndex(kept->in[k], 0);
      if (in == nullptr) { return false; }
      if (kept->fixed[k] == kNone ? in->data_type() != dtype : type_of(in->data_type()) == kNone) {
        return false;
      }
    }
    return kept->result == kNone ? out->data_type() == dtype
                                 : type_of(out->data_type()) == kept->result;
  };
  auto registry = user_op::UserOpRegistryMgr::Get().CheckAndGetOpKernelRegistry(kept->op);
  registry.SetCreateFn([kept]() { return user_op::NewOpKernel<Kernel>(kept); })
      .SetIsMatchedHob(::oneflow::hob::make_custom("native", fits))
      .SetPriority(kPriority);
  if (kept->overwritten >= 0) {
    registry.SetInplaceProposalFn(
        [kept](const user_op::InferContext&, user_op::AddInplaceArgPair propose) {
          return propose(kept->out, 0, kept->in[kept->overwritten], 0, true);
        });
  }
  user_op::UserOpRegisterTrigger<user_op::OpKernelRegistry> trigger(registry);
}

}  // namespace elementwise
}  // namespace ofm
