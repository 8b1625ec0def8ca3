"""``torch.backends.cuda``: settings of CUDA's libraries; which attention kernels may be used."""

from __future__ import annotations

import contextlib

from oneflow_mock.compat.kernels.devices import cuda_count


class cuBLASModule:
    """``torch.backends.cuda.matmul``: how matrix products are computed."""

    def __init__(self) -> None:
        self.__dict__.update(
            allow_tf32=False,
            allow_fp16_reduced_precision_reduction=True,
            allow_bf16_reduced_precision_reduction=True,
            allow_fp16_accumulation=False,
            fp32_precision="none",
        )

    def __getattr__(self, name):
        raise AttributeError("Unknown attribute " + name)

    def __setattr__(self, name, value):
        if name not in self.__dict__:
            raise AttributeError("Unknown attribute " + name)
        self.__dict__[name] = value


class cuFFTPlanCache:
    """The cache of FFT plans of a device: OneFlow keeps none."""

    def __init__(self, device_index) -> None:
        self.device_index = device_index

    @property
    def size(self):
        """Number of plans."""
        _require_cuda()
        return 0

    max_size = size

    def clear(self) -> None:
        """Forget the plans."""
        _require_cuda()


class cuFFTPlanCacheManager:
    """The caches of all devices, by index; itself the current device's."""

    @property
    def size(self):
        """Number of plans of the current device."""
        return cuFFTPlanCache(0).size

    max_size = size

    def clear(self) -> None:
        """Forget the plans of the current device."""
        _require_cuda()

    def __getitem__(self, device):
        index = int(getattr(device, "index", device) or 0)
        if not 0 <= index < cuda_count():
            raise RuntimeError(
                f"cufft_plan_cache: expected 0 <= device index < {cuda_count()}, but got device "
                f"with index {index}"
            )
        return cuFFTPlanCache(index)


def _require_cuda():
    if not cuda_count():
        raise AssertionError("Torch not compiled with CUDA enabled")


matmul = cuBLASModule()
cufft_plan_cache = cuFFTPlanCacheManager()

_sdp = {"flash": True, "mem_efficient": True, "math": True, "cudnn": True, "reduction": False}


def is_built() -> bool:
    """Tell whether OneFlow can use a CUDA device."""
    return cuda_count() > 0


def flash_sdp_enabled() -> bool:
    """Tell whether flash attention may be used."""
    return _sdp["flash"]


def enable_flash_sdp(enabled: bool) -> None:
    """Say whether flash attention may be used."""
    _sdp["flash"] = bool(enabled)


def mem_efficient_sdp_enabled() -> bool:
    """Tell whether memory-efficient attention may be used."""
    return _sdp["mem_efficient"]


def enable_mem_efficient_sdp(enabled: bool) -> None:
    """Say whether memory-efficient attention may be used."""
    _sdp["mem_efficient"] = bool(enabled)


def math_sdp_enabled() -> bool:
    """Tell whether attention by plain operators may be used."""
    return _sdp["math"]


def enable_math_sdp(enabled: bool) -> None:
    """Say whether attention by plain operators may be used."""
    _sdp["math"] = bool(enabled)


def cudnn_sdp_enabled() -> bool:
    """Tell whether cuDNN's attention may be used."""
    return _sdp["cudnn"]


def enable_cudnn_sdp(enabled: bool) -> None:
    """Say whether cuDNN's attention may be used."""
    _sdp["cudnn"] = bool(enabled)


def fp16_bf16_reduction_math_sdp_allowed() -> bool:
    """Tell whether attention by plain operators may sum in half precision."""
    return _sdp["reduction"]


def allow_fp16_bf16_reduction_math_sdp(enabled: bool) -> None:
    """Say whether attention by plain operators may sum in half precision."""
    _sdp["reduction"] = bool(enabled)


def is_flash_attention_available() -> bool:
    """Return False: there is no such kernel."""
    return False


def can_use_flash_attention(params, debug: bool = False) -> bool:
    """Return False: there is no such kernel."""
    return False


def can_use_efficient_attention(params, debug: bool = False) -> bool:
    """Return False: there is no such kernel."""
    return False


def can_use_cudnn_attention(params, debug: bool = False) -> bool:
    """Return False: there is no such kernel."""
    return False


def is_ck_sdpa_available() -> bool:
    """Return False: there is no such kernel."""
    return False


@contextlib.contextmanager
def sdp_kernel(enable_flash=True, enable_math=True, enable_mem_efficient=True, enable_cudnn=True):
    """Say for a block which attention kernels may be used."""
    before = dict(_sdp)
    _sdp.update(
        flash=enable_flash, math=enable_math, mem_efficient=enable_mem_efficient, cudnn=enable_cudnn
    )
    try:
        yield {}
    finally:
        _sdp.update(before)
