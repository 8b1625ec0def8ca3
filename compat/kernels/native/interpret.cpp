// An operator from its arguments to its kernel, without an instruction.
//
// OneFlow makes of every operator an instruction for its scheduler: a list, the tensors that the
// operator depends on and those that depend on it, a status; and another one to give a tensor's
// memory back. Where operators run at once (engine.cpp) nobody reads any of it. The two functions
// below take the places of NaiveInterpret and EagerLocalTensorImpl::UpdateTensorStorage, and do
// what is left: infer the outputs, make them, choose a kernel, give it memory, call it. Memory is
// given back by the last of those that hold it. What is not plain, they leave to OneFlow.
#include "calls.h"
#include "new_op.h"
#include "oneflow/core/common/op_args_vector.h"
#include "oneflow/core/common/tensor_meta.h"
#include "oneflow/core/framework/local_tensor_infer_cache.h"
#include "oneflow/core/framework/op_expr.h"
#include "oneflow/core/framework/tensor.h"
#include "oneflow/core/framework/tensor_impl.h"
#include "oneflow/core/framework/tensor_storage.h"

// --- types whose headers the wheel lacks: as much of them as is used -----------------------------
//
// Members lie as they do in OneFlow, those before the ones that are used included.

namespace oneflow {

namespace intrusive {

struct Ref {
  std::atomic<int32_t> count;
  void (*deleter)(void*);
};

// Of an object that something else holds by now: never the last one.
template<typename T>
class shared_ptr {
 public:
  shared_ptr(const shared_ptr&) = delete;
  ~shared_ptr() {
    if (object_ != nullptr) { --reinterpret_cast<Ref*>(object_)->count; }
  }

 private:
  T* object_;
};

}  // namespace intrusive

intrusive::shared_ptr<LocalDepObject> NewLocalDepObject();

namespace vm {

class Allocator {
 public:
  virtual ~Allocator() = default;
  virtual Maybe<void> Allocate(char** memory, std::size_t size) = 0;
  virtual void Deallocate(char* memory, std::size_t size) = 0;
  virtual void DeviceReset() = 0;
};

class StreamPolicy {
 public:
  virtual ~StreamPolicy() = default;
  virtual ep::Stream* stream() = 0;
  virtual Allocator* mut_allocator() = 0;
};

struct Stream {
  intrusive::Ref references_;
  void* thread_;
  Symbol<Device> device_;
  StreamType stream_type_;
  std::shared_ptr<StreamPolicy> stream_policy_;
};

class TensorStorage {
 public:
  virtual ~TensorStorage() = default;
  virtual bool is_allocated_in_vm() const = 0;

  size_t blob_bytes_;
  std::unique_ptr<char, std::function<void(char*)>> blob_dptr_;
  void* non_pod_allocator_;
  Optional<Symbol<::oneflow::Stream>> producer_stream_;
  Optional<Symbol<::oneflow::Stream>> last_used_stream_;
};

class EagerBlobObject : public user_op::Tensor,
                        public user_op::TensorDesc,
                        public std::enable_shared_from_this<EagerBlobObject> {
 public:
  Maybe<bool> TryAllocateBlobBodyMemory(Allocator* allocator);

  bool is_dynamic_;
  std::shared_ptr<MemoryCase> mem_case_;
  DataType data_type_;
  int64_t storage_offset_;
  std::shared_ptr<TensorStorage> tensor_storage_;
};

using EagerBlobObjectList = small_vector<std::shared_ptr<EagerBlobObject>, kOpArgsReservedSize>;

}  // namespace vm

class StreamConverter;
class StreamGuard {
 public:
  static Optional<StreamConverter>* MutCurrent();
};

class VirtualMachine {
 public:
  Maybe<vm::Stream*> GetVmStream(Symbol<Stream> stream);
};

namespace one {
class GlobalTensorInferResult;
}

namespace eager {

class TmpTensor final : public user_op::Tensor {
 public:
  explicit TmpTensor(const std::shared_ptr<MemoryCase>& mem_case) : mem_case_(mem_case) {}

  ShapeView shape_view() const override { return ShapeView(&size_, 1); }
  MutShapeView mut_shape_view() override { return MutShapeView(&size_, 1); }
  const Stride& stride() const override { THROW(RuntimeError) << "scratch has no strides"; }
  DataType data_type() const override { return DataType::kChar; }
  const MemoryCase& mem_case() const override { return *mem_case_; }
  const void* raw_dptr() const override { return pointer_; }
  void* mut_raw_dptr() override { return pointer_; }

