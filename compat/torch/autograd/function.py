"""Functions with a backward of one's own."""

from __future__ import annotations

import functools
import inspect
import warnings

import oneflow as flow
from oneflow._oneflow_internal import TensorTuple
from oneflow._oneflow_internal.autograd import AutogradFunctionBase

from oneflow_mock.compat import hooks
from oneflow_mock.compat.kernels.complex_functions import COMPLEX

__all__ = [
    "FunctionCtx",
    "BackwardCFunction",
    "FunctionMeta",
    "Function",
    "once_differentiable",
    "InplaceFunction",
]


class FunctionCtx:
    """What ``forward`` leaves for ``backward``; any attribute can be set on it."""

    needs_input_grad: tuple = ()
    materialize_grads = True
    to_save = None
    dirty_tensors = None
    non_differentiable = None
    _engine = None

    def save_for_backward(self, *tensors) -> None:
        """Keep tensors (or None) for ``backward``, which finds them in ``saved_tensors``."""
        self.to_save = tensors

    def save_for_forward(self, *tensors) -> None:
        """Keep tensors for ``jvp``: forward mode is not had here, so nothing reads them."""
        self.saved_for_forward = tensors

    def mark_dirty(self, *args) -> None:
        """Say which inputs ``forward`` changed in place."""
        self.dirty_tensors = args

    def mark_non_differentiable(self, *args) -> None:
        """Say which outputs have no gradient."""
        self.non_differentiable = args

    def mark_shared_storage(self, *pairs) -> None:
        """Warn as PyTorch does: it has had no use for a long time."""
        warnings.warn(
            "mark_shared_storage is deprecated. Tensors with shared storages are automatically "
            "tracked. Note that calls to `set_()` are not tracked",
            FutureWarning,
            stacklevel=2,
        )

    def set_materialize_grads(self, value: bool) -> None:
        """Ask for None instead of zeros; OneFlow's engine always makes the zeros."""
        if not value:
            hooks.no_effect("torch.autograd.function.FunctionCtx.set_materialize_grads", "value")
        self.materialize_grads = value

    @property
    def saved_tensors(self):
        """The tensors that ``forward`` saved."""
        held = iter(self._engine.saved_tensors if self._engine is not None else ())
        return tuple(None if tensor is None else next(held) for tensor in self.to_save or ())

    @property
    def saved_variables(self):
        """The same, by its old name."""
        warnings.warn("'saved_variables' is deprecated; use 'saved_tensors'", stacklevel=2)
        return self.saved_tensors

    def _freeze(self):
        """Give the saved tensors to the engine, which frees them after the backward pass."""
        saved = self.to_save or ()
        for place, tensor in enumerate(saved):
            if tensor is not None and not isinstance(tensor, flow.Tensor):
                raise TypeError(
                    f"save_for_backward can only save variables, but argument {place} is of type "
                    f"{type(tensor).__name__}"
                )
        self._engine.save_for_backward(*(tensor for tensor in saved if tensor is not None))
        self.to_save = tuple(tensor if tensor is None else True for tensor in saved)
        self.dirty_tensors = self.non_differentiable = None


_ContextMethodMixin = FunctionCtx


class _HookMixin:
    pass


class BackwardCFunction(FunctionCtx, _HookMixin):
    """The context that ``forward`` and ``backward`` share."""

    _forward_cls: type

    def name(self) -> str:
        """Return the name of the node."""
        return self._forward_cls.__name__ + "Backward"

    def apply(self, *args):
        """Run the function's ``backward`` (or ``vjp``)."""
        cls = self._forward_cls
        if cls.backward is not Function.backward and cls.vjp is not Function.vjp:
            raise RuntimeError(
                "Implementing both 'backward' and 'vjp' for a custom Function is not allowed. You "
                "should only implement one of them."
            )
        chosen = cls.vjp if cls.vjp is not Function.vjp else cls.backward
        return chosen(self, *args)


