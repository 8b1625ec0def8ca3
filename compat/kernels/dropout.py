"""PyTorch's dropouts: the same elements are dropped as in PyTorch for the same seed.

The mask is drawn when the dropout is asked for, and multiplied with OneFlow's kernels, so autograd
flows through. In a graph, over several ranks and on other devices OneFlow's own dropout draws.
"""

from __future__ import annotations

import ctypes
import math
import warnings

import numpy as np
import oneflow as flow

from oneflow_mock.compat import hooks
from oneflow_mock.compat.kernels import filling, sampling
from oneflow_mock.compat.kernels.generator import generator_of

#: Minus the value that SELU saturates at.
_ALPHA = 1.7580993408473766

_engine_dropout = flow._C.dropout
_engine_by_rank = {3: flow._C.dropout1d, 4: flow._C.dropout2d, 5: flow._C.dropout3d}


def _check(p) -> None:
    if p < 0.0 or p > 1.0:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")


def _kept(input, shape, order, p, generator):
    """Return ones where elements stay and zeros where they are dropped, in the input's dtype."""
    source = generator_of("dropout", generator)
    count = 1
    for size in shape:
        count *= size
    with source.lock:
        kept = sampling.bernoulli(source.stream, count, 1.0 - p)
    kind = filling.kind_of("dropout", input.dtype)
    if not kind.is_float:
        raise RuntimeError(
            f"result type Float can't be cast to the desired output type {kind.name}"
        )
    kept = kept.astype(sampling.storage(kind.array))
    return kept.reshape(shape) if order is None else filling.laid_out(kept, shape, order), kind


def dropout_mask(input, p, *, is_feature=False, generator=None):
    """Return what dropout multiplies with: 0 with probability p, else 1 / (1 - p)."""
    shape, order = _mask_layout(input, is_feature)
    if order is None and _draws_in_place(input):
        return _choices(input, shape, p, generator, lambda ends: _divided(ends, p))[0]
    kept, kind = _kept(input, shape, order, p, generator)
    return filling.tensor_of(sampling.rounded(_divided(kept, p), kind.array), _working_dtype(input))


def _divided(kept, p):
    if kept.dtype.itemsize < 4:  # divided in float32, as PyTorch does
        return (kept.astype(np.float32) / np.float32(1.0 - p)).astype(kept.dtype)
    return kept / kept.dtype.type(1.0 - p)


#: The numbers of dropped and kept elements, by dtype; arrays of their bits for bfloat16.
_ENDS = {
    flow.float16: np.array([0, 1], np.float16),
    flow.float32: np.array([0, 1], np.float32),
    flow.float64: np.array([0, 1], np.float64),
    flow.bfloat16: np.array([0, 1], np.float32),
}


def _draws_in_place(input):
    return hooks.library is not None and input.dtype in _ENDS


def _choices(input, shape, p, generator, *values_of):
    """Draw which elements stay; return for each function a tensor of what it makes of 0 and 1."""
    dtype = input.dtype
    ends = _ENDS[dtype]
    count = filling.count_of(shape)
    tensors, outputs = [], []
    for function in values_of:
        values = function(ends)
        if dtype == flow.bfloat16:
            values = sampling.rounded(values, sampling.BFLOAT16)
            values = (values.view(np.uint32) >> np.uint32(16)).astype(np.uint16)
            tensor = flow.empty(shape, dtype=dtype)
            flow._oneflow_internal.eager.Sync()
            memory = hooks.library.ofm_memory
            memory.restype = ctypes.c_void_p
            place = memory(ctypes.c_uint64(id(tensor)))
        else:
            array = np.empty(shape, values.dtype)
            tensor, place = flow.from_numpy(array), array.ctypes.data
        tensors.append(tensor)
        outputs.append((place, values))
    source = generator_of("dropout", generator)
    with source.lock:
        sampling.draw_choices(source.stream, 1.0 - p, count, values.itemsize, *outputs)
    return tensors


def _mask_layout(input, is_feature):
    shape = tuple(input.shape)
    if not is_feature:
        return shape, filling.memory_order_of(input)
    if len(shape) < 2:
        raise RuntimeError("Feature dropout requires at least 2 dimensions in the input")
    return shape[:2] + (1,) * (len(shape) - 2), None


def _working_dtype(input):
    # OneFlow multiplies no bfloat16 on the CPU; the product is rounded once either way.
    return flow.float32 if _is_widened(input) else input.dtype


def _is_widened(input):
    return input.dtype == flow.bfloat16 and not hooks.kernels


def _multiplied(input, mask, inplace, added=None):
    """Return input * mask (+ added), in place where asked for."""
    if _is_widened(input):
        result = input.to(flow.float32) * mask
        if added is not None:
            result = result.to(flow.bfloat16).to(flow.float32) + added
        result = result.to(flow.bfloat16)
        return input.copy_(result) or input if inplace else result
    result = input.mul_(mask) if inplace else input * mask
    if added is None:
        return result
    return result.add_(added) if inplace else result + added


def _is_engines(input) -> bool:
    return not filling.is_here(input)


def dropped(input, p, training, inplace, is_feature, generator=None):
    if p == 0 or not training or 0 in input.shape:
        return input
    if p == 1:
        return input.mul_(0) if inplace else input * 0
    mask = dropout_mask(input, p, is_feature=is_feature, generator=generator)
    return _multiplied(input, mask, inplace)


