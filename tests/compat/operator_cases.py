"""Calls of torch operators, as text, with the same inputs for PyTorch and for the mock.

Run by any interpreter that has a ``torch``::

    python tests/compat/operator_cases.py answers.npz [first case]

Each case is evaluated with ``torch``, ``F`` and the input makers below; every tensor in its result,
and the gradient of every floating input that asked for one, is written to the file. The real
PyTorch's answers are committed (``golden/operators.npz``, drawn by ``tools/draw_operator_golden.py``).
"""

import json
import sys

import numpy as np

_leaves = []


def _values(shape, seed, low, high):
    generator = np.random.RandomState(seed)
    return generator.uniform(low, high, size=shape)


def x(*shape, seed=0, low=-2.0, high=2.0, dtype="float32", grad=False):
    """A tensor of uniform values; the same for the same arguments."""
    import torch

    made = torch.from_numpy(np.asarray(_values(shape, seed + len(shape), low, high), dtype=dtype))
    if grad:
        made.requires_grad_(True)
        _leaves.append(made)
    return made


def g(*shape, **options):
    """A tensor like `x` whose gradient is compared too."""
    return x(*shape, grad=True, **options)


def i(*shape, seed=0, low=0, high=10, dtype="int64"):
    """A tensor of integers in [low, high)."""
    import torch

    return torch.from_numpy(np.random.RandomState(seed).randint(low, high, shape).astype(dtype))


def b(*shape, seed=0):
    """A tensor of booleans."""
    import torch

    return torch.from_numpy(np.random.RandomState(seed).randint(0, 2, shape).astype(bool))


def net(module, training=True):
    """A module whose parameters hold values that depend on their names only; gradients compared."""
    import torch

    module.train(training)
    for position, (_, parameter) in enumerate(sorted(module.named_parameters())):
        values = _values(tuple(parameter.shape), 77 + position, -0.5, 0.5).astype("float32")
        with torch.no_grad():
            parameter.copy_(torch.from_numpy(values))
        _leaves.append(parameter)
    return module