class FunctionMeta(type):
    """Gives each function class a context class of its own."""

    def __init__(cls, name, bases, attrs) -> None:
        context = type(name + "Backward", (BackwardCFunction,), {"_forward_cls": cls})
        cls._backward_cls = context
        super().__init__(name, bases, attrs)


def _is_setup_context_defined(fn) -> bool:
    return fn is not Function.setup_context


class _SingleLevelFunction(FunctionCtx, _HookMixin, metaclass=FunctionMeta):
    @staticmethod
    def forward(*args, **kwargs):
        """Compute the outputs; override this."""
        raise NotImplementedError(
            "You must implement the forward function for custom autograd.Function."
        )

    @staticmethod
    def setup_context(ctx, inputs, output):
        """Fill the context after a ``forward`` that takes none; override this."""
        raise NotImplementedError("setup_context is not implemented.")

    @staticmethod
    def backward(ctx, *grad_outputs):
        """Compute the gradients of the inputs; override this."""
        raise NotImplementedError(
            "You must implement either the backward or vjp method for your custom "
            "autograd.Function to use it with backward mode AD."
        )

    vjp = backward

    @staticmethod
    def jvp(ctx, *grad_inputs):
        """Compute the tangents of the outputs: forward mode is not had here."""
        raise NotImplementedError(
            "You must implement the jvp function for custom autograd.Function to use it with "
            "forward mode AD."
        )


class Function(_SingleLevelFunction):
    """Base of functions with a backward of one's own: subclass it, then call ``apply``."""

    def __init__(self, *args, **kwargs) -> None:
        warnings.warn(
            f"{self.__class__} should not be instantiated. Methods on autograd functions are all "
            "static, so you should invoke them on the class itself. Instantiating an autograd "
            "function will raise an error in a future version of PyTorch.",
            DeprecationWarning,
            stacklevel=2,
        )

    def __call__(self, *args, **kwargs):
        raise RuntimeError(
            "Legacy autograd function with non-static forward method is deprecated. Please use "
            "new-style autograd function with static forward method. (Example: "
            "https://pytorch.org/docs/stable/autograd.html#torch.autograd.Function)"
        )

    generate_vmap_rule = False

    @staticmethod
    def vmap(info, in_dims, *args):
        """Say how the function is batched: ``torch.vmap`` is not had here."""
        raise NotImplementedError(
            "To use autograd.Function with vmap, you must either override the vmap staticmethod "
            "or set generate_vmap_rule=True."
        )

    @classmethod
    def apply(cls, *args, **kwargs):
        """Run the function on inputs, recording it."""
        separate = _is_setup_context_defined(cls.setup_context)
        if separate or kwargs:
            lead = () if separate else (None,)  # the context
            bound = inspect.signature(cls.forward).bind(*lead, *args, **kwargs)
            bound.apply_defaults()
            if bound.kwargs:
                raise TypeError(f"{cls.__name__}.apply() takes no keyword-only arguments")
            args = bound.args[len(lead) :]
        return _run(cls, args, separate)


def _run(cls, args, separate):
    """Run a function: OneFlow's engine sees its tensors only, PyTorch's context sees it all."""
    places = [place for place, value in enumerate(args) if isinstance(value, flow.Tensor)]
    recording = flow.is_grad_enabled()
    needs = [isinstance(value, flow.Tensor) and value.requires_grad for value in args]
    context = cls._backward_cls()
    context.needs_input_grad = tuple(needs)
    if not (recording and any(needs)):
        return _without_graph(cls, context, args, separate)
    made: list = []

    def forward(engine, *tensors):
        context._engine = engine
        values = list(args)
        for place, tensor in zip(places, tensors):
            values[place] = tensor
        outputs = _call_forward(cls, context, values, separate)
        made.append(outputs)
        flat = outputs if isinstance(outputs, tuple) else (outputs,)
        dirty = context.dirty_tensors or ()
        skipped = context.non_differentiable or ()
        engine.mark_non_differentiable(*(one for one in skipped if one is not None))
        given = [_fresh(one, tensors, dirty) for one in flat if isinstance(one, flow.Tensor)]
        context._freeze()
        return tuple(given)

    def backward(engine, *grads):
        outputs = made[0]
        given = iter(grads)
        full = [_conjugated(next(given)) if is_tensor else None for is_tensor in outputs]
        results = context.apply(*full)
        results = list(results) if isinstance(results, tuple) else [results]
        _check_count(cls, results, args)
        results += [None] * (len(args) - len(results))
        return tuple(_conjugated(results[place], is_real) for place, is_real in zip(places, real))

    tensors = [args[place] for place in places]
    real = [tensor.dtype not in COMPLEX for tensor in tensors]
    answer = AutogradFunctionBase.apply(cls.__name__, forward, backward, *tensors)
    outputs = made.pop()
    flat = outputs if isinstance(outputs, tuple) else (outputs,)
    made.append([isinstance(one, flow.Tensor) for one in flat])
    found = iter(answer if isinstance(answer, (tuple, list, TensorTuple)) else (answer,))
    flat = tuple(next(found) if isinstance(one, flow.Tensor) else one for one in flat)
    return flat if isinstance(outputs, tuple) else flat[0]


