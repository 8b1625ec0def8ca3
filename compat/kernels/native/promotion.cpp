// What the operands of an operator become before it is chosen. OneFlow's own rules let bfloat16 win
// over float32, make complex32 of complex64 beside floats, and a tensor without dimensions never
// counts; here are PyTorch's (c10/core/ScalarType.cpp, ATen/native/TypeProperties.cpp).
#include "calls.h"
#include "dtypes.h"
#include "functional.h"

#include <complex>

namespace oneflow {
Symbol<DType> GetDefaultDType();
}  // namespace oneflow

namespace ofm {
namespace {

using oneflow::DType;
using Dtype = oneflow::Symbol<DType>;

// one::functional::TensorProcessor, whose header the wheel lacks.
struct Processor {
  one::TensorTuple operands;
  Dtype common;
  oneflow::Optional<Dtype> wanted;
  std::vector<Dtype> lowest;
  bool does_promote;
  bool makes_floats;
};

enum Kind { kBoolean, kInteger, kFloating, kComplexNumber, kOther };

constexpr DataType kComplexDouble = DtypeOf<std::complex<double>>::value;

Kind kind_of(DataType type) {
  switch (type) {
    case DataType::kBool: return kBoolean;
    case DataType::kInt8:
    case DataType::kInt16:
    case DataType::kInt32:
    case DataType::kInt64:
    case DataType::kUInt8:
    case DataType::kUInt16:
    case DataType::kUInt32:
    case DataType::kUInt64: return kInteger;
    case DataType::kFloat16:
    case DataType::kBFloat16:
    case DataType::kFloat:
    case DataType::kDouble: return kFloating;
    case DataType::kComplex64:
    case kComplexDouble: return kComplexNumber;
    default: return kOther;
  }
}

Kind kind_of(const Dtype& dtype) { return kind_of(dtype->data_type()); }

// How wide a number of its kind is: the wider of two wins.
int width(DataType type) {
  switch (type) {
    case DataType::kUInt8: return 1;
    case DataType::kInt8: return 2;
    case DataType::kInt16: return 3;
    case DataType::kInt32: return 4;
    case DataType::kInt64: return 5;
    case DataType::kFloat16:
    case DataType::kBFloat16: return 6;
    case DataType::kFloat:
    case DataType::kComplex64: return 7;
    default: return 8;
  }
}

const Dtype& dtype(DataType type) { return DType::Get(type).GetOrThrow(); }

bool is_wide_unsigned(DataType type) {
  return type == DataType::kUInt16 || type == DataType::kUInt32 || type == DataType::kUInt64;
}

Maybe<Dtype> promoted(const Dtype& one, const Dtype& other) {
  if (one == other) { return one; }
  const DataType a = one->data_type(), b = other->data_type();
  const Kind kind = kind_of(a), other_kind = kind_of(b);
  for (const DataType type : {a, b}) {
    if (type == DtypeOf<E4M3>::value || type == DtypeOf<E5M2>::value) {
      return Error::RuntimeError() << "Promotion for Float8 Types is not supported";
    }
  }
  if (kind == kOther || other_kind == kOther) { return oneflow::promoteTypes(one, other); }
  const Dtype& low = kind < other_kind ? one : other;
  const Dtype& high = kind < other_kind ? other : one;
  if (is_wide_unsigned(a) || is_wide_unsigned(b)) {
    if (kind != other_kind && kind_of(high) == kFloating) { return high; }
    return Error::RuntimeError()
           << "Promotion for uint16, uint32, uint64 types is not supported, attempted to promote "
           << one->name() << " and " << other->name();
  }
  if (kind == other_kind) {
    const int wide = width(a), other_wide = width(b);
    if (wide == other_wide) { return dtype(DataType::kFloat); }      // float16 and bfloat16
    if (wide + other_wide == 3) { return dtype(DataType::kInt16); }  // uint8 and int8
    return wide < other_wide ? other : one;
  }
  const bool is_wider = kind_of(high) == kComplexNumber && low->data_type() == DataType::kDouble;
  return is_wider ? dtype(kComplexDouble) : high;
}

Maybe<void> take(Dtype* best, const Dtype& own) {
  *best = *best == DType::InvalidDataType() ? own : JUST(promoted(*best, own));
  return Maybe<void>::Ok();
}

// An operand without dimensions counts where it is of a higher kind, and then only for its kind.
Maybe<Dtype> result_of(const one::TensorTuple& operands) {
  Dtype whole = DType::InvalidDataType(), single = DType::InvalidDataType();
  for (const auto& operand : operands) {
    JUST(take(operand->ndim() == 0 ? &single : &whole, operand->dtype()));
  }
  if (whole == DType::InvalidDataType()) { return single; }
  if (single == DType::InvalidDataType() || kind_of(single) <= kind_of(whole)) { return whole; }
  if (kind_of(single) == kComplexNumber && kind_of(whole) == kFloating) {
    const bool is_wide = whole->data_type() == DataType::kDouble;
    return dtype(is_wide ? kComplexDouble : DataType::kComplex64);
  }
  return promoted(whole, single);
}

Maybe<void> convert(TensorPointer* operand, const Dtype& wanted) {
  if ((*operand)->dtype() != wanted) {
    *operand = JUST(one::functional::Cast(*operand, wanted, false));
  }
  return Maybe<void>::Ok();
}

bool is_integral(const Dtype& dtype) { return kind_of(dtype) <= kInteger; }

// OneFlow asks for float32 where PyTorch takes the default dtype.
Dtype floats(const Dtype& asked) {
  return asked->data_type() == DataType::kFloat ? oneflow::GetDefaultDType() : asked;
}

Maybe<void> convert_to_lowest(Processor* of) {
  bool is_complex = false;
  for (const auto& operand : of->operands) {
    is_complex |= kind_of(operand->dtype()) == kComplexNumber;
  }
  if (is_complex && of->operands.size() > 1) {  // OneFlow takes complex128 for an integer (kernel.h)
    const Dtype common = JUST(result_of(of->operands));
    for (auto& operand : of->operands) { JUST(convert(&operand, common)); }
    return Maybe<void>::Ok();
  }
  for (size_t i = 0; i < of->operands.size(); ++i) {
    const Dtype& lowest = of->lowest.at(i);
    const Dtype own = of->operands.at(i)->dtype();
    if (lowest == DType::InvalidDataType() || lowest == own) { continue; }
    const Kind kind = kind_of(own), wanted = kind_of(lowest);
    if (kind > wanted) { continue; }
    const int* order = DType::priority_order;
    if (kind == wanted && order[own->data_type()] >= order[lowest->data_type()]) { continue; }
    JUST(convert(&of->operands.at(i), kind == wanted ? lowest : floats(lowest)));
  }
  return Maybe<void>::Ok();
}

// TensorProcessor::Apply
Maybe<void> apply(Processor* of) {
  if (!of->does_promote) { return convert_to_lowest(of); }
  bool does_differ = false;
  const Dtype first = of->operands.at(0)->dtype();
  for (const auto& operand : of->operands) { does_differ |= operand->dtype() != first; }
  Dtype common = first;
  if (does_differ) {
    common = of->wanted.has_value() ? of->wanted.value_or(first) : JUST(result_of(of->operands));
  }
  if (of->makes_floats && is_integral(common)) { common = oneflow::GetDefaultDType(); }
  if (common == first && !does_differ) { return Maybe<void>::Ok(); }
  of->common = common;
  for (auto& operand : of->operands) { JUST(convert(&operand, common)); }
  return Maybe<void>::Ok();
}

// CastDeviceForCPUScalarTensor, which compares the devices' names: a quarter of an addition's time.
constexpr char kToOneDevice[] =
    "_ZN7oneflow3one10functional4impl28CastDeviceForCPUScalarTensorERSt10shared_ptrINS0_6TensorEES6_b";
Maybe<void> (*to_one_device)(TensorPointer&, TensorPointer&, bool) = nullptr;

Maybe<void> to_device_of_other(TensorPointer& one, TensorPointer& other, bool in_place) {
  if (one->is_local() && other->is_local() && JUST(one->device()) == JUST(other->device())) {
    return Maybe<void>::Ok();
  }
  return to_one_device(one, other, in_place);
}

constexpr char kApply[] = "_ZN7oneflow3one10functional15TensorProcessor5ApplyEv";

bool promote_as_pytorch() {
  const calls::Library library = calls::library();
  if (library.symbols == nullptr) { return false; }
  void** device_slot = calls::slot_of(library, kToOneDevice);
  if (device_slot != nullptr) {
    to_one_device = reinterpret_cast<Maybe<void> (*)(TensorPointer&, TensorPointer&, bool)>(
        calls::address_of(library, kToOneDevice));
    calls::replace(library, device_slot, reinterpret_cast<void*>(to_device_of_other));
  }
  void** slot = calls::slot_of(library, kApply);
  return slot != nullptr && calls::replace(library, slot, reinterpret_cast<void*>(apply));
}
const bool promotes = promote_as_pytorch();

}  // namespace
}  // namespace ofm
