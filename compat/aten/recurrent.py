"""Recurrent layers as functions (``aten/src/ATen/native/RNN.cpp``), which the modules call.

What the input contributes to the gates is one product over all steps; the steps are one native
kernel. Without the kernels, in other dtypes than float32 and float64, on other devices and with
projections OneFlow's own functions answer, which take each step by several operators.
"""

from __future__ import annotations

import oneflow as flow

from oneflow_mock.compat import hooks
from oneflow_mock.compat.kernels.dropout import dropout as thin

#: The kernel's numbers for them.
_KINDS = {"rnn_tanh": 0, "rnn_relu": 1, "lstm": 2, "gru": 3}
_PLAIN = {name: getattr(flow._C, name) for name in _KINDS}


def _is_native(input, weights, layers, has_biases, bidirectional):
    return (
        hooks.kernels
        and input.dtype in (flow.float32, flow.float64)
        and input.is_cpu
        and not input.is_global
        and len(weights) == layers * (2 if bidirectional else 1) * (4 if has_biases else 2)
    )


def _layers(kind, input, batch_sizes, states, weights, has_biases, dropout, train, bidirectional):
    """Return the last layer's states, (steps, batch, size) or packed, and each one's last."""
    each = 4 if has_biases else 2
    directions = 2 if bidirectional else 1
    layers = len(weights) // each // directions
    state, cell = states if kind == "lstm" else (states, states)
    last_states, last_cells = [], []
    for layer in range(layers):
        outputs = []
        for place in range(layer * directions, (layer + 1) * directions):
            weight_ih, weight_hh, *biases = weights[place * each : (place + 1) * each]
            bias_ih, bias_hh = biases or (None, weight_hh.new_zeros(weight_hh.shape[0]))
            gates = flow.nn.functional.linear(input, weight_ih, bias_ih)
            output, last_state, last_cell = hooks.native["recurrence"](
                gates,
                state[place],
                cell[place],
                weight_hh,
                bias_hh,
                batch_sizes,
                _KINDS[kind],
                place % directions == 1,
            )
            outputs.append(output)
            last_states.append(last_state)
            last_cells.append(last_cell)
        input = flow.cat(outputs, dim=-1) if bidirectional else outputs[0]
        if dropout and train and layer + 1 < layers:
            input = thin(input, dropout)
    last = flow.stack(last_states)
    return (input, last, flow.stack(last_cells)) if kind == "lstm" else (input, last)


def _plain_layers(kind, layers, input, *given):
    """Return what OneFlow answers layer by layer, with PyTorch's dropout between them."""
    place = 0 if isinstance(given[2], bool) else 1
    before, (states, weights, has_biases, _, dropout, train, *after) = given[:place], given[place:]
    batch_first = place == 0 and after[-1]
    each, count = len(weights) // layers, (2 if after[0] else 1)
    lasts = []
    for layer in range(layers):
        here = slice(layer * count, (layer + 1) * count)
        some = tuple(one[here] for one in states) if kind == "lstm" else states[here]
        own = weights[layer * each : (layer + 1) * each]
        input, *last = _PLAIN[kind](input, *before, some, own, has_biases, 1, 0.0, train, *after)
        lasts.append(last)
        if layer + 1 < layers:
            # The mask is drawn in the order of the steps.
            steps = input.transpose(0, 1).contiguous() if batch_first else input
            steps = thin(steps, dropout)
            input = steps.transpose(0, 1) if batch_first else steps
    return (input, *(flow.cat(last) for last in zip(*lasts)))


def _answer(kind, *given):
    input, second, third, fourth, *_ = given
    if isinstance(fourth, bool):
        states, weights, has_biases = second, third, fourth
        layers, dropout, train, bidirectional, batch_first = given[4:]
        batch_sizes = None
    else:
        batch_sizes, states, weights = second, third, fourth
        has_biases, layers, dropout, train, bidirectional = given[4:]
        batch_first = False
    if not _is_native(input, weights, layers, has_biases, bidirectional):
        if dropout and train and layers > 1:
            return _plain_layers(kind, layers, *given)
        return _PLAIN[kind](*given)
    if batch_first:
        input = input.transpose(0, 1)
    if batch_sizes is None and not input.shape[0]:
        raise RuntimeError("Expected sequence length to be larger than 0 in RNN")
    found = _layers(
        kind, input, batch_sizes, states, weights, has_biases, dropout, train, bidirectional
    )
    return (found[0].transpose(0, 1), *found[1:]) if batch_first else found


def lstm(*args):
    """Return states of all steps, last states and last cells. See torch.nn.LSTM.

    Either (input, (state, cell), weights, has_biases, layers, dropout, train, bidirectional,
    batch_first), or for packed sequences (data, batch_sizes, (state, cell), weights, has_biases,
    layers, dropout, train, bidirectional).
    """
    return _answer("lstm", *args)


def gru(*args):
    """Return states of all steps and last states. See torch.nn.GRU; arguments as lstm's."""
    return _answer("gru", *args)


def rnn_tanh(*args):
    """Return states of all steps and last states. See torch.nn.RNN; arguments as lstm's."""
    return _answer("rnn_tanh", *args)


def rnn_relu(*args):
    """Return states of all steps and last states. See torch.nn.RNN; arguments as lstm's."""
    return _answer("rnn_relu", *args)
