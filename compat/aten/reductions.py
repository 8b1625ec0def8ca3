"""Reductions (ATen's ``ReduceOps.cpp``, ``TensorCompare.cpp``, ``Correlation.cpp``)."""

import math

import numpy as np
import oneflow as flow
import torch
from torch import return_types

from oneflow_mock.compat import hooks
from oneflow_mock.compat.kernels import dtypes, halves, host, keywords
from oneflow_mock.compat.kernels.operands import (
    check_tensor,
    empty_of,
    floating,
    integral,
    promoted,
    spread,
    wrapped,
    wrapped_all,
    written,
)


def _checked_extreme(name, input, dims):
    if not input.numel():
        for d in dims:
            if not input.shape[d]:
                raise IndexError(f"{name}(): Expected reduction dim {d} to have non-zero size.")


def _extreme_over(name):
    work = getattr(flow._C, name)

    def extreme(input, dim=(), keepdim=False):
        ndim = input.ndim
        if ndim == 0:
            wrapped_all(dim, 0)
            return input.clone() if not input.requires_grad else input * 1
        if not input.numel():
            if dim is None or dim == () or dim == []:
                raise RuntimeError(
                    f"{name}(): Expected reduction dim to be specified for input.numel() == 0. "
                    "Specify the reduction dim with the 'dim' argument."
                )
            dims = wrapped_all(dim, ndim)
            _checked_extreme(name, input, dims)
            return _empty_like(input, dims, keepdim)
        if type(dim) is not int:
            dim = wrapped_all(dim, ndim)
        elif not -ndim <= dim < ndim:
            wrapped(dim, ndim)
        return work(input, dim, keepdim)

    extreme.__doc__ = f"Return the extreme over dimensions (torch.{name})."
    return keywords.spelled(extreme, name)


def _empty_like(input, dims, keepdim):
    shape = [1 if d in dims else n for d, n in enumerate(input.shape) if keepdim or d not in dims]
    return empty_of(input, shape)


amax = _extreme_over("amax")
amin = _extreme_over("amin")


def _max_or_min(name):
    work = getattr(flow, name)
    paired = getattr(flow, f"{name}imum")
    named = getattr(return_types, name)
    native = hooks.native.get("extremes")
    least = name == "min"

    def extreme(input, dim=None, keepdim=False, other=None):
        if dim is None and other is None:
            if not input.numel():
                raise RuntimeError(
                    f"{name}(): Expected reduction dim to be specified for input.numel() == 0. "
                    "Specify the reduction dim with the 'dim' argument."
                )
            return work(input)
        if type(dim) is int:
            ndim = input.ndim
            if ndim == 0:
                wrapped(dim, 0)
                zero = flow.zeros((), dtype=flow.int64, device=input.device)
                return named((input.clone() if not input.requires_grad else input * 1, zero))
            dim = wrapped(dim, ndim)
            if not input.shape[dim]:
                _checked_extreme(name, input, (dim,))
            if not input.numel():
                empty = _empty_like(input, (dim,), keepdim)
                return named((empty, empty.to(flow.int64)))
            if native is not None and not input.is_cuda:
                return named(native(input, dim, keepdim, least))
            values, indices = work(input, dim, keepdim)
            return named((values, indices.to(flow.int64)))
        check_tensor(name, input)
        a, b = promoted(name, input, dim if other is None else other, numbers=False)
        if a.shape != b.shape and not (a.numel() and b.numel()):
            return flow.add(*spread(a, b))
        return paired(a, b)

    extreme.__doc__ = f"Return the extreme of all, along ``dim``, or of pairs (torch.{name})."

    def operator(input, *args, **kwargs):
        check_tensor(name, input)
        if not kwargs:
            return extreme(input, *args)
        if "axis" in kwargs:
            kwargs["dim"] = kwargs.pop("axis")
        if "keepdims" in kwargs:
            kwargs["keepdim"] = kwargs.pop("keepdims")
        out = kwargs.pop("out", None)
        return written(extreme(input, *args, **kwargs), out)

    operator.__doc__ = extreme.__doc__
    operator.__name__ = operator.__qualname__ = name
    return operator


max = _max_or_min("max")
min = _max_or_min("min")


