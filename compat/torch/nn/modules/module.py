"""torch.nn.modules.module: OneFlow's Module, whose every subclass is a torch module, as PyTorch's.

Registration, hooks, state dicts and conversion follow the page of torch.nn.Module; ``forward`` and
the modules themselves stay OneFlow's.
"""

import functools
import inspect
import warnings
import weakref
from collections import OrderedDict, namedtuple

import oneflow as flow
from oneflow.nn.modules.module import Module
from torch.utils.hooks import BackwardHook, RemovableHandle

from oneflow_mock.compat import hooks
from oneflow_mock.compat.kernels import creation, device_spelling, meta

_EXTRA_STATE_KEY_SUFFIX = "_extra_state"


class _IncompatibleKeys(namedtuple("_IncompatibleKeys", ["missing_keys", "unexpected_keys"])):
    """What a state dict lacked and had besides; OneFlow's answer to load_state_dict."""

    __slots__ = ()

    def __repr__(self):
        if not self.missing_keys and not self.unexpected_keys:
            return "<All keys matched successfully>"
        return super().__repr__()

    __str__ = __repr__


# Hooks of all modules, and of each: instance dictionaries are made when first written to, so that
# modules made before the mock was switched on have them too.

_global_forward_pre_hooks = OrderedDict()
_global_forward_hooks = OrderedDict()
_global_forward_hooks_with_kwargs = OrderedDict()
_global_forward_hooks_always_called = OrderedDict()
_global_backward_hooks = OrderedDict()
_global_backward_pre_hooks = OrderedDict()
_global_parameter_registration_hooks = OrderedDict()
_global_module_registration_hooks = OrderedDict()
_global_buffer_registration_hooks = OrderedDict()
_NONE = {}
_HOOK_TABLES = (
    "_forward_pre_hooks",
    "_forward_hooks",
    "_backward_hooks",
    "_backward_pre_hooks",
)


def _table(self, name):
    """Return a module's dictionary of hooks, made where it is missing."""
    own = self.__dict__
    if own.get(name) is None:
        own[name] = OrderedDict()
    return own[name]


def _add(table, hook, prepend=False, flags=()):
    """Put a hook into a table and flag it in others; returns the handle that removes it."""
    handle = RemovableHandle(table, extra_dict=list(flags))
    table[handle.id] = hook
    for flag in flags:
        flag[handle.id] = True
    if prepend:
        table.move_to_end(handle.id, last=False)
    return handle


def register_module_forward_pre_hook(hook):
    """Call ``hook(module, args)`` before every module's forward."""
    return _add(_global_forward_pre_hooks, hook)


def register_module_forward_hook(hook, *, with_kwargs=False, always_call=False):
    """Call ``hook(module, args, output)`` after every module's forward."""
    flags = [_global_forward_hooks_with_kwargs] if with_kwargs else []
    flags += [_global_forward_hooks_always_called] if always_call else []
    return _add(_global_forward_hooks, hook, flags=flags)


def register_module_full_backward_hook(hook):
    """Call ``hook(module, grad_input, grad_output)`` in every module's backward."""
    return _add(_global_backward_hooks, hook)


def register_module_full_backward_pre_hook(hook):
    """Call ``hook(module, grad_output)`` before every module's backward."""
    return _add(_global_backward_pre_hooks, hook)


def register_module_parameter_registration_hook(hook):
    """Call ``hook(module, name, parameter)`` where a parameter is registered."""
    return _add(_global_parameter_registration_hooks, hook)


def register_module_module_registration_hook(hook):
    """Call ``hook(module, name, submodule)`` where a module is registered."""
    return _add(_global_module_registration_hooks, hook)


def register_module_buffer_registration_hook(hook):
    """Call ``hook(module, name, buffer)`` where a buffer is registered."""
    return _add(_global_buffer_registration_hooks, hook)


def register_forward_pre_hook(self, hook, *, prepend=False, with_kwargs=False):
    """Call ``hook(module, args[, kwargs])`` before forward; it may return others."""
    flags = [_table(self, "_forward_pre_hooks_with_kwargs")] if with_kwargs else []
    return _add(_table(self, "_forward_pre_hooks"), hook, prepend, flags)


def register_forward_hook(self, hook, *, prepend=False, with_kwargs=False, always_call=False):
    """Call ``hook(module, args[, kwargs], output)`` after forward; it may return another output."""
    flags = [_table(self, "_forward_hooks_with_kwargs")] if with_kwargs else []
    flags += [_table(self, "_forward_hooks_always_called")] if always_call else []
    return _add(_table(self, "_forward_hooks"), hook, prepend, flags)