CASES = """
# creation
torch.arange(5)
torch.arange(1, 10, 3)
torch.arange(0, 1, 0.25)
torch.arange(0, 10, dtype=torch.float32)
torch.arange(start=0, end=8, dtype=torch.float32, device="cpu")
torch.linspace(0, 1, 5)
torch.linspace(0.00085 ** 0.5, 0.012 ** 0.5, 1000, dtype=torch.float32) ** 2
torch.full((2, 3), 7)
torch.full((2, 3), 0.5)
torch.full((2,), True)
torch.full((2, 3), float("-inf"))
torch.full_like(x(2, 3), 3)
torch.zeros(2, 3, dtype=torch.int64)
torch.zeros((2, 3))
torch.zeros([])
torch.ones_like(x(3), dtype=torch.int32)
torch.eye(3)
torch.eye(2, 4)
torch.tensor([[1, 2], [3, 4]])
torch.tensor(3.5)
torch.tensor([1.0, 2])
torch.tensor([True, False])
torch.as_tensor([1, 2, 3])
torch.tril(x(4, 4))
torch.triu(torch.full((4, 4), float("-inf")), diagonal=1)
torch.empty(4, 4).fill_(float("-inf")).triu_(1)
torch.logspace(0, 2, 5)
torch.meshgrid(torch.arange(3), torch.arange(4), indexing="ij")
torch.meshgrid(torch.arange(3), torch.arange(4), indexing="xy")
torch.tril_indices(3, 3)
torch.outer(g(3), g(4))
torch.cartesian_prod(torch.arange(3), torch.arange(2))
torch.combinations(torch.arange(4))
torch.diag(g(3))
torch.diag(g(3, 3))
torch.diag_embed(g(2, 3))
torch.diagonal(g(3, 4), offset=1)
# elementwise
torch.add(g(2, 3), g(3))
torch.add(g(2, 3), g(2, 3, seed=1), alpha=2)
torch.sub(g(2, 3), 1.5)
torch.rsub(g(2, 3), 1.5)
g(2, 3) * 2
2 / g(2, 3, low=1.0)
g(2, 3) ** 2
2 ** g(2, 3)
i(3) / 2
i(3) // 2
i(3) * 0.5
i(3) % 4
x(5) % 1.5
torch.remainder(x(5), 0.7)
torch.fmod(x(5), 0.7)
torch.floor_divide(i(4, low=-9), 2)
torch.div(x(4), x(4, seed=3), rounding_mode="floor")
torch.div(x(4), x(4, seed=3), rounding_mode="trunc")
torch.div(i(4, low=-9), 2, rounding_mode="floor")
-g(3)
abs(g(3))
torch.exp(g(3))
torch.log(g(3, low=0.1))
torch.log1p(g(3, low=0.1))
torch.log2(g(3, low=0.1))
torch.expm1(g(3))
torch.sqrt(g(3, low=0.1))
torch.rsqrt(g(3, low=0.1))
torch.sin(g(3))
torch.cos(g(3))
torch.tan(g(3))
torch.tanh(g(3))
torch.sigmoid(g(3))
torch.erf(g(3))
torch.erfinv(g(3, low=-0.9, high=0.9))
torch.atan2(g(3), g(3, seed=2))
torch.reciprocal(g(3, low=0.5))
torch.square(g(3))
torch.pow(g(3, low=0.1), g(3, seed=4))
torch.clamp(g(2, 5), -1, 1)
torch.clamp(g(2, 5), min=0)
torch.clamp(g(2, 5), max=0.5)
torch.clip(x(5), -0.5, 0.5)
torch.clamp(i(5), 2, 6)
torch.clamp(x(2, 5), min=x(5, seed=9))
torch.maximum(g(4), g(4, seed=2))
torch.minimum(g(4), g(4, seed=2))
torch.where(b(2, 3), g(2, 3), g(2, 3, seed=1))
torch.where(b(2, 3), g(2, 3), 0.0)
torch.where(b(2, 3), 1.0, g(2, 3))
torch.where(b(6))
torch.lerp(g(3), g(3, seed=1), 0.3)
torch.lerp(g(3), g(3, seed=1), g(3, seed=2))
torch.addcmul(g(3), g(3, seed=1), g(3, seed=2), value=0.5)
torch.addcdiv(g(3), g(3, seed=1), g(3, seed=2, low=1.0), value=0.5)
torch.floor(x(4)), torch.ceil(x(4)), torch.trunc(x(4))
torch.round(torch.tensor([0.5, 1.5, 2.5, -0.5, -1.5, 0.4]))
torch.round(x(5), decimals=2)
torch.frac(x(5))
torch.sign(x(5))
torch.sgn(x(5))
torch.nan_to_num(torch.tensor([float("nan"), float("inf"), -float("inf"), 1.0]))
torch.isnan(torch.tensor([float("nan"), 1.0])), torch.isinf(torch.tensor([float("inf"), 1.0]))
torch.isfinite(torch.tensor([float("nan"), float("inf"), 1.0]))
torch.logical_and(b(4), b(4, seed=1)), torch.logical_or(b(4), b(4, seed=1)), torch.logical_not(b(4))
torch.logical_xor(b(4), b(4, seed=1))
b(4) & b(4, seed=1), b(4) | b(4, seed=1), b(4) ^ b(4, seed=1), ~b(4)
i(4) & 3, i(4) | 3, i(4) ^ 3, ~i(4)
i(4) << 2, i(4) >> 1
torch.bitwise_and(i(4), i(4, seed=1)), torch.bitwise_xor(i(4), i(4, seed=1))
x(4) > 0, x(4) >= 0.1, x(4) < x(4, seed=1), x(4) == x(4), x(4) != 0
torch.eq(i(4), 3), torch.ne(i(4), i(4, seed=1)), torch.gt(x(4), 0), torch.le(x(4), 0)
torch.isclose(x(4), x(4) + 1e-9)
torch.isin(i(6), torch.tensor([1, 2, 3]))
torch.heaviside(x(4), torch.tensor(0.5))
torch.xlogy(g(3, low=0.1), g(3, seed=1, low=0.1))
torch.logaddexp(g(3), g(3, seed=1))
torch.hypot(x(3), x(3, seed=1))
torch.deg2rad(x(3))
torch.sinc(x(3))
torch.exp2(g(3))
# promotion
i(3) + 1.5
i(3) + x(3)
i(3, dtype="int32") + i(3)
b(3) + 1
b(3) * x(3)
b(3) + b(3)
x(3, dtype="float64") + x(3)
x(3) + torch.tensor(1.0, dtype=torch.float64)
i(3) * torch.tensor(0.5)
i(3, dtype="uint8") + 1
torch.sqrt(i(3))
torch.exp(i(3, high=4))
torch.sum(b(5))
torch.mean(x(3).double())
i(3).float() / i(3, low=1)
# reductions
torch.sum(g(2, 3))
torch.sum(g(2, 3), dim=1)
torch.sum(g(2, 3, 4), dim=(0, 2), keepdim=True)
torch.sum(i(2, 3))
torch.sum(i(2, 3, dtype="int32"))
torch.mean(g(2, 3))
torch.mean(g(2, 3, 4), dim=[1, 2])
torch.mean(g(2, 3, 4), -1, keepdim=True)
torch.var(g(2, 5))
torch.var(g(2, 5), dim=1, unbiased=False)
torch.var(g(2, 5), dim=1, correction=0)
torch.std(g(2, 5))
torch.std(g(2, 5), dim=1, keepdim=True)
torch.std(g(2, 5), dim=1, unbiased=False)
torch.var_mean(g(2, 5), dim=1)
torch.std_mean(g(2, 5), dim=1)
torch.prod(g(2, 3))
torch.prod(g(2, 3), dim=1)
torch.max(g(2, 3))
torch.max(g(2, 3), dim=1)
torch.max(g(2, 3), 1)
torch.max(x(2, 3), dim=1, keepdim=True)
torch.min(x(2, 3), 0)
torch.max(x(3), x(3, seed=1))
torch.amax(g(2, 3), dim=1)
torch.amin(g(2, 3), dim=(0, 1))
torch.argmax(x(2, 5)), torch.argmax(x(2, 5), dim=1), torch.argmin(x(2, 5), dim=0, keepdim=True)
torch.any(b(2, 3)), torch.any(b(2, 3), dim=1), torch.all(b(2, 3), 0), torch.all(b(2, 3))
torch.any(x(3) > 5), torch.all(i(3))
torch.norm(g(2, 3))
torch.norm(g(2, 3), dim=1)
torch.norm(g(2, 3), p=1, dim=1, keepdim=True)
torch.linalg.norm(g(2, 3))
torch.linalg.norm(g(2, 3), dim=-1)
torch.linalg.vector_norm(g(2, 3), dim=-1, keepdim=True)
torch.logsumexp(g(2, 3), dim=1)
torch.cumsum(g(2, 3), dim=1)
torch.cumsum(i(5), 0)
torch.cumprod(g(5), dim=0)
torch.cummax(x(6), 0)
torch.median(x(5))
torch.median(x(3, 5), dim=1)
torch.quantile(x(11), 0.3)
torch.quantile(x(4, 11), torch.tensor([0.1, 0.5, 0.9]), dim=1)
torch.count_nonzero(i(5))
torch.topk(x(3, 6), 2)
torch.topk(x(6), 3, largest=False)
torch.sort(x(3, 6))
torch.sort(x(6), descending=True)
torch.argsort(x(6))
torch.argsort(x(3, 6), dim=0, descending=True)
torch.unique(i(12))
torch.unique(i(12), return_inverse=True, return_counts=True)
torch.unique_consecutive(torch.tensor([1, 1, 2, 2, 3, 1]))
torch.bincount(i(12))
torch.histc(x(20), bins=5, min=-2, max=2)
torch.kthvalue(x(7), 3)
torch.nonzero(b(3, 4))
torch.nonzero(b(6), as_tuple=True)
torch.argwhere(b(3, 4))
torch.searchsorted(torch.arange(10.0), x(4, low=0.0, high=9.0))
torch.bucketize(x(4, low=0.0, high=9.0), torch.arange(10.0))
torch.diff(g(5))
# shape
torch.cat([g(2, 3), g(2, 3, seed=1)])
torch.cat((g(2, 3), g(2, 2, seed=1)), dim=1)
torch.cat([g(2, 3), g(2, 3, seed=1)], dim=-1)
torch.cat([i(2), x(2)])
torch.cat([torch.empty(0), x(2)])
torch.concat([x(2), x(2)]), torch.concatenate([x(2), x(2)])
torch.stack([g(2, 3), g(2, 3, seed=1)], dim=1)
torch.stack([torch.tensor(1.0), torch.tensor(2.0)])
torch.hstack([x(2), x(3)]), torch.vstack([x(3), x(3)]), torch.dstack([x(3), x(3)])
torch.split(g(6, 2), 2)
torch.split(x(6, 2), [1, 5])
torch.chunk(g(2, 6), 3, dim=1)
torch.chunk(x(7), 3)
torch.tensor_split(x(7), 3)
torch.unbind(g(3, 2))
torch.squeeze(g(1, 3, 1)), torch.squeeze(x(1, 3, 1), 0), torch.squeeze(x(3), 0)
torch.unsqueeze(g(3), -1)
torch.squeeze(torch.tensor([1.0])), torch.tensor(1.0).squeeze(), torch.tensor(1.0).unsqueeze(0)
torch.reshape(g(2, 6), (3, -1))
g(2, 6).view(3, 4), x(2, 6).view(-1), x(2, 6).view((4, 3)), x(2, 6).reshape(2, 2, 3)
torch.flatten(g(2, 3, 4)), torch.flatten(x(2, 3, 4), 1), torch.flatten(x(2, 3, 4), start_dim=0, end_dim=1)
torch.flatten(torch.tensor(1.0))
torch.unflatten(x(2, 6), 1, (2, 3)), x(2, 6).unflatten(-1, (3, -1))
torch.transpose(g(2, 3, 4), 1, 2), x(2, 3).t(), x(2, 3).T, x(2, 3, 4).mT
torch.permute(g(2, 3, 4), (2, 0, 1)), x(2, 3, 4).permute(2, 0, 1)
torch.movedim(x(2, 3, 4), 0, -1), torch.swapaxes(x(2, 3), 0, 1)
g(1, 3).expand(2, 3), x(3).expand(2, -1), x(1, 3).expand(2, 4, 3), x(3).expand_as(x(2, 3))
torch.broadcast_to(x(3), (2, 3)), torch.broadcast_tensors(x(3, 1), x(1, 2))
g(2, 3).repeat(2, 1), x(3).repeat(2), x(3).repeat(2, 2)
torch.repeat_interleave(g(3), 2)
torch.repeat_interleave(g(2, 3), 2, dim=0)
torch.repeat_interleave(x(3), torch.tensor([1, 2, 0]))
x(2, 3).repeat_interleave(2, dim=-1)
torch.tile(x(2, 3), (2, 1))
torch.flip(g(2, 3), dims=[1]), torch.flip(x(2, 3), (0,)), torch.fliplr(x(2, 3)), torch.rot90(x(2, 3))
torch.roll(g(2, 3), 1), torch.roll(x(2, 3), shifts=(1, -1), dims=(0, 1))
torch.gather(g(3, 4), 1, i(3, 2, high=4))
torch.scatter(g(3, 4), 1, i(3, 2, high=4), 2.0)
torch.zeros(3, 4).scatter_(1, i(3, 1, high=4), 1.0)
torch.zeros(3, 4).scatter_add_(1, i(3, 2, high=4), x(3, 2))
torch.index_select(g(3, 4), 1, torch.tensor([0, 2]))
torch.masked_select(x(3, 4), b(3, 4))
g(3, 4).masked_fill(b(3, 4), -1.0)
x(3, 4).masked_fill(b(3, 4), float("-inf"))
torch.take_along_dim(x(3, 4), i(3, 2, high=4), dim=1)
torch.narrow(g(3, 4), 1, 1, 2)
torch.select(x(3, 4), 1, 2)
torch.atleast_1d(torch.tensor(1.0)), torch.atleast_2d(x(3))
torch.kron(x(2, 2), x(2, 2, seed=1))
torch.block_diag(x(2, 2), x(1, 3))
torch.unfold_copy(x(6), 0, 2, 2), x(6).unfold(0, 3, 1)
torch.tril(i(4, 4)), torch.triu(b(4, 4))
torch.empty(0, 3).sum(), torch.zeros(0).mean(), torch.zeros(2, 0).sum(1)
torch.as_strided(x(6), (2, 2), (2, 1))
# indexing
g(3, 4)[1], x(3, 4)[:, 1], x(3, 4)[..., None].shape, x(3, 4)[-1, -1]
g(3, 4)[:, None], x(5)[::2], x(3, 4)[1:, :2]
x(3, 4)[b(3)], x(3, 4)[b(3, 4)]
g(3, 4)[torch.tensor([0, 2])], x(3, 4)[[0, 2]], x(3, 4)[torch.tensor([0, 2]), torch.tensor([1, 3])]
x(3, 4)[:, torch.tensor([1, 1])]
x(3, 4)[torch.arange(2), i(2, high=4)]
x(5)[i(1, high=5)], x(5)[torch.tensor(2)]
(lambda t: (t.__setitem__((slice(None), 1), 5.0), t))(x(3, 4))[1]
(lambda t: (t.__setitem__(b(3, 4), 0.0), t))(x(3, 4))[1]
(lambda t: (t.__setitem__(torch.tensor([0, 1]), x(2, 4, seed=3)), t))(x(3, 4))[1]
(lambda t: (t[1].fill_(2.0), t))(x(3, 4))[1]
(lambda t: (t.view(-1).mul_(2.0), t))(x(3, 4))[1]
(lambda t: (t.transpose(0, 1)[0].add_(1.0), t))(x(3, 4))[1]
(lambda t: (t.copy_(x(3, 4, seed=8)), t))(x(3, 4))[1]
(lambda t: (t[:, :2].copy_(x(3, 2, seed=8)), t))(x(3, 4))[1]
(lambda t: (t.clamp_(-1, 1), t))(x(3, 4))[1]
(lambda t: (t.masked_fill_(b(3, 4), 0.0), t))(x(3, 4))[1]
x(3).add_(1).mul_(2).sub_(0.5).div_(3).neg_()
x(3).zero_(), x(3).fill_(2), x(4).clamp_(min=0), x(4).exp_(), x(4, low=0.1).sqrt_()
# products
torch.matmul(g(2, 3), g(3, 4))
torch.matmul(g(3), g(3, seed=1))
torch.matmul(g(2, 3), g(3))
torch.matmul(g(3), g(3, 4))
torch.matmul(g(2, 3, 4), g(4, 5))
torch.matmul(g(2, 3, 4), g(2, 4, 5))
torch.matmul(g(2, 1, 3, 4), g(5, 4, 2))
g(2, 3) @ g(3, 2)
torch.mm(g(2, 3), g(3, 4)), torch.bmm(g(2, 3, 4), g(2, 4, 5)), torch.mv(x(2, 3), x(3)), torch.dot(x(3), x(3))
torch.baddbmm(g(2, 3, 5), g(2, 3, 4), g(2, 4, 5), beta=0.5, alpha=2)
torch.baddbmm(torch.empty(2, 3, 5), x(2, 3, 4), x(2, 4, 5), beta=0, alpha=0.5)
torch.addmm(g(4), g(2, 3), g(3, 4)), torch.addmm(x(2, 4), x(2, 3), x(3, 4), beta=2, alpha=3)
torch.einsum("bij,bjk->bik", g(2, 3, 4), g(2, 4, 5))
torch.einsum("nhwpqc->nchpwq", x(1, 2, 3, 2, 2, 4))
torch.einsum("i,d->id", x(3), x(4))
torch.einsum("b h i d, b h j d -> b h i j", x(1, 2, 3, 4), x(1, 2, 5, 4))
torch.tensordot(x(2, 3), x(3, 4), dims=1)
torch.cdist(x(3, 4), x(5, 4))
torch.cross(x(2, 3), x(2, 3, seed=1), dim=1)
torch.cosine_similarity(x(2, 3), x(2, 3, seed=1), dim=1)
torch.trace(x(3, 3))
torch.linalg.inv(x(3, 3) + 3 * torch.eye(3))
torch.linalg.det(x(3, 3))
# nn.functional
F.linear(g(2, 3), g(4, 3), g(4))
F.linear(g(2, 5, 3), g(4, 3))
F.linear(x(3), x(4, 3), x(4))
F.conv1d(g(1, 2, 8), g(3, 2, 3), g(3), padding=1)
F.conv2d(g(1, 2, 6, 6), g(3, 2, 3, 3), g(3), stride=2, padding=1)
F.conv2d(x(1, 4, 6, 6), x(4, 1, 3, 3), groups=4, padding="same")
F.conv2d(x(2, 6, 6), x(3, 2, 3, 3))
F.conv3d(x(1, 2, 4, 4, 4), x(3, 2, 3, 3, 3))
F.conv_transpose2d(g(1, 2, 4, 4), g(2, 3, 3, 3), stride=2, padding=1, output_padding=1)
F.relu(g(4)), F.silu(g(4)), F.gelu(g(4)), F.gelu(g(4), approximate="tanh"), F.mish(x(4))
F.leaky_relu(g(4), 0.2), F.elu(g(4)), F.softplus(g(4)), F.hardtanh(x(4)), F.hardswish(x(4)), F.relu6(x(4))
F.selu(x(4)), F.celu(x(4)), F.glu(g(2, 4)), F.logsigmoid(g(4)), F.softsign(x(4)), F.tanhshrink(x(4))
F.softmax(g(2, 5), dim=-1), F.softmax(g(2, 5), dim=0), F.log_softmax(g(2, 5), dim=-1)
torch.softmax(x(2, 5), -1), x(2, 5).softmax(dim=-1), F.softmax(x(2, 5), dim=-1, dtype=torch.float64)
F.softmax(torch.tensor(1.0), dim=0)
F.softmax(x(2, 2, 3, 5), dim=1)
F.layer_norm(g(2, 5), (5,), g(5), g(5, seed=1), 1e-5)
F.layer_norm(g(2, 3, 5), (3, 5))
F.group_norm(g(2, 4, 3, 3), 2, g(4), g(4, seed=1), 1e-6)
F.group_norm(g(2, 4, 5), 4)
F.batch_norm(g(4, 3), x(3), x(3, low=0.5), g(3), g(3), training=False)
F.batch_norm(g(4, 3, 5), None, None, training=True)
F.instance_norm(g(2, 3, 4, 4))
F.rms_norm(g(2, 5), (5,), g(5))
F.normalize(g(2, 5), dim=1)
F.normalize(x(2, 5), p=1, dim=-1)
F.dropout(x(4), 0.5, training=False)
F.embedding(i(2, 3), g(10, 4))
F.embedding(i(2, 3), x(10, 4), padding_idx=0)
F.one_hot(i(5), 10)
F.one_hot(i(5))
F.pad(g(1, 2, 3, 3), (1, 2))
F.pad(x(1, 2, 3, 3), (0, 1, 0, 1), mode="constant", value=0)
F.pad(x(1, 2, 3, 3), (1, 1, 1, 1), mode="reflect")
F.pad(x(1, 2, 3, 3), (1, 1, 1, 1), "replicate")
F.pad(x(1, 2, 3), (1, 1), "circular")
F.pad(b(2, 3), (1, 0), value=True)
F.pad(i(3), (1, 1), value=7)
F.interpolate(g(1, 2, 4, 4), scale_factor=2, mode="nearest")
F.interpolate(g(1, 2, 4, 4), scale_factor=2.0, mode="bilinear", align_corners=False)
F.interpolate(x(1, 2, 4, 4), size=(6, 7), mode="bilinear", align_corners=True)
F.interpolate(x(1, 2, 4, 4), size=(6, 7), mode="bicubic")
F.interpolate(x(1, 2, 4, 4), size=7)
F.interpolate(x(1, 2, 8), scale_factor=0.5, mode="linear")
F.interpolate(x(1, 2, 5, 5), size=(3, 3), mode="area")
F.interpolate(x(1, 2, 9, 9), size=(4, 4), mode="nearest-exact")
F.max_pool2d(g(1, 2, 6, 6), 2), F.max_pool2d(x(1, 2, 7, 7), 3, stride=2, padding=1)
F.avg_pool2d(g(1, 2, 6, 6), 2), F.avg_pool2d(x(1, 2, 7, 7), 3, stride=2, padding=1), F.avg_pool1d(x(1, 2, 8), 2)
F.adaptive_avg_pool2d(g(1, 2, 6, 6), 1), F.adaptive_avg_pool2d(x(1, 2, 6, 6), (2, 3)), F.adaptive_avg_pool1d(x(1, 2, 6), 3)
F.adaptive_max_pool2d(x(1, 2, 6, 6), 2)
F.unfold(x(1, 2, 4, 4), 2), F.fold(x(1, 8, 9), (4, 4), 2)
F.pixel_shuffle(g(1, 4, 3, 3), 2), F.pixel_unshuffle(x(1, 1, 4, 4), 2)
F.grid_sample(x(1, 2, 4, 4), x(1, 3, 3, 2, low=-1.0, high=1.0), align_corners=False)
F.affine_grid(x(1, 2, 3), (1, 2, 4, 4), align_corners=False)
F.mse_loss(g(2, 3), x(2, 3, seed=1)), F.mse_loss(x(2, 3), x(2, 3, seed=1), reduction="none")
F.l1_loss(g(2, 3), x(2, 3, seed=1)), F.smooth_l1_loss(g(2, 3), x(2, 3, seed=1)), F.huber_loss(g(2, 3), x(2, 3, seed=1))
F.cross_entropy(g(3, 5), i(3, high=5)), F.cross_entropy(g(3, 5), i(3, high=5), label_smoothing=0.1)
F.cross_entropy(x(3, 5), torch.tensor([1, -100, 2])), F.cross_entropy(x(2, 5, 3), i(2, 3, high=5), reduction="none")
F.cross_entropy(g(3, 5), F.softmax(x(3, 5, seed=2), -1))
F.nll_loss(F.log_softmax(g(3, 5), -1), i(3, high=5))
F.binary_cross_entropy_with_logits(g(3), x(3, low=0.0, high=1.0)), F.binary_cross_entropy(torch.sigmoid(g(3)), x(3, low=0.0, high=1.0))
F.kl_div(F.log_softmax(g(2, 3), -1), F.softmax(x(2, 3), -1), reduction="batchmean")
F.cosine_similarity(g(2, 3), g(2, 3, seed=1))
F.pairwise_distance(x(2, 3), x(2, 3, seed=1))
F.scaled_dot_product_attention(g(1, 2, 5, 4), g(1, 2, 6, 4), g(1, 2, 6, 4))
F.scaled_dot_product_attention(g(1, 2, 5, 4), g(1, 2, 5, 4), g(1, 2, 5, 4), is_causal=True)
F.scaled_dot_product_attention(x(1, 2, 5, 4), x(1, 2, 6, 4), x(1, 2, 6, 4), attn_mask=b(5, 6))
F.scaled_dot_product_attention(x(1, 2, 5, 4), x(1, 2, 6, 4), x(1, 2, 6, 4), attn_mask=x(1, 1, 5, 6), scale=0.3)
F.scaled_dot_product_attention(x(1, 4, 5, 4), x(1, 2, 6, 4), x(1, 2, 6, 4), enable_gqa=True)
F.scaled_dot_product_attention(x(5, 4), x(6, 4), x(6, 4))
# methods and modules
x(2, 3).numel(), x(2, 3).dim(), x(2, 3).size(1), list(x(2, 3).size()), x(2, 3).ndim
x(2, 3).sum(dim=-1, keepdim=True), x(2, 3).mean((0, 1)), x(2, 3).max().item(), x(2, 3).min(dim=1).values
x(2, 3).abs().max(dim=-1)[0], x(2, 3).argmax(-1), x(2, 3).std(), x(2, 3).var(dim=0)
x(2, 3).pow(2).sum().sqrt(), x(2, 3).norm(), x(2, 3).float().cpu().tolist()
x(3).type(torch.float64), x(3).to(torch.int64), x(3).double(), x(3).long(), x(3).bool(), i(3).float()
x(3).new_zeros(2), x(3).new_ones((2, 2)), x(3).new_full((2,), 3), x(3).new_tensor([1, 2])
torch.nn.Upsample(scale_factor=2)(x(1, 1, 2, 2)), torch.nn.Flatten()(x(2, 3, 4)), torch.nn.Identity()(x(2))
torch.nn.GroupNorm(2, 4)(x(1, 4, 3, 3)), torch.nn.LayerNorm(5)(x(2, 5)), torch.nn.BatchNorm2d(3)(x(2, 3, 4, 4))
torch.nn.SiLU()(x(3)), torch.nn.GELU()(x(3)), torch.nn.Softmax(-1)(x(3)), torch.nn.GELU(approximate="tanh")(x(3))
torch.nn.ZeroPad2d(1)(x(1, 1, 2, 2)), torch.nn.PixelShuffle(2)(x(1, 4, 2, 2)), torch.nn.PixelUnshuffle(2)(x(1, 1, 4, 4))
net(torch.nn.Linear(3, 4))(g(2, 3)), net(torch.nn.Linear(3, 4, bias=False))(x(3))
net(torch.nn.Bilinear(3, 4, 2))(x(5, 3), x(5, 4))
net(torch.nn.Conv1d(2, 3, 3, padding="same"))(x(1, 2, 7))
net(torch.nn.Conv2d(2, 4, 3, padding=1))(g(2, 2, 5, 5)), net(torch.nn.Conv2d(4, 4, 3, groups=2, dilation=2))(x(1, 4, 7, 7))
net(torch.nn.Conv2d(2, 4, 3, padding=1, padding_mode="reflect"))(x(2, 2, 5, 5))
net(torch.nn.Conv2d(2, 4, 3, padding="same"))(x(2, 5, 5))
net(torch.nn.Conv3d(2, 3, 3))(x(1, 2, 4, 4, 4))
net(torch.nn.ConvTranspose2d(2, 3, 4, 2, 1))(g(1, 2, 4, 4)), net(torch.nn.ConvTranspose1d(2, 3, 4, 2, 1))(x(1, 2, 4))
net(torch.nn.GroupNorm(2, 4))(g(2, 4, 3, 3)), net(torch.nn.GroupNorm(2, 4, affine=False))(x(2, 4, 3))
net(torch.nn.LayerNorm((3, 5)))(g(2, 3, 5)), net(torch.nn.LayerNorm(5, elementwise_affine=False))(x(2, 5))
net(torch.nn.LayerNorm(5, bias=False))(x(2, 5)), net(torch.nn.RMSNorm(5))(g(2, 5))
net(torch.nn.BatchNorm1d(3))(g(4, 3)), net(torch.nn.BatchNorm2d(3))(g(4, 3, 2, 2)), net(torch.nn.BatchNorm2d(3), False)(x(4, 3, 2, 2))
net(torch.nn.InstanceNorm2d(3))(g(2, 3, 4, 4)), net(torch.nn.InstanceNorm2d(3, affine=True))(x(2, 3, 4, 4))
net(torch.nn.Embedding(10, 4))(i(2, 3)), net(torch.nn.Embedding(10, 4, padding_idx=1))(i(2, 3))
net(torch.nn.PReLU())(g(3)), torch.nn.ELU()(x(3)), torch.nn.Softplus()(x(3)), torch.nn.Hardtanh()(x(3)), torch.nn.LeakyReLU(0.1)(x(3))
torch.nn.Mish()(x(3)), torch.nn.Tanhshrink()(x(3)), torch.nn.Softmin(dim=0)(x(3)), torch.nn.LogSoftmax(-1)(x(3)), torch.nn.GLU()(x(4))
net(torch.nn.MultiheadAttention(8, 2))(g(5, 1, 8), g(5, 1, 8, seed=1), g(5, 1, 8, seed=2))
net(torch.nn.MultiheadAttention(8, 2, batch_first=True))(x(2, 5, 8), x(2, 6, 8), x(2, 6, 8), need_weights=False)
net(torch.nn.LSTM(3, 4, batch_first=True))(g(2, 5, 3))
net(torch.nn.GRU(3, 4, num_layers=2, bidirectional=True))(x(5, 2, 3))
net(torch.nn.RNN(3, 4))(x(5, 2, 3))
net(torch.nn.LSTMCell(3, 4))(x(2, 3))
net(torch.nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True))(g(2, 5, 8))
torch.nn.MaxPool2d(2)(x(1, 1, 4, 4)), torch.nn.AvgPool2d(3, 2, 1)(x(1, 1, 5, 5)), torch.nn.AdaptiveAvgPool2d((1, 1))(x(1, 2, 5, 5))
torch.nn.ReflectionPad2d(1)(x(1, 1, 3, 3)), torch.nn.ReplicationPad2d(1)(x(1, 1, 3, 3)), torch.nn.ConstantPad2d(1, 2.0)(x(1, 1, 2, 2))
torch.nn.CrossEntropyLoss()(g(3, 5), i(3, high=5)), torch.nn.MSELoss()(x(3), x(3, seed=1)), torch.nn.BCEWithLogitsLoss()(x(3), x(3, low=0.0, high=1.0))
torch.nn.SmoothL1Loss()(x(3), x(3, seed=1)), torch.nn.HuberLoss()(x(3), x(3, seed=1)), torch.nn.NLLLoss()(F.log_softmax(x(3, 5), -1), i(3, high=5))
torch.nn.KLDivLoss(reduction="batchmean")(F.log_softmax(x(2, 3), -1), F.softmax(x(2, 3), -1)), torch.nn.CosineSimilarity()(x(2, 3), x(2, 3, seed=1))
net(torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.ReLU(), torch.nn.Linear(4, 2)))(g(2, 3))
[name for name, _ in torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4)).state_dict().items()]
str(torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Conv2d(1, 2, 3), torch.nn.GroupNorm(1, 2), torch.nn.Dropout(0.1)))
str(torch.nn.ModuleDict({"a": torch.nn.LayerNorm(3), "b": torch.nn.Embedding(3, 4)})), str(torch.nn.ModuleList([torch.nn.SiLU()]))
torch.nn.utils.clip_grad_norm_([torch.nn.Parameter(x(3))], 1.0)
torch.autograd.grad((g(3) ** 2).sum(), [_leaves[-1]])
torch.special.expm1(x(3)), torch.special.erf(x(3)), torch.special.logit(x(3, low=0.1, high=0.9))
"""


