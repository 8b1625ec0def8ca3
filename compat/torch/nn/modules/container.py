"""torch.nn.modules.container: what OneFlow's containers lack."""

from collections import OrderedDict
from collections.abc import Iterable, Mapping

from oneflow import Tensor
from oneflow.nn import Module, Parameter
from oneflow.nn.modules.container import ModuleDict, ModuleList, ParameterList, Sequential

from oneflow_mock.compat import hooks


def _renumber(self, modules):
    self._modules.clear()
    self._modules.update((str(place), module) for place, module in enumerate(modules))


def append(self, module):
    """Add a module at the end."""
    self.add_module(str(len(self)), module)
    return self


def extend(self, modules):
    """Add modules at the end."""
    if not hasattr(modules, "__iter__"):
        raise TypeError(
            f"{type(self).__name__}.extend should be called with an iterable, but got "
            + type(modules).__name__
        )
    for module in list(modules):
        self.append(module)
    return self


def insert(self, index, module):
    """Put a module before an index."""
    if not -len(self) <= index <= len(self):
        raise IndexError(f"Index out of range: {index}")
    modules = list(self._modules.values())
    modules.insert(index if index >= 0 else index + len(modules), module)
    _renumber(self, modules)


def _insert_chained(self, index, module):
    insert(self, index, module)
    return self


def pop(self, key):
    """Take a child out and return it."""
    module = self[key]
    del self[key]
    return module


def _delitem(self, index):
    modules = list(self._modules.values())
    del modules[index]
    _renumber(self, modules)


def _add(self, other):
    return type(self)(*self, *other)


def _add_list(self, other):
    return type(self)([*self, *other])


def _mul(self, times):
    if not isinstance(times, int):
        raise TypeError(f"unsupported operand type(s) for *: {type(self)} and {type(times)}")
    if times <= 0:
        raise ValueError(f"Non-positive multiplication factor {times} for {type(self)}")
    return type(self)(*[module for _ in range(times) for module in self])


def _repr_list(self):
    """Show runs of equal children as one line."""
    texts = [repr(module) for module in self]
    if not texts:
        return self._get_name() + "()"
    runs = []
    for place, text in enumerate(texts):
        if runs and runs[-1][2] == text:
            runs[-1][1] = place
        else:
            runs.append([place, place, text])
    lines = []
    for first, last, text in runs:
        name = f"({first})" if first == last else f"({first}-{last})"
        times = "" if first == last else f"{last - first + 1} x "
        lines.append("\n  ".join(f"{name}: {times}{text}".split("\n")))
    return f"{self._get_name()}(\n  " + "\n  ".join(lines) + "\n)"


def _update(self, modules):
    pairs = modules.items() if hasattr(modules, "items") else modules
    for name, module in pairs:
        self[name] = module


for _name, _value in {
    "__add__": _add,
    "__delitem__": _delitem,
    "__iadd__": extend,
    "__mul__": _mul,
    "__rmul__": _mul,
    "append": append,
    "extend": extend,
    "insert": _insert_chained,
    "pop": pop,
}.items():
    hooks.patch(Sequential, _name, _value)
for _name, _value in {
    "__add__": _add_list,
    "__delitem__": _delitem,
    "__iadd__": extend,
    "__repr__": _repr_list,
    "append": append,
    "extend": extend,
    "insert": insert,
    "pop": pop,
}.items():
    hooks.patch(ModuleList, _name, _value)
hooks.patch(ModuleDict, "update", _update)


def _show_parameters(self):
    lines = []
    for name, value in self._parameters.items():
        size = "x".join(str(side) for side in value.shape)
        where = "" if value.device.type == "cpu" else f" ({value.device})"
        lines.append(f"  ({name}): Parameter containing: [{value.dtype} of size {size}{where}]")
    return "\n".join(lines)


hooks.patch(ParameterList, "extra_repr", _show_parameters)


