"""Functions that make tensors from numbers (ATen's ``TensorFactories.cpp``)."""

import math
import warnings

import oneflow as flow
import torch


def range(
    start, end, step=1, *, out=None, dtype=None, layout=None, device=None, requires_grad=False
):
    """Return the numbers from start to end, which is one of them (torch.range)."""
    warnings.warn(
        "torch.range is deprecated and will be removed in a future release because its behavior is "
        "inconsistent with Python's range builtin. Instead, use torch.arange, which produces "
        "values in [start, end).",
        stacklevel=2,
    )
    if step == 0:
        raise RuntimeError("step must be nonzero")
    if not (math.isfinite(start) and math.isfinite(end)):
        raise RuntimeError(f"unsupported range: {start} -> {end}")
    if (end - start) * step < 0:
        raise RuntimeError("upper bound and lower bound inconsistent with step sign")
    dtype = dtype or (flow.get_default_dtype() if out is None else out.dtype)
    count = int((end - start) / step) + 1
    places = torch.arange(count, dtype=torch.float64, device=device)
    answer = (places * step + start).to(dtype)
    if out is not None:
        return out.resize_(answer.shape).copy_(answer)
    return answer.requires_grad_() if requires_grad else answer