def register_full_backward_hook(self, hook, prepend=False):
    """Call ``hook(module, grad_input, grad_output)`` once the inputs' gradients are known."""
    return _add(_table(self, "_backward_hooks"), hook, prepend)


def register_backward_hook(self, hook):
    """`register_full_backward_hook`, under its deprecated name."""
    return _add(_table(self, "_backward_hooks"), hook)


def register_full_backward_pre_hook(self, hook, prepend=False):
    """Call ``hook(module, grad_output)`` once the outputs' gradients are known."""
    return _add(_table(self, "_backward_pre_hooks"), hook, prepend)


def _has_hooks(self):
    own = self.__dict__
    return (
        own.get("_forward_hooks")
        or own.get("_forward_pre_hooks")
        or own.get("_backward_hooks")
        or own.get("_backward_pre_hooks")
        or _global_forward_hooks
        or _global_forward_pre_hooks
        or _global_backward_hooks
        or _global_backward_pre_hooks
    )


def _call(self, *args, **kwargs):
    own = self.__dict__
    compiled = own.get("_compiled_call_impl")
    if compiled is not None:
        return compiled(*args, **kwargs)
    # _has_hooks, written out: of a small module's call it is a good part.
    if (
        own.get("_forward_hooks")
        or own.get("_forward_pre_hooks")
        or own.get("_backward_hooks")
        or own.get("_backward_pre_hooks")
        or _global_forward_hooks
        or _global_forward_pre_hooks
        or _global_backward_hooks
        or _global_backward_pre_hooks
    ):
        return _call_impl(self, *args, **kwargs)
    return self.forward(*args, **kwargs)


def _call_impl(self, *args, **kwargs):
    """Run forward with the hooks around it."""
    if not _has_hooks(self):
        return self.forward(*args, **kwargs)
    called = set()
    try:
        return _call_with_hooks(self, args, kwargs, called)
    except Exception:
        _call_the_rest(self, args, kwargs, called)
        raise


def _call_with_hooks(self, args, kwargs, called):
    own = self.__dict__
    for hook in list(_global_forward_pre_hooks.values()):
        args = _tupled(hook(self, args), args)
    flags = own.get("_forward_pre_hooks_with_kwargs") or _NONE
    for key, hook in list((own.get("_forward_pre_hooks") or _NONE).items()):
        if key not in flags:
            args = _tupled(hook(self, args), args)
            continue
        answer = hook(self, args, kwargs)
        if answer is not None:
            if not isinstance(answer, tuple) or len(answer) != 2:
                raise RuntimeError(
                    "forward pre-hook must return None or a tuple of (new_args, new_kwargs), "
                    f"but got {answer}."
                )
            args, kwargs = answer
    boundary = _boundary(self)
    if boundary is not None:
        args = boundary.setup_input_hook(args)
    result = self.forward(*args, **kwargs)
    flags = _global_forward_hooks_with_kwargs
    for key, hook in list(_global_forward_hooks.items()):
        called.add(key)
        result = _replaced(hook, key in flags, self, args, kwargs, result)
    flags = own.get("_forward_hooks_with_kwargs") or _NONE
    for key, hook in list((own.get("_forward_hooks") or _NONE).items()):
        called.add(key)
        result = _replaced(hook, key in flags, self, args, kwargs, result)
    return result if boundary is None else boundary.setup_output_hook(result)


def _tupled(answer, args):
    if answer is None:
        return args
    return answer if isinstance(answer, tuple) else (answer,)


def _replaced(hook, with_kwargs, self, args, kwargs, result):
    answer = hook(self, args, kwargs, result) if with_kwargs else hook(self, args, result)
    return result if answer is None else answer


def _boundary(self):
    own = self.__dict__
    after = [*_global_backward_hooks.values(), *(own.get("_backward_hooks") or _NONE).values()]
    before = [
        *_global_backward_pre_hooks.values(),
        *(own.get("_backward_pre_hooks") or _NONE).values(),
    ]
    return BackwardHook(self, after, before) if after or before else None


def _call_the_rest(self, args, kwargs, called):
    """After an exception, call the hooks that asked to be called always."""
    tables = (
        (_global_forward_hooks, _global_forward_hooks_always_called, _NONE),
        (
            self.__dict__.get("_forward_hooks") or _NONE,
            self.__dict__.get("_forward_hooks_always_called") or _NONE,
            self.__dict__.get("_forward_hooks_with_kwargs") or _NONE,
        ),
    )
    for table, always, with_kwargs in tables:
        for key, hook in list(table.items()):
            if key in always and key not in called:
                try:
                    _replaced(hook, key in with_kwargs, self, args, kwargs, None)
                except Exception as error:
                    warnings.warn(
                        "module forward hook with ``always_call=True`` raised an exception "
                        f"that was silenced as another error was raised in forward: {error}",
                        stacklevel=2,
                    )