class ParameterDict(Module):
    """Parameters, and anything else, by name (torch.nn.ParameterDict)."""

    def __init__(self, parameters=None):
        super().__init__()
        self._keys = {}
        if parameters is not None:
            self.update(parameters)

    def _key_to_attr(self, key):
        if not isinstance(key, str):
            raise TypeError(
                "Index given to ParameterDict cannot be used as a key as it is not a string (type "
                f"is '{type(key).__name__}'). Open an issue on github if you need non-string keys."
            )
        return key

    def __getitem__(self, key):
        return getattr(self, self._key_to_attr(key))

    def __setitem__(self, key, value):
        name = self._key_to_attr(key)
        self._keys[key] = None
        if isinstance(value, Tensor) and not isinstance(value, Parameter):
            value = Parameter(value)
        setattr(self, name, value)

    def __delitem__(self, key):
        del self._keys[key]
        delattr(self, self._key_to_attr(key))

    def __len__(self):
        return len(self._keys)

    def __iter__(self):
        return iter(self._keys)

    def __reversed__(self):
        return reversed(list(self._keys))

    def __contains__(self, key):
        return key in self._keys

    def copy(self):
        """Return another dictionary of the same values."""
        return ParameterDict(OrderedDict(self.items()))

    def setdefault(self, key, default=None):
        """Return a value; put the default there if there is none."""
        if key not in self:
            self[key] = default
        return self[key]

    def clear(self):
        """Take every value out."""
        for key in list(self._keys):
            del self[key]

    def pop(self, key):
        """Take a value out and return it."""
        value = self[key]
        del self[key]
        return value

    def popitem(self):
        """Take the last (key, value) out and return it."""
        key = list(self._keys)[-1]
        return key, self.pop(key)

    def get(self, key, default=None):
        """Return a value, or the default."""
        if key not in self:
            return default
        return self[key]

    def fromkeys(self, keys, default=None):
        """Return a dictionary with one value for every key."""
        return ParameterDict((key, default) for key in keys)

    def keys(self):
        """Return the keys."""
        return self._keys.keys()

    def items(self):
        """Return (key, value) pairs."""
        return ((key, self[key]) for key in self._keys)

    def values(self):
        """Return the values."""
        return (self[key] for key in self._keys)

    def update(self, parameters):
        """Take over the values of a mapping, sorted if it is a plain one, or of pairs."""
        if not isinstance(parameters, Iterable):
            raise TypeError(
                "ParametersDict.update should be called with an iterable of key/value pairs, but "
                "got " + type(parameters).__name__
            )
        if isinstance(parameters, (OrderedDict, ParameterDict)):
            pairs = parameters.items()
        elif isinstance(parameters, Mapping):
            pairs = sorted(parameters.items())
        else:
            pairs = list(parameters)
            for place, pair in enumerate(pairs):
                where = f"ParameterDict update sequence element #{place}"
                if not isinstance(pair, Iterable):
                    raise TypeError(f"{where} should be Iterable; is{type(pair).__name__}")
                if len(pair) != 2:
                    raise ValueError(f"{where} has length {len(pair)}; 2 is required")
        for key, value in pairs:
            self[key] = value

    def extra_repr(self):
        """Return a line for every value."""
        lines = []
        for key, value in self.items():
            if not isinstance(value, Tensor):
                lines.append(f"  ({key}): Object of type: {type(value).__name__}")
                continue
            kind = "Parameter" if isinstance(value, Parameter) else "Tensor"
            size = "x".join(str(side) for side in value.shape)
            where = "" if value.device.type == "cpu" else f" ({value.device})"
            text = f"{kind} containing: [{value.type()} of size {size}{where}]"
            lines.append(f"  ({key}): {text}")
        return "\n".join(lines)

    def __call__(self, input):
        raise RuntimeError("ParameterDict should not be called.")

    def __or__(self, other):
        joined = self.copy()
        joined.update(other)
        return joined

    def __ror__(self, other):
        joined = other.copy()
        joined.update(self)
        return joined

    def __ior__(self, other):
        self.update(other)
        return self
