"""Picking and putting by tensors of positions, where one out of range raises.

The native kernels leave such a position out and note it; a note is looked for once the operator
has run. OneFlow's own kernels end the process or read beyond the tensor, so without the native
ones positions are looked at first.
"""

from __future__ import annotations

import ctypes

import numpy as np
import oneflow as flow

from oneflow_mock.compat import hooks
from oneflow_mock.compat.kernels import host
from oneflow_mock.compat.kernels.operands import (
    check_tensor,
    empty_of,
    scalar_name,
    wrapped,
    written,
)

_Tensor = flow.Tensor
_settle = flow._oneflow_internal.eager.Sync
_stock_get = flow.Tensor.__getitem__
_stock_set = flow.Tensor.__setitem__

_flag = None


def _noted():
    """Return what tells whether a kernel met a position out of range: nonzero in ``value``."""
    global _flag
    if _flag is None:
        find = hooks.library.ofm_bad_index_flag
        find.restype = ctypes.c_void_p
        _flag = ctypes.c_int.from_address(find())
    return _flag


def _taken():
    """Return the position out of range, its dimension and that one's size, and forget it."""
    found = (ctypes.c_int64 * 3)()
    hooks.library.ofm_take_bad_index(found)
    return tuple(found)


def _in_self(position, dim, size):
    return IndexError("index out of range in self")


def _along(position, dim, size):
    return RuntimeError(f"index {position} is out of bounds for dimension {dim} with size {size}")


def _by_tensor(position, dim, size):
    return IndexError(f"index {position} is out of bounds for dimension {dim} with size {size}")


def settled(error=_in_self):
    """Wait for what was started; raise if it met a position out of range."""
    _settle()
    if (_flag or _noted()).value:
        raise error(*_taken())


def check_positions(index, dim, size, error=_in_self, lowest=0):
    """Raise for a tensor of positions that has one out of range; for use without the kernels."""
    if index.device.type == "cpu" and index.numel():
        values = host.array(index)
        for position in (int(values.min()), int(values.max())):
            if not lowest <= position < size:
                raise error(position, dim, size)


def _checked(input, dim, index, error, work, *args, **kwargs):
    if hooks.library is not None:
        answer = work(*args, **kwargs)
        settled(error)
        return answer
    if not input.ndim:
        check_positions(index, 0, 1, error)
    elif -input.ndim <= dim < input.ndim:
        check_positions(index, dim % input.ndim, input.shape[dim], error)
    return work(*args, **kwargs)


def _as_positions(index, name):
    check_tensor(name, index, "index", 3)
    if index.dtype == flow.int64 or index.dtype == flow.int32:
        return index
    raise RuntimeError(
        f"{name}(): Expected dtype int32/int64 for index but got: {scalar_name(index.dtype)}"
    )


def index_select(input, dim, index, *, out=None):
    """Return the slices along a dimension that a vector of positions names."""
    index = _as_positions(index, "index_select")
    if not input.ndim or not input.numel() or not index.ndim:
        return _selected(input, dim, index, out)
    answer = _checked(input, dim, index, _in_self, flow._C.index_select, input, dim, index)
    return answer if out is None else written(answer, out)


def _selected(input, dim, index, out):
    """Select of a tensor without dimensions or elements, which OneFlow's operator does not take."""
    dim = wrapped(dim, input.ndim)
    index = index.reshape(-1)
    if not input.ndim:
        check_positions(index, 0, 1, _in_self)
        answer = input.clone() if not input.requires_grad else input * 1
    elif input.numel():
        return index_select(input, dim, index, out=out)
    else:
        check_positions(index, dim, input.shape[dim], _in_self)
        shape = [index.shape[0] if d == dim else n for d, n in enumerate(input.shape)]
        answer = input.new_zeros(shape)
        if input.requires_grad:
            answer = answer + input.sum() * 0
    return answer if out is None else written(answer, out)


