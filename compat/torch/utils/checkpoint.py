"""Checkpointing: activations are computed again for the backward pass instead of kept."""

from __future__ import annotations

import contextlib
import warnings

import oneflow as flow
import torch

from oneflow_mock.compat import hooks
from oneflow_mock.compat.kernels.devices import cuda_count

__all__ = [
    "checkpoint",
    "checkpoint_sequential",
    "CheckpointError",
    "CheckpointFunction",
    "check_backward_validity",
    "detach_variable",
    "get_device_states",
    "set_device_states",
    "noop_context_fn",
    "set_checkpoint_early_stop",
    "DefaultDeviceType",
    "set_checkpoint_debug_enabled",
]

_DEFAULT_DETERMINISM_MODE = "default"
_early_stop = [True]


class CheckpointError(RuntimeError):
    """The second computation was not like the first."""


class DefaultDeviceType:
    """The kind of device whose generators are restored."""

    _default_device_type = "cuda"

    @staticmethod
    def set_device_type(device="cuda") -> None:
        """Set it."""
        DefaultDeviceType._default_device_type = device

    @staticmethod
    def get_device_type() -> str:
        """Return it."""
        return DefaultDeviceType._default_device_type


@contextlib.contextmanager
def set_checkpoint_debug_enabled(enabled):
    """Run the block: the operators of the two computations are not compared."""
    if enabled:
        hooks.no_effect("torch.utils.checkpoint.set_checkpoint_debug_enabled", "enabled")
    yield


@contextlib.contextmanager
def set_checkpoint_early_stop(enable):
    """Say for a block whether the second computation may go on beyond what the first saved."""
    before = _early_stop[0]
    _early_stop[0] = enable
    try:
        yield
    finally:
        _early_stop[0] = before


def detach_variable(inputs):
    """Return tensors cut off from their graph, which ask for gradients as they did."""
    if not isinstance(inputs, tuple):
        raise RuntimeError(
            "Only tuple of tensors is supported. Got Unsupported input type: "
            + type(inputs).__name__
        )
    out = []
    for one in inputs:
        if not isinstance(one, flow.Tensor):
            out.append(one)
            continue
        cut = one.detach()
        cut.requires_grad_(one.requires_grad)
        out.append(cut)
    return tuple(out)


def check_backward_validity(inputs) -> None:
    """Warn where no input asks for a gradient: none comes out then."""
    if not any(one.requires_grad for one in inputs if isinstance(one, flow.Tensor)):
        warnings.warn(
            "None of the inputs have requires_grad=True. Gradients will be None", stacklevel=2
        )


def get_device_states(*args):
    """Return the CUDA devices of tensors and the states of their generators."""
    found = {one.get_device() for one in args if isinstance(one, flow.Tensor) and one.is_cuda}
    ids = sorted(found)
    return ids, [torch.cuda.get_rng_state(one) for one in ids]


def set_device_states(devices, states, *, device_type=None) -> None:
    """Set the states of CUDA devices' generators."""
    for device, state in zip(devices, states):
        torch.cuda.set_rng_state(state, device)


class _Surroundings:
    """The state of the generators and of autocast now, to be had again for a block."""

    def __init__(self, preserve, args) -> None:
        self._preserve = preserve
        self._autocasts = [
            {
                "device_type": kind,
                "dtype": torch.get_autocast_dtype(kind),
                "enabled": torch.is_autocast_enabled(kind),
                "cache_enabled": torch.is_autocast_cache_enabled(),
            }
            for kind in (("cpu", "cuda") if cuda_count() else ("cpu",))
        ]
        if preserve:
            self._cpu = torch.get_rng_state()
            self._devices, self._states = get_device_states(*args) if cuda_count() else ([], [])

    @contextlib.contextmanager
    def again(self):
        """Give that state for a block, and the present one back after it."""
        with contextlib.ExitStack() as stack:
            for options in self._autocasts:
                stack.enter_context(torch.autocast(**options))
            stack.enter_context(self._same_random_numbers())
            yield

    @contextlib.contextmanager
    def _same_random_numbers(self):
        if not self._preserve:
            yield
            return
        now = torch.get_rng_state()
        devices, states = self._devices, [torch.cuda.get_rng_state(i) for i in self._devices]
        torch.set_rng_state(self._cpu)
        set_device_states(self._devices, self._states)
        try:
            yield
        finally:
            torch.set_rng_state(now)
            set_device_states(devices, states)


