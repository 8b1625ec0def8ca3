"""torch.fft: discrete Fourier transforms (``aten/src/ATen/native/SpectralOps.cpp``).

Here are the arguments and what PyTorch refuses; SciPy transforms, in `compat.kernels.fourier`.
Inputs are floats, doubles or their complex dtypes; integers become the default dtype. ``norm`` is
"backward" (or None: the inverse divides by the size), "ortho" or "forward".
"""

import oneflow as flow
import torch
from torch import Tensor

from oneflow_mock.compat.kernels import dtypes, fourier, operands

__all__ = [
    "fft",
    "ifft",
    "fft2",
    "ifft2",
    "fftn",
    "ifftn",
    "rfft",
    "irfft",
    "rfft2",
    "irfft2",
    "rfftn",
    "irfftn",
    "hfft",
    "ihfft",
    "fftfreq",
    "rfftfreq",
    "fftshift",
    "ifftshift",
    "Tensor",
]

_SCALES = {
    (None, True): fourier.PLAIN,
    ("backward", True): fourier.PLAIN,
    ("ortho", True): fourier.ROOT,
    ("forward", True): fourier.MEAN,
    (None, False): fourier.MEAN,
    ("backward", False): fourier.MEAN,
    ("ortho", False): fourier.ROOT,
    ("forward", False): fourier.PLAIN,
}


def _scale(norm, is_forward):
    found = _SCALES.get((norm, is_forward))
    if found is None:
        raise RuntimeError(f'Invalid normalization mode: "{norm}"')
    return found


def _input(api, input, is_complex):
    """Return a tensor that can be transformed, complex where asked for."""
    operands.check_tensor(f"fft_{api}", input)
    dtype = input.dtype
    if not (input.is_floating_point() or input.is_complex()):
        dtype = flow.get_default_dtype()
    if dtypes.traits(dtype).scalar not in ("Float", "Double", "ComplexFloat", "ComplexDouble"):
        raise RuntimeError(f"Unsupported dtype {dtypes.traits(dtype).scalar}")
    if is_complex:
        dtype = dtypes.to_complex(dtype)
    return input if input.dtype is dtype else input.to(dtype)


def _real(api, input, message):
    operands.check_tensor(f"fft_{api}", input)
    if input.is_complex():
        raise RuntimeError(message.format(operands.scalar_name(input.dtype)))
    return _input(api, input, False)


def _dim(api, input, dim):
    """Return the one dimension that is transformed."""
    if isinstance(dim, bool) or not isinstance(dim, int):
        raise TypeError(f"fft_{api}(): argument 'dim' must be int, not {type(dim).__name__}")
    if input.ndim == 0:
        raise IndexError(f"Dimension specified as {dim} but tensor has no dimensions")
    return operands.wrapped(dim, input.ndim)


def _points(count):
    if count < 1:
        raise RuntimeError(f"Invalid number of data points ({count}) specified")
    return count


def _several(input, s, dim):
    """Return the dimensions that are transformed, and their sizes."""
    s = (s,) if isinstance(s, int) else s
    if dim is not None:
        dim = (dim,) if isinstance(dim, int) else dim
        if input.ndim == 0 and len(dim):
            raise IndexError(f"Dimension specified as {dim[0]} but tensor has no dimensions")
        dims = [operands.wrapped(one, input.ndim) for one in dim]
        if len(set(dims)) < len(dims):
            raise RuntimeError("FFT dims must be unique")
        if s is not None and len(s) != len(dims):
            raise RuntimeError("When given, dim and shape arguments must have the same length")
    elif s is None:
        dims = list(range(input.ndim))
    else:
        if len(s) > input.ndim:
            raise RuntimeError(
                f"Got shape with {len(s)} values but input tensor only has {input.ndim} dimensions."
            )
        dims = list(range(input.ndim - len(s), input.ndim))
    sizes = [input.shape[one] for one in dims]
    if s is not None:
        sizes = [own if given == -1 else given for own, given in zip(sizes, s)]
    return dims, [_points(size) for size in sizes]


def _some(api, dims):
    if not dims:
        raise RuntimeError(f"{api} must transform at least one axis")


def _into(api, answer, out):
    """Return the answer, or ``out`` with the answer in it."""
    if out is None:
        return answer
    if answer.is_complex() and not out.is_complex():
        kind = "complex"
    elif not answer.is_complex() and not out.is_floating_point():
        kind = "floating point"
    else:
        return operands.written(answer, out)
    raise RuntimeError(
        f"{api} expects a {kind} output tensor, but got {operands.scalar_name(out.dtype)}"
    )