def gather(input, dim, index, *, sparse_grad=False, out=None):
    """Return the elements along a dimension that a tensor of positions names."""
    if not index.numel() and input.ndim != index.ndim:
        answer = empty_of(input, index.shape)
        return answer if out is None else written(answer, out)
    if out is not None and out.dtype != input.dtype:
        raise RuntimeError(
            f"Expected out tensor to have dtype {input.dtype}, but got {out.dtype} instead"
        )
    if input.ndim != index.ndim and input.ndim > 1:
        raise RuntimeError("Index tensor must have the same number of dimensions as input tensor")
    if not input.ndim or not index.ndim:
        return _gathered(input, dim, index, out)
    dim = wrapped(dim, input.ndim)
    if index.dtype != flow.int64 and not index.numel():
        index = index.to(flow.int64)
    answer = _checked(input, dim, index, _along, flow._C.dim_gather, input, dim, index, sparse_grad)
    return answer if out is None else written(answer, out)


def _gathered(input, dim, index, out):
    """Gather where the input or the index has no dimensions."""
    wrapped(dim, input.ndim)
    if input.ndim > 1 or index.ndim > 1:
        raise RuntimeError("Index tensor must have the same number of dimensions as input tensor")
    answer = gather(input.reshape(-1), 0, index.reshape(-1)).reshape(index.shape)
    return answer if out is None else written(answer, out)


def _put(inplace, input, dim, index, src, reduce):
    options = {"inplace": True} if inplace else {}
    if reduce is not None:
        if reduce not in ("add", "multiply"):
            raise RuntimeError("reduce argument must be either add or multiply.")
        options["reduce"] = reduce
    return _checked(input, dim, index, _along, flow._C.scatter, input, dim, index, src, **options)


def _source(input, src, value):
    if src is None:
        src = value
    if src is None:
        raise TypeError("scatter() missing 1 required positional argument: 'src'")
    if isinstance(src, _Tensor) and src.dtype != input.dtype:
        raise RuntimeError("scatter(): Expected self.dtype to be equal to src.dtype")
    if not isinstance(src, _Tensor) and src != float(_rounded(src)):
        # OneFlow's kernel takes a number in single precision.
        return flow.tensor(src, dtype=input.dtype, device=input.device)
    return src


def _rounded(number):
    return ctypes.c_float(number).value if abs(number) < 3e38 else number


def scatter(input, dim, index, src=None, *, value=None, reduce=None, out=None):
    """Return a copy with elements along a dimension put where a tensor of positions says."""
    src = _spread(_source(input, src, value), index)
    answer = _put(False, input, dim, index, src, reduce)
    return answer if out is None else written(answer, out)


def _spread(src, index):
    if isinstance(src, _Tensor) and not src.ndim and index.ndim:
        return src.expand(*index.shape)
    return src


def scatter_in_place(self, dim, index, src=None, *, value=None, reduce=None):
    """Put elements along a dimension where a tensor of positions says."""
    src = _spread(_source(self, src, value), index)
    if not self.is_contiguous():
        return self.copy_(_put(False, self, dim, index, src, reduce))
    return _put(True, self, dim, index, src, reduce)


def scatter_add(input, dim, index, src, *, out=None):
    """Return a copy with elements added along a dimension where a tensor of positions says."""
    _check_added(input, src)
    answer = _checked(input, dim, index, _along, flow._C.scatter_add, input, dim, index, src)
    return answer if out is None else written(answer, out)


def _check_added(input, src):
    if src.dtype != input.dtype:
        raise RuntimeError("scatter(): Expected self.dtype to be equal to src.dtype")


def scatter_add_in_place(self, dim, index, src):
    """Add elements along a dimension where a tensor of positions says."""
    _check_added(self, src)
    if not self.is_contiguous():
        return self.copy_(scatter_add(self, dim, index, src))
    return _checked(
        self, dim, index, _along, flow._C.scatter_add, self, dim, index, src, inplace=True
    )