  std::shared_ptr<MemoryCase> mem_case_;
  int64_t size_ = 0;
  char* pointer_ = nullptr;
};

class CallContext {
 public:
  CallContext(const one::OpExprInterpContext& context, const AttrMap& base,
              vm::EagerBlobObjectList&& inputs, vm::EagerBlobObjectList&& outputs,
              const std::shared_ptr<MemoryCase>& mem_case)
      : attributes_(context.attrs, base),
        inputs_(std::move(inputs)),
        outputs_(std::move(outputs)),
        context_(context),
        tmp_tensor_(mem_case) {}

  const ComposedAttrMap attributes_;
  const vm::EagerBlobObjectList inputs_;
  const vm::EagerBlobObjectList outputs_;
  const std::shared_ptr<const one::GlobalTensorInferResult> global_result_;
  const one::OpExprInterpContext context_;
  TmpTensor tmp_tensor_;
};

}  // namespace eager

namespace one {

class StatefulOpKernel final {
 public:
  size_t InferTmpSize(eager::CallContext* call, const user_op::OpKernel* kernel) const;
  Maybe<void> ChooseOpKernel(eager::CallContext* call, const user_op::OpKernel** kernel,
                             bool* needs_scratch);
  void TryInitOpKernelStateAndCache(eager::CallContext* call, ep::Stream* stream,
                                    const user_op::OpKernel* kernel,
                                    user_op::OpKernelState** state, user_op::OpKernelCache** cache);
  void Compute(eager::CallContext* call, ep::Stream* stream, const user_op::OpKernel* kernel,
               user_op::OpKernelState* state, const user_op::OpKernelCache* cache) const;

  std::shared_ptr<OperatorConf> op_conf_;
  AttrMap base_attrs_;
  void* user_op_conf_;
  Symbol<Stream> stream_;
  void* contexts_[4];
  std::shared_ptr<const ArgTuple> input_arg_tuple_;
  std::shared_ptr<const ArgTuple> output_arg_tuple_;
  user_op::TensorDescInferFn tensor_desc_infer_fn_;
  user_op::DataTypeInferFn data_type_infer_fn_;
  std::array<std::vector<std::pair<const void*, std::shared_ptr<const user_op::OpKernel>>>,
             DataType_MAX>
      kernels_of_dtype_;
  HashMap<const void*, std::shared_ptr<void>> states_;
  HashMap<const void*, std::shared_ptr<void>> caches_;
  HashMap<const void*, const void*> scratch_sizes_;
  OpArgsVector<int64_t> input_tuple_indexes4const_ibns_;
  OpArgsVector<int64_t> input_tuple_indexes4mut_ibns_;
  OpArgsVector<int64_t> output_tuple_indexes4mut_obns_;
  OpArgsVector<int64_t> output_tuple_indexes4mut2_obns_;
};

}  // namespace one
}  // namespace oneflow

namespace ofm {
namespace vm = oneflow::vm;
}

