"""Update formulas, written once: over NumPy blocks or over OneFlow's tensors.

A formula is ``formula(ops, *arrays, **numbers)`` and changes its arrays in place with ``+=`` and
the like, and with what `Arrays` and `Tensors` both offer. Blocks fit in the cache, so for a large
parameter on the CPU a formula of ten operations reads the memory once. OneFlow's own update
kernels serve where they round as PyTorch does: gradient descent's, but not Adam's, which rounds
1 - beta to float32 and so moves the second moment by 1e-5.

The native kernels know the formulas that have a `native` mark. A step then only gathers what is to
be updated, and all of it is done in one call at its end.
"""

from __future__ import annotations

import array
import ctypes
import threading

import numpy as np
import oneflow as flow

from oneflow_mock.compat import hooks
from oneflow_mock.compat.kernels import host

_BLOCK = 16384
#: Below this size, handing operators to OneFlow's thread costs less than waiting for it.
_LARGE = 16384
_EXACT = (flow.float32, flow.float64)


_descent = flow.stateful_op("sgd_update").Input("model").Input("model_diff").Build()
_momentum = (
    flow.stateful_op("momentum_update").Input("model").Input("model_diff").Input("momentum").Build()
)


def suits_kernel(param, grad):
    """Tell whether OneFlow's kernels for gradient descent serve a parameter."""
    if hooks.library is not None and param.device.type == "cpu":
        return False
    if param.dtype != flow.float32 or grad.dtype != flow.float32:
        return False
    if not param.is_contiguous() or not grad.is_contiguous():
        return False
    return param.device.type != "cpu" or 0 < param.numel() < _LARGE


def descend(param, grad, lr, maximize, weight_decay):
    """Take one step of gradient descent by OneFlow's kernel."""
    sign = -1.0 if maximize else 1.0
    flow._C.dispatch_sgd_update(
        _descent, (param, grad), learning_rate=sign * lr, l2=sign * float(weight_decay)
    )


def descend_on(param, grad, buffer, lr, weight_decay, momentum, dampening, nesterov):
    """Take one step of gradient descent with momentum by OneFlow's kernel."""
    flow._C.dispatch_momentum_update(
        _momentum,
        (param, grad, buffer),
        learning_rate=lr,
        l2=float(weight_decay),
        beta=momentum,
        dampening=dampening,
        nesterov=nesterov,
        maximize=False,
    )


class Arrays:
    """What formulas use, for NumPy."""

    abs = staticmethod(np.abs)
    clip = staticmethod(np.clip)
    maximum = staticmethod(np.maximum)
    sign = staticmethod(np.sign)
    sqrt = staticmethod(np.sqrt)
    where = staticmethod(np.where)

    @staticmethod
    def assign(target, value):
        """Write ``value`` into ``target``."""
        target[...] = value


class Tensors:
    """What formulas use, for OneFlow."""

    abs = staticmethod(flow.abs)
    clip = staticmethod(flow.clamp)
    maximum = staticmethod(flow.maximum)
    sign = staticmethod(flow.sign)
    sqrt = staticmethod(flow.sqrt)
    where = staticmethod(flow.where)

    @staticmethod
    def assign(target, value):
        """Write ``value`` into ``target``."""
        target.copy_(value)


_gathering = threading.local()
#: Tensors and numbers of a row, as `ofm_step` takes them.
_TENSORS = 5
_NUMBERS = 10
#: The formulas of optimizers.cpp, in its order.
_FORMULAS = {
    name: place
    for place, name in enumerate(
        (
            *("descend", "begin_momentum", "with_momentum", "adam", "amsgrad"),
            *("rmsprop", "rmsprop_momentum", "rmsprop_centered", "rmsprop_momentum_centered"),
            *("adagrad", "adadelta", "adamax", "nadam"),
        )
    )
}
_NOTHING = [(0,) * (_TENSORS - count) for count in range(_TENSORS + 1)]


def native(name, numbers):
    """Mark a formula as one that the kernels know, and in which order they take its numbers.

    ``name`` may be a function of the tensors' count and the numbers.
    """

    def mark(formula):
        formula.native = name
        formula.numbers = numbers.split()
        formula.blank = [0.0] * (_NUMBERS - len(formula.numbers))
        return formula

    return mark


