"""torch.nn.utils.rnn: sequences of several lengths in one tensor, padded or packed."""

from collections import namedtuple
from collections.abc import Iterable

import numpy as np
import oneflow as flow
import torch
import torch.nn.functional as F
from oneflow.nn.modules import rnn as engine

from oneflow_mock.compat import hooks


class PackedSequence_(
    namedtuple("PackedSequence_", ["data", "batch_sizes", "sorted_indices", "unsorted_indices"])
):
    """The fields of `PackedSequence`."""

    __slots__ = ()


class PackedSequence(PackedSequence_):
    """The elements of several sequences, step by step, and how many sequences have each step."""

    def __new__(cls, data, batch_sizes=None, sorted_indices=None, unsorted_indices=None):
        if batch_sizes is None:
            data, batch_sizes = data
        elif batch_sizes.device.type != "cpu":
            raise ValueError(
                "batch_sizes should always be on CPU. Instances of PackedSequence should never be "
                "created manually. They should be instantiated by functions like pack_sequence "
                "and pack_padded_sequences in nn.utils.rnn. https://pytorch.org/docs/stable/"
                "nn.html#torch.nn.utils.rnn.pack_sequence"
            )
        if unsorted_indices is None:
            unsorted_indices = invert_permutation(sorted_indices)
        return super().__new__(cls, data, batch_sizes, sorted_indices, unsorted_indices)

    def _with(self, data, change):
        if data is self.data:
            return self
        indices = (self.sorted_indices, self.unsorted_indices)
        moved = [None if index is None else change(index) for index in indices]
        return type(self)(data, self.batch_sizes, *moved)

    def pin_memory(self):
        """Return it in memory that a GPU reads fast."""
        return self._with(self.data.pin_memory(), lambda index: index.pin_memory())

    def to(self, *args, **kwargs):
        """Move or cast the data; the indices only move."""
        data = self.data.to(*args, **kwargs)
        return self._with(data, lambda index: index.to(data.device))

    def cuda(self, *args, **kwargs):
        """Move to a GPU."""
        return self.to(*(args or ("cuda",)), **kwargs)

    def cpu(self, *args, **kwargs):
        """Move to the CPU."""
        return self.to("cpu")

    def double(self):
        """Cast to float64."""
        return self.to(dtype=torch.double)

    def float(self):
        """Cast to float32."""
        return self.to(dtype=torch.float)

    def half(self):
        """Cast to float16."""
        return self.to(dtype=torch.half)

    def long(self):
        """Cast to int64."""
        return self.to(dtype=torch.long)

    def int(self):
        """Cast to int32."""
        return self.to(dtype=torch.int)

    def short(self):
        """Cast to int16."""
        return self.to(dtype=torch.short)

    def char(self):
        """Cast to int8."""
        return self.to(dtype=torch.int8)

    def byte(self):
        """Cast to uint8."""
        return self.to(dtype=torch.uint8)

    @property
    def is_cuda(self):
        """Whether the data is on a GPU."""
        return self.data.is_cuda

    def is_pinned(self):
        """Tell whether the data is in pinned memory."""
        return self.data.is_pinned()


# OneFlow's layers ask whether their input is one of these.
hooks.patch(engine, "PackedSequence", PackedSequence)


def invert_permutation(permutation):
    """Return the permutation that undoes one; None for None."""
    if permutation is None:
        return None
    inverse = np.argsort(permutation.cpu().numpy(), kind="stable")
    return torch.from_numpy(inverse).to(permutation.device)


def _places(index, device):
    return torch.from_numpy(np.ascontiguousarray(index, dtype=np.int64)).to(device)