namespace ofm {

// engine.cpp
bool runs_at_once();
void* take_turn();
void end_turn(void* state);

namespace {

using Interpret = Maybe<void> (*)(const one::UserOpExpr&, const one::TensorTuple&,
                                  one::TensorTuple*, const one::OpExprInterpContext&);
using Update = Maybe<void> (*)(one::EagerLocalTensorImpl*);
using Machine = Maybe<oneflow::VirtualMachine*> (*)();
Machine machine = nullptr;
Interpret original_interpret = nullptr;
Update original_update = nullptr;

using Blobs = vm::EagerBlobObjectList;
using Device = oneflow::Symbol<oneflow::Device>;
using Stream = oneflow::Symbol<oneflow::Stream>;

// Where a stream's operators get their memory, and what their kernels are given for it.
struct Place {
  Stream stream;
  vm::Allocator* allocator = nullptr;
  oneflow::ep::Stream* executor = nullptr;
};

Maybe<const Place*> place_of(const Stream& stream) {
  thread_local Place known;
  if (known.allocator == nullptr || known.stream != stream) {
    vm::StreamPolicy* policy = JUST(JUST(machine())->GetVmStream(stream))->stream_policy_.get();
    known = Place{stream, policy->mut_allocator(), policy->stream()};
  }
  return &known;
}

// A stream of the program's own choice, or a device other than the CPU, has rules of its own.
bool is_plain(const Stream& stream) {
  return stream->stream_type() == oneflow::StreamType::kCompute
         && stream->device()->enum_type() == DeviceType::kCPU
         && !oneflow::StreamGuard::MutCurrent()->has_value();
}

bool was_elsewhere(const Blobs& blobs, const Stream& stream) {
  for (const auto& blob : blobs) {
    if (!blob) { continue; }
    const auto& last = blob->tensor_storage_->last_used_stream_;
    if (last.has_value() && last.value_or(stream) != stream) { return true; }
  }
  return false;
}

Maybe<Device> device_of(const one::TensorTuple& inputs, const one::OpExprInterpContext& context) {
  if (!inputs.empty()) { return inputs[0]->device(); }
  if (context.device.has_value()) { return context.device.value_or(Device()); }
  thread_local const Device processor = JUST(oneflow::Device::New("cpu"));
  return processor;
}

// A tensor for what the operator will write.
Maybe<one::Tensor> output_of(const oneflow::Symbol<one::LocalTensorMeta>& meta) {
  auto impl = std::make_shared<one::EagerLocalTensorImpl>(false, false);
  const auto order = oneflow::NewLocalDepObject();
  JUST(impl->InitEagerBlobObject(meta, std::shared_ptr<const one::MutLocalTensorMeta>(), order));
  return std::static_pointer_cast<one::Tensor>(std::make_shared<one::LocalTensor>(impl));
}

// An output that is there already, since the operator works in place, is to be as inferred.
Maybe<void> check_output(one::Tensor* output, const one::LocalTensorMeta& inferred) {
  const auto* impl = JUST(output->mut_eager_local_tensor_impl());
  const one::LocalTensorMeta& own = *impl->tensor_meta();
  CHECK_OR_RETURN(own.shape() == inferred.shape())
      << Error::RuntimeError() << own.shape().ToString() << " .vs " << inferred.shape().ToString();
  CHECK_OR_RETURN(own.dtype() == inferred.dtype())
      << Error::RuntimeError() << oneflow::DataType_Name(own.dtype()) << " .vs "
      << oneflow::DataType_Name(inferred.dtype());
  return Maybe<void>::Ok();
}

class Turn {
 public:
  Turn() : state_(take_turn()) {}
  ~Turn() { end_turn(state_); }

 private:
  void* state_;
};

// Memory that a kernel has while it runs.
class Scratch {
 public:
  Scratch(vm::Allocator* allocator, oneflow::eager::TmpTensor* tensor)
      : allocator_(allocator), tensor_(tensor) {}
  ~Scratch() {
    if (tensor_->pointer_ != nullptr) { allocator_->Deallocate(tensor_->pointer_, tensor_->size_); }
  }
  Maybe<void> take(size_t size) {
    tensor_->size_ = size;
    if (size > 0) { JUST(allocator_->Allocate(&tensor_->pointer_, size)); }
    return Maybe<void>::Ok();
  }