class Gathered:
    """The updates of one step, done together when the block ends."""

    def __enter__(self):
        self._rows: list = []
        self._formulas = array.array("i")
        self._objects = array.array("Q")
        self._numbers = array.array("d")
        self._outer = getattr(_gathering, "current", None)
        _gathering.current = self if hooks.library is not None else None

    def __exit__(self, kind, error, trace):
        _gathering.current = self._outer
        if self._rows and kind is None:
            self._run()

    def add(self, formula, tensors, numbers):
        """Note an update; the tensors are kept until it is done."""
        name = formula.native
        if not isinstance(name, str):
            name = name(len(tensors), numbers)
        self._rows.append((formula, tensors, numbers))
        self._formulas.append(_FORMULAS[name])
        self._objects.extend([*map(id, tensors), *_NOTHING[len(tensors)]])
        self._numbers.extend([numbers[key] for key in formula.numbers] + formula.blank)

    def add_alike(self, formula, rows, numbers):
        """Note an update of each row of tensors by the same numbers."""
        name = formula.native
        count = len(rows)
        blank = _NOTHING[len(rows[0])]
        self._rows.extend([(formula, tensors, numbers) for tensors in rows])
        self._formulas.extend([_FORMULAS[name]] * count)
        self._objects.extend([place for tensors in rows for place in (*map(id, tensors), *blank)])
        self._numbers.extend(([numbers[key] for key in formula.numbers] + formula.blank) * count)

    def _run(self):
        count = len(self._rows)
        refused = array.array("i", bytes(4 * count))
        flow._oneflow_internal.eager.Sync()
        places = (self._formulas, self._objects, self._numbers, refused)
        pointers = [_address(place) for place in places]
        for row in refused[: hooks.library.ofm_step(count, *pointers)]:
            formula, tensors, numbers = self._rows[row]
            update(formula, tensors, **numbers)


def gathers():
    """Tell whether updates are gathered, to be done by the kernels in one call."""
    return getattr(_gathering, "current", None) is not None


def update_alike(formula, rows, numbers):
    """Note an update of each row of tensors by the same numbers, where updates are gathered."""
    if rows:
        _gathering.current.add_alike(formula, rows, numbers)


def update(formula, tensors, **numbers):
    """Run a formula over tensors of one shape; no gradient is recorded."""
    gathered = getattr(_gathering, "current", None)
    if gathered is not None and hasattr(formula, "native"):
        gathered.add(formula, tensors, numbers)
        return
    first = tensors[0]
    if first.numel() == 0:
        return
    exact = all(tensor.dtype in _EXACT for tensor in tensors)
    if first.device.type != "cpu" or (exact and first.numel() < _LARGE):
        formula(Tensors, *tensors, **numbers)
    elif exact:
        _on_host(formula, [host.array(tensor) for tensor in tensors], numbers)
    else:  # the half types, whose kernels are missing or too coarse
        wide = [flow._C.to(tensor.detach(), flow.float32) for tensor in tensors]
        _on_host(formula, [host.array(tensor) for tensor in wide], numbers)
        for tensor, changed in zip(tensors, wide):
            tensor.copy_(flow._C.to(changed, tensor.dtype))


def _on_host(formula, arrays, numbers):
    with np.errstate(all="ignore"):
        if not all(array.flags.c_contiguous for array in arrays):
            formula(Arrays, *arrays, **numbers)
            return
        flat = [array.reshape(-1) for array in arrays]
        for start in range(0, flat[0].size, _BLOCK):
            stop = start + _BLOCK
            formula(Arrays, *[array[start:stop] for array in flat], **numbers)


def norms(tensors):
    """Return the 2-norms of tensors as a tensor; None where the kernels do not do."""
    if hooks.library is None:
        return None
    objects = array.array("Q", map(id, tensors))
    found = array.array("d", bytes(8 * len(objects)))
    flow._oneflow_internal.eager.Sync()
    if not hooks.library.ofm_norms(len(objects), _address(objects), _address(found)):
        return None
    exact = flow.float64 if tensors[0].dtype == flow.float64 else flow.float32
    return flow.tensor(found.tolist(), dtype=exact)


def scale(tensors, factor):
    """Multiply tensors by a one-element tensor in place; False where the kernels do not do."""
    if hooks.library is None:
        return False
    by = ctypes.c_double(factor.item())
    if by.value == 1.0:
        return True
    objects = array.array("Q", map(id, tensors))
    return bool(hooks.library.ofm_scale(len(objects), _address(objects), by))


def _address(values):
    return ctypes.c_void_p(values.buffer_info()[0])


def number(value):
    """Return a learning rate or the like as a float: PyTorch takes one-element tensors too."""
    return value.item() if isinstance(value, flow.Tensor) else value


