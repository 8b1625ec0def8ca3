"""torch.optim.optimizer: the base of all optimizers, with PyTorch's groups, states and hooks.

OneFlow's has other groups (objects), another state dict and no hooks.
"""

import functools
import warnings
from collections import OrderedDict, defaultdict
from collections.abc import Iterable
from copy import deepcopy
from itertools import chain

import oneflow as flow
import torch
from torch.utils.hooks import RemovableHandle

from oneflow_mock.compat import hooks
from oneflow_mock.compat.kernels import stepping

_global_optimizer_pre_hooks = OrderedDict()
_global_optimizer_post_hooks = OrderedDict()


class _RequiredParameter:
    """The default of an option that every group must give."""

    def __repr__(self):
        return "<required parameter>"


required = _RequiredParameter()


def _use_grad_for_differentiable(func):
    """Run a step without recording gradients."""

    @functools.wraps(func)
    def step(self, *args, **kwargs):
        with flow.no_grad():
            return func(self, *args, **kwargs)

    return step


def _get_value(x):
    return stepping.number(x)


def _to_scalar(x):
    """Return a one-element tensor without dimensions, and a number as it is."""
    return x.squeeze() if isinstance(x, flow.Tensor) and x.ndim else x


def _get_scalar_dtype(is_fused=None):
    return torch.float64 if torch.get_default_dtype() == torch.float64 else torch.float32


def _default_to_fused_or_foreach(params, differentiable, use_fused=False):
    return False, False


def register_optimizer_step_pre_hook(hook):
    """Call ``hook(optimizer, args, kwargs)`` before every optimizer's step."""
    handle = RemovableHandle(_global_optimizer_pre_hooks)
    _global_optimizer_pre_hooks[handle.id] = hook
    return handle


def register_optimizer_step_post_hook(hook):
    """Call ``hook(optimizer, args, kwargs)`` after every optimizer's step."""
    handle = RemovableHandle(_global_optimizer_post_hooks)
    _global_optimizer_post_hooks[handle.id] = hook
    return handle


_HOOK_TABLES = (
    "_optimizer_step_pre_hooks",
    "_optimizer_step_post_hooks",
    "_optimizer_state_dict_pre_hooks",
    "_optimizer_state_dict_post_hooks",
    "_optimizer_load_state_dict_pre_hooks",
    "_optimizer_load_state_dict_post_hooks",
)