 private:
  vm::Allocator* allocator_;
  oneflow::eager::TmpTensor* tensor_;
};

Maybe<void> compute(one::StatefulOpKernel* kernel, oneflow::eager::CallContext* call,
                    const one::OpExprInterpContext& context, const Place& place) {
  const user_op::OpKernel* chosen = nullptr;
  bool needs_scratch = false;
  JUST(kernel->ChooseOpKernel(call, &chosen, &needs_scratch));
  const Turn turn;
  Scratch scratch(place.allocator, &call->tmp_tensor_);
  if (needs_scratch) { call->tmp_tensor_.size_ = kernel->InferTmpSize(call, chosen); }
  for (const auto& blob : call->outputs_) {
    JUST(blob->TryAllocateBlobBodyMemory(place.allocator));
  }
  if (needs_scratch) { JUST(scratch.take(call->tmp_tensor_.size_)); }
  user_op::OpKernelState* state = context.state.get();
  user_op::OpKernelCache* cache = nullptr;
  if (chosen->has_state_or_cache()) {
    kernel->TryInitOpKernelStateAndCache(call, place.executor, chosen,
                                         state == nullptr ? &state : nullptr, &cache);
  } else {
    state = nullptr;
  }
  kernel->Compute(call, place.executor, chosen, state, cache);
  return Maybe<void>::Ok();
}

Maybe<void> interpret(const one::UserOpExpr& op, const one::TensorTuple& inputs,
                      one::TensorTuple* outputs, const one::OpExprInterpContext& context) {
  if (!runs_at_once()) { return original_interpret(op, inputs, outputs, context); }
  const Device device = JUST(device_of(inputs, context));
  one::LocalTensorMetaInferArgs arguments;
  JUST(arguments.Init(context.attrs, device, inputs));
  const auto inferred = JUST(op.mut_local_tensor_infer_cache()->GetOrInfer(arguments));
  const Stream& stream = inferred->stream();
  if (!is_plain(stream)) { return original_interpret(op, inputs, outputs, context); }
  const auto kernel = JUST(op.MutKernel4Stream(stream));
  if (!kernel->output_tuple_indexes4mut2_obns_.empty()) {  // outputs of a size that it finds out
    return original_interpret(op, inputs, outputs, context);
  }
  CHECK_EQ_OR_RETURN(outputs->size(), op.output_size());

  Blobs read(inputs.size()), written(outputs->size());
  for (size_t i = 0; i < inputs.size(); ++i) { read[i] = JUST(inputs[i]->eager_blob_object()); }
  for (size_t i = 0; i < outputs->size(); ++i) {
    if ((*outputs)[i]) {
      JUST(check_output((*outputs)[i].get(), *inferred->output_tensor_metas()[i]));
      written[i] = JUST((*outputs)[i]->eager_blob_object());
    }
  }
  if (was_elsewhere(read, stream) || was_elsewhere(written, stream)) {
    return original_interpret(op, inputs, outputs, context);
  }
  for (size_t i = 0; i < outputs->size(); ++i) {
    if (!(*outputs)[i]) {
      (*outputs)[i] = JUST(output_of(inferred->output_tensor_metas()[i]));
      written[i] = JUST((*outputs)[i]->eager_blob_object());
    }
    vm::TensorStorage& storage = *written[i]->tensor_storage_;
    if (!storage.producer_stream_.has_value()) { storage.producer_stream_ = stream; }
    storage.last_used_stream_ = stream;
  }
  oneflow::eager::CallContext call(context, kernel->base_attrs_, std::move(read),
                                   std::move(written), stream->device()->mem_case());
  return compute(kernel.get(), &call, context, *JUST(place_of(stream)));
}

// EagerLocalTensorImpl, whose members are its own.
struct Impl : one::LocalTensorImpl {
  std::shared_ptr<one::TensorStorage> storage;
  int64_t offset;
  std::shared_ptr<vm::EagerBlobObject> blob;
};

Maybe<void> update(one::EagerLocalTensorImpl* of) {
  if (!runs_at_once()) { return original_update(of); }
  auto* impl = reinterpret_cast<Impl*>(of);
  impl->storage = std::make_shared<one::TensorStorage>(impl->blob->tensor_storage_);
  return Maybe<void>::Ok();
}

constexpr char kInterpret[] =
    "_ZN7oneflow3one14NaiveInterpretERKNS0_10UserOpExprERKNS0_11TensorTupleEPS4_"
    "RKNS0_19OpExprInterpContextE";
constexpr char kMachine[] =
    "_ZN7oneflow14SingletonMaybeINS_14VirtualMachineEJEEENS_5MaybeIPT_vEEv";
constexpr char kUpdate[] = "_ZN7oneflow3one20EagerLocalTensorImpl19UpdateTensorStorageEv";

}  // namespace

void interpret_at_once(const calls::Library& library) {
  void** slot = calls::slot_of(library, kInterpret);
  if (slot != nullptr && calls::symbol_number(library, kMachine) != 0) {
    machine = reinterpret_cast<Machine>(calls::address_of(library, kMachine));
    original_interpret = reinterpret_cast<Interpret>(calls::address_of(library, kInterpret));
    calls::replace(library, slot, reinterpret_cast<void*>(interpret));
  }
  slot = calls::slot_of(library, kUpdate);
  if (slot != nullptr) {
    original_update = reinterpret_cast<Update>(calls::address_of(library, kUpdate));
    calls::replace(library, slot, reinterpret_cast<void*>(update));
  }
}

}  // namespace ofm