# registration


def _has(self, name):
    """`hasattr`, without an exception where nobody has overridden how attributes are found."""
    if type(self).__getattr__ is not _getattr:
        return hasattr(self, name)
    own = self.__dict__
    return (
        name in own
        or name in own["_parameters"]
        or name in own["_buffers"]
        or name in own["_modules"]
        or hasattr(type(self), name)
    )


def _check_name(self, kind, name):
    if not isinstance(name, str):
        raise TypeError(f"{kind} name should be a string. Got {type(name).__name__}")
    if "." in name:
        raise KeyError(f'{kind} name can\'t contain "."')
    if name == "":
        raise KeyError(f'{kind} name can\'t be empty string ""')


def register_buffer(self, name, tensor, persistent=True):
    """Make a tensor part of the module's state, and of its state dict where ``persistent``."""
    if "_buffers" not in self.__dict__:
        raise AttributeError("cannot assign buffer before Module.__init__() call")
    _check_name(self, "buffer", name)
    if name not in self._buffers and _has(self, name):
        raise KeyError(f"attribute '{name}' already exists")
    if tensor is not None and not isinstance(tensor, flow.Tensor):
        raise TypeError(
            f"cannot assign '{type(tensor).__name__}' object to buffer '{name}' "
            "(torch Tensor or None required)"
        )
    for hook in _global_buffer_registration_hooks.values():
        answer = hook(self, name, tensor)
        tensor = tensor if answer is None else answer
    self._buffers[name] = _on_default_device(tensor)
    if persistent:
        self._non_persistent_buffers_set.discard(name)
    else:
        self._non_persistent_buffers_set.add(name)


def register_parameter(self, name, param):
    """Make a parameter (or None) part of the module."""
    own = self.__dict__
    if "_parameters" not in own:
        raise AttributeError("cannot assign parameter before Module.__init__() call")
    _check_name(self, "parameter", name)
    if name not in own["_parameters"] and _has(self, name):
        raise KeyError(f"attribute '{name}' already exists")
    if param is not None and not isinstance(param, flow.nn.Parameter):
        raise TypeError(
            f"cannot assign '{type(param).__name__}' object to parameter '{name}' "
            "(torch.nn.Parameter or None required)"
        )
    if param is not None and param.grad_fn is not None:
        raise ValueError(
            f"Cannot assign non-leaf Tensor to parameter '{name}'. Model parameters must be "
            "created explicitly. To express '{name}' as a function of another Tensor, compute "
            "the value in the forward() method."
        )
    for hook in _global_parameter_registration_hooks.values():
        answer = hook(self, name, param)
        param = param if answer is None else answer
    own["_parameters"][name] = _on_default_device(param)


def _on_default_device(tensor):
    """OneFlow's modules make their tensors on the CPU: move them where ``meta`` is the default."""
    if tensor is None or device_spelling.current() is device_spelling.CPU:
        return tensor
    if meta.is_meta(tensor) or device_spelling.current().type != "meta":
        return tensor
    return _without_data(tensor)


def _without_data(tensor):
    if isinstance(tensor, flow.nn.Parameter):
        return meta.parameter(tensor, tensor.requires_grad)
    return meta.like(tensor)


def add_module(self, name, module):
    """Make a module (or None) a child under a name."""
    if not isinstance(module, Module) and module is not None:
        raise TypeError(f"{type(module).__name__} is not a Module subclass")
    _check_name(self, "module", name)
    if name not in self._modules and _has(self, name):
        raise KeyError(f"attribute '{name}' already exists")
    for hook in _global_module_registration_hooks.values():
        answer = hook(self, name, module)
        module = module if answer is None else answer
    self._modules[name] = module


#: Types of values that are no parameter, module or buffer: nearly all that modules are given.
_PLAIN = frozenset({bool, int, float, str, tuple, list, dict, OrderedDict, type(None)})