def index_add(input, dim, index, source, *, alpha=1, out=None):
    """Return a copy with slices added along a dimension where a vector of positions says."""
    if input.dtype != source.dtype:
        raise RuntimeError("index_add_(): self and source must have the same scalar type")
    # OneFlow keeps a kernel once chosen: its own, which checks nothing, if these were others.
    index = _as_positions(index, "index_add_")
    dim = wrapped(dim, input.ndim)
    if index.ndim == 0:
        index = index.unsqueeze(0)
    if not input.ndim or not source.ndim:
        wide, source = input.reshape(-1), source.reshape(-1)
        answer = index_add(wide, 0, index, source, alpha=alpha).reshape(input.shape)
        return answer if out is None else written(answer, out)
    if input.ndim != source.ndim or _others(input.shape, dim) != _others(source.shape, dim):
        raise RuntimeError(
            f"source tensor shape must match self tensor shape, excluding the specified dimension. "
            f"Got self.shape = {list(input.shape)} source.shape = {list(source.shape)}"
        )
    if source.shape[dim] != index.shape[0]:
        raise RuntimeError(
            f"index_add_(): Number of indices ({index.shape[0]}) should be equal to "
            f"source.size(dim): ({source.shape[dim]}), for dim: {dim}"
        )
    if input.dtype == flow.bool:
        counted = input.to(flow.int32)
        if alpha:
            counted = index_add(counted, dim, index, source.to(flow.int32))
        answer = counted > 0
        return answer if out is None else written(answer, out)
    if flow.is_grad_enabled() and (input.requires_grad or source.requires_grad):
        # OneFlow has no gradient for its own operator.
        shape = [1] * max(source.ndim, 1)
        shape[dim] = -1
        wide = index.reshape(*shape).expand(*source.shape)
        added = source if alpha == 1 else source * alpha
        args = (flow._C.scatter_add, input, dim, wide, added)
    else:
        args = (flow._C.index_add, input, dim, index, source, alpha)
    answer = _checked(input, dim, index, _in_self, *args)
    return answer if out is None else written(answer, out)


def _others(shape, dim):
    """Return a shape without one of its dimensions."""
    return shape[:dim] + shape[dim:][1:]


def index_add_in_place(self, dim, index, source, *, alpha=1):
    """Add slices along a dimension where a vector of positions says."""
    if flow.is_grad_enabled() and (self.requires_grad or source.requires_grad):
        self[...] = index_add(self.clone(), dim, index, source, alpha=alpha)
        return self
    if self.dtype != source.dtype:
        raise RuntimeError("index_add_(): self and source must have the same scalar type")
    index = _as_positions(index, "index_add_")
    dim = wrapped(dim, self.ndim)
    odd = not self.ndim or not source.ndim or self.dtype == flow.bool
    odd = odd or _others(self.shape, dim) != _others(source.shape, dim)
    if odd or not self.is_contiguous():
        return self.copy_(index_add(self, dim, index, source, alpha=alpha))
    if index.ndim == 0:
        index = index.unsqueeze(0)
    args = (self, dim, index, source, alpha)
    return _checked(self, dim, index, _in_self, flow._C.index_add_, *args)


# --- x[...] ---------------------------------------------------------------------------------------


#: What an index may be made of without a value to check.
_PLAIN = frozenset((int, slice, bool, type(None), type(...)))


#: OneFlow takes a position for one of 32 bits.
_FARTHEST = 1 << 31


def _is_plain(index):
    kind = type(index)
    if kind is int and not -_FARTHEST < index < _FARTHEST:
        raise (
            IndexError(f"index {index} is out of bounds for a dimension")
            if -(1 << 63) <= index < 1 << 63
            else ValueError("Overflow when unpacking long long")
        )
    return kind in _PLAIN or (kind is tuple and _PLAIN.issuperset(map(type, index)))


def _check_index(x, index):
    """Raise for positions out of range; for use without the kernels."""
    parts = index if isinstance(index, tuple) else (index,)
    taken = sum(
        part.ndim if isinstance(part, _Tensor) and part.dtype in (flow.bool, flow.uint8) else 1
        for part in parts
        if part is not None and part is not Ellipsis
    )
    dim = 0
    for part in parts:
        if part is None:
            continue
        if part is Ellipsis:
            dim += max(x.ndim - taken, 0)
        elif not isinstance(part, _Tensor):
            dim += 1
        elif part.dtype in (flow.bool, flow.uint8):
            dim += part.ndim
        else:
            if dim < x.ndim:
                check_positions(part, dim, x.shape[dim], _by_tensor, -x.shape[dim])
            dim += 1


def _holds_tensor(part):
    return isinstance(part, _Tensor) or (
        isinstance(part, (list, tuple)) and any(map(_holds_tensor, part))
    )