class CheckpointFunction(torch.autograd.Function):
    """The variant that runs a backward pass inside the backward pass."""

    @staticmethod
    def forward(ctx, run_function, preserve_rng_state, *args):
        """Run the function without recording it."""
        check_backward_validity(args)
        ctx.run_function = run_function
        ctx.surroundings = _Surroundings(preserve_rng_state, args)
        ctx.places = [place for place, one in enumerate(args) if isinstance(one, flow.Tensor)]
        ctx.inputs = [None if isinstance(one, flow.Tensor) else one for one in args]
        ctx.save_for_backward(*(args[place] for place in ctx.places))
        with torch.no_grad():
            return run_function(*args)

    @staticmethod
    def backward(ctx, *args):
        """Run the function again, recording it, and go back through that."""
        inputs = list(ctx.inputs)
        for place, tensor in zip(ctx.places, ctx.saved_tensors):
            inputs[place] = tensor.detach()
            inputs[place].requires_grad_(ctx.needs_input_grad[place + 2])
        with ctx.surroundings.again(), torch.enable_grad():
            outputs = ctx.run_function(*inputs)
        outputs = outputs if isinstance(outputs, tuple) else (outputs,)
        pairs = [
            (one, grad)
            for one, grad in zip(outputs, args)
            if isinstance(one, flow.Tensor) and one.requires_grad
        ]
        if not pairs:
            raise RuntimeError(
                "none of output has requires_grad=True, this checkpoint() is not necessary"
            )
        torch.autograd.backward([one for one, _ in pairs], [grad for _, grad in pairs])
        grads = (one.grad if isinstance(one, flow.Tensor) else None for one in inputs)
        return (None, None, *grads)


def noop_context_fn():
    """Return two contexts that change nothing."""
    return contextlib.nullcontext(), contextlib.nullcontext()


class _Recomputation:
    """What one checkpointed call keeps instead of its activations."""

    def __init__(self, function, args, kwargs, preserve, context, check, early) -> None:
        self._function = function
        self._args = args
        self._kwargs = kwargs
        self._surroundings = _Surroundings(preserve, args)
        self._context = context
        self._check = check
        self._early = early
        self._looks: list = []
        self._tensors: dict = {}

    def pack(self, tensor):
        """Keep how an activation looks, and its number."""
        self._looks.append((tuple(tensor.shape), tensor.dtype, tensor.device))
        return len(self._looks) - 1

    def unpack(self, number):
        """Return an activation, computing all of them again where it is gone."""
        if number not in self._tensors:
            self._compute()
        return self._tensors.pop(number)

    def _compute(self):
        found: list = []

        def keep(tensor):
            found.append(tensor.detach())
            return None

        def lost(packed):
            raise RuntimeError(
                "torch.utils.checkpoint: a backward pass inside the recomputed function"
            )

        watched = flow.autograd.graph.saved_tensors_hooks(keep, lost)
        with self._surroundings.again(), torch.enable_grad(), self._context, watched:
            self._function(*self._args, **self._kwargs)
        self._compare(found)
        self._tensors = dict(enumerate(found))

    def _compare(self, found):
        if self._early:  # PyTorch stops computing here, and never sees more
            del found[len(self._looks) :]
        if len(found) != len(self._looks):
            raise CheckpointError(
                "torch.utils.checkpoint: A different number of tensors was saved during the "
                "original forward and recomputation.\nNumber of tensors saved during forward: "
                f"{len(self._looks)}\nNumber of tensors saved during recomputation: {len(found)}."
            )
        if not self._check:
            return
        for place, (look, tensor) in enumerate(zip(self._looks, found)):
            now = (tuple(tensor.shape), tensor.dtype, tensor.device)
            if look != now:
                raise CheckpointError(
                    "torch.utils.checkpoint: Recomputed values for the following tensors have "
                    "different metadata than during the forward pass.\n"
                    f"tensor at position {place}:\nsaved metadata: {_words(look)}\n"
                    f"recomputed metadata: {_words(now)}"
                )


