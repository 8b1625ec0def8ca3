"""torch.nn.modules.rnn: recurrent layers on one kernel, cells that ask a property right."""

import oneflow as flow
import torch.nn.utils.rnn  # its PackedSequence is what the layers look for
from oneflow.nn.modules import rnn as engine

from oneflow_mock.compat import hooks
from oneflow_mock.compat.aten import recurrent

for _name in ("lstm", "gru", "rnn_tanh", "rnn_relu"):
    hooks.patch(flow._C, _name, getattr(recurrent, _name))


def _held_weights(self):
    return [getattr(self, name, None) for name in self._flat_weights_names]


def _init_flat_weights(self):
    """List the weights anew."""
    self._flat_weights = _held_weights(self)


def flatten_parameters(self):
    """Bring the weights into one block for cuDNN: nothing to do, OneFlow's kernels do not ask."""


_check = engine.RNNBase.check_input


def _check_input(self, input, batch_sizes):
    expected = self._flat_weights[0].dtype
    if input.dtype != expected:
        raise ValueError(
            f"RNN input dtype ({input.dtype}) does not match weight dtype ({expected}). Convert "
            f"input: input.to({expected}), or convert model: model.to({input.dtype})"
        )
    _check(self, input, batch_sizes)


_make = engine.RNNBase.__init__


def _init(
    self,
    mode,
    input_size,
    hidden_size,
    num_layers=1,
    bias=True,
    batch_first=False,
    dropout=0.0,
    bidirectional=False,
    proj_size=0,
    device=None,
    dtype=None,
):
    for name, value, kind in (
        ("bias", bias, bool),
        ("batch_first", batch_first, bool),
        ("input_size", input_size, int),
        ("hidden_size", hidden_size, int),
    ):
        if not isinstance(value, kind):
            raise TypeError(
                f"{name} should be of type {kind.__name__}, got: {type(value).__name__}"
            )
        if kind is int and value <= 0:
            raise ValueError(f"{name} must be greater than zero")
    if num_layers <= 0:
        raise ValueError("num_layers must be greater than zero")
    sizes = (input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional)
    _make(self, mode, *sizes, proj_size, device, dtype)


for _name, _value in {
    "__init__": _init,
    "_init_flat_weights": _init_flat_weights,
    "_update_flat_weights": _init_flat_weights,
    "check_input": _check_input,
    "flatten_parameters": flatten_parameters,
}.items():
    hooks.patch(engine.RNNBase, _name, _value)


def _checked_layer(kind):
    plain = kind.forward

    def forward(self, input, hx=None):
        if isinstance(input, flow.Tensor) and input.ndim not in (2, 3):
            name = type(self).__name__
            tensor = " tensor" if name == "RNN" else ""  # PyTorch's words, layer by layer
            raise ValueError(
                f"{name}: Expected input to be 2D or 3D, got {input.ndim}D{tensor} instead"
            )
        return plain(self, input, hx)

    hooks.patch(kind, "forward", forward)


for _kind in (engine.RNN, engine.LSTM, engine.GRU):
    _checked_layer(_kind)


def _batched(self, input, hx):
    """Return input and states with a batch dimension, zeros for states that are not given."""
    name = type(self).__name__
    if input.ndim not in (1, 2):
        raise ValueError(f"{name}: Expected input to be 1D or 2D, got {input.ndim}D instead")
    several = isinstance(hx, (tuple, list))
    for place, state in enumerate(hx if several else [hx]):
        if state is not None and state.ndim not in (1, 2):
            which = f"hx[{place}]" if several else "hidden"
            raise ValueError(f"{name}: Expected {which} to be 1D or 2D, got {state.ndim}D instead")
    alone = input.ndim == 1
    if alone:
        input = input.unsqueeze(0)
    if hx is None:
        zeros = flow.zeros(input.shape[0], self.hidden_size, dtype=input.dtype, device=input.device)
        return input, [zeros, zeros], alone
    states = [state.unsqueeze(0) if alone else state for state in (hx if several else [hx])]
    return input, states, alone


def _gates(self, input, state):
    """Return what input and state contribute to the gates."""
    linear = flow.nn.functional.linear
    return (
        linear(input, self.weight_ih, self.bias_ih),
        linear(state, self.weight_hh, self.bias_hh),
    )


def _rnn_cell(self, input, hx=None):
    input, (state, *_), alone = _batched(self, input, hx)
    if self.nonlinearity not in ("tanh", "relu"):
        raise RuntimeError(f"Unknown nonlinearity: {self.nonlinearity}")
    cell = torch.rnn_tanh_cell if self.nonlinearity == "tanh" else torch.rnn_relu_cell
    answer = cell(input, state, self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh)
    return answer.squeeze(0) if alone else answer


def _lstm_cell(self, input, hx=None):
    input, (state, cell), alone = _batched(self, input, hx)
    from_input, from_state = _gates(self, input, state)
    into, forget, new, out = flow.chunk(from_input + from_state, 4, dim=1)
    cell = flow.sigmoid(forget) * cell + flow.sigmoid(into) * flow.tanh(new)
    state = flow.sigmoid(out) * flow.tanh(cell)
    return (state.squeeze(0), cell.squeeze(0)) if alone else (state, cell)


def _gru_cell(self, input, hx=None):
    input, (state, *_), alone = _batched(self, input, hx)
    from_input, from_state = _gates(self, input, state)
    reset_x, update_x, new_x = flow.chunk(from_input, 3, dim=1)
    reset_h, update_h, new_h = flow.chunk(from_state, 3, dim=1)
    reset = flow.sigmoid(reset_x + reset_h)
    update = flow.sigmoid(update_x + update_h)
    new = flow.tanh(new_x + reset * new_h)
    answer = (state - new) * update + new
    return answer.squeeze(0) if alone else answer


hooks.patch(engine.RNNCell, "forward", _rnn_cell)
hooks.patch(engine.LSTMCell, "forward", _lstm_cell)
hooks.patch(engine.GRUCell, "forward", _gru_cell)