def _setattr(self, name, value):
    own = self.__dict__
    parameters = own.get("_parameters")
    if type(value) in _PLAIN and not (
        name in (parameters or _NONE)
        or name in (own.get("_modules") or _NONE)
        or name in (own.get("_buffers") or _NONE)
    ):
        object.__setattr__(self, name, value)
        return
    if isinstance(value, flow.nn.Parameter):
        if parameters is None:
            raise AttributeError("cannot assign parameters before Module.__init__() call")
        _drop(self, name, own, "_buffers", "_modules", "_non_persistent_buffers_set")
        self.register_parameter(name, value)
    elif parameters is not None and name in parameters:
        if value is not None:
            raise TypeError(
                f"cannot assign '{_typename(value)}' as parameter '{name}' "
                "(torch.nn.Parameter or None expected)"
            )
        self.register_parameter(name, value)
    elif isinstance(value, Module):
        if own.get("_modules") is None:
            raise AttributeError("cannot assign module before Module.__init__() call")
        _drop(self, name, own, "_parameters", "_buffers", "_non_persistent_buffers_set")
        for hook in _global_module_registration_hooks.values():
            answer = hook(self, name, value)
            value = value if answer is None else answer
        own["_modules"][name] = value
    elif name in (own.get("_modules") or _NONE):
        if value is not None:
            raise TypeError(
                f"cannot assign '{_typename(value)}' as child module '{name}' "
                "(torch.nn.Module or None expected)"
            )
        own["_modules"][name] = None
    else:
        _set_buffer_or_attribute(self, own, name, value)


def _typename(value):
    """Return what PyTorch calls the type of a value."""
    return value.type() if isinstance(value, flow.Tensor) else type(value).__name__


def _set_buffer_or_attribute(self, own, name, value):
    marked = isinstance(value, flow.Tensor) and getattr(value, "_is_buffer", False)
    if name not in (own.get("_buffers") or _NONE) and not marked:
        object.__setattr__(self, name, value)
        return
    if value is not None and not isinstance(value, flow.Tensor):
        raise TypeError(
            f"cannot assign '{_typename(value)}' as buffer '{name}' "
            "(torch.nn.Buffer, torch.Tensor or None expected)"
        )
    persistent = value.persistent if marked else name not in self._non_persistent_buffers_set
    if marked:
        _drop(self, name, own, "_parameters", "_modules")
    self.register_buffer(name, value, persistent)


def _drop(self, name, own, *tables):
    if name in own:
        del own[name]
    for table in tables:
        held = own.get(table)
        if held and name in held:
            held.discard(name) if isinstance(held, set) else held.pop(name)


def _getattr(self, name):
    own = self.__dict__
    if "_parameters" in own:
        held = own["_parameters"]
        if name in held:
            return held[name]
    if "_buffers" in own:
        held = own["_buffers"]
        if name in held:
            return held[name]
    if "_modules" in own:
        held = own["_modules"]
        if name in held:
            return held[name]
    raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")


def _delattr(self, name):
    for table in ("_parameters", "_buffers", "_modules"):
        if name in self.__dict__.get(table, _NONE):
            del self.__dict__[table][name]
            self._non_persistent_buffers_set.discard(name)
            return
    object.__delattr__(self, name)


def _dir(self):
    names = {*dir(type(self)), *self.__dict__, *self._parameters, *self._modules, *self._buffers}
    return sorted(name for name in names if not name[0].isdigit())


# finding


def _owner(self, target):
    path, _, name = target.rpartition(".")
    owner = self.get_submodule(path)
    if not hasattr(owner, name):
        raise AttributeError(f"{owner._get_name()} has no attribute `{name}`")
    return getattr(owner, name)


def get_submodule(self, target):
    """Return the submodule at a dotted path; AttributeError where there is none."""
    found = self
    for name in target.split(".") if target else ():
        if not hasattr(found, name):
            raise AttributeError(f"{found._get_name()} has no attribute `{name}`")
        found = getattr(found, name)
        if not isinstance(found, Module):
            raise AttributeError(f"`{name}` is not an nn.Module")
    return found


def set_submodule(self, target, module, strict=False):
    """Put a module at a dotted path."""
    if not target:
        raise ValueError("Cannot set the submodule without a target name!")
    path, _, name = target.rpartition(".")
    owner = self.get_submodule(path)
    if strict and not hasattr(owner, name):
        raise AttributeError(f"{owner._get_name()} has no attribute `{name}`")
    setattr(owner, name, module)


def get_parameter(self, target):
    """Return the parameter at a dotted path."""
    found = _owner(self, target)
    if not isinstance(found, flow.nn.Parameter):
        raise AttributeError(f"`{target.rpartition('.')[2]}` is not an nn.Parameter")
    return found


def get_buffer(self, target):
    """Return the buffer at a dotted path."""
    path, _, name = target.rpartition(".")
    found = _owner(self, target)
    if name not in self.get_submodule(path)._buffers:
        raise AttributeError(f"`{name}` is not a buffer")
    return found


def _named_members(self, get_members_fn, prefix="", recurse=True, remove_duplicate=True):
    seen = set()
    modules = [(prefix, self)]
    if recurse:
        modules = self.named_modules(prefix=prefix, remove_duplicate=remove_duplicate)
    for path, module in modules:
        for name, value in get_members_fn(module):
            if value is None or id(value) in seen:
                continue
            if remove_duplicate:
                seen.add(id(value))
            yield (f"{path}.{name}" if path else name), value


