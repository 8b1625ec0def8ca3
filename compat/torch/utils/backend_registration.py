"""A device type of one's own: PyTorch's back ends in C++ have no place here."""

from __future__ import annotations

from oneflow_mock.compat import hooks

__all__ = ["rename_privateuse1_backend", "generate_methods_for_privateuse1_backend"]


def rename_privateuse1_backend(backend_name: str) -> None:
    """Refuse: there is no such back end."""
    raise hooks.refuse("torch.utils.rename_privateuse1_backend", "back ends of one's own")


def generate_methods_for_privateuse1_backend(*args, **kwargs) -> None:
    """Refuse: there is no such back end."""
    raise hooks.refuse(
        "torch.utils.generate_methods_for_privateuse1_backend", "back ends of one's own"
    )
