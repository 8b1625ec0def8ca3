// Recurrent layers: all steps of an RNN, LSTM or GRU in one kernel, and their gradients.
//
// What the input contributes to the gates is a product of its own, made for all steps at once by
// the caller. Rows of the batch know nothing of each other, so each thread takes some of them
// through all steps. They meet the same weights again and again, which are laid out for that once.
// The equations are those of PyTorch's torch.nn.LSTM, GRU and RNN.
#include <cstring>

#include "functional.h"
#include "gemm.h"
#include "new_op.h"
#include "scratch.h"
#include "vector_math.h"

namespace ofm {
namespace {

enum Kind : int64_t { kTanh, kRelu, kLstm, kGru };

// How many gates the weights have for a unit, and how many numbers are kept for the gradient.
int64_t gates_of(int64_t kind) { return kind == kLstm ? 4 : kind == kGru ? 3 : 1; }
int64_t kept_of(int64_t kind) { return kind == kLstm || kind == kGru ? 4 : 0; }

// --- products of a few rows with a matrix that is met again --------------------------------------

#ifdef __AVX512F__
constexpr int64_t kBytes = 64, kMostRows = 8;
#else
constexpr int64_t kBytes = 32, kMostRows = 4;
#endif
template<typename T>
using Vector __attribute__((vector_size(kBytes))) = T;
template<typename T>
constexpr int64_t kLanes = kBytes / sizeof(T);
// Columns that are computed together.
template<typename T>
constexpr int64_t kPanel = 2 * kLanes<T>;

// A matrix of k × n, in panels of columns; the last one is filled up with zeros. That pays if it is
// met a few times.
template<typename T>
class Panels {
 public:
  Panels(Matrix<T> from, int64_t k, int64_t n, bool pays)
      : from_(from),
        k_(k),
        n_(n),
        count_((n + kPanel<T> - 1) / kPanel<T>),
        pays_(pays),
        memory_(pays ? count_ * k * kPanel<T> : 0) {
    if (!pays) { return; }
    parallel_for(count_, 1 + kGrain / (k * kPanel<T> + 1), [&](int64_t begin, int64_t end) {
      for (int64_t panel = begin; panel < end; ++panel) { fill(panel); }
    });
  }

  // c = (bias or, if `add`, c) + a times the matrix, for rows of a and c without gaps.
  void multiply(const T* a, int64_t rows, const T* bias, bool add, T* c) const {
    if (!pays_) {
      for (int64_t row = 0; row < rows && bias != nullptr; ++row) {
        std::copy_n(bias, n_, c + row * n_);
      }
      gemm<T>(rows, n_, k_, 1, {a, k_, 1}, from_, add || bias != nullptr, c, n_);
      return;
    }
    // Several threads if this is not one of them: if there are too few rows to share out.
    parallel_for(count_, 1 + kGrain / (rows * k_ * kPanel<T> + 1), [&](int64_t begin, int64_t end) {
      for (int64_t panel = begin; panel < end; ++panel) {
        int64_t row = 0;
        for (; row + kMostRows <= rows; row += kMostRows) {
          block<kMostRows>(panel, a + row * k_, bias, add, c + row * n_);
        }
        if (row + kMostRows / 2 <= rows) {
          block<kMostRows / 2>(panel, a + row * k_, bias, add, c + row * n_);
          row += kMostRows / 2;
        }
        for (; row < rows; ++row) { block<1>(panel, a + row * k_, bias, add, c + row * n_); }
      }
    });
  }

 private:
  void fill(int64_t panel) {
    constexpr int64_t kRows = 32;
    const int64_t first = panel * kPanel<T>, width = std::min(kPanel<T>, n_ - first);
    T* to = memory_.data + panel * k_ * kPanel<T>;
    const T* from = from_.data + first * from_.column;
    // Along the memory that is read, and few rows at once, which stay in the cache.
    for (int64_t begin = 0; begin < k_ && from_.row == 1; begin += kRows) {
      const int64_t end = std::min(begin + kRows, k_);
      for (int64_t j = 0; j < width; ++j) {
        for (int64_t i = begin; i < end; ++i) { to[i * kPanel<T> + j] = from[i + j * from_.column]; }
      }
    }
    for (int64_t i = 0; i < k_; ++i) {
      T* row = to + i * kPanel<T>;
      if (from_.row != 1) { std::copy_n(from + i * from_.row, width, row); }
      std::fill(row + width, row + kPanel<T>, T(0));
    }
  }