def _alpha_dropped(input, p, training, inplace, is_feature):
    if p == 0 or not training or 0 in input.shape:
        return input
    if p == 1:
        return input.mul_(0) if inplace else input * 0
    if input.ndim == 0 and not inplace:
        return _alpha_dropped(input.reshape(1), p, training, False, is_feature).reshape(())
    shape, order = _mask_layout(input, is_feature)
    a = 1.0 / math.sqrt((_ALPHA * _ALPHA * p + 1) * (1 - p))
    kind = filling.kind_of("dropout", input.dtype)

    def scaled(kept):
        return sampling.rounded(kept * kept.dtype.type(a), kind.array)

    def added(kept):
        cast = kept.dtype.type
        for step in (
            lambda values: values + cast(-1),
            lambda values: values * cast(_ALPHA * a),
            lambda values: values + cast(_ALPHA * a * p),
        ):
            kept = sampling.rounded(step(kept), kind.array)
        return kept

    if order is None and _draws_in_place(input):
        mask, addend = _choices(input, shape, p, None, scaled, added)
    else:
        kept, _ = _kept(input, shape, order, p, None)
        dtype = _working_dtype(input)
        mask, addend = [filling.tensor_of(make(kept), dtype) for make in (scaled, added)]
    return _multiplied(input, mask, inplace, addend)


def dropout(input, p=0.5, training=True, inplace=False):
    """torch.nn.functional.dropout."""
    _check(p)
    if _is_engines(input):
        return _engine_dropout(input, p, training, inplace, flow.Generator(), addend=None)
    return dropped(input, p, training, inplace, False)


def _feature_dropout(input, p, training, inplace):
    if _is_engines(input):
        engine = _engine_by_rank.get(input.ndim)
        return engine(input, p, training) if engine else _engine_dropout(input, p, training)
    return dropped(input, p, training, inplace, True)


def dropout1d(input, p=0.5, training=True, inplace=False):
    """torch.nn.functional.dropout1d: drops whole channels of N×C×L or C×L."""
    _check(p)
    rank = input.ndim
    if rank not in (2, 3):
        raise RuntimeError(
            f"dropout1d: Expected 2D or 3D input, but received a {rank}D input. Note that "
            "dropout1d exists to provide channel-wise dropout on inputs with 1 spatial dimension, "
            "a channel dimension, and an optional batch dimension (i.e. 2D or 3D inputs)."
        )
    return _batched(input, rank == 3, p, training, inplace)


def _batched(input, is_batched, p, training, inplace):
    if is_batched:
        return _feature_dropout(input, p, training, inplace)
    result = _feature_dropout(input.unsqueeze(0), p, training, False).squeeze(0)
    if inplace:
        input.copy_(result)
        return input
    return result


def _warn_rank(name, rank, spatial, allowed):
    warnings.warn(
        f"{name}: Received a {rank}-D input to {name}, which is deprecated and will result in an "
        "error in a future release. To retain the behavior and silence this warning, please use "
        f"dropout instead. Note that {name} exists to provide channel-wise dropout on inputs with "
        f"{spatial} spatial dimensions, a channel dimension, and an optional batch dimension "
        f"(i.e. {allowed} inputs).",
        stacklevel=3,
    )


def dropout2d(input, p=0.5, training=True, inplace=False):
    """torch.nn.functional.dropout2d: drops whole channels of N×C×H×W."""
    _check(p)
    rank = input.ndim
    if rank not in (3, 4):
        _warn_rank("dropout2d", rank, 2, "3D or 4D")
    if rank == 3:
        warnings.warn(
            "dropout2d: Received a 3D input to dropout2d and assuming that channel-wise 1D dropout "
            "behavior is desired - input is interpreted as shape (N, C, L), where C is the channel "
            "dim. This behavior will change in a future release to interpret the input as one "
            "without a batch dimension, i.e. shape (C, H, W). To maintain the 1D channel-wise "
            "dropout behavior, please switch to using dropout1d instead.",
            stacklevel=2,
        )
    return _feature_dropout(input, p, training, inplace)


def dropout3d(input, p=0.5, training=True, inplace=False):
    """torch.nn.functional.dropout3d: drops whole channels of N×C×D×H×W or C×D×H×W."""
    _check(p)
    rank = input.ndim
    if rank not in (4, 5):
        _warn_rank("dropout3d", rank, 3, "4D or 5D")
    return _batched(input, rank == 5, p, training, inplace)


def alpha_dropout(input, p=0.5, training=False, inplace=False):
    """torch.nn.functional.alpha_dropout: dropout that keeps mean and variance under SELU."""
    _check(p)
    return _alpha_dropped(input, p, training, inplace, False)


def feature_alpha_dropout(input, p=0.5, training=False, inplace=False):
    """torch.nn.functional.feature_alpha_dropout: the same, of whole channels."""
    _check(p)
    return _alpha_dropped(input, p, training, inplace, True)


#: What ``torch.nn.functional`` takes over from here.
FUNCTIONS = {
    function.__name__: function
    for function in (
        alpha_dropout,
        dropout,
        dropout1d,
        dropout2d,
        dropout3d,
        feature_alpha_dropout,
    )
}


def forward(self, input, addend=None):
    """Forward of OneFlow's Dropout module."""
    if _is_engines(input):
        return _engine_dropout(
            input, self.p, self.training, self.inplace, self.generator, addend=addend
        )
    result = dropped(input, self.p, self.training, self.inplace, False)
    return result if addend is None else result + addend


def forward_1d(self, input, addend=None):
    """Forward of OneFlow's Dropout1d module."""
    return dropout1d(input, self.p, self.training, self.inplace)


def forward_2d(self, input, addend=None):
    """Forward of OneFlow's Dropout2d module."""
    return dropout2d(input, self.p, self.training, self.inplace)


def forward_3d(self, input, addend=None):
    """Forward of OneFlow's Dropout3d module."""
    return dropout3d(input, self.p, self.training, self.inplace)