def named_parameters(self, prefix="", recurse=True, remove_duplicate=True):
    """Yield (path, parameter), each parameter once unless told otherwise."""
    yield from self._named_members(
        lambda module: list(module._parameters.items()), prefix, recurse, remove_duplicate
    )


def parameters(self, recurse=True):
    """Yield the parameters."""
    for _, parameter in self.named_parameters(recurse=recurse):
        yield parameter


def named_buffers(self, prefix="", recurse=True, remove_duplicate=True):
    """Yield (path, buffer), each buffer once unless told otherwise."""
    yield from self._named_members(
        lambda module: list(module._buffers.items()), prefix, recurse, remove_duplicate
    )


def buffers(self, recurse=True):
    """Yield the buffers."""
    for _, buffer in self.named_buffers(recurse=recurse):
        yield buffer


def named_modules(self, memo=None, prefix="", remove_duplicate=True):
    """Yield (path, module), the module itself first."""
    memo = set() if memo is None else memo
    if self in memo:
        return
    if remove_duplicate:
        memo.add(self)
    yield prefix, self
    for name, module in list(self._modules.items()):
        if module is not None:
            path = f"{prefix}.{name}" if prefix else name
            yield from module.named_modules(memo, path, remove_duplicate)


# state dicts


def get_extra_state(self):
    """Return what a module wants in its state dict besides tensors; meant to be overridden."""
    raise RuntimeError(
        "Reached a code path in Module.get_extra_state() that should never be called. "
    )


def set_extra_state(self, state):
    """Take what `get_extra_state` returned; meant to be overridden."""
    raise RuntimeError(
        "Reached a code path in Module.set_extra_state() that should never be called. "
    )


def register_state_dict_pre_hook(self, hook):
    """Call ``hook(module, prefix, keep_vars)`` before ``state_dict``."""
    return _add(_table(self, "_state_dict_pre_hooks"), hook)


def register_state_dict_post_hook(self, hook):
    """Call ``hook(module, state_dict, prefix, local_metadata)`` after ``state_dict``."""
    hook._from_public_api = True
    return _add(_table(self, "_state_dict_hooks"), hook)


def _register_state_dict_hook(self, hook):
    if getattr(hook, "_from_public_api", False):
        raise RuntimeError("Cannot register the same function as the state dict post hook")
    return _add(_table(self, "_state_dict_hooks"), hook)


def _save_to_state_dict(self, destination, prefix, keep_vars):
    for name, param in self._parameters.items():
        if param is not None:
            destination[prefix + name] = param if keep_vars else param.detach()
    for name, buffer in self._buffers.items():
        if buffer is not None and name not in self._non_persistent_buffers_set:
            destination[prefix + name] = buffer if keep_vars else buffer.detach()
    if type(self).get_extra_state is not get_extra_state:
        destination[prefix + _EXTRA_STATE_KEY_SUFFIX] = self.get_extra_state()


def state_dict(self, *args, destination=None, prefix="", keep_vars=False):
    """Return path → tensor of parameters and persistent buffers, detached unless ``keep_vars``."""
    if args:
        warnings.warn(
            "Positional args are being deprecated, use kwargs instead.", FutureWarning, stacklevel=2
        )
        named = dict(zip(("destination", "prefix", "keep_vars"), args))
        destination = named.get("destination", destination)
        prefix, keep_vars = named.get("prefix", prefix), named.get("keep_vars", keep_vars)
    if destination is None:
        destination = OrderedDict()
        destination._metadata = OrderedDict()
    local = {"version": getattr(self, "_version", 1)}
    if hasattr(destination, "_metadata"):
        destination._metadata[prefix[:-1]] = local
    for hook in list((self.__dict__.get("_state_dict_pre_hooks") or _NONE).values()):
        hook(self, prefix, keep_vars)
    self._save_to_state_dict(destination, prefix, keep_vars)
    for name, module in self._modules.items():
        if module is not None:
            module.state_dict(
                destination=destination, prefix=f"{prefix}{name}.", keep_vars=keep_vars
            )
    for hook in list((self.__dict__.get("_state_dict_hooks") or _NONE).values()):
        answer = hook(self, destination, prefix, local)
        if answer is not None and not getattr(hook, "_from_public_api", False):
            destination = answer
    return destination


def register_load_state_dict_pre_hook(self, hook):
    """Call ``hook(module, state_dict, prefix, …)`` before a module loads its part."""
    return _register_load_state_dict_pre_hook(self, hook, with_module=True)