def aminmax(input, *, dim=None, keepdim=False, out=None):
    """Return the least and the greatest, of all or along ``dim`` (torch.aminmax)."""
    for one, other in zip((input, input), out or ()):
        if one.dtype != other.dtype:
            raise RuntimeError(
                f"Expected out tensor to have dtype {one.dtype}, but got {other.dtype} instead"
            )
    if dim is None:
        if not input.numel():
            raise RuntimeError(
                "aminmax(): cannot compute aminmax over an empty dimension as the operation has no "
                "identity."
            )
        dims = list(range(input.ndim))
    else:
        dims = [] if input.ndim == 0 else [wrapped(dim, input.ndim)]
        wrapped(dim, input.ndim)
        if dims and not input.shape[dims[0]]:
            raise IndexError(
                "aminmax(): cannot compute aminmax over an empty dimension as the operation has no "
                "identity."
            )
    answer = (amin(input, dims, keepdim), amax(input, dims, keepdim))
    if dim is None and keepdim:
        answer = tuple(one.reshape(*[1] * input.ndim) for one in answer)
    return written(return_types.aminmax(answer), out)


def _native_argmin(input, dim, keepdim=False):
    return hooks.native["extreme_places"](input, dim, keepdim, True)


def _arg(name):
    stock = getattr(flow, name)
    if name == "argmin" and "extreme_places" in hooks.native:
        stock = _native_argmin

    def position(input, dim=None, keepdim=False, *, out=None):
        ndim = input.ndim
        if ndim == 0:
            if dim is not None:
                wrapped(dim, 0)
            return written(flow.zeros((), dtype=flow.int64, device=input.device), out)
        if not input.numel():
            if dim is None:
                raise IndexError(
                    f"{name}(): Expected reduction dim to be specified for input.numel() == 0."
                )
            dim = wrapped(dim, ndim)
            _checked_extreme(name, input, (dim,))
            return written(_empty_like(input, (dim,), keepdim).to(flow.int64), out)
        if dim is None:
            answer = stock(input.reshape(-1), 0)
            answer = answer.reshape(*[1] * ndim) if keepdim else answer
        else:
            answer = stock(input, wrapped(dim, ndim), keepdim)
        return written(answer, out)

    position.__doc__ = f"Return the index of the extreme, of all or along ``dim`` (torch.{name})."
    position.__name__ = position.__qualname__ = name
    return keywords.spelled(position, name)


argmax = _arg("argmax")
argmin = _arg("argmin")


def _truth(name):
    stock = getattr(flow._C, f"reduce_{name}")

    whole = getattr(flow, name)

    def holds(input, dim=None, keepdim=False):
        if dim is None and input.dtype == flow.bool and input.ndim and input.numel():
            answer = whole(input)
            return answer.reshape(*[1] * input.ndim) if keepdim else answer
        if input.dtype != flow.bool:
            truths = input != 0
        else:
            truths = input
        dims = wrapped_all(dim, input.ndim)
        if not dims or not input.numel():
            if input.ndim and (dims or input.numel() == 0):
                counts = truths.to(flow.int32)
                counts = counts if name == "any" else 1 - counts
                total = counts.sum(dim=dims or None, keepdim=keepdim)
                answer = total > 0 if name == "any" else total == 0
            else:
                answer = truths.clone()
        else:
            answer = stock(truths, dims, keepdim)
        return answer.to(flow.uint8) if input.dtype == flow.uint8 else answer

    holds.__doc__ = f"Tell whether {name} elements are true, over dimensions (torch.{name})."
    return keywords.spelled(holds, name)


any = _truth("any")
all = _truth("all")


def cov(input, *, correction=1, fweights=None, aweights=None):
    """Return the covariances of variables, one a row (torch.cov)."""
    if input.ndim > 2:
        raise RuntimeError(
            "cov(): expected input to have two or fewer dimensions but got an input with "
            f"{input.ndim} dimensions"
        )
    if input.dtype == flow.bool:
        raise RuntimeError("cov(): bool dtype is not supported for input")
    observed = input.reshape(1, -1) if input.ndim < 2 else input
    count = observed.shape[1]
    weights = None
    for name, given in (("fweights", fweights), ("aweights", aweights)):
        if given is None:
            continue
        if given.ndim > 1 or given.numel() != count:
            raise RuntimeError(
                f"cov(): expected {name} to have one or fewer dimensions and the number of "
                "observations"
            )
        if (name == "fweights") == given.is_floating_point():
            raise RuntimeError(f"cov(): {name} has dtype {given.dtype}")
        if bool((given < 0).any()):
            raise RuntimeError(f"cov(): {name} cannot be negative")
        weights = given if weights is None else weights * given
    observed = floating(observed)
    if weights is None:
        total = count
        mean = observed.mean(dim=1, keepdim=True) if count else observed.sum(1, True) / 0.0
        weighted = observed - mean
        left = weighted
    else:
        dtype = torch.result_type(observed, weights)
        observed = observed.to(dtype)
        total = weights.sum()
        if not count or float(total) == 0:
            raise RuntimeError("cov(): weights sum to zero, can't be normalized")
        mean = (observed * weights).sum(dim=1, keepdim=True) / total
        weighted = observed - mean
        left = weighted * weights
    if weights is not None and aweights is not None and correction:
        norm = total - correction * (weights * aweights).sum() / total
    else:
        norm = total - correction
    norm = torch.clamp(norm, min=0) if isinstance(norm, flow.Tensor) else (norm if norm > 0 else 0)
    product = (left.unsqueeze(1) * weighted.conj().unsqueeze(0)).sum(dim=-1)
    answer = product / norm if isinstance(norm, flow.Tensor) else product / float(norm)
    return answer.reshape(()) if answer.numel() == 1 else answer


