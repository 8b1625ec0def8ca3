"""Reductions of segments (ATen's ``SegmentReduce.cpp``)."""

import math

import torch

from oneflow_mock.compat.kernels import halves


def segment_reduce(
    data, reduce, *, lengths=None, indices=None, offsets=None, axis=0, unsafe=False, initial=None
):
    """Return sum, mean, max, min or prod of consecutive segments (torch.segment_reduce).

    Segments are given by ``lengths`` or ``offsets``, of shape (*data.shape[:axis], n).
    """
    if reduce not in _REDUCTIONS:
        raise RuntimeError(f"unsupported reduction {reduce}")
    if lengths is None and offsets is None:
        raise RuntimeError("Either lengths or offsets must be specified")
    bounds = offsets.tolist() if offsets is not None else _bounds(lengths.tolist(), axis)
    return _along(data, bounds, axis, _REDUCTIONS[reduce], initial)


def _bounds(lengths, axis):
    if axis:
        return [_bounds(one, axis - 1) for one in lengths]
    ends = [0]
    for length in lengths:
        ends.append(ends[-1] + length)
    return ends


def _along(data, bounds, axis, reduction, initial):
    if axis:
        rows = [_along(data[n], one, axis - 1, reduction, initial) for n, one in enumerate(bounds)]
        return torch.stack(rows)
    start, join, reduced = reduction
    answers = []
    for first, last in zip(bounds, bounds[1:]):
        if first == last:
            value = initial if initial is not None else (math.nan if start is None else start)
            answers.append(data.new_zeros(data.shape[1:]) + value)
            continue
        if data.dtype in halves.HALVES and reduced in _STEPPED:
            answers.append(_stepped(data[first:last], reduced, initial))
            continue
        answer = reduced(data[first:last])
        if initial is not None:
            answer = join(answer, initial, last - first)
        answers.append(answer)
    if not answers:
        return data[:0]
    return torch.stack(answers)


def _stepped(rows, reduced, initial):
    """Reduce halves row after row, each of which rounds."""
    kind = _STEPPED[reduced]
    answer = rows[0] if initial is None else rows[0].detach() * 0 + initial
    for row in rows[1:] if initial is None else rows:
        answer = answer * row if kind == "prod" else answer + row
    return answer / len(rows) if kind == "mean" else answer


_REDUCTIONS = {
    "sum": (0.0, lambda answer, initial, size: answer + initial, lambda x: x.sum(dim=0)),
    "mean": (None, lambda answer, initial, size: answer + initial / size, lambda x: x.mean(dim=0)),
    "prod": (1.0, lambda answer, initial, size: answer * initial, lambda x: x.prod(dim=0)),
    "max": (
        -math.inf,
        lambda answer, initial, size: answer.clamp(min=initial),
        lambda x: x.amax(0),
    ),
    "min": (math.inf, lambda answer, initial, size: answer.clamp(max=initial), lambda x: x.amin(0)),
}
_STEPPED = {_REDUCTIONS[name][2]: name for name in ("sum", "mean", "prod")}