def cases():
    """Return the cases' texts, in order, without headings."""
    lines = (line.strip() for line in CASES.splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def _flatten(value):
    import torch

    if isinstance(value, torch.Tensor):
        return [value]
    if isinstance(value, (list, tuple)):
        return [leaf for item in value for leaf in _flatten(item)]
    return [value]


def answer(text):
    """Evaluate one case; returns its values and gradients as a list of NumPy arrays."""
    import torch
    import torch.nn.functional as F

    del _leaves[:]
    scope = dict(globals(), torch=torch, F=F)
    result = _flatten(eval(text, scope))
    arrays = []
    loss = None
    for value in result:
        if isinstance(value, torch.Tensor):
            if _leaves and value.requires_grad:
                weight = torch.from_numpy(
                    np.linspace(0.5, 1.5, max(value.numel(), 1))[: value.numel()]
                    .reshape(tuple(value.shape))
                    .astype(str(value.dtype).rpartition(".")[2])
                )
                term = (value * weight).sum()
                loss = term if loss is None else loss + term
            arrays.append(value.detach().cpu().numpy().copy())
        else:
            arrays.append(np.asarray(value))
    if loss is not None:
        loss.backward()
        for leaf in _leaves:
            if leaf.grad is not None:
                arrays.append(leaf.grad.detach().cpu().numpy().copy())
    return arrays


def main(target, first=0, last=None):
    """Write every case's answer to ``target``, one line of JSON each, flushed as it goes."""
    import warnings

    warnings.simplefilter("ignore")
    with open(target, "a", encoding="utf-8") as file:
        for number, text in list(enumerate(cases()))[first:last]:
            file.write(json.dumps({"case": number, "text": text}) + "\n")
            file.flush()
            try:
                arrays = answer(text)
            except Exception as error:
                row = {"case": number, "error": f"{type(error).__name__}: {error}"}
            else:
                row = {"case": number, "values": [_written(array) for array in arrays]}
            file.write(json.dumps(row) + "\n")
            file.flush()


def _written(array):
    return {
        "dtype": str(array.dtype),
        "shape": list(array.shape),
        "data": array.reshape(-1).tolist(),
    }


if __name__ == "__main__":
    main(sys.argv[1], *(int(number) for number in sys.argv[2:]))
