"""torch.nn.modules.linear_cross_entropy_options: how the loss may be split into pieces."""

import dataclasses
import typing

import torch


@dataclasses.dataclass(frozen=True)
class LinearCrossEntropyOptions:
    """What PyTorch's loss saves memory by; here the logits are always whole."""

    allow_retain_graph: bool = False
    batch_chunk_size: typing.Optional[int] = None
    chunking_method: typing.Optional[str] = "auto"
    acc_policy: str = "auto"
    acc_dtype: typing.Optional[torch.dtype] = None

    def __post_init__(self):
        size, method = self.batch_chunk_size, self.chunking_method
        if self.acc_policy not in ("accurate", "balanced", "compact", "auto"):
            raise ValueError(f"invalid acc_policy: {self.acc_policy!r}")
        if size is not None and (not isinstance(size, int) or size < 1):
            raise ValueError(f"batch_chunk_size must be positive int or None, got {size}")
        if method not in (None, "auto", "aspect_ratio"):
            kind, _, count = method.partition(":")
            if kind != "aspect_ratio" or not count.isdigit() or int(count) < 1:
                raise ValueError(f"invalid chunking_method: {method!r}")
