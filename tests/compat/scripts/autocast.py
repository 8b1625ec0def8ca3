"""Which dtype each operator answers in, inside torch.autocast("cpu"), and what becomes of it."""

import threading
import warnings

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.functional import linear  # before any block is open
from torch.utils.checkpoint import checkpoint

warnings.simplefilter("ignore")
torch.manual_seed(0)
a, b = torch.randn(3, 3), torch.randn(2, 3, 3)
v, h = a[0], a.bfloat16()
image, volume = torch.randn(1, 2, 4, 4), torch.randn(1, 2, 4, 4, 4)
narrow, narrow_volume = image.bfloat16(), volume.bfloat16()
labels = torch.tensor([0, 1, 2])

CASES = {
    "einsum product": lambda: torch.einsum("ij,jk->ik", a, a),
    "einsum elementwise": lambda: torch.einsum("ij,ij->ij", a, a),
    "einsum sum": lambda: torch.einsum("ij->i", a),
    "einsum outer": lambda: torch.einsum("i,j->ij", v, v),
    "einsum dot": lambda: torch.einsum("i,i->", v, v),
    "mm": lambda: torch.mm(a, a),
    "mm method": lambda: a.mm(a),
    "mm out": lambda: torch.mm(a, a, out=torch.empty(3, 3)),
    "operator": lambda: a @ a,
    "operator, vector": lambda: v @ a,
    "operator, vectors": lambda: v @ v,
    "matmul": lambda: torch.matmul(a, a),
    "matmul method": lambda: a.matmul(a),
    "bmm": lambda: torch.bmm(b, b),
    "bmm method": lambda: b.bmm(b),
    "baddbmm": lambda: torch.baddbmm(b, b, b),
    "addmm": lambda: torch.addmm(a, a, a),
    "addmm in place": lambda: a.clone().addmm_(a, a),
    "addbmm": lambda: torch.addbmm(a, b, b),
    "addmv": lambda: torch.addmv(v, a, v),
    "mv": lambda: torch.mv(a, v),
    "dot": lambda: torch.dot(v, v),
    "inner": lambda: torch.inner(a, a),
    "outer": lambda: torch.outer(v, v),
    "tensordot": lambda: torch.tensordot(a, a, 1),
    "multi_dot": lambda: torch.linalg.multi_dot([a, a, a]),
    "vecdot": lambda: torch.linalg.vecdot(a, a),
    "matrix_power": lambda: torch.matrix_power(a, 2),
    "matrix_exp": lambda: torch.matrix_exp(a),
    "cov": lambda: torch.cov(a),
    "doubles": lambda: torch.mm(a.double(), a.double()),
    "integers": lambda: labels @ labels,
    "linear": lambda: F.linear(a, a, v),
    "linear, imported": lambda: linear(a, a, v),
    "Linear": lambda: nn.Linear(3, 3)(a),
    "bilinear": lambda: F.bilinear(a, a, torch.randn(2, 3, 3)),
    "Conv1d": lambda: nn.Conv1d(2, 2, 3)(image[0, :, :1].expand(2, 2, 4)),
    "conv2d": lambda: F.conv2d(image, torch.randn(2, 2, 3, 3)),
    "torch.conv2d": lambda: torch.conv2d(image, torch.randn(2, 2, 3, 3)),
    "Conv3d": lambda: nn.Conv3d(2, 1, 3)(volume),
    "ConvTranspose2d": lambda: nn.ConvTranspose2d(2, 2, 3)(image),
    "PReLU": lambda: nn.PReLU()(a),
    "attention": lambda: F.scaled_dot_product_attention(b, b, b),
    "MultiheadAttention": lambda: nn.MultiheadAttention(3, 1)(a, a, a)[0],
    "TransformerEncoderLayer": lambda: nn.TransformerEncoderLayer(4, 1).eval()(torch.ones(2, 2, 4)),
    "LSTM": lambda: nn.LSTM(3, 3)(a)[0],
    "GRU": lambda: nn.GRU(3, 3)(a)[0],
    "RNN": lambda: nn.RNN(3, 3)(a)[0],
    "LSTMCell": lambda: nn.LSTMCell(3, 3)(a)[0],
    "GRUCell": lambda: nn.GRUCell(3, 3)(a),
    "RNNCell": lambda: nn.RNNCell(3, 3)(a),
    "cat": lambda: torch.cat([a, h]),
    "cat, narrow": lambda: torch.cat([h, h]),
    "cat, half": lambda: torch.cat([a.half(), a]),
    "cat, double": lambda: torch.cat([h, a.double()]),
    "cat, integers": lambda: torch.cat([h, torch.ones(3, 3, dtype=torch.int64)]),
    "stack": lambda: torch.stack([h, a]),
    "hstack": lambda: torch.hstack([h, a]),
    "index_copy": lambda: torch.index_copy(a, 0, labels[:1], h[:1]),
    "softmax": lambda: h.softmax(0),
    "prod": lambda: h.prod(),
    "sum": lambda: h.sum(),
    "exp": lambda: h.exp(),
    "pow": lambda: h**2,
    "sum of two": lambda: h + a,
    "layer_norm": lambda: F.layer_norm(a, (3,)),
    "layer_norm, narrow": lambda: F.layer_norm(h, (3,)),
    "group_norm": lambda: F.group_norm(narrow, 2),
    "rms_norm": lambda: F.rms_norm(h, (3,)),
    "BatchNorm2d": lambda: nn.BatchNorm2d(2)(narrow),
    "gelu": lambda: F.gelu(h),
    "trace": lambda: h.trace(),
    "quantile": lambda: h.quantile(0.5),
    "cdist": lambda: torch.cdist(h, h),
    "norm": lambda: h.norm(),
    "cumsum": lambda: h.cumsum(0),
    "mse_loss": lambda: F.mse_loss(h, h),
    "l1_loss": lambda: F.l1_loss(h, h),
    "cross_entropy": lambda: F.cross_entropy(h, labels),
    "nll_loss": lambda: F.nll_loss(h, labels),
    "binary_cross_entropy": lambda: F.binary_cross_entropy(h.sigmoid(), h.sigmoid()),
    "with logits": lambda: F.binary_cross_entropy_with_logits(h, h),
    "kl_div": lambda: F.kl_div(h, h.abs()),
    "huber_loss": lambda: F.huber_loss(h, h),
    "CrossEntropyLoss": lambda: nn.CrossEntropyLoss()(h, labels),
    "triplet_margin_loss": lambda: F.triplet_margin_loss(h, h, h),
    "grid_sample": lambda: F.grid_sample(narrow, torch.zeros(1, 2, 2, 2)),
    "avg_pool2d": lambda: F.avg_pool2d(narrow, 2),
    "avg_pool3d": lambda: F.avg_pool3d(narrow_volume, 2),
    "max_pool3d": lambda: F.max_pool3d(narrow_volume, 2),
    "adaptive_avg_pool3d": lambda: F.adaptive_avg_pool3d(narrow_volume, 1),
    "pad": lambda: F.pad(narrow, (1, 1)),
    "pad, reflected": lambda: F.pad(narrow, (1, 1, 1, 1), mode="reflect"),
    "pad, replicated": lambda: F.pad(narrow, (1, 1, 1, 1), mode="replicate"),
    "interpolate": lambda: F.interpolate(narrow, scale_factor=2),
    "embedding": lambda: F.embedding(labels, a),
    "inv": lambda: torch.linalg.inv(h),
    "fft": lambda: torch.fft.rfft(h).real,
}