def _told(index, x):
    """Return an index as OneFlow reads it: without NumPy's truths, and lists without tensors."""
    if isinstance(index, np.bool_):
        return int(index)  # as Python takes it where it asks for an integer
    if not x.ndim and _is_truth(index):
        return bool(index)
    if not isinstance(index, (list, tuple)):
        return index
    for place, part in enumerate(index):
        if isinstance(part, (list, tuple)) and _holds_tensor(part):
            index = list(index)
            index[place] = _vector(part)
            index = tuple(index)
    return index


def _is_truth(index):
    return isinstance(index, _Tensor) and index.dtype == flow.bool and not index.ndim


def _is_mask(index):
    if isinstance(index, list):
        return all(isinstance(one, bool) for one in index)
    return getattr(index, "dtype", None) in (flow.bool, flow.uint8, np.bool_)


def _vector(part):
    if isinstance(part, _Tensor):
        if part.numel() != 1:
            raise ValueError("only one element tensors can be converted to Python scalars")
        return part.item()
    return [_vector(one) for one in part] if isinstance(part, (list, tuple)) else part


def get_item(self, index):
    """Return ``self[index]``."""
    if _is_plain(index):
        try:
            return _stock_get(self, index)
        except (RuntimeError, SystemError) as error:
            raise _refusal(index, error) from None
    index = _told(index, self)
    if hooks.library is None:
        _check_index(self, index)
        return _stock_get(self, index)
    try:
        answer = _stock_get(self, index)
    except (RuntimeError, SystemError) as error:
        raise _refusal(index, error) from None
    _settle()
    if (_flag or _noted()).value:
        raise _by_tensor(*_taken())
    if type(index) is tuple and not answer.is_contiguous() and any(map(_picks, index)):
        return answer.contiguous()  # what is picked is laid out anew
    return answer


def _picks(part):
    return isinstance(part, (_Tensor, list, np.ndarray))


def _refusal(index, error):
    """Return PyTorch's error for an index that OneFlow refused, by what is wrong with it."""
    for part in index if isinstance(index, tuple) else (index,):
        if isinstance(part, slice):
            if isinstance(part.step, int) and part.step <= 0:
                return ValueError("step must be greater than zero")
        elif isinstance(part, int) and not -(1 << 63) <= part < 1 << 63:
            return ValueError("Overflow when unpacking long long")
    return error


def set_item(self, index, value):
    """Do ``self[index] = value``."""
    is_plain = _is_plain(index)
    if not is_plain:
        index = _told(index, self)
        if hooks.library is None:
            _check_index(self, index)
    if flow.is_grad_enabled() and hooks.library is not None and index is not Ellipsis:
        is_tensor = isinstance(value, _Tensor)
        if self.requires_grad and not self.is_leaf:
            if (is_tensor or not is_plain) and _set_places(self, index, value):
                return
    try:
        _stock_set(self, index, value)
    except IndexError:
        raise
    except (RuntimeError, SystemError) as error:
        if not _set_places(self, index, value):
            raise _refusal(index, error) from None
    if is_plain or hooks.library is None:
        return
    _settle()
    if (_flag or _noted()).value:
        raise _by_tensor(*_taken())


def _set_places(self, index, value):
    """Set what OneFlow's assignment does not, element by element; tell whether PyTorch does it."""
    if self.requires_grad and self.is_leaf and flow.is_grad_enabled():
        return False
    try:
        places = flow.arange(self.numel(), device=self.device).reshape(self.shape)
        places = get_item(places, index) if self.numel() else get_item(self.detach(), index)
        if not isinstance(value, _Tensor):
            value = flow.tensor(value, dtype=self.dtype, device=self.device)
        if value.dtype != self.dtype:
            if not _is_plain(index) and (value.numel() != 1 or not _is_mask(index)):
                return False
            value = value.to(self.dtype)
        while value.ndim > places.ndim and value.shape[0] == 1:
            value = value.reshape(value.shape[1:])
        value = value.expand(*places.shape) if places.ndim else value.reshape(())
        if not places.numel():
            return True
        if self.requires_grad and flow.is_grad_enabled():
            # OneFlow's own loses gradients of what is not assigned to.
            flat = self.clone().reshape(-1)
            flat = flow._C.scatter(flat, 0, places.reshape(-1), value.reshape(-1))
            _stock_set(self, ..., flat.reshape(self.shape))
        else:
            self.put_(places, value)
    except (RuntimeError, SystemError, TypeError, IndexError):
        return False
    return True