def _register_load_state_dict_pre_hook(self, hook, with_module=False):
    if with_module:
        owner = weakref.ref(self)
        plain = hook

        @functools.wraps(plain)
        def hook(*args, **kwargs):
            return plain(owner(), *args, **kwargs)

    return _add(_table(self, "_load_state_dict_pre_hooks"), hook)


def register_load_state_dict_post_hook(self, hook):
    """Call ``hook(module, incompatible_keys)`` after a module has loaded its part."""
    return _add(_table(self, "_load_state_dict_post_hooks"), hook)


def _load_from_state_dict(
    self, state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs
):
    for hook in list((self.__dict__.get("_load_state_dict_pre_hooks") or _NONE).values()):
        hook(state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs)
    assign = local_metadata.get("assign_to_params_buffers", False)
    for name, held in _loadable(self):
        key = prefix + name
        if key in state_dict:
            _load_one(self, name, held, key, state_dict[key], assign, error_msgs)
        elif strict:
            missing_keys.append(key)
    extra = prefix + _EXTRA_STATE_KEY_SUFFIX
    if type(self).set_extra_state is not set_extra_state:
        if extra in state_dict:
            self.set_extra_state(state_dict[extra])
        elif strict:
            missing_keys.append(extra)
    elif strict and extra in state_dict:
        unexpected_keys.append(extra)
    if strict:
        known = dict(_loadable(self))
        for key in state_dict:
            if key.startswith(prefix) and key != extra:
                name, dot, _ = key[len(prefix) :].partition(".")
                if name not in (self._modules if dot else known):
                    unexpected_keys.append(key)


def _loadable(self):
    pairs = [pair for pair in self._parameters.items() if pair[1] is not None]
    if self._buffers:
        pairs += [
            (name, buffer)
            for name, buffer in self._buffers.items()
            if buffer is not None and name not in self._non_persistent_buffers_set
        ]
    return pairs


def _load_one(self, name, held, key, given, assign, errors):
    if not isinstance(given, flow.Tensor):
        errors.append(
            f'While copying the parameter named "{key}", expected torch.Tensor or Tensor-like '
            f"object from checkpoint but received {type(given)}"
        )
        return
    if not held.shape and tuple(given.shape) == (1,):
        given = given[0]
    if held.shape != given.shape:
        errors.append(
            f"size mismatch for {key}: copying a param with shape {given.shape} from checkpoint, "
            f"the shape in current model is {held.shape}."
        )
        return
    if meta.is_meta(held) and not meta.is_meta(given) and not assign:
        warnings.warn(
            f"for {key}: copying from a non-meta parameter in the checkpoint to a meta parameter "
            "in the current model, which is a no-op. (Did you mean to pass `assign=True` to "
            "assign items in the state dictionary to their corresponding key in the module "
            "instead of copying them in place?)",
            stacklevel=4,
        )
    try:
        with flow.no_grad():
            if not assign:
                held.copy_(given)
                return
        if isinstance(held, flow.nn.Parameter) and not isinstance(given, flow.nn.Parameter):
            given = flow.nn.Parameter(given, requires_grad=held.requires_grad)
        setattr(self, name, given)
    except Exception as error:
        errors.append(
            f'While copying the parameter named "{key}", whose dimensions in the model are '
            f"{held.shape} and whose dimensions in the checkpoint are {given.shape}, an exception "
            f"occurred : {error.args}."
        )


def load_state_dict(self, state_dict, strict=True, assign=False):
    """Copy (or with ``assign`` take over) the tensors of a state dict; returns what did not fit.

    RuntimeError naming every missing and unexpected key where ``strict``, and every wrong shape.
    """
    if not hasattr(state_dict, "keys"):
        raise TypeError(f"Expected state_dict to be dict-like, got {type(state_dict)}.")
    missing, unexpected, errors = [], [], []
    metadata = getattr(state_dict, "_metadata", None)
    state_dict = OrderedDict(state_dict)
    if metadata is not None:
        state_dict._metadata = metadata

    def load(module, part, prefix=""):
        local = {} if metadata is None else dict(metadata.get(prefix[:-1], {}))
        if assign:
            local["assign_to_params_buffers"] = assign
        module._load_from_state_dict(part, prefix, local, True, missing, unexpected, errors)
        for name, child in module._modules.items():
            if child is not None:
                path = f"{prefix}{name}."
                load(child, {k: v for k, v in part.items() if k.startswith(path)}, path)
        incompatible = _IncompatibleKeys(missing, unexpected)
        for hook in list((module.__dict__.get("_load_state_dict_post_hooks") or _NONE).values()):
            if hook(module, incompatible) is not None:
                raise RuntimeError(
                    "Hooks registered with ``register_load_state_dict_post_hook`` are not expected "
                    "to return new values, if incompatible_keys need to be modified, it should be "
                    "done inplace."
                )

    load(self, state_dict)
    if strict:
        for keys, kind in ((unexpected, "Unexpected"), (missing, "Missing")):
            if keys:
                listed = ", ".join(f'"{key}"' for key in keys)
                errors.insert(0, f"{kind} key(s) in state_dict: {listed}. ")
    if errors:
        raise RuntimeError(
            "Error(s) in loading state_dict for {}:\n\t{}".format(
                type(self).__name__, "\n\t".join(errors)
            )
        )
    return _IncompatibleKeys(missing, unexpected)


