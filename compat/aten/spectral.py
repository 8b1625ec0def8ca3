"""Short-time Fourier transforms (``aten/src/ATen/native/SpectralOps.cpp``)."""

import warnings

import oneflow as flow
import torch
from torch.nn import functional as F

from oneflow_mock.compat.kernels import dtypes, fourier


def _described(api, input, **given):
    """Return how PyTorch's errors begin."""
    kind = f"{dtypes.traits(input.dtype).scalar}Tensor{list(input.shape)}"
    shown = [
        f"{name}=Tensor{list(value.shape)}" if isinstance(value, flow.Tensor) else f"{name}={value}"
        for name, value in given.items()
    ]
    return f"{api}({', '.join([kind, *shown])})"


def _framing(n_fft, hop_length, win_length):
    hop_length = n_fft // 4 if hop_length is None else hop_length
    return hop_length, n_fft if win_length is None else win_length


def _centred(window, n_fft):
    """Return a window with zeros on both sides."""
    left = (n_fft - window.shape[0]) // 2
    return _padded(window, left, n_fft - window.shape[0] - left)


def _padded(input, left, right, mode="constant"):
    """Return the tensor longer on both sides of its last dimension."""
    if not (left or right):
        return input
    if input.is_complex():
        return torch.complex(
            *(_padded(part, left, right, mode) for part in (input.real, input.imag))
        )
    if mode == "constant":
        return F.pad(input, (left, right))
    rows = input.reshape((1,) * (3 - input.ndim) + tuple(input.shape))
    rows = F.pad(rows, (left, right), mode)
    return rows.reshape(tuple(rows.shape)[3 - input.ndim :])