def corrcoef(input):
    """Return the correlation coefficients of variables, one a row (torch.corrcoef)."""
    if input.ndim > 2:
        raise RuntimeError(
            "corrcoef(): expected input to have two or fewer dimensions but got an input with "
            f"{input.ndim} dimensions"
        )
    covariance = cov(input)
    if covariance.ndim == 0:
        return covariance / covariance
    deviation = torch.diagonal(covariance.real).sqrt()
    answer = covariance / deviation.unsqueeze(1) / deviation.unsqueeze(0)
    if answer.is_complex():
        return torch.complex(answer.real.clamp(-1, 1), answer.imag.clamp(-1, 1))
    return answer.clamp(-1, 1)


def dist(input, other, p=2):
    """Return the p-norm of the difference (torch.dist)."""
    if halves.is_half(input) and halves.is_half(other) and input.numel() and other.numel():
        return torch.linalg.vector_norm(torch.sub(input, other), p)
    gap = torch.sub(input, other).abs().reshape(-1)
    if not gap.is_floating_point():
        raise RuntimeError(f"norm(): input dtype should be floating point. Got {gap.dtype}")
    if p == 0:
        return (gap != 0).to(gap.dtype).sum()
    if not gap.numel():
        return gap.sum() if p > 0 else gap.sum() + math.inf
    if p == math.inf:
        return gap.amax()
    if p == -math.inf:
        return gap.amin()
    if p == 1:
        return gap.sum()
    # At zero the root has no slope; PyTorch takes zero.
    total = (gap * gap).sum() if p == 2 else (gap**p).sum()
    if bool(total == 0):
        return total * 0
    return total.sqrt() if p == 2 else total ** (1.0 / p)


def logcumsumexp(input, dim, *, out=None):
    """Return the logarithms of running sums of exponentials (torch.logcumsumexp)."""
    dim = wrapped(dim, input.ndim)
    if integral(input):
        raise NotImplementedError(f'"logcumsumexp_out_cpu" not implemented for {input.dtype}')
    if input.ndim == 0 or not input.numel():
        return written(input.clone(), out)
    if input.is_complex():
        pieces = list(input.unbind(dim))
        for place in range(1, len(pieces)):
            pieces[place] = torch.logaddexp(pieces[place - 1], pieces[place])
        return written(torch.stack(pieces, dim), out)
    if input.dtype in halves.HALVES:
        return written(_half_logcumsumexp(input, dim), out)
    # Each place has its own greatest element so far, so nothing overflows or is lost.
    high = torch.cummax(input.detach(), dim)[0]
    high = torch.where(torch.isinf(high), torch.zeros_like(high), high)
    column = input.movedim(dim, -1).unsqueeze(-2)
    top = high.movedim(dim, -1)
    size = input.shape[dim]
    later = torch.triu(torch.ones(size, size), 1).to(flow.bool)
    terms = torch.where(
        later.expand(*top.shape, size),
        torch.zeros((), dtype=input.dtype),
        torch.exp(
            torch.where(
                later.expand(*top.shape, size),
                torch.zeros((), dtype=input.dtype),
                column - top.unsqueeze(-1),
            )
        ),
    )
    return written((torch.log(terms.sum(dim=-1)) + top).movedim(-1, dim), out)


