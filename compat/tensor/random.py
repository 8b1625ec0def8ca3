"""Tensor methods that draw random numbers, and the places of OneFlow that draw without asking."""

from __future__ import annotations

import oneflow as flow

from oneflow_mock.compat.kernels import dropout, filling, generator, meta, random

_engine_exponential = flow.Tensor.exponential_
_engine_normal = flow.Tensor.normal_
_engine_uniform = flow.Tensor.uniform_
_engine_init_normal = flow.nn.init.normal_
_engine_init_uniform = flow.nn.init.uniform_


def _bounds(api, values, keywords, names, defaults):
    """Return parameters given by place or by name, where a name may be a Python keyword."""
    given = dict(zip(names, values))
    for name, value in keywords.items():
        if name not in names or name in given:
            raise TypeError(f"{api}() got an unexpected keyword argument '{name}'")
        given[name] = value
    if len(values) > len(names):
        raise TypeError(f"{api}() takes at most {len(names)} arguments ({len(values)} given)")
    return [given.get(name, default) for name, default in zip(names, defaults)]


def normal_(self, mean=0.0, std=1.0, *, generator=None):
    """Fill the tensor with normal numbers."""
    if not filling.is_here(self) and self.dtype.is_floating_point:
        _engine_normal(self, mean, std)
        return self
    return filling.fill_normal(self, mean, std, generator)


def uniform_(self, *bounds, generator=None, **keywords):
    """Fill the tensor with uniform numbers of [from, to)."""
    low, high = _bounds("uniform_", bounds, keywords, ("from", "to"), (0.0, 1.0))
    if not filling.is_here(self) and self.dtype.is_floating_point:
        _engine_uniform(self, low, high)
        return self
    return filling.fill_uniform(self, low, high, generator)


def random_(self, *bounds, generator=None, **keywords):
    """Fill the tensor with integers: of the dtype's range, of [0, to), or of [from, to)."""
    if len(bounds) == 1 and not keywords:
        return filling.fill_integers(self, bounds[0], generator=generator)
    if not bounds and set(keywords) == {"to"}:
        return filling.fill_integers(self, keywords["to"], generator=generator)
    if not bounds and not keywords:
        return filling.fill_integers(self, generator=generator)
    low, high = _bounds("random_", bounds, keywords, ("from", "to"), (0, None))
    return filling.fill_integers(self, low, high, generator=generator)


def bernoulli(self, p=None, *, generator=None):
    """Return ones and zeros, by each element's probability, or by one for all."""
    return random.bernoulli(self, p, generator=generator)


def bernoulli_(self, p=0.5, *, generator=None):
    """Fill the tensor with ones and zeros."""
    return filling.fill_bernoulli(self, p, generator)


def exponential_(self, lambd=1, *, generator=None):
    """Fill the tensor with exponential numbers."""
    if not filling.is_here(self) and self.dtype.is_floating_point:
        return _engine_exponential(self, lambd, generator)
    return filling.fill_exponential(self, lambd, generator)


def geometric_(self, p, *, generator=None):
    """Fill the tensor with numbers of trials up to the first success."""
    return filling.fill_geometric(self, p, generator)


def cauchy_(self, median=0, sigma=1, *, generator=None):
    """Fill the tensor with Cauchy numbers."""
    return filling.fill_cauchy(self, median, sigma, generator)


def log_normal_(self, mean=1, std=2, *, generator=None):
    """Fill the tensor with numbers whose logarithm is normal."""
    return filling.fill_log_normal(self, mean, std, generator)


def multinomial(self, num_samples, replacement=False, *, generator=None):
    """Return columns drawn by weight, for each row of weights."""
    return random.multinomial(self, num_samples, replacement, generator=generator)


METHODS = {
    method.__name__: method
    for method in (
        bernoulli,
        bernoulli_,
        cauchy_,
        exponential_,
        geometric_,
        log_normal_,
        multinomial,
        normal_,
        random_,
        uniform_,
    )
}


def _init_uniform(tensor, a=0.0, b=1.0):
    """Draw the weights of OneFlow's modules from PyTorch's stream."""
    if meta.is_meta(tensor):
        return tensor
    if not filling.is_here(tensor):
        return _engine_init_uniform(tensor, a, b)
    with flow.no_grad():
        return filling.fill_uniform(tensor, a, b, None)


def _init_normal(tensor, mean=0.0, std=1.0):
    """Draw the weights of OneFlow's modules from PyTorch's stream."""
    if meta.is_meta(tensor):
        return tensor
    if not filling.is_here(tensor):
        return _engine_init_normal(tensor, mean, std)
    with flow.no_grad():
        return filling.fill_normal(tensor, mean, std, None)


def install(patches) -> None:
    """Make OneFlow's modules, whose classes PyTorch's names stand for, draw PyTorch's stream."""
    patches.set(flow.nn.init, "uniform_", _init_uniform)
    patches.set(flow.nn.init, "normal_", _init_normal)
    # A DataLoader's worker seeds itself by this name.
    patches.set(flow, "manual_seed", generator.manual_seed)
    modules = flow.nn
    patches.set(modules.Dropout, "forward", dropout.forward)
    patches.set(modules.Dropout1d, "forward", dropout.forward_1d)
    patches.set(modules.Dropout2d, "forward", dropout.forward_2d)
    patches.set(modules.Dropout3d, "forward", dropout.forward_3d)