# conversion


def _apply(self, fn, recurse=True):
    """Put every parameter, gradient and buffer through a function."""
    if recurse:
        for module in self.children():
            module._apply(fn)
    for name, param in self._parameters.items():
        if param is None:
            continue
        with flow.no_grad():
            applied = fn(param)
        if meta.is_meta(applied) or meta.is_meta(param) or applied.is_local != param.is_local:
            self._parameters[name] = flow.nn.Parameter(applied, requires_grad=param.requires_grad)
            continue
        if applied is not param:
            param.data = applied
        if param.grad is not None:
            with flow.no_grad():
                grad = fn(param.grad)
            param.grad = grad.requires_grad_(param.grad.requires_grad)
    for name, buffer in self._buffers.items():
        if buffer is not None:
            self._buffers[name] = fn(buffer)
    return self


def to(self, *args, **kwargs):
    """Move and cast parameters and buffers; only floating ones take a dtype."""
    device, dtype, non_blocking = _parse_to(args, kwargs)
    if dtype is not None and not dtype.is_floating_point and not dtype.is_complex:
        raise TypeError(
            "nn.Module.to only accepts floating point or complex dtypes, but got desired "
            f"dtype={dtype}"
        )

    def convert(tensor):
        wanted = dtype if dtype is not None and tensor.is_floating_point() else None
        if device is not None and meta.is_meta(tensor) and flow.device(device).type != "meta":
            raise NotImplementedError(
                f"{meta.no_data()} Please use torch.nn.Module.to_empty() instead of "
                "torch.nn.Module.to() when moving module from meta to a different device."
            )
        if device is not None and wanted is not None:
            return tensor.to(device, wanted)
        if device is not None:
            return tensor.to(device)
        return tensor if wanted is None else tensor.to(wanted)

    return self._apply(convert)


def _parse_to(args, kwargs):
    """Return (device, dtype, non_blocking) of the arguments of ``to``."""
    kwargs = dict(kwargs)
    kwargs.pop("memory_format", None)
    device, dtype = kwargs.pop("device", None), kwargs.pop("dtype", None)
    non_blocking = kwargs.pop("non_blocking", False)
    other = kwargs.pop("tensor", None)
    if kwargs:
        raise TypeError(f"to() received an invalid keyword argument: {next(iter(kwargs))}")
    for argument in args:
        if isinstance(argument, flow.Tensor):
            other = argument
        elif isinstance(argument, flow.dtype):
            dtype = argument
        elif isinstance(argument, bool):
            non_blocking = argument
        elif argument is not None:
            device = argument
    if other is not None:
        device, dtype = other.device, other.dtype
    if device is not None and not isinstance(device, flow.device):
        device = flow.device(device)
    return device, dtype, non_blocking


def _casting(dtype):
    def cast(self):
        return self._apply(lambda t: t.to(dtype) if t.is_floating_point() else t)

    return cast


def type_(self, dst_type):
    """Cast every parameter and buffer to a dtype."""
    return self._apply(lambda tensor: tensor.type(dst_type))


def to_empty(self, *, device, recurse=True):
    """Move to a device without copying the data."""

    def emptied(tensor):
        if flow.device(device).type == "meta":
            return meta.like(tensor)
        return creation.empty(tensor.shape, dtype=tensor.dtype, device=device)

    return self._apply(emptied, recurse=recurse)


def requires_grad_(self, requires_grad=True):
    """Set whether gradients are recorded for the parameters."""
    for parameter in self.parameters():
        parameter.requires_grad_(requires_grad)
    return self


def zero_grad(self, set_to_none=True):
    """Forget the gradients, or set them to zero."""
    for parameter in self.parameters():
        if parameter.grad is not None:
            if set_to_none:
                parameter.grad = None
            else:
                parameter.grad.zero_()


def share_memory(self):
    """Move parameters and buffers into shared memory."""
    return self._apply(lambda tensor: tensor.share_memory_())


def compile(self, *args, **kwargs):
    """Compile this module's call as ``torch.compile`` would; here it runs as it is."""
    hooks.record("torch.nn.Module.compile", "keyword", "runs uncompiled")


def cpu(self):
    """Move parameters and buffers to the CPU."""
    return self.to("cpu")


