"""torch.nn.modules.sparse: tables of rows; OneFlow's Embedding with PyTorch's keywords."""

import oneflow as flow
import torch
import torch.nn.functional as F
from oneflow.nn.modules.sparse import Embedding
from torch.nn import Module, Parameter

from oneflow_mock.compat import hooks


def _checked_padding(padding_idx, num_embeddings):
    """Return the padding's index counted from the start."""
    if padding_idx is None:
        return None
    if not -num_embeddings <= padding_idx < num_embeddings:
        raise AssertionError("padding_idx must be within num_embeddings")
    return padding_idx % num_embeddings


def _set_up(self, sizes, padding_idx, max_norm, norm_type, scale_grad_by_freq):
    Module.__init__(self)
    self.num_embeddings, self.embedding_dim = sizes
    self.padding_idx = _checked_padding(padding_idx, sizes[0])
    self.max_norm = max_norm
    self.norm_type = norm_type
    self.scale_grad_by_freq = scale_grad_by_freq


def _fill(self, sizes, weight, freeze, device, dtype):
    if weight is None:
        made = torch.empty(sizes, device=device, dtype=dtype)
        self.weight = Parameter(made, requires_grad=not freeze)
        self.reset_parameters()
        return
    if list(weight.shape) != list(sizes):
        raise AssertionError("Shape of weight does not match num_embeddings and embedding_dim")
    self.weight = Parameter(weight, requires_grad=not freeze)


def _init(
    self,
    num_embeddings,
    embedding_dim,
    padding_idx=None,
    max_norm=None,
    norm_type=2.0,
    scale_grad_by_freq=False,
    sparse=False,
    _weight=None,
    _freeze=False,
    device=None,
    dtype=None,
):
    sizes = (num_embeddings, embedding_dim)
    _set_up(self, sizes, padding_idx, max_norm, norm_type, scale_grad_by_freq)
    _fill(self, sizes, _weight, _freeze, device, dtype)
    self.sparse = sparse
    if sparse:
        hooks.no_effect("torch.nn.Embedding", "sparse")


def _forward(self, input):
    return F.embedding(
        input,
        self.weight,
        self.padding_idx,
        self.max_norm,
        self.norm_type,
        self.scale_grad_by_freq,
        self.sparse,
    )


@classmethod
def from_pretrained(
    cls,
    embeddings,
    freeze=True,
    padding_idx=None,
    max_norm=None,
    norm_type=2.0,
    scale_grad_by_freq=False,
    sparse=False,
):
    """Return an Embedding with the rows of a tensor, which are not trained unless told to be."""
    if embeddings.ndim != 2:
        raise AssertionError("Embeddings parameter is expected to be 2-dimensional")
    rows, columns = embeddings.shape
    return cls(
        num_embeddings=rows,
        embedding_dim=columns,
        _weight=embeddings,
        _freeze=freeze,
        padding_idx=padding_idx,
        max_norm=max_norm,
        norm_type=norm_type,
        scale_grad_by_freq=scale_grad_by_freq,
        sparse=sparse,
    )


for _name, _value in {
    "__init__": _init,
    "forward": _forward,
    "from_pretrained": from_pretrained,
}.items():
    hooks.patch(Embedding, _name, _value)


class EmbeddingBag(Module):
    """Sums, means or maxima of bags of rows (torch.nn.EmbeddingBag)."""

    __constants__ = [
        "num_embeddings",
        "embedding_dim",
        "max_norm",
        "norm_type",
        "scale_grad_by_freq",
        "mode",
        "sparse",
        "include_last_offset",
        "padding_idx",
    ]

    def __init__(
        self,
        num_embeddings,
        embedding_dim,
        max_norm=None,
        norm_type=2.0,
        scale_grad_by_freq=False,
        mode="mean",
        sparse=False,
        _weight=None,
        include_last_offset=False,
        padding_idx=None,
        device=None,
        dtype=None,
    ):
        sizes = (num_embeddings, embedding_dim)
        _set_up(self, sizes, padding_idx, max_norm, norm_type, scale_grad_by_freq)
        _fill(self, sizes, _weight, False, device, dtype)
        self.mode = mode
        self.sparse = sparse
        self.include_last_offset = include_last_offset
        if sparse:
            hooks.no_effect("torch.nn.EmbeddingBag", "sparse")

    def reset_parameters(self):
        """Draw the rows from a normal distribution; the padding's is zero."""
        torch.nn.init.normal_(self.weight)
        if self.padding_idx is not None:
            with flow.no_grad():
                self.weight[self.padding_idx].fill_(0)

    def forward(self, input, offsets=None, per_sample_weights=None):
        return F.embedding_bag(
            input,
            self.weight,
            offsets,
            self.max_norm,
            self.norm_type,
            self.scale_grad_by_freq,
            self.mode,
            self.sparse,
            per_sample_weights,
            self.include_last_offset,
            self.padding_idx,
        )

    def extra_repr(self):
        text = f"{self.num_embeddings}, {self.embedding_dim}"
        if self.max_norm is not None:
            text += f", max_norm={self.max_norm}"
        if self.norm_type != 2:
            text += f", norm_type={self.norm_type}"
        if self.scale_grad_by_freq:
            text += f", scale_grad_by_freq={self.scale_grad_by_freq}"
        text += f", mode={self.mode!r}"
        return text if self.padding_idx is None else text + f", padding_idx={self.padding_idx}"

    @classmethod
    def from_pretrained(
        cls,
        embeddings,
        freeze=True,
        max_norm=None,
        norm_type=2.0,
        scale_grad_by_freq=False,
        mode="mean",
        sparse=False,
        include_last_offset=False,
        padding_idx=None,
    ):
        """Return an EmbeddingBag with the rows of a tensor."""
        if embeddings.ndim != 2:
            raise AssertionError("Embeddings parameter is expected to be 2-dimensional")
        rows, columns = embeddings.shape
        made = cls(
            num_embeddings=rows,
            embedding_dim=columns,
            _weight=embeddings,
            max_norm=max_norm,
            norm_type=norm_type,
            scale_grad_by_freq=scale_grad_by_freq,
            mode=mode,
            sparse=sparse,
            include_last_offset=include_last_offset,
            padding_idx=padding_idx,
        )
        made.weight.requires_grad = not freeze
        return made