  template<int64_t rows>
  void block(int64_t panel, const T* a, const T* bias, bool add, T* c) const {
    using V = Vector<T>;
    const int64_t first = panel * kPanel<T>, width = std::min(kPanel<T>, n_ - first);
    V sum[rows][2] = {};
    const T* b = memory_.data + panel * k_ * kPanel<T>;
    for (int64_t i = 0; i < k_; ++i, b += kPanel<T>) {
      V left, right;
      std::memcpy(&left, b, sizeof left);
      std::memcpy(&right, b + kLanes<T>, sizeof right);
#pragma GCC unroll 8
      for (int64_t row = 0; row < rows; ++row) {
        sum[row][0] += a[row * k_ + i] * left;
        sum[row][1] += a[row * k_ + i] * right;
      }
    }
    for (int64_t row = 0; row < rows; ++row) {
      T found[kPanel<T>];
      std::memcpy(found, sum[row], sizeof found);
      T* to = c + row * n_ + first;
      for (int64_t j = 0; j < width; ++j) {
        to[j] = found[j] + (add ? to[j] : bias != nullptr ? bias[first + j] : 0);
      }
    }
  }

  Matrix<T> from_;
  int64_t k_, n_, count_;
  bool pays_;
  Scratch<T> memory_;
};

// --- the steps -----------------------------------------------------------------------------------

// Which rows there are at each step. Of sequences of different length the longest come first, so
// that those of a step are the first few; the steps lie behind each other.
struct Steps {
  Steps(Context* context, const char* gates)
      : batch(context->Tensor4ArgNameAndIndex("state", 0)->shape_view().At(0)) {
    if (context->has_input("batch_sizes", 0)) {
      const int64_t* given = data<int64_t>(context, "batch_sizes");
      counts.assign(given, given + elements(context, "batch_sizes"));
    } else {
      counts.assign(sizes(context, gates).at(0), batch);
    }
    for (const int64_t count : counts) {
      begins.push_back(total);
      total += count;
    }
  }
  int64_t length() const { return counts.size(); }
  bool are_many() const { return length() > 2; }

  int64_t batch;
  int64_t total = 0;
  std::vector<int64_t> counts, begins;
};

// The rows of a thread. A product that is not laid out for it is shared out itself.
template<typename Body>
void for_rows(const Steps& steps, int64_t work, const Body& body) {
  const int64_t grain = 1 + kGrain / (work * steps.length() + 1);
  parallel_for(steps.batch, steps.are_many() ? grain : steps.batch, body);
}

template<typename T>
struct Recurrence {
  static void compute(Context* context) {
    const int64_t kind = context->Attr<int64_t>("kind");
    const bool reverse = context->Attr<bool>("reverse");
    const Steps steps(context, "gates");
    const int64_t size = sizes(context, "weight").at(1), width = gates_of(kind) * size;
    const T* gates = data<T>(context, "gates");
    const T* bias = data<T>(context, "bias");
    T* out = mut_data<T>(context, "out");
    T* state = mut_data<T>(context, "last_state");
    T* cell = mut_data<T>(context, "last_cell");
    T* kept = mut_data<T>(context, "kept");
    T* cells = mut_data<T>(context, "cells");
    std::copy_n(data<T>(context, "state"), steps.batch * size, state);
    if (kind == kLstm) { std::copy_n(data<T>(context, "cell"), steps.batch * size, cell); }
    const Panels<T> weight({data<T>(context, "weight"), 1, size}, size, width,
                           steps.are_many());
    for_rows(steps, size * width, [&](int64_t first, int64_t last) {
      Scratch<T> mine((last - first) * width);
      for (int64_t i = 0; i < steps.length(); ++i) {
        const int64_t step = reverse ? steps.length() - 1 - i : i;
        const int64_t count = std::min(last, steps.counts[step]) - first;
        if (count <= 0) { continue; }
        weight.multiply(state + first * size, count, bias, false, mine.data);
        for (int64_t row = 0; row < count; ++row) {
          const int64_t from = steps.begins[step] + first + row, to = (first + row) * size;
          unit(kind, size, gates + from * width, mine.data + row * width, state + to, cell + to,
               kept + from * kept_of(kind) * size, cells + from * size);
          std::copy_n(state + to, size, out + from * size);
        }
      }
    });
  }