def _logcumsumexp_gradient(grad, answer, input, dim):
    least = torch.full_like(grad, torch.finfo(grad.dtype).min)

    def share(logs):
        sums = torch.flip(logcumsumexp(torch.flip(logs - answer, [dim]), dim), [dim])
        return torch.exp(sums + input)

    above = share(torch.where(grad > 0, torch.log(grad), least))
    return above - share(torch.where(grad < 0, torch.log(-grad), least))


_half_logcumsumexp = halves.stepped(
    lambda input, dim: logcumsumexp(input, dim), _logcumsumexp_gradient
)


def sum_to_size(input, *size):
    """Return the sum over the dimensions that were broadcast from a shape (Tensor.sum_to_size)."""
    shape = tuple(size[0]) if len(size) == 1 and not isinstance(size[0], int) else size
    extra = input.ndim - len(shape)
    fits = extra >= 0
    for mine, theirs in zip(tuple(input.shape)[extra if extra > 0 else 0 :], shape):
        fits = fits and theirs in (1, mine)
    if not fits:
        raise RuntimeError(
            f"size {{{list(shape)}}} is not expandable to size {{{list(input.shape)}}}."
        )
    if not shape:
        return input.sum()
    dims = list(range(extra))
    dims += [extra + d for d, n in enumerate(shape) if n == 1 and input.shape[extra + d] != 1]
    if not dims:
        return input
    if not input.is_floating_point() and not input.is_complex():
        input = input.to(flow.int64)
    dtype = input.dtype if input.dtype != flow.bool else flow.int64
    return input.to(dtype).sum(dim=dims, keepdim=True, dtype=dtype).reshape(*shape)


def renorm(input, p, dim, maxnorm, *, out=None):
    """Return the slices along ``dim``, each of p-norm no greater than told (torch.renorm)."""
    if p <= 0:
        raise RuntimeError("renorm: non-positive-norm not supported")
    if integral(input):
        raise RuntimeError(f"renorm: expected a floating point input, got {input.dtype}")
    if maxnorm < 0:
        raise RuntimeError(f"renorm: expected maxnorm to be >= 0 but got {maxnorm}")
    if input.ndim < 2:
        raise RuntimeError(
            f"renorm: input needs at least 2 dimensions, got {input.ndim} dimensions"
        )
    dim = wrapped(dim, input.ndim)
    dims = [d for d in range(input.ndim) if d != dim]
    if input.dtype in halves.HALVES and input.numel():
        return written(_half_renorm(input, float(p), dims, maxnorm), out)
    size = input.abs()
    if p == math.inf:
        norm = size.amax(dim=dims, keepdim=True)
    elif p == 2:
        norm = (size * size).sum(dim=dims, keepdim=True).sqrt()
    else:
        norm = (size**p).sum(dim=dims, keepdim=True) ** (1.0 / p)
    factor = torch.where(norm > maxnorm, maxnorm / (norm + 1e-7), torch.ones_like(norm))
    return written(input * factor, out)


def _renorm_of_half(input, p, dims, maxnorm):
    norm = torch.linalg.vector_norm(input.float(), p, dims, True)
    factor = torch.where(norm > maxnorm, maxnorm / (norm + 1e-7), torch.ones_like(norm))
    return input * factor.to(input.dtype)


def _renorm_gradient(grad, answer, input, p, dims, maxnorm):
    norm = torch.linalg.vector_norm(input.float(), p, dims, True)
    along = (input * grad).float().sum(dim=dims, keepdim=True)
    slope = halves.norm_gradient(along, norm, input.float(), p, dims)
    inverse = torch.reciprocal(norm + 1e-7)
    found = maxnorm * inverse * (grad.float() - inverse * slope)
    return torch.where((norm > maxnorm).expand(*grad.shape), found.to(grad.dtype), grad)


_half_renorm = halves.stepped(_renorm_of_half, _renorm_gradient, steps=True)


def std_mean(input, dim=None, unbiased=True, keepdim=False, *, correction=None):
    """Return the standard deviation and the mean (torch.std_mean)."""
    return _with_mean(torch.std, input, dim, unbiased, keepdim, correction)


def var_mean(input, dim=None, unbiased=True, keepdim=False, *, correction=None):
    """Return the variance and the mean (torch.var_mean)."""
    return _with_mean(torch.var, input, dim, unbiased, keepdim, correction)


def _with_mean(work, input, dim, unbiased, keepdim, correction):
    check_tensor("var_mean", input)
    if isinstance(dim, bool):
        dim, unbiased = None, dim
    spread_out = work(input, dim, unbiased, keepdim, correction=correction)
    dims = wrapped_all(dim, input.ndim)
    if not dims:
        return spread_out, input * 1
    return spread_out, torch.mean(input, dim=dims, keepdim=keepdim)