class Optimizer:
    """Groups of parameters with options each, and a state for every parameter."""

    def __init__(self, params, defaults):
        self.defaults = defaults
        self._make_tables()
        self._patch_step_function()
        if isinstance(params, flow.Tensor):
            raise TypeError(
                "params argument given to the optimizer should be an iterable of Tensors or "
                "dicts, but got " + torch.typename(params)
            )
        self.state = defaultdict(dict)
        self.param_groups = []
        groups = list(params)
        if not groups:
            raise ValueError("optimizer got an empty parameter list")
        if not isinstance(groups[0], dict):
            groups = [{"params": groups}]
        for group in groups:
            self.add_param_group(group)
        self._warned_capturable_if_run_uncaptured = True
        if defaults.get("differentiable"):
            hooks.no_effect(f"torch.optim.{type(self).__name__}", "differentiable")

    def _make_tables(self):
        for name in _HOOK_TABLES:
            self.__dict__.setdefault(name, OrderedDict())
        self._counters = stepping.Counters()

    def __getstate__(self):
        return {
            "defaults": self.defaults,
            "state": self.state,
            "param_groups": self.param_groups,
        }

    def __setstate__(self, state):
        self.__dict__.update(state)
        self._make_tables()
        self._patch_step_function()
        self.__dict__.setdefault("defaults", {}).setdefault("differentiable", False)

    def __repr__(self):
        text = self.__class__.__name__ + " ("
        for number, group in enumerate(self.param_groups):
            text += f"\nParameter Group {number}\n"
            for key in sorted(group.keys()):
                if key != "params":
                    text += f"    {key}: {group[key]}\n"
        return text + ")"

    # stepping

    def step(self, closure=None):
        """Update the parameters by their gradients; to be overridden."""
        raise NotImplementedError

    @staticmethod
    def profile_hook_step(func):
        """Return a step function that calls the hooks around it."""

        @functools.wraps(func)
        def wrapper(*args, **kwargs):
            self = args[0]
            before = chain(
                list(_global_optimizer_pre_hooks.values()),
                list(self._optimizer_step_pre_hooks.values()),
            )
            for hook in before:
                result = hook(self, args, kwargs)
                if result is None:
                    continue
                if not isinstance(result, tuple) or len(result) != 2:
                    raise RuntimeError(
                        f"{func} must return None or a tuple of (new_args, new_kwargs), but got "
                        f"{result}."
                    )
                args, kwargs = result
            out = func(*args, **kwargs)
            self._optimizer_step_code()
            after = chain(
                list(self._optimizer_step_post_hooks.values()),
                list(_global_optimizer_post_hooks.values()),
            )
            for hook in after:
                hook(self, args, kwargs)
            return out

        return wrapper

    def _optimizer_step_code(self):
        """Mark in a profile where a step ended; nothing here."""

    def _patch_step_function(self):
        self._zero_grad_profile_name = f"Optimizer.zero_grad#{self.__class__.__name__}.zero_grad"
        step = self.__class__.step
        if not getattr(step, "hooked", None):
            self.__class__.step = self.profile_hook_step(step)
            self.__class__.step.hooked = True

    def _cuda_graph_capture_health_check(self):
        """Check that a step can be captured; there is no capture here."""

    def zero_grad(self, set_to_none=True):
        """Forget the gradients, or set them to zero."""
        for group in self.param_groups:
            for param in group["params"]:
                if param.grad is None:
                    continue
                if set_to_none:
                    param.grad = None
                    continue
                if param.grad.grad_fn is not None:
                    param.grad = param.grad.detach()
                else:
                    param.grad.requires_grad_(False)
                param.grad.zero_()

    # hooks

    def _hooked(self, table, hook, prepend=False):
        handle = RemovableHandle(table)
        table[handle.id] = hook
        if prepend:
            table.move_to_end(handle.id, last=False)
        return handle

    def register_step_pre_hook(self, hook):
        """Call ``hook(optimizer, args, kwargs)`` before each step; it may return others."""
        return self._hooked(self._optimizer_step_pre_hooks, hook)

    def register_step_post_hook(self, hook):
        """Call ``hook(optimizer, args, kwargs)`` after each step."""
        return self._hooked(self._optimizer_step_post_hooks, hook)

    def register_state_dict_pre_hook(self, hook, prepend=False):
        """Call ``hook(optimizer)`` before ``state_dict``."""
        return self._hooked(self._optimizer_state_dict_pre_hooks, hook, prepend)

    def register_state_dict_post_hook(self, hook, prepend=False):
        """Call ``hook(optimizer, state_dict)`` after ``state_dict``; it may return another."""
        return self._hooked(self._optimizer_state_dict_post_hooks, hook, prepend)

    def register_load_state_dict_pre_hook(self, hook, prepend=False):
        """Call ``hook(optimizer, state_dict)`` before loading; it may return another."""
        return self._hooked(self._optimizer_load_state_dict_pre_hooks, hook, prepend)

    def register_load_state_dict_post_hook(self, hook, prepend=False):
        """Call ``hook(optimizer)`` after loading."""
        return self._hooked(self._optimizer_load_state_dict_post_hooks, hook, prepend)

    # state dicts

    def state_dict(self):
        """Return ``state`` by the parameters' numbers, and ``param_groups`` with those numbers."""
        for hook in list(self._optimizer_state_dict_pre_hooks.values()):
            hook(self)
        numbers = {}
        packed_groups = []
        for group in self.param_groups:
            for param in group["params"]:
                numbers.setdefault(id(param), len(numbers))
            packed = {key: value for key, value in group.items() if key != "params"}
            packed["params"] = [numbers[id(param)] for param in group["params"]]
            packed_groups.append(packed)
        state = {
            numbers[id(key)] if isinstance(key, flow.Tensor) else key: value
            for key, value in self.state.items()
        }
        state_dict = {"state": state, "param_groups": packed_groups}
        for hook in list(self._optimizer_state_dict_post_hooks.values()):
            answer = hook(self, state_dict)
            state_dict = state_dict if answer is None else answer
        return state_dict

    def load_state_dict(self, state_dict):
        """Take over what ``state_dict`` returned, cast to each parameter's dtype and device."""
        state_dict = state_dict.copy()
        for hook in list(self._optimizer_load_state_dict_pre_hooks.values()):
            answer = hook(self, state_dict)
            state_dict = state_dict if answer is None else answer
        saved = deepcopy(state_dict["param_groups"])
        if len(self.param_groups) != len(saved):
            raise ValueError("loaded state dict has a different number of parameter groups")
        for group, loaded in zip(self.param_groups, saved):
            if len(group["params"]) != len(loaded["params"]):
                raise ValueError(
                    "loaded state dict contains a parameter group that doesn't match the size of "
                    "optimizer's group"
                )
        owners = {
            number: param
            for group, loaded in zip(self.param_groups, saved)
            for number, param in zip(loaded["params"], group["params"])
        }
        state = defaultdict(dict)
        for key, value in state_dict["state"].items():
            if key in owners:
                state[owners[key]] = self._cast(owners[key], value, key, saved)
            else:
                state[key] = value
        groups = []
        for group, loaded in zip(self.param_groups, saved):
            if "param_names" in group and "param_names" not in loaded:
                loaded["param_names"] = group["param_names"]
            loaded["params"] = group["params"]
            groups.append(loaded)
        self.__setstate__({"state": state, "param_groups": groups})
        for hook in list(self._optimizer_load_state_dict_post_hooks.values()):
            hook(self)

    def _cast(self, param, value, number, groups, key=None):
        if isinstance(value, flow.Tensor):
            return Optimizer._process_value_according_to_param_policy(
                param, value, number, groups, key
            )
        if isinstance(value, dict):
            return {
                name: self._cast(param, inner, number, groups, name)
                for name, inner in value.items()
            }
        if isinstance(value, Iterable) and not isinstance(value, (str, bytes)):
            return type(value)(self._cast(param, inner, number, groups) for inner in value)
        return value

    @staticmethod
    def _process_value_according_to_param_policy(
        param, value, param_id, param_groups=None, key=None
    ):
        """Move a tensor to its parameter, but leave ``step`` where it is unless fused."""
        if key == "step":
            options = next(
                (group for group in param_groups or () if param_id in group["params"]), {}
            )
            if options.get("capturable") or options.get("fused"):
                return value.to(dtype=torch.float32, device=param.device)
            return value
        if param.is_floating_point():
            return value.to(dtype=param.dtype, device=param.device)
        return value.to(device=param.device)

    # groups

    def add_param_group(self, param_group):
        """Add a group: a dict with ``params`` and the options that differ from the defaults."""
        if not isinstance(param_group, dict):
            raise TypeError(f"param_group must be a dict, but got {type(param_group)}")
        params = param_group["params"]
        if isinstance(params, flow.Tensor):
            params = [params]
        elif isinstance(params, set):
            raise TypeError(
                "optimizer parameters need to be organized in ordered collections, but the "
                "ordering of tensors in sets will change between runs. Please use a list instead."
            )
        param_group["params"] = list(params)
        _take_names(param_group)
        for param in param_group["params"]:
            if not isinstance(param, flow.Tensor):
                raise TypeError(
                    "optimizer can only optimize Tensors, but one of the params is "
                    + torch.typename(param)
                )
            if not self.defaults.get("differentiable") and not (
                param.is_leaf or getattr(param, "retains_grad", False)
            ):
                raise ValueError("can't optimize a non-leaf Tensor")
        for name, default in self.defaults.items():
            if default is required and name not in param_group:
                raise ValueError(
                    f"parameter group didn't specify a value of required optimization parameter "
                    f"{name}"
                )
            param_group.setdefault(name, default)
        identities = {id(param) for param in param_group["params"]}
        if len(identities) != len(param_group["params"]):
            warnings.warn(
                "optimizer contains a parameter group with duplicate parameters; in future, this "
                "will cause an error; see github.com/pytorch/pytorch/issues/40967 for more "
                "information",
                stacklevel=3,
            )
        for group in self.param_groups:
            if ("param_names" in param_group) != ("param_names" in group):
                with_names = "with" if "param_names" in param_group else "without"
                raise ValueError(
                    "all optimizer param groups should be with/without names. cannot add param "
                    f"group {with_names} names to the optimizer"
                )
            if any(id(param) in identities for param in group["params"]):
                raise ValueError("some parameters appear in more than one parameter group")
        self.param_groups.append(param_group)


def _take_names(group):
    """Part (name, parameter) pairs, as named_parameters() gives them."""
    named = [isinstance(param, tuple) for param in group["params"]]
    if not any(named):
        return
    if not all(named):
        raise ValueError(
            "all optimizer params should be with/without names. Some param names are missing"
        )
    group["param_names"] = [name for name, _ in group["params"]]
    group["params"] = [param for _, param in group["params"]]
