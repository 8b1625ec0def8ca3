"""Names of types for annotations."""

from __future__ import annotations

import builtins
import os
from typing import IO, Any, List, Sequence, Tuple, Union

import oneflow as flow
import torch

__all__ = ["Number", "Device", "FileLike", "Storage"]

try:
    _PathLike = os.PathLike[str]
except TypeError:  # before Python 3.9
    _PathLike = os.PathLike
_TensorOrTensors = Union[flow.Tensor, Sequence[flow.Tensor]]
_TensorOrOptionalTensors = Union[flow.Tensor, Sequence[Any]]
_dtype = flow.dtype
_device = flow.device
_qscheme = torch.qscheme
_layout = torch.layout
_size = Union[torch.Size, List[builtins.int], Tuple[builtins.int, ...]]
_symsize = _size
_int = builtins.int
_float = builtins.float
_bool = builtins.bool
_complex = builtins.complex
_str = builtins.str
_bytes = builtins.bytes
IntLikeType = builtins.int
FloatLikeType = builtins.float
BoolLikeType = builtins.bool
PySymType = Union[builtins.int, builtins.float, builtins.bool]
py_sym_types = ()
Number = Union[builtins.int, builtins.float, builtins.bool]
_Number = (builtins.int, builtins.float, builtins.bool)
FileLike = Union[str, _PathLike, IO[bytes]]
Device = Union[flow.device, str, builtins.int, None]
Storage = Union[torch.UntypedStorage, torch.TypedStorage]
