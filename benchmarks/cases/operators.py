"""Single operators, forward and backward, at sizes that Stable Diffusion and its like have."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from registry import add


def tensor(spec):
    """Return normal random numbers for a shape; what a function returns for a function."""
    return torch.randn(spec) if isinstance(spec, tuple) else spec()


def operator(name, function, *specs, backward=True, quick=False):
    """Add an operator: its forward pass, and its backward pass to all floating inputs."""

    def forward():
        inputs = [tensor(spec) for spec in specs]
        return None, lambda _: function(*inputs)

    def backward_pass():
        inputs = [tensor(spec) for spec in specs]
        leaves = [one.requires_grad_() for one in inputs if one.is_floating_point()]
        upstream = torch.randn_like(function(*inputs))
        return (
            lambda: function(*inputs),
            lambda output: torch.autograd.grad(output, leaves, upstream),
        )

    add(f"ops/{name}/forward", forward, quick=quick)
    if backward:
        add(f"ops/{name}/backward", backward_pass, gradients=True, quick=quick)


def integers(high, *shape):
    return lambda: torch.randint(high, shape)


MAP = (1, 320, 64, 64)
TOKENS = (1, 4096, 320)
HEADS = (1, 8, 4096, 40)
ROWS = (4096, 1280)

# Convolutions.
operator("conv 3x3", lambda x, w, b: F.conv2d(x, w, b, padding=1), MAP, (320, 320, 3, 3), (320,))
operator(
    "conv 3x3 wide",
    lambda x, w, b: F.conv2d(x, w, b, padding=1),
    *((1, 1280, 16, 16), (1280, 1280, 3, 3), (1280,)),
)
operator("conv 1x1", F.conv2d, MAP, (320, 320, 1, 1), (320,))
operator(
    "conv 3x3 stride 2",
    lambda x, w, b: F.conv2d(x, w, b, stride=2, padding=1),
    *(MAP, (320, 320, 3, 3), (320,)),
)
operator(
    "conv 3x3 depthwise",
    lambda x, w, b: F.conv2d(x, w, b, padding=1, groups=320),
    *(MAP, (320, 1, 3, 3), (320,)),
)
operator(
    "conv 3x3 from 4 channels",
    lambda x, w, b: F.conv2d(x, w, b, padding=1),
    *((1, 4, 64, 64), (320, 4, 3, 3), (320,)),
)
operator(
    "conv 3x3 dilated, odd size",
    lambda x, w: F.conv2d(x, w, padding=2, dilation=2),
    *((2, 67, 61, 59), (71, 67, 3, 3)),
)
operator(
    "conv transposed 4x4 stride 2",
    lambda x, w, b: F.conv_transpose2d(x, w, b, stride=2, padding=1),
    *((1, 256, 32, 32), (256, 128, 4, 4), (128,)),
)
operator("conv1d 3", lambda x, w: F.conv1d(x, w, padding=1), (4, 256, 1000), (256, 256, 3))
operator(
    "conv3d 3x3x3",
    lambda x, w: F.conv3d(x, w, padding=1),
    *((1, 32, 16, 32, 32), (32, 32, 3, 3, 3)),
)

# Products.
operator("matmul 1024", torch.matmul, (1024, 1024), (1024, 1024), quick=True)
operator("linear 4096 320 to 1280", F.linear, (4096, 320), (1280, 320), (1280,))
operator("linear 77 768 to 3072", F.linear, (77, 768), (3072, 768), (3072,))
operator("linear one row", F.linear, (1, 1280), (1280, 1280), (1280,))
operator("linear without bias, odd size", F.linear, (3, 333, 257), (511, 257))
operator("bmm", torch.bmm, (16, 512, 64), (16, 64, 512))
operator("matmul broadcast", torch.matmul, (8, 256, 320), (320, 320))
operator("einsum", lambda a, b: torch.einsum("bhid,bhjd->bhij", a, b), *((1, 8, 512, 40),) * 2)

# Attention.
operator("attention, self", F.scaled_dot_product_attention, HEADS, HEADS, HEADS)
operator("attention, cross", F.scaled_dot_product_attention, HEADS, (1, 8, 77, 40), (1, 8, 77, 40))
operator(
    "attention, causal",
    lambda q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=True),
    *((1, 12, 1024, 64),) * 3,
)
operator(
    "attention, mask",
    lambda q, k, v, m: F.scaled_dot_product_attention(q, k, v, attn_mask=m > 0),
    *(*((2, 12, 197, 64),) * 3, lambda: torch.ones(2, 1, 197, 197, dtype=torch.int64)),
)
operator("attention, one large head", F.scaled_dot_product_attention, *((1, 1, 1024, 512),) * 3)

# Norms.
operator("group norm", lambda x, w, b: F.group_norm(x, 32, w, b), MAP, (320,), (320,))
operator(
    "group norm, large",
    lambda x, w, b: F.group_norm(x, 32, w, b),
    *((1, 256, 256, 256), (256,), (256,)),
)
operator("layer norm", lambda x, w, b: F.layer_norm(x, (320,), w, b), TOKENS, (320,), (320,))
operator(
    "layer norm, odd rows",
    lambda x, w, b: F.layer_norm(x, (199,), w, b),
    (3001, 199),
    (199,),
    (199,),
)
operator("rms norm", lambda x, w: F.rms_norm(x, (1280,), w), ROWS, (1280,))
operator(
    "batch norm, training",
    lambda x, w, b: F.batch_norm(x, None, None, w, b, training=True),
    *((8, 64, 56, 56), (64,), (64,)),
)
operator(
    "batch norm",
    lambda x, m, v, w, b: F.batch_norm(x, m.detach(), v.detach().square(), w, b),
    *((8, 64, 56, 56), (64,), (64,), (64,), (64,)),
    backward=False,
)
operator("softmax, rows", lambda x: F.softmax(x, -1), ROWS)
operator("softmax, columns", lambda x: F.softmax(x, 0), ROWS)
operator("log softmax and nll", F.cross_entropy, (1024, 8000), integers(8000, 1024))

# Activations and other functions of one tensor.
operator("silu", F.silu, MAP, quick=True)
operator("gelu", F.gelu, ROWS)
operator("gelu tanh", lambda x: F.gelu(x, approximate="tanh"), ROWS)
operator("relu", F.relu, MAP)
operator("leaky relu", F.leaky_relu, MAP)
operator("sigmoid", torch.sigmoid, MAP)
operator("tanh", torch.tanh, MAP)
operator("softplus", F.softplus, MAP)
operator("exp", torch.exp, MAP)
operator("log", lambda x: torch.log(x.abs() + 1), MAP)
operator("sqrt", lambda x: torch.sqrt(x.abs() + 1), MAP)
operator("pow 2.5", lambda x: x.abs().pow(2.5), MAP)
operator("erf", torch.erf, MAP)
operator("sin", torch.sin, MAP)
operator("clamp", lambda x: x.clamp(-1, 1), MAP)


def geglu(x):
    hidden, gate = x.chunk(2, dim=-1)
    return hidden * F.gelu(gate)


def swiglu(x):
    hidden, gate = x.chunk(2, dim=-1)
    return hidden * F.silu(gate)


operator("geglu", geglu, (1, 4096, 2560))
operator("swiglu", swiglu, (1, 4096, 2560))

# Functions of two tensors, and broadcasting.
operator("add", torch.add, MAP, MAP)
operator("sub scaled", lambda a, b: torch.sub(a, b, alpha=0.5), MAP, MAP)
operator("mul", torch.mul, MAP, MAP)
operator("div", lambda a, b: a / (b.abs() + 1), MAP, MAP)
operator("mul by a number", lambda x: x * 0.5, MAP)
operator("add over channels", torch.add, MAP, (1, 320, 1, 1))
operator("mul over columns", torch.mul, ROWS, (1280,))
operator("mul over rows", torch.mul, ROWS, (4096, 1))
operator("add in place", lambda a, b: a.add_(b * 1e-3), MAP, MAP, backward=False)
operator("maximum", torch.maximum, MAP, MAP)
operator("compare", torch.gt, MAP, MAP, backward=False)
operator("where", lambda a, b: torch.where(a > 0, a, b), MAP, MAP)
operator("masked fill", lambda x: x.masked_fill(x > 1, 0.0), MAP)
operator("lerp", lambda a, b: torch.lerp(a, b, 0.3), MAP, MAP)
operator("addcmul", lambda a, b, c: torch.addcmul(a, b, c, value=0.1), MAP, MAP, MAP)

# Reductions and scans.
operator("sum, rows", lambda x: x.sum(-1), ROWS)
operator("sum, columns", lambda x: x.sum(0), ROWS)
operator("sum, all", torch.sum, ROWS)
operator("mean, maps", lambda x: x.mean((2, 3)), MAP)
operator("max, rows", lambda x: x.max(-1).values, ROWS)
operator("amax, columns", lambda x: x.amax(0), ROWS)
operator("argmax, rows", lambda x: x.argmax(-1), ROWS, backward=False)
operator("argmax, all", torch.argmax, ROWS, backward=False)
operator("var, rows", lambda x: x.var(-1), ROWS)
operator("norm, all", torch.linalg.vector_norm, ROWS)
operator("any, rows", lambda x: (x > 3).any(-1), ROWS, backward=False)
operator("cumsum, rows", lambda x: x.cumsum(-1), ROWS)
operator("cumsum, columns", lambda x: x.cumsum(0), ROWS)
operator("logsumexp, rows", lambda x: x.logsumexp(-1), ROWS)
operator("topk", lambda x: x.topk(50, -1).values, (64, 32000), backward=False)
operator("sort", lambda x: x.sort(-1).values, (256, 4096), backward=False)

# Moving data.
operator("cat, channels", lambda a, b: torch.cat([a, b], 1), (2, 320, 64, 64), (2, 320, 64, 64))
operator("cat, last", lambda a, b: torch.cat([a, b], -1), ROWS, ROWS)
operator("stack", lambda a, b: torch.stack([a, b]), MAP, MAP)
operator("split and copy", lambda x: x.chunk(3, -1)[1].contiguous(), (4096, 3840))
operator("permute and copy", lambda x: x.permute(0, 2, 3, 1).contiguous(), MAP)
operator("transpose and copy", lambda x: x.t().contiguous(), ROWS)
operator("heads and copy", lambda x: x.view(1, 4096, 8, 40).transpose(1, 2).contiguous(), TOKENS)
operator("flip", lambda x: x.flip(-1), MAP)
operator("roll", lambda x: x.roll((3, 5), (2, 3)), MAP)
operator("pad", lambda x: F.pad(x, (1, 1, 1, 1)), MAP)
operator("pad, reflected", lambda x: F.pad(x, (2, 2, 2, 2), mode="reflect"), MAP)
operator("repeat", lambda x: x.repeat(2, 1, 1, 1), MAP)
operator("expand and copy", lambda x: x.expand(8, 4096, 320).contiguous(), TOKENS)
operator("triu", torch.triu, (2048, 2048))
operator("index select", lambda x, i: x.index_select(0, i), ROWS, integers(4096, 2048))
operator("index by a tensor", lambda x, i: x[i], ROWS, integers(4096, 2048))
operator("index by a mask", lambda x: x[x > 0], ROWS, backward=False)
operator("gather", lambda x, i: x.gather(1, i), ROWS, integers(1280, 4096, 640))
operator("scatter", lambda x, i, s: x.scatter(1, i, s), ROWS, integers(1280, 4096, 64), (4096, 64))
operator(
    "scatter add", lambda x, i, s: x.scatter_add(1, i, s), *(ROWS, integers(1280, *ROWS), ROWS)
)
operator("embedding", lambda i, w: F.embedding(i, w), integers(49408, 8, 77), (49408, 768))
operator("cast to float64", lambda x: x.double(), MAP)
operator("cast to float16", lambda x: x.half(), MAP, backward=False)
operator("cast to int64", lambda x: x.long(), MAP, backward=False)
operator("clone", torch.clone, MAP)
operator("full", lambda: torch.full(MAP, 0.5), backward=False)
operator("one hot", lambda i: F.one_hot(i, 1000), integers(1000, 1024), backward=False)

# Pictures.
operator("nearest, times 2", lambda x: F.interpolate(x, scale_factor=2.0, mode="nearest"), MAP)
operator("nearest, half", lambda x: F.interpolate(x, scale_factor=0.5, mode="nearest"), MAP)
operator(
    "bilinear, times 2",
    lambda x: F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False),
    MAP,
)
operator(
    "bilinear, to an odd size",
    lambda x: F.interpolate(x, (33, 41), mode="bilinear", align_corners=False),
    MAP,
)
operator("max pool 3x3 stride 2", lambda x: F.max_pool2d(x, 3, 2, 1), (8, 64, 112, 112))
operator("average pool 2x2", lambda x: F.avg_pool2d(x, 2), MAP)
operator("adaptive average pool", lambda x: F.adaptive_avg_pool2d(x, 1), (8, 512, 7, 7))
operator("pixel shuffle", lambda x: F.pixel_shuffle(x, 2), MAP)
operator("dropout", lambda x: F.dropout(x, 0.1, training=True), MAP)
operator("random normals", lambda: torch.randn(MAP), backward=False)
operator("mse loss", F.mse_loss, MAP, MAP)


def optimizer_step(make):
    def setup():
        weights = [torch.randn(1024, 1024, requires_grad=True) for _ in range(4)]
        weights += [torch.randn(1024, requires_grad=True) for _ in range(4)]
        for one in weights:
            one.grad = torch.randn(one.shape)
        optimizer = make(weights)
        return None, lambda _: optimizer.step()

    return setup


add("ops/AdamW/step", optimizer_step(lambda all: torch.optim.AdamW(all, lr=1e-3)), gradients=True)
add("ops/Adam/step", optimizer_step(lambda all: torch.optim.Adam(all, lr=1e-3)), gradients=True)
add(
    "ops/SGD with momentum/step",
    optimizer_step(lambda all: torch.optim.SGD(all, lr=1e-3, momentum=0.9)),
    gradients=True,
)
add(
    "ops/clip gradients/step",
    optimizer_step(
        lambda all: type("Clip", (), {"step": lambda _: torch.nn.utils.clip_grad_norm_(all, 1.0)})()
    ),
    gradients=True,
)
