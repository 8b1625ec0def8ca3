"""torch._VF: the functions of torch by another way, past what is replaced there."""

from oneflow_mock.compat import aten


def __getattr__(name):
    import torch

    try:
        return aten.find(name)
    except AttributeError:
        return getattr(torch, name)