def _words(look) -> str:
    shape, dtype, device = look
    return f"{{'shape': torch.Size({list(shape)}), 'dtype': {dtype}, 'device': {device!r}}}"


def checkpoint(
    function,
    *args,
    use_reentrant=None,
    context_fn=noop_context_fn,
    determinism_check=_DEFAULT_DETERMINISM_MODE,
    debug=False,
    early_stop=True,
    **kwargs,
):
    """Call a function; its activations are computed again for the backward pass."""
    if use_reentrant is None:
        warnings.warn(
            "torch.utils.checkpoint: the use_reentrant parameter should be passed explicitly. "
            "Starting in PyTorch 2.9, calling checkpoint without use_reentrant will raise an "
            "exception. use_reentrant=False is recommended, but if you need to preserve the "
            "current default behavior, you can pass use_reentrant=True. Refer to docs for more "
            "details on the differences between the two variants.",
            stacklevel=2,
        )
        use_reentrant = True
    preserve = kwargs.pop("preserve_rng_state", True)
    if use_reentrant:
        if kwargs:
            raise ValueError("Unexpected keyword arguments: " + ",".join(kwargs))
        if context_fn is not noop_context_fn or debug is not False:
            raise ValueError(
                "Passing `context_fn` or `debug` is only supported when use_reentrant=False."
            )
        return CheckpointFunction.apply(function, preserve, *args)
    if determinism_check not in ("default", "none"):
        raise ValueError(
            f"determinism_check should be one of ['default', 'none'], but got {determinism_check}"
        )
    if debug:
        hooks.no_effect("torch.utils.checkpoint.checkpoint", "debug")
    first, second = context_fn()
    if not flow.is_grad_enabled():
        return function(*args, **kwargs)
    kept = _Recomputation(
        function,
        args,
        kwargs,
        preserve,
        second,
        determinism_check == "default",
        early_stop and _early_stop[0],
    )
    with flow.autograd.graph.saved_tensors_hooks(kept.pack, kept.unpack), first:
        return function(*args, **kwargs)


def checkpoint_sequential(functions, segments, input, use_reentrant=None, **kwargs):
    """Run a sequence of functions in segments, each but the last checkpointed."""
    if use_reentrant is None:
        warnings.warn(
            "torch.utils.checkpoint.checkpoint_sequential: the use_reentrant parameter should be "
            "passed explicitly. In version 2.9 we will raise an exception if use_reentrant is not "
            "passed. use_reentrant=False is recommended, but if you need to preserve the current "
            "default behavior, you can pass use_reentrant=True. Refer to docs for more details on "
            "the differences between the two variants.",
            stacklevel=2,
        )
        use_reentrant = True
    preserve = kwargs.pop("preserve_rng_state", True)
    if kwargs:
        raise ValueError("Unexpected keyword arguments: " + ",".join(kwargs))
    if isinstance(functions, flow.nn.Sequential):
        functions = list(functions.children())

    def segment(start, end):
        def run(value):
            for function in functions[start:end]:
                value = function(value)
            return value

        return run

    size = len(functions) // segments
    last = size * (segments - 1)
    for start in range(0, last, size):
        input = checkpoint(
            segment(start, start + size),
            input,
            use_reentrant=use_reentrant,
            preserve_rng_state=preserve,
        )
    return segment(last, len(functions))(input)
