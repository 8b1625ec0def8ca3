"""Autocast on the CPU: which functions are called with operands of another dtype, as in PyTorch.

The lists are those of ATen's ``autocast_mode.cpp`` for the CPU. OneFlow has nothing of the kind
there, and its operators are below what the lists name (a linear layer is two of them), so it is
done at the functions. A program may have imported those by name; therefore their code is exchanged
while a block of autocast is open anywhere, and nothing stands before them otherwise.
"""

from __future__ import annotations

import functools
import importlib
import threading
import types

import oneflow as flow

#: Computed in the narrow dtype.
LOWER = {
    "torch": "addbmm addmm baddbmm bmm conv1d conv2d conv3d conv_tbc conv_transpose1d "
    "conv_transpose2d conv_transpose3d convolution inner matmul mm prelu tensordot",
    "torch.nn.functional": "linear prelu scaled_dot_product_attention",
    "torch.linalg": "matmul multi_dot vecdot",
    "torch._VF": "lstm rnn_relu rnn_tanh",
    "torch.Tensor": "__matmul__ __rmatmul__",
}
#: Computed in float32.
FULL = {
    "torch": "binary_cross_entropy_with_logits cdist cholesky cholesky_inverse cholesky_solve "
    "cosine_embedding_loss ctc_loss geqrf grid_sampler grid_sampler_2d grid_sampler_3d "
    "hinge_embedding_loss inverse kl_div lu_solve margin_ranking_loss max_pool3d nanquantile "
    "orgqr ormqr pinverse poisson_nll_loss polar prod qr quantile stft svd trace "
    "triangular_solve triplet_margin_loss view_as_complex",
    "torch.nn.functional": "adaptive_avg_pool3d adaptive_max_pool3d avg_pool3d "
    "binary_cross_entropy binary_cross_entropy_with_logits cosine_embedding_loss cross_entropy "
    "ctc_loss fractional_max_pool2d fractional_max_pool3d grid_sample hinge_embedding_loss "
    "huber_loss kl_div l1_loss margin_ranking_loss max_pool3d max_unpool2d max_unpool3d mse_loss "
    "multi_margin_loss multilabel_margin_loss nll_loss poisson_nll_loss smooth_l1_loss "
    "soft_margin_loss triplet_margin_loss",
    "torch.fft": "fft fft2 fftn hfft ifft ifft2 ifftn ihfft irfft irfft2 irfftn rfft rfft2 rfftn",
    "torch.linalg": "cholesky cholesky_ex cond eig eigh eigvals eigvalsh householder_product inv "
    "inv_ex lstsq matrix_rank qr solve svd svdvals tensorinv tensorsolve",
}
#: Computed in the widest dtype of their operands.
WIDEST = {"torch": "cat column_stack concat concatenate dstack hstack index_copy stack vstack"}
#: In a block or not they compute as they are called: in PyTorch they are kernels of their own.
PLAIN = {
    "torch": "addmv addr bilinear dot gru_cell lstm_cell matrix_exp mv vdot",
    "torch.nn.functional": "bilinear",
    "torch.linalg": "matrix_exp",
    "torch._VF": "gru",
}


class _State(threading.local):
    enabled = False
    dtype = flow.bfloat16
    nesting = 0
    #: Whether one of the functions is computing, which calls others of them as they are.
    inside = False
    cache = None


_state = _State()
_lock = threading.Lock()
#: How many threads have casting on, and what was exchanged for them: (undo, arguments).
_open = {"threads": 0}
_exchanged: list = []


def is_enabled() -> bool:
    """Tell whether this thread's functions are cast."""
    return _state.enabled


def set_enabled(enabled) -> None:
    """Switch casting on or off for this thread."""
    enabled = bool(enabled)
    if enabled == _state.enabled:
        return
    with _lock:
        _open["threads"] += 1 if enabled else -1
        if enabled and _open["threads"] == 1:
            _exchange()
        elif not _open["threads"]:
            _restore()
    _state.enabled = enabled


def dtype():
    """Return the dtype that this thread's functions are cast to."""
    return _state.dtype


def set_dtype(dtype) -> None:
    """Set the dtype that this thread's functions are cast to."""
    _state.dtype = dtype


def enter() -> int:
    """Count a block that is opened in this thread; return how many are open."""
    _state.nesting += 1
    return _state.nesting


def leave() -> int:
    """Count a block that ends; what was cast is forgotten with the outermost."""
    _state.nesting -= 1
    if not _state.nesting:
        clear_cache()
    return _state.nesting


def clear_cache() -> None:
    """Forget the weights that were cast."""
    _state.cache = None


# --- casting -------------------------------------------------------------------------------------


def _castable(tensor) -> bool:
    return tensor.is_floating_point() and tensor.dtype is not flow.float64 and not tensor.is_cuda


def _cast(value, dtype):
    """Return an argument with the tensors in it cast, where they are of a kind that is."""
    if isinstance(value, flow.Tensor):
        return _cast_tensor(value, dtype) if _castable(value) else value
    if isinstance(value, (list, tuple)) and any(isinstance(one, flow.Tensor) for one in value):
        return type(value)([_cast(one, dtype) for one in value])
    return value