  // From what input and state contribute to the gates: the next state, and cell.
  static void unit(int64_t kind, int64_t size, const T* __restrict x, const T* __restrict h,
                   T* __restrict state, T* __restrict cell, T* __restrict kept,
                   T* __restrict cells) {
    if (kind == kTanh) {
      for (int64_t i = 0; i < size; ++i) { state[i] = math::tanh(x[i] + h[i]); }
    } else if (kind == kRelu) {
      // Not std::max, which would lose a NaN.
      for (int64_t i = 0; i < size; ++i) { state[i] = x[i] + h[i] < 0 ? 0 : x[i] + h[i]; }
    } else if (kind == kLstm) {
      for (int64_t i = 0; i < size; ++i) {
        const T into = math::sigmoid(x[i] + h[i]);
        const T forget = math::sigmoid(x[size + i] + h[size + i]);
        const T fresh = math::tanh(x[2 * size + i] + h[2 * size + i]);
        const T open = math::sigmoid(x[3 * size + i] + h[3 * size + i]);
        const T next = forget * cell[i] + into * fresh;
        kept[i] = into;
        kept[size + i] = forget;
        kept[2 * size + i] = fresh;
        kept[3 * size + i] = open;
        cells[i] = cell[i] = next;
        state[i] = open * math::tanh(next);
      }
    } else {
      for (int64_t i = 0; i < size; ++i) {
        const T reset = math::sigmoid(x[i] + h[i]);
        const T keep = math::sigmoid(x[size + i] + h[size + i]);
        const T fresh = math::tanh(x[2 * size + i] + reset * h[2 * size + i]);
        kept[i] = reset;
        kept[size + i] = keep;
        kept[2 * size + i] = fresh;
        kept[3 * size + i] = h[2 * size + i];
        state[i] = (state[i] - fresh) * keep + fresh;
      }
    }
  }
};

template<typename T>
struct RecurrenceGradient {
  static void compute(Context* context) {
    const int64_t kind = context->Attr<int64_t>("kind");
    const bool reverse = context->Attr<bool>("reverse");
    const Steps steps(context, "out");
    const int64_t size = sizes(context, "weight").at(1), width = gates_of(kind) * size;
    const T* out = data<T>(context, "out");
    const T* out_gradient = data<T>(context, "out_gradient");
    const T* first_state = data<T>(context, "state");
    const T* first_cell = data<T>(context, "cell");
    const T* kept = data<T>(context, "kept");
    const T* cells = data<T>(context, "cells");
    T* gates = mut_data<T>(context, "gates_gradient");
    T* state = mut_data<T>(context, "state_gradient");
    T* cell = mut_data<T>(context, "cell_gradient");
    std::copy_n(data<T>(context, "last_state_gradient"), steps.batch * size, state);
    std::copy_n(data<T>(context, "last_cell_gradient"), steps.batch * size, cell);
    const Panels<T> weight({data<T>(context, "weight"), size, 1}, width, size,
                           steps.are_many());
    // Those of what the state contributes; only a GRU's differ from the input's.
    Scratch<T> others(kind == kGru ? steps.total * width : 0);
    T* inner = kind == kGru ? others.data : gates;
    Scratch<T> before(steps.total * size);
    for_rows(steps, size * width, [&](int64_t first, int64_t last) {
      for (int64_t i = 0; i < steps.length(); ++i) {
        const int64_t step = reverse ? i : steps.length() - 1 - i;
        const int64_t count = std::min(last, steps.counts[step]) - first;
        if (count <= 0) { continue; }
        const int64_t previous = reverse ? step + 1 : step - 1;
        const bool is_first = previous < 0 || previous == steps.length();
        for (int64_t row = first; row < first + count; ++row) {
          const int64_t from = steps.begins[step] + row;
          const bool is_new = is_first || row >= steps.counts[previous];
          const int64_t back = is_new ? row : steps.begins[previous] + row;
          const T* last_state = (is_new ? first_state : out) + back * size;
          const T* last_cell = (is_new ? first_cell : cells) + (kind == kLstm ? back * size : 0);
          std::copy_n(last_state, size, before.data + from * size);
          unit(kind, size, out_gradient + from * size, out + from * size, last_state,
               kept + from * kept_of(kind) * size, cells + (kind == kLstm ? from * size : 0),
               last_cell, state + row * size, cell + row * size, gates + from * width,
               inner + from * width);
        }
        const T* now = inner + (steps.begins[step] + first) * width;
        weight.multiply(now, count, nullptr, kind == kGru, state + first * size);
      }
    });
    T* weights = mut_data<T>(context, "weight_gradient");
    T* bias = mut_data<T>(context, "bias_gradient");
    gemm<T>(width, size, steps.total, 1, {inner, 1, width}, {before.data, size, 1}, false, weights,
            size);
    parallel_for(width, 1 + kGrain / (steps.total + 1), [&](int64_t begin, int64_t end) {
      std::fill(bias + begin, bias + end, T(0));
      for (int64_t row = 0; row < steps.total; ++row) {
        for (int64_t i = begin; i < end; ++i) { bias[i] += inner[row * width + i]; }
      }
    });
  }