def nansum(input, dim=None, keepdim=False, *, dtype=None, out=None):
    """Return the sum, NaN counting as 0 (torch.nansum)."""
    input = input if dtype is None else input.to(dtype)
    if input.is_floating_point():
        input = torch.where(torch.isnan(input), torch.zeros_like(input), input)
    if dim is None:
        return written(torch.sum(input), out)
    return written(torch.sum(input, dim=dim, keepdim=keepdim), out)


def trapezoid(y, x=None, *, dx=None, dim=-1):
    """Return the integral by the trapezoidal rule (torch.trapezoid)."""
    areas, dim = _areas("trapezoid", y, x, dx, dim)
    if areas is None:
        shape = [n for d, n in enumerate(y.shape) if d != dim]
        return torch.zeros(shape, dtype=floating(y).dtype)
    return areas.sum(dim=dim)


trapz = trapezoid


def cumulative_trapezoid(y, x=None, *, dx=None, dim=-1):
    """Return the running integrals by the trapezoidal rule (torch.cumulative_trapezoid)."""
    areas, dim = _areas("cumulative_trapezoid", y, x, dx, dim)
    if areas is None:
        shape = [0 if d == dim else n for d, n in enumerate(y.shape)]
        return torch.zeros(shape, dtype=floating(y).dtype)
    return areas.cumsum(dim)


def _areas(name, y, x, dx, dim):
    dim = wrapped(dim, y.ndim)
    if x is not None and dx is not None:
        raise RuntimeError(f"{name}: either 'x' or 'dx' may be given, not both")
    size = y.shape[dim]
    if not size:
        return None, dim
    if y.dtype == flow.bool or (x is not None and x.dtype == flow.bool):
        raise RuntimeError(
            f"{name}: received a bool input for `x` or `y`, but bool is not supported"
        )
    pair = y.narrow(dim, 1, size - 1) + y.narrow(dim, 0, size - 1)
    if x is None:
        step = 1 if dx is None else dx
        return pair * step / 2.0, dim
    if x.ndim == 1:
        if x.shape[0] != size:
            raise RuntimeError(f"{name}: There must be one `x` value for each sample point")
        gap = (x[1:] - x[:-1]).reshape(*[-1 if d == dim else 1 for d in range(y.ndim)])
    else:
        x = x.reshape(*[1] * (y.ndim - x.ndim), *x.shape)
        gap = x.narrow(dim, 1, x.shape[dim] - 1) - x.narrow(dim, 0, x.shape[dim] - 1)
    return gap * pair / 2.0, dim


def gradient(input, *, spacing=1, dim=None, edge_order=1):
    """Return the derivatives along dimensions, by second-order differences (torch.gradient)."""
    spacing = 1 if spacing is None else spacing
    if edge_order not in (1, 2):
        raise RuntimeError("torch.gradient only supports edge_order=1 and edge_order=2.")
    if input.dtype in (flow.uint8,):
        raise RuntimeError("torch.gradient does not support uint8 input.")
    if dim is None:
        many = isinstance(spacing, (list, tuple))
        dims = list(range(input.ndim))
        if many and len(spacing) != len(dims) and len(spacing) == 1:
            spacing = list(spacing) * len(dims)
    else:
        dims = [dim] if isinstance(dim, int) else list(dim)
        dims = wrapped_all(dims, input.ndim)
    spaces = list(spacing) if isinstance(spacing, (list, tuple)) else [spacing] * len(dims)
    if len(spaces) != len(dims):
        raise RuntimeError(
            "torch.gradient expected spacing to be unspecified, a scalar, or a list of length "
            f"{len(dims)}, but got a list of length {len(spaces)}"
        )
    input = floating(input)
    for d in dims:
        if input.shape[d] < edge_order + 1:
            raise RuntimeError(
                "torch.gradient expected each dimension size to be at least edge_order+1"
            )
    return tuple(_derivative(input, d, space, edge_order) for d, space in zip(dims, spaces))


