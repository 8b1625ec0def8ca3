"""torch.nn.modules.container: what OneFlow's containers lack."""

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
