"""torch.nn.modules.activation: what OneFlow lacks of it."""

import oneflow as flow
import torch
import torch.nn.functional as F
from oneflow.nn.modules import activation as engine

from oneflow_mock.compat import hooks


def _prelu(self, input):
    return F.prelu(input, self.weight)


def _softmax(self, input):
    return F.softmax(input, self.dim)


def _log_softmax(self, input):
    return F.log_softmax(input, self.dim)


def _show_gelu(self):
    return f"approximate={self.approximate!r}"


def _show_glu(self):
    return f"dim={self.dim}"


def _show_hardtanh(self):
    text = f"min_val={float(self.min_val)}, max_val={float(self.max_val)}"
    return text + ", inplace=True" if self.inplace else text


def _show_inplace(self):
    return "inplace=True" if self.inplace else ""


def _show_softplus(self):
    return f"beta={float(self.beta)}, threshold={float(self.threshold)}"


def _show_threshold(self):
    text = f"threshold={self.threshold}, value={self.value}"
    return text + ", inplace=True" if self.inplace else text


def _init_threshold(self, threshold, value, inplace=False):
    flow.nn.Module.__init__(self)
    self.threshold = threshold
    self.value = value
    self.inplace = inplace


def _threshold(self, input):
    return F.threshold(input, self.threshold, self.value, self.inplace)


def _init_shrink(self, lambd=0.5):
    flow.nn.Module.__init__(self)
    self.lambd = lambd


def _show_shrink(self):
    return f"{self.lambd}"


def _shrinking(name):
    def forward(self, input):
        return getattr(F, name)(input, self.lambd)

    return forward


def _in_place(name, **attributes):
    """Return a forward that calls a function of F with the module's attributes, in place too."""

    def forward(self, input):
        options = {key: getattr(self, attribute) for key, attribute in attributes.items()}
        return getattr(F, name)(input, **options, inplace=self.inplace)

    return forward


for _kind, _function, _attributes in (
    (engine.ReLU6, "relu6", {}),
    (engine.ELU, "elu", {"alpha": "alpha"}),
    (engine.CELU, "celu", {"alpha": "alpha"}),
    (engine.Hardswish, "hardswish", {}),
    (engine.Hardsigmoid, "hardsigmoid", {}),
    (engine.LeakyReLU, "leaky_relu", {"negative_slope": "negative_slope"}),
    (engine.Mish, "mish", {}),
    (engine.SELU, "selu", {}),
    (engine.SiLU, "silu", {}),
):
    hooks.patch(_kind, "forward", _in_place(_function, **_attributes))
for _name, _value in {
    "__init__": _init_threshold,
    "extra_repr": _show_threshold,
    "forward": _threshold,
}.items():
    hooks.patch(engine.Threshold, _name, _value)
for _kind, _function in ((engine.Hardshrink, "hardshrink"), (engine.Softshrink, "softshrink")):
    hooks.patch(_kind, "__init__", _init_shrink)
    hooks.patch(_kind, "extra_repr", _show_shrink)
    hooks.patch(_kind, "forward", _shrinking(_function))
hooks.patch(engine.PReLU, "forward", _prelu)
hooks.patch(engine.Softmax, "forward", _softmax)
hooks.patch(engine.LogSoftmax, "forward", _log_softmax)
hooks.patch(engine.SiLU, "extra_repr", _show_inplace)
hooks.patch(engine.Mish, "extra_repr", _show_inplace)
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


class Softmax2d(flow.nn.Module):
    """The softmax over the channels of an image (torch.nn.Softmax2d)."""

    def forward(self, input):
        if input.ndim not in (3, 4):
            raise ValueError(f"Softmax2d: expected input to be 3D or 4D, got {input.ndim}D instead")
        return F.softmax(input, -3)


class RReLU(flow.nn.Module):
    """Leaky ReLU whose slope is drawn in training (torch.nn.RReLU)."""

    __constants__ = ["lower", "upper", "inplace"]

    def __init__(self, lower=1.0 / 8, upper=1.0 / 3, inplace=False):
        super().__init__()
        self.lower = lower
        self.upper = upper
        self.inplace = inplace

    def forward(self, input):
        return F.rrelu(input, self.lower, self.upper, self.training, self.inplace)

    def extra_repr(self):
        text = f"lower={self.lower}, upper={self.upper}"
        return text + ", inplace=True" if self.inplace else text


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