def _derivative(input, dim, space, edge_order):
    size = input.shape[dim]

    def part(start, count):
        return input.narrow(dim, start, count)

    if isinstance(space, flow.Tensor) and space.ndim:
        if space.ndim != 1 or space.shape[0] != size:
            raise RuntimeError(
                "torch.gradient expected each element of spacing to have the same length as the "
                "dimension"
            )
        shape = [-1 if d == dim else 1 for d in range(input.ndim)]
        steps = (space[1:] - space[:-1]).to(input.dtype).reshape(*shape)
        return _uneven(part, steps, dim, size, edge_order)
    space = float(space)
    if edge_order == 1:
        first = (part(1, 1) - part(0, 1)) / space
        last = (part(size - 1, 1) - part(size - 2, 1)) / space
    else:
        first = (-1.5 * part(0, 1) + 2 * part(1, 1) - 0.5 * part(2, 1)) / space
        last = 0.5 * part(size - 3, 1) - 2 * part(size - 2, 1) + 1.5 * part(size - 1, 1)
        last = last / space
    pieces = [first, last]
    if size > 2:
        pieces.insert(1, (part(2, size - 2) - part(0, size - 2)) / (2 * space))
    return torch.cat(pieces, dim)


def _uneven(part, steps, dim, size, edge_order):
    """Return the derivatives for steps of several lengths."""

    def step(start, count=1):
        return steps.narrow(dim, start, count)

    def joined(weights, start, count):
        a, b, c = weights
        return a * part(start, count) + b * part(start + 1, count) + c * part(start + 2, count)

    if edge_order == 1:
        first = (part(1, 1) - part(0, 1)) / step(0)
        last = (part(size - 1, 1) - part(size - 2, 1)) / step(size - 2)
    else:
        one, two = step(0), step(1)
        first = joined(
            (
                -(2 * one + two) / (one * (one + two)),
                (one + two) / (one * two),
                -one / (two * (one + two)),
            ),
            0,
            1,
        )
        one, two = step(size - 3), step(size - 2)
        last = joined(
            (
                two / (one * (one + two)),
                -(two + one) / (one * two),
                (2 * two + one) / (two * (one + two)),
            ),
            size - 3,
            1,
        )
    pieces = [first, last]
    if size > 2:
        one, two = step(0, size - 2), step(1, size - 2)
        inner = (
            -two / (one * (one + two)),
            (two - one) / (one * two),
            one / (two * (one + two)),
        )
        pieces.insert(1, joined(inner, 0, size - 2))
    return torch.cat(pieces, dim)


def norm(input, p="fro", dim=None, keepdim=False, out=None, dtype=None):
    """Return the p-norm of the elements, of all or over dimensions (torch.norm)."""
    input = input if dtype is None else input.to(dtype)
    if p == "nuc":
        dims = (-2, -1) if dim is None else dim
        return written(torch.linalg.matrix_norm(input, "nuc", dims, keepdim), out)
    if integral(input):
        raise RuntimeError(f"norm(): input dtype should be floating point. Got {input.dtype}")
    power = 2.0 if p in ("fro", None) else p
    if input.ndim == 0:
        wrapped_all(dim, 0)
        return written(torch.linalg.vector_norm(input.reshape(1), power, 0).reshape(()), out)
    return written(torch.linalg.vector_norm(input, power, dim, keepdim), out)


def hash_tensor(input, dim=(), *, keepdim=False, mode=0, out=None):
    """Return the exclusive or of the elements' 64 bits, as doubles or int64 (torch.hash_tensor)."""
    if mode != 0:
        raise RuntimeError(f"Unknown hash_tensor mode: {mode}")
    if input.is_complex():
        scalar = dtypes.traits(input.dtype).scalar
        raise NotImplementedError(f"\"xor_sum_cpu\" not implemented for '{scalar}'")
    is_whole = isinstance(dim, (tuple, list)) and not dim
    dims = wrapped_all(dim, input.ndim)
    if is_whole and not input.numel():
        raise RuntimeError(
            "hash_tensor: Expected reduction dim to be specified for input.numel() == 0. Specify "
            "the reduction dim with the 'dim' argument."
        )
    _checked_extreme("hash_tensor", input, dims)
    if out is not None and out.dtype != torch.uint64:
        raise RuntimeError(
            f"Expected result to be of dtype uint64, but got {dtypes.traits(out.dtype).scalar}"
        )
    hooks.host_fallback("torch.hash_tensor")
    values = host.array(input)
    values = values.astype(np.float64 if input.is_floating_point() else np.int64).view(np.uint64)
    answer = np.bitwise_xor.reduce(values, axis=tuple(dims), keepdims=keepdim)
    return written(torch.from_numpy(np.asarray(answer, np.uint64)).to(input.device), out)