def answer(function):
    try:
        return function().dtype
    except RuntimeError as error:
        return f"RuntimeError {str(error)[:60]}"


for dtype in (torch.bfloat16, torch.float16):
    with torch.autocast("cpu", dtype=dtype):
        for name, function in CASES.items():
            if (name, dtype) != ("LSTM", torch.float16):  # not on every processor
                print(dtype, name, answer(function))

# The state, nested and afterwards.
w = torch.randn(3, 3, requires_grad=True)
with torch.autocast("cpu"):
    with torch.no_grad():
        F.linear(a, w)
    first, second = F.linear(a, w), F.linear(a, w)
    print(first.requires_grad, torch.is_autocast_enabled("cpu"), torch.is_autocast_enabled())
    with torch.autocast("cpu", enabled=False):
        print((a @ a).dtype, torch.is_autocast_enabled("cpu"))
    with torch.autocast("cpu", dtype=torch.float16):
        print((a @ a).dtype, torch.get_autocast_dtype("cpu"))
    print((a @ a).dtype, torch.get_autocast_dtype("cpu"))
print((a @ a).dtype, linear(a, a).dtype, torch.is_autocast_enabled("cpu"))
(first + second).sum().backward()
print(w.grad.dtype, w.grad)


@torch.autocast("cpu")
def product(x):
    return x @ x


print(product(a), (a @ a).dtype)
try:
    with torch.autocast("cpu"):
        raise KeyError
except KeyError:
    print((a @ a).dtype)
answers = []
with torch.autocast("cpu"):
    other = threading.Thread(target=lambda: answers.append((a @ a).dtype))
    other.start()
    other.join()
print(answers)
with torch.autocast("cpu", dtype=torch.float32):
    print((a @ a).dtype)
torch.set_autocast_enabled("cpu", True)
print((a @ a).dtype)
torch.set_autocast_enabled("cpu", False)
print((a @ a).dtype)

# Computed again for the backward pass, in the same dtypes; and a few steps of training.
model = nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 1))
optimizer = torch.optim.SGD(model.parameters(), 0.1)
for reentrant in (True, False):
    optimizer.zero_grad()
    with torch.autocast("cpu"):
        x = a.clone().requires_grad_()
        loss = F.mse_loss(checkpoint(model, x, use_reentrant=reentrant), torch.ones(3, 1))
    loss.backward()
    print(loss.dtype, [p.grad.dtype for p in model.parameters()], model[2].bias.grad)
    optimizer.step()