def _conjugated(grad, is_real=False):
    """Return a gradient as it flows, or from there: that of complex numbers as its conjugate."""
    if grad is None or grad.dtype not in COMPLEX:
        return grad
    return grad.real if is_real else hooks.native["conj"](grad)


def _fresh(output, inputs, dirty):
    """Return an output as it is, or a view of it where it is an input that was not changed."""
    if any(output is one for one in inputs) and not any(output is one for one in dirty):
        return output.view(output.shape)
    return output


def _check_count(cls, results, args):
    extra = len(results) - len(args)
    if len(results) < len(args) or any(one is not None for one in results[len(args) :]):
        if extra < 0 and len(results) == 1 and results[0] is None:
            return
        raise RuntimeError(
            f"function {cls.__name__}Backward returned an incorrect number of gradients "
            f"(expected {len(args)}, got {len(results)})"
        )
    del results[len(args) :]


def _call_forward(cls, context, values, separate):
    if not separate:
        return cls.forward(context, *values)
    outputs = cls.forward(*values)
    cls.setup_context(context, tuple(values), outputs)
    return outputs


def _without_graph(cls, context, args, separate):
    """Run a function that nothing will be differentiated through."""
    with flow.no_grad():
        outputs = _call_forward(cls, context, list(args), separate)
        flat = outputs if isinstance(outputs, tuple) else (outputs,)
        dirty = context.dirty_tensors or ()
        inputs = [value for value in args if isinstance(value, flow.Tensor)]
        flat = tuple(
            _fresh(one, inputs, dirty) if isinstance(one, flow.Tensor) else one for one in flat
        )
    return flat if isinstance(outputs, tuple) else flat[0]


def once_differentiable(fn):
    """Mark a ``backward`` that cannot be differentiated itself."""

    @functools.wraps(fn)
    def wrapper(ctx, *args):
        with flow.no_grad():
            outputs = fn(ctx, *args)
        recording = flow.is_grad_enabled()
        if not recording or not any(
            isinstance(arg, flow.Tensor) and arg.requires_grad for arg in args
        ):
            return outputs
        sources = [arg for arg in args if isinstance(arg, flow.Tensor) and arg.requires_grad]
        flat = outputs if isinstance(outputs, tuple) else (outputs,)
        flat = tuple(
            _Once.apply(one, *sources) if isinstance(one, flow.Tensor) else one for one in flat
        )
        return flat if isinstance(outputs, tuple) else flat[0]

    return wrapper


class _Once(Function):
    """Passes a tensor on, and refuses to be differentiated."""

    @staticmethod
    def forward(ctx, tensor, *sources):
        return tensor.clone()

    @staticmethod
    def backward(ctx, *grads):
        raise RuntimeError(
            "trying to differentiate twice a function that was marked with @once_differentiable"
        )


class InplaceFunction(Function):
    """The old base of functions that can work in place."""

    def __init__(self, inplace=False) -> None:
        super().__init__()
        self.inplace = inplace
