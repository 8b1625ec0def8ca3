# ruff: noqa: E501, F401
# The cases are expressions, one a line.
"""Objects that take over functions of torch."""

import torch
from show import show_all


class Mine:
    """Takes over."""

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        return "took", func.__name__, [one.__name__ for one in types]


class Sub(Mine):
    """Takes over before its base."""


class Shy:
    """Leaves it to others."""

    @classmethod
    def __torch_function__(cls, *args, **kwargs):
        return NotImplemented


def api(x):
    """Stand for a function of torch."""


show_all(
    r"""
torch.overrides.has_torch_function((1,)), torch.overrides.has_torch_function((torch.ones(1),)), torch.overrides.has_torch_function((Mine(),))
torch.overrides.has_torch_function_unary(Mine()), torch.overrides.has_torch_function_variadic(1, 2)
torch.overrides.is_tensor_like(torch.zeros(1)), torch.overrides.is_tensor_like(Mine()), torch.overrides.is_tensor_like(3)
torch.overrides.handle_torch_function(api, (Mine(),), Mine())
torch.overrides.handle_torch_function(api, (Shy(),), Shy())
torch.overrides.wrap_torch_function(lambda x: (x,))(lambda x: x)(Mine())[0]
torch.overrides.wrap_torch_function(lambda x: (x,))(lambda x: x)(3)
[type(one).__name__ for one in torch.overrides._get_overloaded_args((Mine(), Sub(), 3, Mine()))]
""",
    {**globals()},
)
