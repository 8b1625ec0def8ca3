"""What transformers takes from here to index with tensors inside ``torch.vmap``."""

from __future__ import annotations

__all__ = ["TransformGetItemToIndex"]


class TransformGetItemToIndex:
    """A block in which ``x[i]`` takes a tensor ``i`` under ``torch.vmap``; elsewhere it does so."""

    def __enter__(self):
        return self

    def __exit__(self, exc_type, exc_value, traceback) -> None:
        pass