def _one(api, input, n, dim, norm, out, is_forward):
    """Transform one dimension into complex numbers, as many as there were."""
    input = _input(api, input, False)
    dim = _dim(api, input, dim)
    size = _points(input.shape[dim] if n is None else n)
    return _into(api, _whole(input, [dim], [size], norm, is_forward), out)


def _whole(input, dims, sizes, norm, is_forward):
    scale = _scale(norm, is_forward)
    input = fourier.resized(input, dims, sizes)
    if is_forward and not input.is_complex():
        return fourier.real_to_complex(input, dims, scale, False)
    input = input.to(dtypes.to_complex(input.dtype))
    return fourier.complex_to_complex(input, dims, scale, is_forward)


def fft(input, n=None, dim=-1, norm=None, *, out=None):
    """Return the transform of ``n`` points along ``dim``, complex."""
    return _one("fft", input, n, dim, norm, out, True)


def ifft(input, n=None, dim=-1, norm=None, *, out=None):
    """Return the inverse of `fft`."""
    return _one("ifft", input, n, dim, norm, out, False)


def fftn(input, s=None, dim=None, norm=None, *, out=None):
    """Return the transform of ``s`` points along ``dim``, several, complex."""
    input = _input("fftn", input, False)
    dims, sizes = _several(input, s, dim)
    return _into("fftn", _whole(input, dims, sizes, norm, True), out)


def ifftn(input, s=None, dim=None, norm=None, *, out=None):
    """Return the inverse of `fftn`."""
    input = _input("ifftn", input, False)
    dims, sizes = _several(input, s, dim)
    return _into("ifftn", _whole(input, dims, sizes, norm, False), out)


def fft2(input, s=None, dim=(-2, -1), norm=None, *, out=None):
    """Return `fftn` of the last two dimensions."""
    return fftn(input, s, dim, norm, out=out)


def ifft2(input, s=None, dim=(-2, -1), norm=None, *, out=None):
    """Return `ifftn` of the last two dimensions."""
    return ifftn(input, s, dim, norm, out=out)


# A real signal's transform says everything twice: these take or return half of it.


def _half(input, dims, sizes, norm, is_forward):
    """Return the one-sided transform of a real tensor; the inverse one is its conjugate."""
    scale = _scale(norm, is_forward)
    answer = fourier.real_to_complex(fourier.resized(input, dims, sizes), dims, scale, True)
    return answer if is_forward else torch.conj(answer)


