"""Operators as objects."""

from __future__ import annotations

from oneflow_mock.compat.kernels.operators import OpNamespace as _OpNamespace  # noqa: F401
from oneflow_mock.compat.kernels.operators import (  # noqa: F401
    OpOverload,
    OpOverloadPacket,
)