def stft(
    input,
    n_fft,
    hop_length=None,
    win_length=None,
    window=None,
    center=True,
    pad_mode="reflect",
    normalized=False,
    onesided=None,
    return_complex=None,
    align_to_window=None,
):
    """Return the transforms of a signal's windows, (*, frequencies, frames)."""
    if center and align_to_window is not None:
        raise RuntimeError("stft align_to_window should only be set when center = false")
    if center and 0 < input.ndim <= 2:
        input = _padded(input, n_fft // 2, n_fft // 2, pad_mode)
    if window is None:
        warnings.warn(
            "A window was not provided. A rectangular window will be applied,which is known to "
            "cause spectral leakage. Other windows such as torch.hann_window or "
            "torch.hamming_window are recommended to reduce spectral leakage.To suppress this "
            "warning and use a rectangular window, explicitly set "
            "`window=torch.ones(n_fft, device=<device>)`.",
            stacklevel=2,
        )
    hop_length, win_length = _framing(n_fft, hop_length, win_length)
    is_complex = input.is_complex() or (window is not None and window.is_complex())
    if return_complex is None:
        return_complex = is_complex
        if not is_complex:
            raise RuntimeError(
                "stft requires the return_complex parameter be given for real inputs, and will "
                "further require that return_complex=True in a future PyTorch release."
            )
    start = _described(
        "stft", input, n_fft=n_fft, hop_length=hop_length, win_length=win_length, window=window
    )
    if not (input.is_floating_point() or input.is_complex()):
        raise RuntimeError(f"{start} : expected a tensor of floating point or complex values")
    if not 1 <= input.ndim <= 2:
        raise RuntimeError(f"{start} : expected a 1D or 2D tensor")
    if not 0 < n_fft <= input.shape[-1]:
        raise RuntimeError(f"{start} : expected 0 < n_fft < {input.shape[-1]}, but got {n_fft=}")
    if hop_length <= 0:
        raise RuntimeError(f"{start} : expected hop_length > 0, but got {hop_length=}")
    if not 0 < win_length <= n_fft:
        raise RuntimeError(f"{start} : expected 0 < win_length <= n_fft, but got {win_length=}")
    if window is not None and tuple(window.shape) != (win_length,):
        raise RuntimeError(
            f"{start} : expected a 1D window tensor of size equal to {win_length=}, but got "
            f"window with size {list(window.shape)}"
        )
    if onesided and is_complex:
        raise RuntimeError("Cannot have onesided output if window or input is complex")
    if dtypes.traits(input.dtype).scalar in ("Half", "BFloat16"):
        scalar = dtypes.traits(input.dtype).scalar
        raise RuntimeError(f"MKL FFT doesn't support tensors of type: {scalar}")
    if not center and align_to_window:
        extra = (n_fft - win_length) // 2
        input = _padded(input, extra, extra)
    if window is None and win_length < n_fft:
        window = flow.ones(win_length, dtype=input.dtype, device=input.device)
    frames = input.unfold(input.ndim - 1, n_fft, hop_length)
    if window is not None:
        frames = frames * _centred(window, n_fft)
    scale = fourier.ROOT if normalized else fourier.PLAIN
    dims = [frames.ndim - 1]
    if is_complex:
        answer = fourier.complex_to_complex(frames, dims, scale)
    else:
        answer = fourier.real_to_complex(frames, dims, scale, onesided is None or onesided)
    answer = answer.transpose(-1, -2)
    return answer if return_complex else torch.view_as_real(answer)


def istft(
    input,
    n_fft,
    hop_length=None,
    win_length=None,
    window=None,
    center=True,
    normalized=False,
    onesided=None,
    length=None,
    return_complex=False,
):
    """Return the signal, (*, time), whose `stft` is nearest to the input."""
    if window is None:
        warnings.warn(
            "A window was not provided. A rectangular window will be applied."
            "Please provide the same window used by stft to make the inversion lossless."
            "To suppress this warning and use a rectangular window, explicitly set "
            "`window=torch.ones(n_fft, device=<device>)`.",
            stacklevel=2,
        )
    hop_length, win_length = _framing(n_fft, hop_length, win_length)
    start = _described(
        "istft", input, n_fft=n_fft, hop_length=hop_length, win_length=win_length, window=window
    )
    if not input.is_complex():
        raise RuntimeError(
            "istft requires a complex-valued input tensor matching the output from stft with "
            "return_complex=True."
        )
    if not input.numel():
        raise RuntimeError(f"{start} : input tensor cannot be empty.")
    if input.ndim not in (2, 3):
        raise RuntimeError(
            f"{start} : expected a tensor with 3 or 4 dimensions, but got {input.ndim + 1}"
        )
    if onesided is None:
        onesided = input.shape[-2] != n_fft
    bins, rule = (n_fft // 2 + 1, "n_fft / 2 + 1") if onesided else (n_fft, "n_fft")
    if input.shape[-2] != bins:
        raise RuntimeError(
            f"{start} : expected the frequency dimension (3rd to the last) of the input tensor to "
            f"match {rule} when onesided={bool(onesided)}, but got {input.shape[-2]}"
        )
    if not 0 < hop_length <= win_length:
        raise RuntimeError(f"{start} : expected 0 < hop_length <= win_length")
    if not 0 < win_length <= n_fft:
        raise RuntimeError(f"{start} : expected 0 < win_length <= n_fft")
    if window is not None and tuple(window.shape) != (win_length,):
        raise RuntimeError(
            f"{start} : Invalid window shape. window has to be 1D and length of `win_length`"
        )
    if return_complex and onesided:
        raise RuntimeError("Cannot have onesided output if window or input is complex")
    if not return_complex and window is not None and window.is_complex():
        raise RuntimeError("Complex windows are incompatible with return_complex=False")
    if window is None:
        window = flow.ones(win_length, dtype=dtypes.to_real(input.dtype), device=input.device)
    window = _centred(window, n_fft)
    scale = fourier.ROOT if normalized else fourier.MEAN
    frames = (input if input.ndim == 3 else input.unsqueeze(0)).transpose(1, 2)
    if return_complex:
        frames = fourier.complex_to_complex(frames, [2], scale, False)
    else:
        half = frames if onesided else frames.narrow(2, 0, n_fft // 2 + 1)
        frames = fourier.complex_to_real(half, [2], scale, n_fft)
    signal = _overlapped(frames * window, hop_length)
    squares = (window * window).expand(1, frames.shape[1], n_fft)
    envelope = _overlapped(squares, hop_length)
    reached = signal.shape[1]
    begin = n_fft // 2 if center else 0
    if length is not None:
        end = begin + length
    else:
        end = reached - n_fft // 2 if center else reached
    signal = signal[:, begin : min(end, reached)]
    envelope = envelope[:, begin : min(end, reached)]
    if envelope.numel() and float(envelope.detach().abs().min()) < 1e-11:
        raise RuntimeError(f"{start} window overlap add min: 1")
    signal = signal / envelope
    if end > reached:
        warnings.warn(
            "The length of signal is shorter than the length parameter. Result is being padded "
            "with zeros in the tail. Please check your center and hop_length settings.",
            stacklevel=2,
        )
        signal = _padded(signal, 0, end - reached)
    return signal if input.ndim == 3 else signal.squeeze(0)


def _overlapped(frames, hop):
    """Return the sum, (rows, time), of frames (rows, count, points) that start ``hop`` apart."""
    if frames.is_complex():
        return torch.complex(_overlapped(frames.real, hop), _overlapped(frames.imag, hop))
    _, count, points = frames.shape
    total = points + hop * (count - 1)
    columns = frames.transpose(1, 2).contiguous()
    return F.fold(columns, (1, total), (1, points), stride=(1, hop)).flatten(1)