def _from_half(input, dims, sizes, is_last_given, norm, is_forward):
    """Return the real tensor of a one-sided transform."""
    last = sizes[-1] if is_last_given else _points(2 * (input.shape[dims[-1]] - 1))
    scale = _scale(norm, is_forward)
    input = fourier.resized(input, dims, [*sizes[:-1], last // 2 + 1])
    if is_forward:
        input = torch.conj(input)
    return fourier.complex_to_real(input, dims, scale, last)


def rfft(input, n=None, dim=-1, norm=None, *, out=None):
    """Return the first n // 2 + 1 numbers of a real tensor's `fft`."""
    input = _real("rfft", input, "rfft expects a real input tensor, but got {}")
    dim = _dim("rfft", input, dim)
    size = _points(input.shape[dim] if n is None else n)
    return _into("rfft", _half(input, [dim], [size], norm, True), out)


def ihfft(input, n=None, dim=-1, norm=None, *, out=None):
    """Return the first n // 2 + 1 numbers of a real tensor's `ifft`."""
    input = _real("ihfft", input, "ihfft expects a real input tensor, but got {}")
    dim = _dim("ihfft", input, dim)
    size = _points(input.shape[dim] if n is None else n)
    return _into("ihfft", _half(input, [dim], [size], norm, False), out)


def irfft(input, n=None, dim=-1, norm=None, *, out=None):
    """Return the inverse of `rfft`: ``n`` real numbers, 2 (size - 1) where not given."""
    input = _input("irfft", input, True)
    dims = [_dim("irfft", input, dim)]
    sizes = [0 if n is None else _points(n)]
    return _into("irfft", _from_half(input, dims, sizes, n is not None, norm, False), out)


def hfft(input, n=None, dim=-1, norm=None, *, out=None):
    """Return the real `fft` of a signal of which half is given, the rest being its conjugate."""
    input = _input("hfft", input, True)
    dims = [_dim("hfft", input, dim)]
    sizes = [0 if n is None else _points(n)]
    return _into("hfft", _from_half(input, dims, sizes, n is not None, norm, True), out)


def rfftn(input, s=None, dim=None, norm=None, *, out=None):
    """Return `fftn` of a real tensor, the first half of its last dimension."""
    input = _real("rfftn", input, "rfftn expects a real-valued input tensor, but got {}")
    dims, sizes = _several(input, s, dim)
    _some("rfftn", dims)
    return _into("rfftn", _half(input, dims, sizes, norm, True), out)


def ihfftn(input, s=None, dim=None, norm=None, *, out=None):
    """Return `ifftn` of a real tensor, the first half of its last dimension."""
    input = _real("ihfftn", input, "Only supports floating-point dtypes, but found: {}")
    dims, sizes = _several(input, s, dim)
    _some("ihfftn", dims)
    return _into("ihfftn", _half(input, dims, sizes, norm, False), out)


def _real_of_several(api, input, s, dim, norm, out, is_forward):
    input = _input(api, input, True)
    dims, sizes = _several(input, s, dim)
    _some(api, dims)
    last = s[-1] if isinstance(s, (tuple, list)) else s
    is_given = last is not None and last != -1
    return _into(api, _from_half(input, dims, sizes, is_given, norm, is_forward), out)


def irfftn(input, s=None, dim=None, norm=None, *, out=None):
    """Return the inverse of `rfftn`, real."""
    return _real_of_several("irfftn", input, s, dim, norm, out, False)


def hfftn(input, s=None, dim=None, norm=None, *, out=None):
    """Return the real `fftn` of a signal of which half of the last dimension is given."""
    return _real_of_several("hfftn", input, s, dim, norm, out, True)


def rfft2(input, s=None, dim=(-2, -1), norm=None, *, out=None):
    """Return `rfftn` of the last two dimensions."""
    return rfftn(input, s, dim, norm, out=out)


def irfft2(input, s=None, dim=(-2, -1), norm=None, *, out=None):
    """Return `irfftn` of the last two dimensions."""
    return irfftn(input, s, dim, norm, out=out)


def hfft2(input, s=None, dim=(-2, -1), norm=None, *, out=None):
    """Return `hfftn` of the last two dimensions."""
    return hfftn(input, s, dim, norm, out=out)


def ihfft2(input, s=None, dim=(-2, -1), norm=None, *, out=None):
    """Return `ihfftn` of the last two dimensions."""
    return ihfftn(input, s, dim, norm, out=out)


# frequencies


def fftfreq(n, d=1.0, *, out=None, dtype=None, layout=torch.strided, device=None, **options):
    """Return the ``n`` frequencies of `fft`'s answer, for samples ``d`` apart.

    ``options`` are those of every function that makes a tensor.
    """
    counted = _counted("fftfreq", n, dtype, layout, device)
    counted = flow.where(counted < (n + 1) // 2, counted, counted - n)
    return _frequencies(counted, n, d, out, **options)


def rfftfreq(n, d=1.0, *, out=None, dtype=None, layout=torch.strided, device=None, **options):
    """Return the n // 2 + 1 frequencies of `rfft`'s answer, for samples ``d`` apart."""
    counted = _counted("rfftfreq", n // 2 + 1, dtype, layout, device)
    return _frequencies(counted, n, d, out, **options)


def _counted(api, count, dtype, layout, device):
    dtype = dtype or flow.get_default_dtype()
    if not (dtype.is_floating_point or dtype.is_complex):
        raise RuntimeError(f"{api} requires a floating point or complex dtype")
    return torch.arange(count, dtype=dtype, layout=layout, device=device)


def _frequencies(counted, n, d, out, pin_memory=False, requires_grad=False):
    answer = operands.written(counted * (1.0 / (n * d)), out)
    return answer.requires_grad_() if requires_grad else answer


def fftshift(input, dim=None):
    """Roll the zero frequency from the front to the middle of dimensions."""
    return _rolled(input, dim, lambda size: size // 2)


def ifftshift(input, dim=None):
    """Undo `fftshift`."""
    return _rolled(input, dim, lambda size: (size + 1) // 2)


def _rolled(input, dim, by):
    if dim is None:
        dim = range(input.ndim)
    dims = (dim,) if isinstance(dim, int) else tuple(dim)
    if not dims or not input.ndim:
        for one in dims:
            operands.wrapped(one, input.ndim)
        return input.clone()
    return torch.roll(input, [by(input.shape[one]) for one in dims], list(dims))