def pack_padded_sequence(input, lengths, batch_first=False, enforce_sorted=True):
    """Pack (T, N, *), or (N, T, *) for ``batch_first``, whose sequences have these lengths."""
    lengths = torch.as_tensor(lengths, dtype=torch.int64).cpu()
    order = None
    if not enforce_sorted:
        lengths, order = torch.sort(lengths, descending=True)
        order = order.to(input.device)
        input = input.index_select(0 if batch_first else 1, order)
    if batch_first:
        input = input.transpose(0, 1)
    steps, batch = input.shape[0], input.shape[1]
    sizes = lengths.numpy()
    if len(sizes) != batch:
        raise RuntimeError(
            f"Expected `len(lengths)` to be equal to batch_size, but got {len(sizes)} "
            f"(batch_size={batch})"
        )
    if (sizes <= 0).any():
        raise RuntimeError(
            "Length of all samples has to be greater than 0, but found an element in 'lengths' "
            "that is <= 0"
        )
    if (sizes[:-1] < sizes[1:]).any():
        raise RuntimeError(
            "`lengths` array must be sorted in decreasing order when `enforce_sorted` is True. You "
            "can pass `enforce_sorted=False` to pack_padded_sequence and/or pack_sequence to "
            "sidestep this requirement if you do not need ONNX exportability."
        )
    kept = np.arange(steps)[:, None] < sizes[None, :]
    index = _places(np.flatnonzero(kept), input.device)
    data = input.reshape(steps * batch, *input.shape[2:]).index_select(0, index)
    counts = kept.sum(axis=1)
    return PackedSequence(data, torch.from_numpy(counts[counts > 0].astype(np.int64)), order)


def pad_packed_sequence(sequence, batch_first=False, padding_value=0.0, total_length=None):
    """Return packed sequences padded to one length, and their lengths."""
    counts = sequence.batch_sizes.numpy()
    steps, batch = len(counts), int(counts[0])
    if total_length is not None:
        if total_length < steps:
            raise ValueError(
                "Expected total_length to be at least the length of the longest sequence in "
                f"input, but got total_length={total_length} and max sequence length being {steps}"
            )
        counts = np.concatenate([counts, np.zeros(total_length - steps, np.int64)])
        steps = total_length
    data = sequence.data
    kept = np.arange(batch)[None, :] < counts[:, None]
    index = np.where(kept, np.cumsum(kept.reshape(-1)).reshape(kept.shape) - 1, len(data))
    padding = flow.zeros(1, *data.shape[1:], dtype=data.dtype, device=data.device)
    rows = torch.cat([data, padding.fill_(padding_value)])
    padded = rows.index_select(0, _places(index.reshape(-1), data.device))
    padded = padded.reshape(steps, batch, *data.shape[1:])
    lengths = torch.from_numpy(kept.sum(axis=0).astype(np.int64))
    if batch_first:
        padded = padded.transpose(0, 1)
    back = sequence.unsorted_indices
    if back is not None:
        padded = padded.index_select(0 if batch_first else 1, back)
        lengths = lengths[back.cpu()]
    return padded, lengths


def pad_sequence(sequences, batch_first=False, padding_value=0.0, padding_side="right"):
    """Stack sequences (L, *), padded to the longest."""
    if not isinstance(sequences, Iterable):
        raise RuntimeError(
            "pad_sequence: Expected iterable for input sequences, but got arg of type: "
            f"{type(sequences)}"
        )
    sequences = list(sequences)
    longest = max(len(sequence) for sequence in sequences)
    padded = []
    for sequence in sequences:
        missing = longest - len(sequence)
        sides = (missing, 0) if padding_side == "left" else (0, missing)
        inner = (0, 0) * (sequence.ndim - 1)
        padded.append(F.pad(sequence, (*inner, *sides), value=padding_value))
    return torch.stack(padded, 0 if batch_first else 1)


def unpad_sequence(padded_sequences, lengths, batch_first=False):
    """Return the sequences of a padded tensor."""
    if not batch_first:
        padded_sequences = padded_sequences.transpose(0, 1)
    sizes = [int(length) for length in lengths]
    return [padded_sequences[place, :size] for place, size in enumerate(sizes)]


def pack_sequence(sequences, enforce_sorted=True):
    """Pack sequences (L, *)."""
    lengths = torch.as_tensor([len(sequence) for sequence in sequences])
    return pack_padded_sequence(pad_sequence(sequences), lengths, enforce_sorted=enforce_sorted)


def unpack_sequence(packed_sequences):
    """Return packed sequences as a list."""
    padded, lengths = pad_packed_sequence(packed_sequences, batch_first=True)
    return unpad_sequence(padded, lengths, batch_first=True)