def _cast_tensor(tensor, dtype):
    if tensor.dtype is dtype:
        return tensor
    kept = (
        tensor.dtype is flow.float32
        and dtype is _state.dtype
        and tensor.requires_grad
        and tensor.is_leaf
        and flow.is_grad_enabled()
        and flow._oneflow_internal.is_autocast_cache_enabled()
        and _state.nesting > 0
    )
    if not kept:
        return tensor.to(dtype)
    if _state.cache is None:
        _state.cache = {}
    # The tensor is kept as well, so that no other one gets its address.
    found = _state.cache.get((id(tensor), dtype))
    if found is None:
        found = _state.cache[id(tensor), dtype] = (tensor, tensor.to(dtype))
    return found[1]


def _widest(values):
    """Return the dtype of the widest of the tensors; RuntimeError for one of another half type."""
    widest = _state.dtype
    for value in values:
        if isinstance(value, (list, tuple)):
            value = [one for one in value if isinstance(one, flow.Tensor)]
        else:
            value = [value] if isinstance(value, flow.Tensor) else []
        for tensor in filter(_castable, value):
            if flow.float32 in (widest, tensor.dtype):
                widest = flow.float32
            elif tensor.dtype is not widest:
                raise RuntimeError("Unexpected floating ScalarType in at::autocast::prioritize")
    return widest


def _called(choose, function, args, kwargs):
    state = _state
    if not state.enabled or state.inside or kwargs.get("out") is not None:
        return function(*args, **kwargs)
    state.inside = True
    try:
        dtype = choose(args, kwargs)
        if dtype is not None:
            args = [_cast(value, dtype) for value in args]
            kwargs = {name: _cast(value, dtype) for name, value in kwargs.items()}
        return function(*args, **kwargs)
    finally:
        state.inside = False


def _lower(args, kwargs):
    return _state.dtype


def _full(args, kwargs):
    return flow.float32


def _of_operands(args, kwargs):
    return _widest([*args, *kwargs.values()])


def _none(args, kwargs):
    return None


def _einsum(args, kwargs):
    """Narrow where a product of matrices is: an index that two operands share is summed over."""
    equation = args[0] if args else ""
    if not isinstance(equation, str):
        return _state.dtype
    inputs, arrow, output = equation.replace(" ", "").partition("->")
    terms = inputs.split(",")
    counts = {one: sum(one in term for term in terms) for one in set(inputs) - {",", "."}}
    if not arrow:
        output = "".join(one for one in counts if inputs.count(one) == 1)
    summed = any(count > 1 and one not in output for one, count in counts.items())
    return _state.dtype if summed else None


def _padded(args, kwargs):
    """In float32 where edges are repeated or, of one or two dimensions, reflected."""
    pad, mode = (list(args) + [kwargs.get("pad"), "constant"])[1:3]
    mode = kwargs.get("mode", mode)
    return flow.float32 if mode == "replicate" or mode == "reflect" and len(pad) < 6 else None


_POLICIES = (
    (LOWER, _lower),
    (FULL, _full),
    (WIDEST, _of_operands),
    (PLAIN, _none),
    ({"torch": "einsum"}, _einsum),
    ({"torch.nn.functional": "pad"}, _padded),
)


# --- the exchange --------------------------------------------------------------------------------


def _template(*args, **kwargs):
    called = "called"
    return called(args, kwargs)


def _stub(called, freevars):
    """Return code that takes any arguments and hands them on."""
    code = _template.__code__
    constants = tuple(called if one == "called" else one for one in code.co_consts)
    return types.CodeType(*_fields(code, constants, freevars))


def _fields(code, constants, freevars):
    yield code.co_argcount
    if hasattr(code, "co_posonlyargcount"):  # from CPython 3.8 on
        yield code.co_posonlyargcount
    yield from (code.co_kwonlyargcount, code.co_nlocals, code.co_stacksize, code.co_flags)
    yield from (code.co_code, constants, code.co_names, code.co_varnames, code.co_filename)
    yield from (code.co_name, code.co_firstlineno, code.co_lnotab, freevars, code.co_cellvars)


def _exchange():
    seen = set()
    for lists, choose in _POLICIES:
        for path, names in lists.items():
            owner = flow.Tensor if path == "torch.Tensor" else importlib.import_module(path)
            for name in names.split():
                functions = [(owner, getattr(owner, name, None))]
                if path == "torch":  # and the method, where that is another function
                    functions.append((flow.Tensor, getattr(flow.Tensor, name, None)))
                for holder, function in functions:
                    if function is not None and id(function) not in seen:
                        seen.add(id(function))
                        _exchange_one(holder, name, function, choose)


def _exchange_one(holder, name, function, choose):
    if isinstance(function, types.FunctionType):
        code = function.__code__
        original = types.FunctionType(
            code, function.__globals__, name, function.__defaults__, function.__closure__
        )
        original.__kwdefaults__ = function.__kwdefaults__
        called = functools.partial(_called, choose, original)
        function.__code__ = _stub(called, code.co_freevars)
        _exchanged.append((function, "__code__", code))
    elif holder is flow.Tensor:

        @functools.wraps(function)
        def method(*args, **kwargs):
            return _called(choose, function, args, kwargs)

        setattr(holder, name, method)
        _exchanged.append((holder, name, function))


def _restore():
    while _exchanged:
        owner, name, value = _exchanged.pop()
        setattr(owner, name, value)
