"""torch.nn.modules.activation: what OneFlow lacks of it."""

import oneflow as flow
import torch
import torch.nn.functional as F
from oneflow.nn.modules import activation as engine

from oneflow_mock.compat import hooks


def _prelu(self, input):
    return F.prelu(input, self.weight)


def _show_gelu(self):
    return f"approximate={self.approximate!r}"


def _show_glu(self):
    return f"dim={self.dim}"


def _show_hardtanh(self):
    text = f"min_val={float(self.min_val)}, max_val={float(self.max_val)}"
    return text + ", inplace=True" if self.inplace else text


def _show_softplus(self):
    return f"beta={float(self.beta)}, threshold={float(self.threshold)}"


hooks.patch(engine.PReLU, "forward", _prelu)
hooks.patch(engine.GELU, "extra_repr", _show_gelu)
hooks.patch(engine.GLU, "extra_repr", _show_glu)
hooks.patch(engine.Hardtanh, "extra_repr", _show_hardtanh)
hooks.patch(engine.Softplus, "extra_repr", _show_softplus)


class Tanhshrink(flow.nn.Module):
    """x - tanh(x) (torch.nn.Tanhshrink)."""

    def forward(self, input):
        return F.tanhshrink(input)


class Softmin(flow.nn.Module):
    """The softmax of the negated input along ``dim`` (torch.nn.Softmin)."""

    __constants__ = ["dim"]

    def __init__(self, dim=None):
        super().__init__()
        self.dim = dim

    def forward(self, input):
        return F.softmin(input, self.dim)

    def extra_repr(self):
        return f"dim={self.dim}"


class MultiheadAttention(flow.nn.Module):
    """Attention of several heads with projections in and out (torch.nn.MultiheadAttention).

    query (L, N, E), key (S, N, kdim), value (S, N, vdim), or with N first for ``batch_first``;
    returns the answer (L, N, E) and the weights (N, L, S), or None instead of them.
    """

    __constants__ = ["batch_first"]

    def __init__(
        self,
        embed_dim,
        num_heads,
        dropout=0.0,
        bias=True,
        add_bias_kv=False,
        add_zero_attn=False,
        kdim=None,
        vdim=None,
        batch_first=False,
        device=None,
        dtype=None,
    ):
        super().__init__()
        if embed_dim <= 0 or num_heads <= 0:
            raise ValueError(
                "embed_dim and num_heads must be greater than 0, got "
                f"embed_dim={embed_dim} and num_heads={num_heads} instead"
            )
        self.embed_dim = embed_dim
        self.kdim = embed_dim if kdim is None else kdim
        self.vdim = embed_dim if vdim is None else vdim
        self._qkv_same_embed_dim = self.kdim == embed_dim and self.vdim == embed_dim
        self.num_heads = num_heads
        self.dropout = dropout
        self.batch_first = batch_first
        self.head_dim = embed_dim // num_heads
        assert self.head_dim * num_heads == embed_dim, "embed_dim must be divisible by num_heads"
        self.add_zero_attn = add_zero_attn

        def parameter(*shape):
            made = flow.empty(*shape, dtype=dtype or flow.get_default_dtype(), device=device)
            return flow.nn.Parameter(made)

        if self._qkv_same_embed_dim:
            self.in_proj_weight = parameter(3 * embed_dim, embed_dim)
            for name in ("q_proj_weight", "k_proj_weight", "v_proj_weight"):
                self.register_parameter(name, None)
        else:
            self.q_proj_weight = parameter(embed_dim, embed_dim)
            self.k_proj_weight = parameter(embed_dim, self.kdim)
            self.v_proj_weight = parameter(embed_dim, self.vdim)
            self.register_parameter("in_proj_weight", None)
        self.register_parameter("in_proj_bias", parameter(3 * embed_dim) if bias else None)
        self.out_proj = torch.nn.modules.linear.NonDynamicallyQuantizableLinear(
            embed_dim, embed_dim, bias=bias, device=device, dtype=dtype
        )
        self.bias_k = parameter(1, 1, embed_dim) if add_bias_kv else None
        self.bias_v = parameter(1, 1, embed_dim) if add_bias_kv else None
        self._reset_parameters()

    def _reset_parameters(self):
        init = torch.nn.init
        if self._qkv_same_embed_dim:
            init.xavier_uniform_(self.in_proj_weight)
        else:
            for weight in (self.q_proj_weight, self.k_proj_weight, self.v_proj_weight):
                init.xavier_uniform_(weight)
        if self.in_proj_bias is not None:
            init.constant_(self.in_proj_bias, 0.0)
            init.constant_(self.out_proj.bias, 0.0)
        for extra in (self.bias_k, self.bias_v):
            if extra is not None:
                init.xavier_normal_(extra)

    def forward(
        self,
        query,
        key,
        value,
        key_padding_mask=None,
        need_weights=True,
        attn_mask=None,
        average_attn_weights=True,
        is_causal=False,
    ):
        batched = query.ndim == 3
        if self.batch_first and batched:
            query, key, value = (each.transpose(0, 1) for each in (query, key, value))
        separate = {}
        if not self._qkv_same_embed_dim:
            separate = {
                "use_separate_proj_weight": True,
                "q_proj_weight": self.q_proj_weight,
                "k_proj_weight": self.k_proj_weight,
                "v_proj_weight": self.v_proj_weight,
            }
        answer, weights = F.multi_head_attention_forward(
            query,
            key,
            value,
            self.embed_dim,
            self.num_heads,
            self.in_proj_weight,
            self.in_proj_bias,
            self.bias_k,
            self.bias_v,
            self.add_zero_attn,
            self.dropout,
            self.out_proj.weight,
            self.out_proj.bias,
            training=self.training,
            key_padding_mask=key_padding_mask,
            need_weights=need_weights,
            attn_mask=attn_mask,
            average_attn_weights=average_attn_weights,
            is_causal=is_causal,
            **separate,
        )
        if self.batch_first and batched:
            answer = answer.transpose(0, 1)
        return answer, weights