  // From the gradient of a state, the later ones' part of it in `state`: those of the gates, and
  // what of it does not pass the weights.
  static void unit(int64_t kind, int64_t size, const T* __restrict out_gradient,
                   const T* __restrict out, const T* __restrict last_state,
                   const T* __restrict kept, const T* __restrict cells,
                   const T* __restrict last_cell, T* __restrict state, T* __restrict cell, T* gates,
                   T* inner) {
    if (kind == kTanh) {
      for (int64_t i = 0; i < size; ++i) {
        gates[i] = (state[i] + out_gradient[i]) * (1 - out[i] * out[i]);
      }
    } else if (kind == kRelu) {
      for (int64_t i = 0; i < size; ++i) {
        gates[i] = out[i] <= 0 ? 0 : state[i] + out_gradient[i];
      }
    } else if (kind == kLstm) {
      for (int64_t i = 0; i < size; ++i) {
        const T into = kept[i], forget = kept[size + i], fresh = kept[2 * size + i];
        const T open = kept[3 * size + i], shown = math::tanh(cells[i]);
        const T wanted = state[i] + out_gradient[i];
        const T held = cell[i] + wanted * open * (1 - shown * shown);
        gates[i] = held * fresh * into * (1 - into);
        gates[size + i] = held * last_cell[i] * forget * (1 - forget);
        gates[2 * size + i] = held * into * (1 - fresh * fresh);
        gates[3 * size + i] = wanted * shown * open * (1 - open);
        cell[i] = held * forget;
      }
    } else {
      for (int64_t i = 0; i < size; ++i) {
        const T reset = kept[i], keep = kept[size + i], fresh = kept[2 * size + i];
        const T wanted = state[i] + out_gradient[i];
        const T made = wanted * (1 - keep) * (1 - fresh * fresh);
        gates[i] = inner[i] = made * kept[3 * size + i] * reset * (1 - reset);
        gates[size + i] = inner[size + i] =
            wanted * (last_state[i] - fresh) * keep * (1 - keep);
        gates[2 * size + i] = made;
        inner[2 * size + i] = made * reset;
        state[i] = wanted * keep;
      }
    }
  }
};

// --- the operators -------------------------------------------------------------------------------

oneflow::Shape with_last(oneflow::Shape shape, int64_t size) {
  shape.Set(shape.NumAxes() - 1, size);
  return shape;
}

Maybe<void> shapes(user_op::InferContext* context) {
  const int64_t kind = context->Attr<int64_t>("kind");
  const auto& gates = context->InputShape("gates", 0);
  const auto& state = context->InputShape("state", 0);
  const auto& weight = context->InputShape("weight", 0);
  const bool is_packed = context->has_input("batch_sizes", 0);
  CHECK_OR_RETURN(gates.NumAxes() == (is_packed ? 2 : 3) && state.NumAxes() == 2
                  && weight.NumAxes() == 2 && kind >= kTanh && kind <= kGru)
      << Error::RuntimeError() << "a recurrent layer of wrong dimensions";
  const int64_t size = weight.At(1), width = gates_of(kind) * size;
  CHECK_OR_RETURN(weight.At(0) == width && gates.At(gates.NumAxes() - 1) == width
                  && state.At(1) == size && context->InputShape("cell", 0) == state
                  && context->InputShape("bias", 0) == oneflow::Shape({width})
                  && (is_packed || gates.At(1) == state.At(0)))
      << Error::RuntimeError() << "a recurrent layer's sizes do not fit: gates "
      << gates.ToString() << ", state " << state.ToString() << ", weight " << weight.ToString();
  set_contiguous(context, "out", with_last(gates, size));
  set_contiguous(context, "last_state", state);
  set_contiguous(context, "last_cell", state);
  set_contiguous(context, "kept", with_last(gates, kept_of(kind) * size));
  set_contiguous(context, "cells", with_last(gates, kind == kLstm ? size : 0));
  return Maybe<void>::Ok();
}

Maybe<void> dtypes(user_op::InferContext* context) {
  const DataType dtype = context->InputDType("gates", 0);
  for (const char* name : {"state", "cell", "weight", "bias"}) {
    CHECK_OR_RETURN(context->InputDType(name, 0) == dtype)
        << Error::RuntimeError() << "a recurrent layer's tensors must have the same dtype";
  }
  for (const char* name : {"out", "last_state", "last_cell", "kept", "cells"}) {
    context->SetOutputDType(name, 0, dtype);
  }
  return Maybe<void>::Ok();
}

Maybe<void> gradient_shapes(user_op::InferContext* context) {
  const auto& weight = context->InputShape("weight", 0);
  const auto& state = context->InputShape("state", 0);
  set_contiguous(context, "gates_gradient", with_last(context->InputShape("out", 0), weight.At(0)));
  set_contiguous(context, "state_gradient", state);
  set_contiguous(context, "cell_gradient", state);
  set_contiguous(context, "weight_gradient", weight);
  set_contiguous(context, "bias_gradient", oneflow::Shape({weight.At(0)}));
  return Maybe<void>::Ok();
}

Maybe<void> gradient_dtypes(user_op::InferContext* context) {
  for (const char* name : {"gates_gradient", "state_gradient", "cell_gradient", "weight_gradient",
                           "bias_gradient"}) {
    context->SetOutputDType(name, 0, context->InputDType("out", 0));
  }
  return Maybe<void>::Ok();
}

REGISTER_USER_OP("ofm_recurrence")
    .Input("gates")
    .Input("state")
    .Input("cell")
    .Input("weight")
    .Input("bias")
    .OptionalInput("batch_sizes")
    .Output("out")
    .Output("last_state")
    .Output("last_cell")
    .Output("kept")
    .Output("cells")
    .Attr<int64_t>("kind", 0)
    .Attr<bool>("reverse", false)
    .SetLogicalTensorDescInferFn(shapes)
    .SetPhysicalTensorDescInferFn(shapes)
    .SetDataTypeInferFn(dtypes)
    .SetGetSbpFn(user_op::GetSbpFnUtil::DefaultBroadcastToBroadcast);

REGISTER_USER_OP("ofm_recurrence_grad")
    .Input("out_gradient")
    .Input("last_state_gradient")
    .Input("last_cell_gradient")
    .Input("state")
    .Input("cell")
    .Input("weight")
    .Input("out")
    .Input("kept")
    .Input("cells")
    .OptionalInput("batch_sizes")
    .Output("gates_gradient")
    .Output("state_gradient")
    .Output("cell_gradient")
    .Output("weight_gradient")
    .Output("bias_gradient")
    .Attr<int64_t>("kind", 0)
    .Attr<bool>("reverse", false)
    .SetLogicalTensorDescInferFn(gradient_shapes)
    .SetPhysicalTensorDescInferFn(gradient_shapes)
    .SetDataTypeInferFn(gradient_dtypes)
    .SetGetSbpFn(user_op::GetSbpFnUtil::DefaultBroadcastToBroadcast);

#define OFM_RECURRENCE(type)                                                     \
  OFM_REGISTER("ofm_recurrence", Stateless<Recurrence<type>>,                    \
               OFM_ON_CPU("out", DtypeOf<type>::value))                          \
  OFM_REGISTER("ofm_recurrence_grad", Stateless<RecurrenceGradient<type>>,       \
               OFM_ON_CPU("gates_gradient", DtypeOf<type>::value))
OFM_RECURRENCE(float)
OFM_RECURRENCE(double)

struct State : one::AutoGradCaptureState {
  int64_t kind;
  bool reverse;
  bool wanted[5];
};

class Gradient : public one::OpExprGradFunction<State> {
 public:
  Maybe<void> Init(const one::OpExpr&) override { return Maybe<void>::Ok(); }