class Counters:
    """The scalars that PyTorch keeps as tensors (``step``), read and written without a kernel.

    Each tensor's memory is looked up once. `settle` must have been called since the last operator
    that may still read one.
    """

    def __init__(self) -> None:
        self._known: dict = {}

    @staticmethod
    def settle() -> None:
        """Wait for operators that were started."""
        flow._oneflow_internal.eager.Sync()

    def memory(self, tensor):
        """Return the array behind a tensor on the CPU."""
        known = self._known.get(id(tensor))
        if known is None or known[0] is not tensor:
            known = self._known[id(tensor)] = (tensor, host.array(tensor).reshape(-1))
        return known[1]

    def get(self, state, key):
        """Return a scalar of a parameter's state as a float."""
        held = state[key]
        if not isinstance(held, flow.Tensor):
            return float(held)
        if held.device.type != "cpu":
            return float(held.item())
        return float(self.memory(held)[0])

    def put(self, state, key, value):
        """Set a scalar of a parameter's state, in place where it is a tensor."""
        held = state[key]
        if not isinstance(held, flow.Tensor):
            state[key] = value
        elif held.device.type != "cpu":
            held.fill_(value)
        else:
            self.memory(held)[0] = value

    def scale(self, state, key, factor):
        """Multiply a scalar of a parameter's state in its own precision; returns the product."""
        held = state[key]
        if isinstance(held, flow.Tensor) and held.device.type == "cpu":
            self.memory(held)[:] *= factor
        else:
            self.put(state, key, self.get(state, key) * factor)
        return self.get(state, key)

    def count(self, state):
        """Add one to ``step``; returns the sum."""
        held = state["step"]
        known = self._known.get(id(held))
        if known is not None and known[0] is held:  # that is a tensor on the CPU, seen before
            values = known[1]
            values[0] += 1.0
            return float(values[0])
        steps = self.get(state, "step") + 1.0
        self.put(state, "step", steps)
        return steps


class Stepwise:
    """What the optimizers share that update one parameter after the other.

    A subclass, which is an Optimizer too, has ``_begin(group, param)``, which returns a parameter's
    first state, or None for none, and ``_advance(group, param, grad, state)``.
    """

    _ADDED = {"foreach": None, "maximize": False, "differentiable": False, "capturable": False}
    _SCALARS = ("step",)

    def step(self, closure=None):
        """Update every parameter that has a gradient; returns what ``closure`` returns."""
        loss = None
        if closure is not None:
            with flow.enable_grad():
                loss = closure()
        with flow.no_grad(), Gathered():
            self._counters.settle()
            for group in self.param_groups:
                pairs = [(param, param.grad) for param in group["params"]]
                self._advance_all(group, [pair for pair in pairs if pair[1] is not None])
        return loss

    def _advance_all(self, group, pairs):
        for param, grad in pairs:
            self._advance(group, param, grad, self._state_of(group, param))

    def _state_of(self, group, param):
        state = self.state.get(param)
        if not state:
            state = self._begin(group, param)
            if state is not None:
                self.state[param] = state
        return state

    def _begin(self, group, param):
        return None

    def _scalar(self, group, param, value=0.0, on_device=False):
        """Return a number as PyTorch keeps it: a tensor without dimensions."""
        wide = flow.get_default_dtype() == flow.float64
        there = on_device or group.get("capturable") or group.get("fused")
        dtype = flow.float64 if wide and not there else flow.float32
        return flow.tensor(value, dtype=dtype, device=param.device if there else "cpu")

    def __setstate__(self, state):
        super().__setstate__(state)
        for group in self.param_groups:
            for key, value in self._ADDED.items():
                group.setdefault(key, value)
            for param in group["params"]:
                held = self.state.get(param)
                for key in self._SCALARS if held else ():
                    if key in held and not isinstance(held[key], flow.Tensor):
                        held[key] = self._scalar(group, param, float(held[key]))


def check_rate(lr, foreach=False):
    """Raise for a learning rate that PyTorch refuses."""
    if isinstance(lr, flow.Tensor):
        if foreach:
            raise ValueError(
                "lr as a Tensor is not supported for capturable=False and foreach=True"
            )
        if lr.numel() != 1:
            raise ValueError("Tensor lr must be 1-element")
    if not number(lr) >= 0.0:
        raise ValueError(f"Invalid learning rate: {lr}")


def check_betas(betas):
    """Raise for coefficients of running averages outside [0, 1)."""
    for place in range(2):
        if not 0.0 <= betas[place] < 1.0:
            raise ValueError(f"Invalid beta parameter at index {place}: {betas[place]}")


def check(name, value):
    """Raise for an option that is negative; ``name`` as in PyTorch's message."""
    if not value >= 0.0:
        raise ValueError(f"Invalid {name}: {value}")


def check_fused(fused, foreach, differentiable):
    """Raise for ways to run a step that exclude each other."""
    if fused and differentiable:
        raise RuntimeError("`fused` does not support `differentiable`")
    if fused and foreach:
        raise RuntimeError("`fused` and `foreach` cannot be `True` together.")


def regularised(ops, param, grad, maximize, weight_decay):
    """Return the gradient to descend along, with the L2 penalty's."""
    if maximize:
        grad = -grad
    return grad + param * weight_decay if weight_decay else grad