def cuda(self, device=None):
    """Move parameters and buffers to a CUDA device."""
    return self.to("cuda" if device is None else flow.device(device))


def train(self, mode=True):
    """Set training mode here and below."""
    if not isinstance(mode, bool):
        raise ValueError("training mode is expected to be boolean")
    self.training = mode
    for module in self.children():
        module.train(mode)
    return self


def _repr(self):
    lines = [line for line in self.extra_repr().split("\n") if line]
    children = []
    for name, module in self._modules.items():
        text = "\n  ".join(repr(module).split("\n"))
        children.append(f"({name}): {text}")
    if len(lines) == 1 and not children:
        return f"{self._get_name()}({lines[0]})"
    body = "".join(f"\n  {line}" for line in lines + children)
    return f"{self._get_name()}({body}\n)" if body else f"{self._get_name()}()"


def _getstate(self):
    state = self.__dict__.copy()
    state.pop("_compiled_call_impl", None)
    return state


def _setstate(self, state):
    self.__dict__.update(state)
    for name in (*_HOOK_TABLES, "_state_dict_hooks", "_load_state_dict_pre_hooks"):
        _table(self, name)
    if getattr(self, "_is_ddp_module", False):
        flow.nn.parallel.DistributedDataParallel(self, broadcast_parameters=False)


def _forward_unimplemented(self, *input):
    raise NotImplementedError(
        f'Module [{type(self).__name__}] is missing the required "forward" function'
    )


#: What OneFlow's own methods expect of a module besides its tables.
_FIRST_STATE = {
    "_is_full_backward_hook": None,
    "_is_ddp_module": False,
    "_oneflow_internal_module_tensor_applied_dict__": None,
}


def _init(self, *args, **kwargs):
    call_super = getattr(type(self), "call_super_init", False)
    if not call_super and (args or kwargs):
        if kwargs:
            raise TypeError(
                f"{type(self).__name__}.__init__() got an unexpected keyword argument "
                f"'{next(iter(kwargs))}'"
            )
        raise TypeError(
            f"{type(self).__name__}.__init__() takes 1 positional argument but "
            f"{len(args) + 1} were given"
        )
    own = self.__dict__
    object.__setattr__(self, "training", True)
    own.update(
        _FIRST_STATE,
        _parameters={},
        _buffers={},
        _non_persistent_buffers_set=set(),
        _backward_hooks=OrderedDict(),
        _forward_hooks=OrderedDict(),
        _forward_pre_hooks=OrderedDict(),
        _state_dict_hooks=OrderedDict(),
        _load_state_dict_pre_hooks=OrderedDict(),
        _modules={},
    )
    if call_super:
        super(Module, self).__init__(*args, **kwargs)


_PATCHES = {
    "__call__": _call,
    "__delattr__": _delattr,
    "__dir__": _dir,
    "__getattr__": _getattr,
    "__getstate__": _getstate,
    "__init__": _init,
    "__repr__": _repr,
    "__setattr__": _setattr,
    "__setstate__": _setstate,
    "_call_impl": _call_impl,
    "_wrapped_call_impl": _call,
    "_compiled_call_impl": None,
    "_version": 1,
    "bfloat16": _casting(flow.bfloat16),
    "call_super_init": False,
    "double": _casting(flow.float64),
    "dump_patches": False,
    "float": _casting(flow.float32),
    "forward": _forward_unimplemented,
    "half": _casting(flow.float16),
    "register_module": add_module,
    "type": type_,
    **{
        function.__name__: function
        for function in (
            _apply,
            _load_from_state_dict,
            _named_members,
            _register_load_state_dict_pre_hook,
            _register_state_dict_hook,
            _save_to_state_dict,
            add_module,
            buffers,
            compile,
            cpu,
            cuda,
            get_buffer,
            get_extra_state,
            get_parameter,
            get_submodule,
            load_state_dict,
            named_buffers,
            named_modules,
            named_parameters,
            parameters,
            register_backward_hook,
            register_buffer,
            register_forward_hook,
            register_forward_pre_hook,
            register_full_backward_hook,
            register_full_backward_pre_hook,
            register_load_state_dict_post_hook,
            register_load_state_dict_pre_hook,
            register_parameter,
            register_state_dict_post_hook,
            register_state_dict_pre_hook,
            requires_grad_,
            set_extra_state,
            set_submodule,
            share_memory,
            state_dict,
            to,
            to_empty,
            train,
            zero_grad,
        )
    },
}

for _name, _value in _PATCHES.items():
    if inspect.isfunction(_value):
        _value.__qualname__ = f"Module.{_value.__name__}"
    hooks.patch(Module, _name, _value)