  Maybe<void> Capture(State* state, const one::TensorTuple& inputs, const one::TensorTuple& outputs,
                      const oneflow::AttrMap& attributes) const override {
    state->kind = JUST(attributes.GetAttr<int64_t>("kind"));
    state->reverse = JUST(attributes.GetAttr<bool>("reverse"));
    for (int i = 0; i < 5; ++i) { state->wanted[i] = inputs.at(i)->requires_grad(); }
    for (const int i : {1, 2, 3}) { state->SaveTensorForBackward(inputs.at(i)); }
    for (const int i : {0, 3, 4}) { state->SaveTensorForBackward(outputs.at(i)); }
    if (inputs.size() == 6) { state->SaveTensorForBackward(inputs.at(5)); }
    return Maybe<void>::Ok();
  }

  Maybe<void> Apply(const State* state, const one::TensorTuple& out_grads,
                    one::TensorTuple* in_grads) const override {
#define OFM_INPUTS                                                                         \
  "out_gradient", "last_state_gradient", "last_cell_gradient", "state", "cell", "weight", "out", \
      "kept", "cells"
#define OFM_OUTPUTS \
  {"gates_gradient", "state_gradient", "cell_gradient", "weight_gradient", "bias_gradient"}
    static const auto& dense = make_op("ofm_recurrence_grad", {OFM_INPUTS}, OFM_OUTPUTS);
    static const auto& packed =
        make_op("ofm_recurrence_grad", {OFM_INPUTS, "batch_sizes"}, OFM_OUTPUTS);
    CHECK_OR_RETURN(!gradient_is_recorded())
        << Error::RuntimeError() << "the gradient of a recurrent layer has no gradient here";
    auto& attributes = THREAD_CACHED_MUTABLE_ATTR_MAP("kind", "reverse");
    attributes.SetAllAttrs(state->kind, state->reverse);
    one::TensorTuple inputs{out_grads.at(0), out_grads.at(1), out_grads.at(2)};
    for (const auto& saved : state->SavedTensors()) { inputs.push_back(saved); }
    const bool is_packed = inputs.size() == 10;
    const auto found = JUST(one::OpInterpUtil::Dispatch<one::TensorTuple>(
        is_packed ? packed : dense, inputs, attributes));
    in_grads->resize(is_packed ? 6 : 5);
    for (int i = 0; i < 5; ++i) {
      if (state->wanted[i]) { in_grads->at(i) = found->at(i); }
    }
    return Maybe<void>::Ok();
  }
};
OFM_REGISTER_GRADIENT("ofm_recurrence", Gradient)

// recurrence(gates, state, cell, weight, bias, batch_sizes or None, kind, reverse): the states of
// all steps, the last state and the last cell.
PyObject* recurrence(PyObject*, PyObject* const* arguments, ssize_t count) {
  return guarded([&] {
    if (count != 8) { throw TypeError{"recurrence takes 8 arguments"}; }
#define OFM_FORWARD {"out", "last_state", "last_cell", "kept", "cells"}
    static const auto& dense =
        make_op("ofm_recurrence", {"gates", "state", "cell", "weight", "bias"}, OFM_FORWARD);
    static const auto& packed = make_op(
        "ofm_recurrence", {"gates", "state", "cell", "weight", "bias", "batch_sizes"}, OFM_FORWARD);
    auto& attributes = THREAD_CACHED_MUTABLE_ATTR_MAP("kind", "reverse");
    attributes.SetAllAttrs(integer(arguments[6]), truth(arguments[7]));
    one::TensorTuple inputs;
    for (int i = 0; i < 5; ++i) { inputs.push_back(tensor(arguments[i])); }
    const bool is_packed = !is_none(arguments[5]);
    if (is_packed) { inputs.push_back(tensor(arguments[5])); }
    const auto found = dispatch(is_packed ? packed : dense, inputs, attributes);
    return python(one::TensorTuple{found->at(0), found->at(1), found->at(2)});
  });
}
OFM_PYTHON_FUNCTION(recurrence, recurrence)

}  // namespace
}  // namespace ofm
