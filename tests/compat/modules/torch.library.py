# ruff: noqa: E501
# The cases are expressions, one a line.
"""Operators of one's own."""

import re
from typing import List

import torch
from show import show, show_all
from torch import Tensor


@torch.library.custom_op("my::neg", mutates_args=())
def neg(x: Tensor) -> Tensor:
    return -x


@torch.library.custom_op("my::scaled", mutates_args=())
def scaled(x: Tensor, factor: float = 2.0) -> Tensor:
    return x * factor


@torch.library.custom_op("my::same", mutates_args=())
def same(x: Tensor) -> Tensor:
    return x


@torch.library.custom_op("my::fill", mutates_args=("x",))
def fill(x: Tensor, value: float) -> None:
    x.fill_(value)


@torch.library.custom_op("my::device_only", mutates_args=(), device_types="cuda")
def device_only(x: Tensor) -> Tensor:
    return x + 1


def keep(ctx, inputs, output):
    ctx.factor = inputs[1]


scaled.register_autograd(lambda ctx, grad: (grad * ctx.factor, None), setup_context=keep)
library = torch.library.Library("mine", "DEF")
library.define("product(Tensor x, int y=2) -> Tensor")
library.impl("product", lambda x, y=2: x * y, "CompositeExplicitAutograd")
torch.library.define("third::bar", "(Tensor x) -> Tensor")
torch.library.impl("third::bar", "cpu")(lambda x: x + 1)


def bare(x, y: int) -> Tensor:
    return x


def silent(x: Tensor):
    return x


def lists(x: List[Tensor], n: List[int], dt: torch.dtype) -> List[Tensor]:
    return x


def nothing(x: Tensor) -> None:
    pass


def kind_of(function, *args):
    """Return the type and the first words of an error that goes on to name PyTorch's files."""
    try:
        function(*args)
    except Exception as error:
        return type(error).__name__, re.split(r"\W+", str(error))[:1]


def gradient(operator, *args):
    x = torch.ones(2, requires_grad=True)
    operator(x, *args).sum().backward()
    return x.grad


def filled():
    x = torch.zeros(2)
    fill(x, 3.0)
    return x


show_all(
    r"""
neg, neg(torch.ones(2)), torch.ops.my.neg(torch.ones(2)), torch.ops.my.neg.default(torch.ones(2))
torch.ops.my.neg, torch.ops.my.neg.default, torch.ops.my, torch.ops.my.neg.overloads()
torch.ops.my.neg.default._schema, torch.ops.my.neg.default.name(), torch.ops.my.neg.__name__, torch.ops.my.neg._qualified_op_name
torch.ops.my.neg.foo
torch.ops.my.nope
torch.ops.my.neg()
torch.ops.my.neg(3)
neg(torch.ones(2), 3)
torch.ops.my.neg(x=torch.ones(2))
scaled(torch.ones(2)), scaled(torch.ones(2), 3.0), scaled(torch.ones(2), factor=4.0)
gradient(scaled), gradient(scaled, 5.0)
gradient(neg)
kind_of(same, torch.ones(2))
filled(), torch.ops.my.fill.default._schema
kind_of(device_only, torch.ones(2))
torch.ops.mine.product(torch.ones(2)), torch.ops.mine.product(torch.ones(2), y=5), gradient(torch.ops.mine.product)
torch.ops.third.bar(torch.ones(2))
kind_of(torch.library.define, "third::bar", "(Tensor x) -> Tensor")
torch.library.register_fake("third::nope")(len)
kind_of(torch.library.Library, "mine", "DEF")
torch.library.Library("mine", "IMPL"), torch.library.Library("mine", "FRAGMENT")
torch.library.infer_schema(bare, mutates_args=())
torch.library.infer_schema(silent, mutates_args=())
torch.library.infer_schema(lists, mutates_args=())
torch.library.infer_schema(nothing, mutates_args="x")
torch.library.infer_schema(nothing, mutates_args=("x",)), torch.library.infer_schema(nothing, mutates_args="unknown")
torch.library.infer_schema(nothing, mutates_args=("y",))
torch.ops.load_library("/no/such/file")
torch.ops.loaded_libraries
""",
    globals(),
)
show("kept by name", lambda: torch.library.register_kernel("my::neg", "cpu")(lambda x: x + 100)(1))
show("another kernel", lambda: neg(torch.ones(2)))
