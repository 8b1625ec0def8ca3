"""What random streams are compared by: drawn with real PyTorch and with the mock alike.

``python random_cases.py out.npz`` draws every case with whatever ``torch`` is there.
"""

from __future__ import annotations

import hashlib
import sys

import numpy as np

SIZES = (0, 1, 2, 15, 16, 17, 31, 32, 33, 100, 4096)
FLOATS = ("float32", "float64", "float16", "bfloat16")
INTEGERS = ("int64", "int32", "int8", "uint8")

#: Name of a case → the function that draws it, given torch.
CASES: dict = {}
#: The cases whose numbers go through log, cos, exp or a factorisation.
INEXACT: set = set()


def case(name, exact=True):
    """Register a case; it starts from torch.manual_seed(1234)."""

    def register(function):
        assert name not in CASES, name
        CASES[name] = function
        if not exact:
            INEXACT.add(name)
        return function

    return register


def numbers(value) -> np.ndarray:
    """Return a result as an array: small floats as float64, so that every reader knows them."""
    if isinstance(value, (list, tuple)):
        parts = [numbers(part).reshape(-1) for part in value]
        return np.concatenate(parts) if parts else np.empty(0)
    if isinstance(value, (int, float, bool, np.ndarray)):
        return np.asarray(value)
    value = value.detach()
    if str(value.dtype).rpartition(".")[2] == "bfloat16":
        value = value.float()
    return value.numpy()


def digest(array) -> np.ndarray:
    """Return a fingerprint of an array that is too long to be kept."""
    return np.frombuffer(hashlib.sha256(np.ascontiguousarray(array)).digest(), np.uint8)


def _in(torch, dtype):
    return getattr(torch, dtype)


def _ramp(torch, low, high, size, dtype="float32"):
    """Return numbers from low to high that do not depend on anybody's linspace."""
    return torch.from_numpy(np.linspace(low, high, size).astype(np.float32)).to(_in(torch, dtype))


for _dtype in FLOATS:
    for _size in SIZES:

        @case(f"rand {_dtype} {_size}")
        def _(torch, dtype=_dtype, size=_size):
            return torch.rand(size, dtype=_in(torch, dtype))

        @case(f"randn {_dtype} {_size}", exact=False)
        def _(torch, dtype=_dtype, size=_size):
            return torch.randn(size, dtype=_in(torch, dtype))

    @case(f"uniform_ {_dtype}")
    def _(torch, dtype=_dtype):
        return torch.empty(1000, dtype=_in(torch, dtype)).uniform_(-0.0721, 0.0721)

    @case(f"uniform_ wide {_dtype}")
    def _(torch, dtype=_dtype):
        return torch.empty(1000, dtype=_in(torch, dtype)).uniform_(3, 700)

    @case(f"normal_ {_dtype}", exact=False)
    def _(torch, dtype=_dtype):
        return torch.empty(100, dtype=_in(torch, dtype)).normal_(0.3, 0.7)

    @case(f"normal_ few {_dtype}", exact=False)
    def _(torch, dtype=_dtype):
        return torch.empty(7, dtype=_in(torch, dtype)).normal_(0.3, 0.7)

    @case(f"random_ {_dtype}")
    def _(torch, dtype=_dtype):
        return torch.empty(100, dtype=_in(torch, dtype)).random_()

    @case(f"random_ bounds {_dtype}")
    def _(torch, dtype=_dtype):
        return torch.empty(100, dtype=_in(torch, dtype)).random_(-5, 100)

    @case(f"random_ from {_dtype}")
    def _(torch, dtype=_dtype):
        return torch.empty(100, dtype=_in(torch, dtype)).random_(7, None)

    @case(f"bernoulli_ {_dtype}")
    def _(torch, dtype=_dtype):
        return torch.empty(100, dtype=_in(torch, dtype)).bernoulli_(0.3)

    @case(f"bernoulli {_dtype}")
    def _(torch, dtype=_dtype):
        return torch.bernoulli(_ramp(torch, 0, 1, 101, dtype))

    @case(f"exponential_ {_dtype}", exact=False)
    def _(torch, dtype=_dtype):
        return torch.empty(1000, dtype=_in(torch, dtype)).exponential_(1.5)

    @case(f"geometric_ {_dtype}")
    def _(torch, dtype=_dtype):
        return torch.empty(1000, dtype=_in(torch, dtype)).geometric_(0.3)

    @case(f"cauchy_ {_dtype}", exact=False)
    def _(torch, dtype=_dtype):
        return torch.empty(100, dtype=_in(torch, dtype)).cauchy_(1.0, 0.5)

    @case(f"log_normal_ {_dtype}", exact=False)
    def _(torch, dtype=_dtype):
        return torch.empty(33, dtype=_in(torch, dtype)).log_normal_(0.0, 0.5)

    @case(f"poisson {_dtype}")
    def _(torch, dtype=_dtype):
        rates = _ramp(torch, 0, 60, 121, dtype)
        return [torch.poisson(rates), torch.rand(3)]

    @case(f"randperm {_dtype}")
    def _(torch, dtype=_dtype):
        return torch.randperm(100, dtype=_in(torch, dtype))

    @case(f"randint {_dtype}")
    def _(torch, dtype=_dtype):
        return torch.randint(-3, 17, (100,), dtype=_in(torch, dtype))

    @case(f"dropout {_dtype}")
    def _(torch, dtype=_dtype):
        values = _ramp(torch, -2, 2, 100, dtype)
        return [torch.nn.functional.dropout(values, p) for p in (0.1, 0.5, 0.9)]


for _dtype in ("float32", "float64"):

    @case(f"binomial {_dtype}")
    def _(torch, dtype=_dtype):
        counts = torch.arange(120).to(_in(torch, dtype))
        chances = _ramp(torch, 0, 1, 120, dtype)
        return [torch.binomial(counts, chances), torch.rand(3)]

    @case(f"gamma {_dtype}", exact=False)
    def _(torch, dtype=_dtype):
        shapes = _ramp(torch, 0.1, 12, 60, dtype)
        return [torch._standard_gamma(shapes), torch.rand(3)]

    @case(f"dirichlet {_dtype}", exact=False)
    def _(torch, dtype=_dtype):
        shapes = _ramp(torch, 0.1, 12, 60, dtype).reshape(12, 5)
        return [torch._sample_dirichlet(shapes), torch.rand(3)]

    @case(f"multinomial replaced {_dtype}")
    def _(torch, dtype=_dtype):
        weights = torch.rand(5, 40, dtype=_in(torch, dtype))
        return [torch.multinomial(weights, 60, replacement=True), torch.rand(3)]

    @case(f"multinomial {_dtype}")
    def _(torch, dtype=_dtype):
        weights = torch.rand(5, 40, dtype=_in(torch, dtype))
        return [torch.multinomial(weights, 30), torch.multinomial(weights[0], 1), torch.rand(3)]

    @case(f"multinomial one replaced {_dtype}")
    def _(torch, dtype=_dtype):
        weights = torch.rand(5, 40, dtype=_in(torch, dtype))
        return [torch.multinomial(weights, 1, replacement=True), torch.rand(3)]

    @case(f"normal around {_dtype}", exact=False)
    def _(torch, dtype=_dtype):
        means = _ramp(torch, -3, 3, 40, dtype)
        deviations = _ramp(torch, 0, 2, 40, dtype)
        return [
            torch.normal(means, deviations),
            torch.normal(means, 0.5),
            torch.normal(1.5, deviations),
            torch.normal(means[:7].reshape(7, 1), deviations[:3]),
            torch.normal(means),
        ]


for _dtype in INTEGERS:

    @case(f"random_ {_dtype}")
    def _(torch, dtype=_dtype):
        return torch.empty(100, dtype=_in(torch, dtype)).random_()

    @case(f"random_ from {_dtype}")
    def _(torch, dtype=_dtype):
        return torch.empty(100, dtype=_in(torch, dtype)).random_(7, None)

    @case(f"randint {_dtype}")
    def _(torch, dtype=_dtype):
        return torch.randint(3, 100, (100,), dtype=_in(torch, dtype))

    @case(f"bernoulli_ {_dtype}")
    def _(torch, dtype=_dtype):
        return torch.empty(100, dtype=_in(torch, dtype)).bernoulli_(0.3)

    @case(f"geometric_ {_dtype}")
    def _(torch, dtype=_dtype):
        return torch.empty(100, dtype=_in(torch, dtype)).geometric_(0.3)

    @case(f"randperm {_dtype}")
    def _(torch, dtype=_dtype):
        return torch.randperm(100, dtype=_in(torch, dtype))


for _size in SIZES:

    @case(f"randperm {_size}")
    def _(torch, size=_size):
        return [torch.randperm(size), torch.rand(2)]

    @case(f"randint {_size}")
    def _(torch, size=_size):
        return torch.randint(1000, (size,))


for _low, _high in (
    (0, 1),
    (0, 2),
    (0, 256),
    (-7, 3),
    (0, (1 << 28) - 1),
    (0, 1 << 28),
    (5, (1 << 28) + 6),
    (0, (1 << 32) - 1),
    (0, 1 << 32),
    (0, (1 << 32) + 1),
    (-(1 << 63), (1 << 63) - 1),
    (-(1 << 62), 1 << 62),
):

    @case(f"randint {_low} {_high}")
    def _(torch, low=_low, high=_high):
        return torch.randint(low, high, (100,))


@case("randperm long")
def _(torch):
    order = numbers(torch.randperm(70000))
    return [order[:200], order[-200:], digest(order)]


@case("random_ every int64")
def _(torch):
    return torch.empty(100, dtype=torch.int64).random_(-(1 << 63), None)


@case("bool")
def _(torch):
    empty = torch.empty(50, dtype=torch.bool)
    drawn = [empty.random_(), empty.bernoulli_(0.7), torch.randint(0, 2, (50,), dtype=torch.bool)]
    return [numbers(part.clone()) for part in drawn[:1]] + [
        numbers(torch.empty(50, dtype=torch.bool).bernoulli_(0.7)),
        numbers(drawn[2]),
    ]


@case("float bounds that no float holds")
def _(torch):
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return [
            torch.empty(30).random_(0, (1 << 24) + 1),
            torch.empty(30).random_(-(1 << 25) - 1, (1 << 30) - 1),
            torch.empty(30, dtype=torch.float16).random_(0, 65504),
            torch.empty(30, dtype=torch.float64).random_(0, (1 << 53) + 1),
        ]


@case("bernoulli by tensor")
def _(torch):
    chances = _ramp(torch, 0, 1, 20)
    return [
        torch.empty(4, 20).bernoulli_(chances),
        torch.empty(4, 20, dtype=torch.int64).bernoulli_(chances.double()),
        torch.bernoulli(torch.ones(50), 0.2),
        torch.ones(50).bernoulli(0.2),
        torch.empty(20, 4).t().bernoulli_(chances),
    ]


@case("layouts", exact=False)
def _(torch):
    drawn = [
        torch.empty(6, 5).t(),
        torch.empty(4, 5, 6).permute(1, 2, 0),
        torch.empty(8, 8)[:, ::2],
    ]
    drawn += [torch.empty(3, 4)[1:, 1:3], torch.empty(40)[::2], torch.empty(1, 9).t()]
    return [
        result.contiguous()
        for tensor in drawn
        for result in (
            tensor.uniform_().clone(),
            tensor.normal_().clone(),
            tensor.random_(1000).clone(),
            tensor.bernoulli_(0.5).clone(),
            tensor.exponential_().clone(),
        )
    ]


@case("like", exact=False)
def _(torch):
    shapes = [torch.zeros(6, 5), torch.zeros(6, 5).t(), torch.zeros(4, 5, 6).permute(1, 2, 0)]
    shapes += [torch.zeros(8, 8)[:, ::2], torch.zeros(1, 5).expand(4, 5)]
    drawn = []
    for tensor in shapes:
        drawn += [torch.rand_like(tensor), torch.randn_like(tensor), torch.randint_like(tensor, 50)]
        drawn.append(torch.randint_like(tensor, 3, 50, dtype=torch.int32))
        drawn.append(torch.randn_like(tensor, dtype=torch.float64))
    return [numbers(result.contiguous()) for result in drawn]


@case("strides of like")
def _(torch):
    shapes = [torch.zeros(6, 5), torch.zeros(6, 5).t(), torch.zeros(4, 5, 6).permute(1, 2, 0)]
    shapes += [torch.zeros(8, 8)[:, ::2], torch.zeros(1, 5).expand(4, 5)]
    return [list(torch.rand_like(tensor).stride()) for tensor in shapes]


@case("mixed calls", exact=False)
def _(torch):
    """Odd numbers of normals leave half a pair behind, which the next one takes."""
    drawn = []
    for size in (1, 3, 20, 5, 2, 1):
        drawn += [torch.randn(size), torch.rand(3), torch.randint(9, (2,)), torch.randn(1)]
        drawn += [
            torch.empty(3).log_normal_(),
            torch.randperm(4),
            torch.randn(3, dtype=torch.float64),
        ]
    return [numbers(part).astype(np.float64) for part in drawn]


@case("state after mixed calls")
def _(torch):
    states = []
    for size in (0, 1, 2, 16, 17, 623, 624, 625, 1248):
        torch.manual_seed(size)
        torch.rand(size)
        states.append(torch.get_rng_state())
        torch.randn(3)
        states.append(torch.get_rng_state())
        torch.randn(1)
        states.append(torch.get_rng_state())
        torch.nn.functional.dropout(torch.ones(9))
        torch.randperm(9)
        states.append(torch.get_rng_state())
    return [part for state in states for part in (state[:32], digest(numbers(state)))]


@case("state set")
def _(torch):
    torch.randn(5)
    state = torch.get_rng_state()
    first = torch.randn(3), torch.rand(700)
    torch.set_rng_state(state)
    again = torch.randn(3), torch.rand(700)
    return [*first, *again]


for _seed in (0, 1, -1, 42, (1 << 32) - 1, 1 << 32, (1 << 63) + 5, (1 << 64) - 1, -(1 << 63)):

    @case(f"seed {_seed}", exact=False)
    def _(torch, seed=_seed):
        generator = torch.Generator().manual_seed(seed)
        return [
            torch.rand(5, generator=generator, dtype=torch.float64),
            numbers(np.array([generator.initial_seed()], np.uint64)).view(np.int64).astype(float),
            torch.randn(20, generator=generator).double(),
        ]


@case("generators", exact=False)
def _(torch):
    one = torch.Generator()
    drawn = [torch.randn(3, generator=one), torch.randn(33, generator=one)]
    two = one.clone_state()
    drawn += [torch.randn(3, generator=one), torch.randn(3, generator=two)]
    drawn += [torch.randperm(5, generator=two), torch.randint(7, (3,), generator=two)]
    drawn += [torch.empty(3).normal_(generator=two), torch.empty(3).uniform_(generator=two)]
    drawn += [torch.bernoulli(torch.full((9,), 0.5), generator=two)]
    drawn += [torch.multinomial(torch.ones(9), 4, generator=two), torch.rand(3)]
    drawn += [torch.poisson(torch.full((5,), 3.0), generator=two)]
    return drawn


@case("out", exact=False)
def _(torch):
    drawn = [torch.empty(4, 5) for _ in range(3)]
    torch.rand(4, 5, out=drawn[0])
    torch.randn(4, 5, out=drawn[1])
    torch.normal(0.0, 2.0, (4, 5), out=drawn[2])
    order = torch.empty(9, dtype=torch.int64)
    torch.randperm(9, out=order)
    columns = torch.empty(3, dtype=torch.int64)
    torch.multinomial(torch.ones(9), 3, out=columns)
    return [*drawn, order.float(), columns.float()]


@case("fork_rng")
def _(torch):
    with torch.random.fork_rng():
        inside = torch.rand(3)
    return [inside, torch.rand(3)]


@case("dropout channels")
def _(torch):
    functional = torch.nn.functional
    values = _ramp(torch, -2, 2, 2 * 6 * 2 * 3 * 2).reshape(2, 6, 2, 3, 2)
    return [
        functional.dropout1d(values[:, :, 0, :, 0].contiguous(), 0.4),
        functional.dropout1d(values[0, :, 0, :, 0].contiguous(), 0.4),
        functional.dropout2d(values[:, :, 0].contiguous(), 0.4),
        functional.dropout3d(values, 0.4),
        functional.dropout3d(values[0].contiguous(), 0.4),
        functional.alpha_dropout(values, 0.3, training=True),
        functional.feature_alpha_dropout(values, 0.3, training=True),
        functional.dropout(values, 0.5, training=False),
        functional.dropout(values, 0.0),
        functional.dropout(values, 1.0),
        functional.dropout(values.permute(4, 0, 2, 1, 3), 0.5),
    ]


@case("dropout modules")
def _(torch):
    nn = torch.nn
    values = _ramp(torch, -2, 2, 2 * 6 * 4 * 4).reshape(2, 6, 4, 4)
    drawn = [nn.Dropout(0.3)(values), nn.Dropout2d(0.3)(values), nn.Dropout()(values)]
    drawn += [nn.Dropout1d(0.3)(values[0]), nn.Dropout3d(0.3)(values.unsqueeze(2))]
    drawn += [nn.Dropout(0.3).eval()(values)]
    return drawn


@case("dropout gradient")
def _(torch):
    values = _ramp(torch, -2, 2, 40)
    values.requires_grad_()
    (torch.nn.functional.dropout(values, 0.3) ** 2).sum().backward()
    return values.grad


MODULES = {
    "Linear": lambda nn: nn.Linear(7, 5),
    "Linear without bias": lambda nn: nn.Linear(7, 5, bias=False),
    "Bilinear": lambda nn: nn.Bilinear(3, 4, 5),
    "Conv1d": lambda nn: nn.Conv1d(4, 6, 3),
    "Conv2d": lambda nn: nn.Conv2d(4, 6, 3),
    "Conv2d in groups": lambda nn: nn.Conv2d(4, 6, (3, 5), groups=2),
    "Conv3d": lambda nn: nn.Conv3d(2, 3, 3),
    "ConvTranspose1d": lambda nn: nn.ConvTranspose1d(4, 6, 3),
    "ConvTranspose2d": lambda nn: nn.ConvTranspose2d(4, 6, 3, groups=2),
    "ConvTranspose3d": lambda nn: nn.ConvTranspose3d(2, 3, 3),
    "Embedding": lambda nn: nn.Embedding(11, 6),
    "Embedding with padding": lambda nn: nn.Embedding(11, 6, padding_idx=2),
    "RNN": lambda nn: nn.RNN(4, 5),
    "LSTM": lambda nn: nn.LSTM(4, 5, num_layers=2, bidirectional=True),
    "GRU": lambda nn: nn.GRU(4, 5, num_layers=2),
    "LSTMCell": lambda nn: nn.LSTMCell(4, 5),
    "GRUCell": lambda nn: nn.GRUCell(4, 5),
    "BatchNorm2d": lambda nn: nn.BatchNorm2d(5),
    "LayerNorm": lambda nn: nn.LayerNorm(5),
    "GroupNorm": lambda nn: nn.GroupNorm(2, 6),
    "PReLU": lambda nn: nn.PReLU(3),
    "MultiheadAttention": lambda nn: nn.MultiheadAttention(8, 2),
    "MultiheadAttention of other widths": lambda nn: nn.MultiheadAttention(8, 2, kdim=4, vdim=6),
}

for _name, _build in MODULES.items():

    @case(f"module {_name}", exact="Embedding" not in _name)
    def _(torch, build=_build):
        module = build(torch.nn)
        drawn = [parameter for _, parameter in sorted(module.named_parameters())]
        return [*drawn, torch.rand(3)]


INITIALIZERS = {
    "uniform_": lambda init, t: init.uniform_(t, -0.3, 0.4),
    "normal_": lambda init, t: init.normal_(t, 0.1, 0.5),
    "trunc_normal_": lambda init, t: init.trunc_normal_(t, std=0.02),
    "trunc_normal_ narrow": lambda init, t: init.trunc_normal_(t, std=1.0, a=-0.1, b=0.9),
    "trunc_normal_ far": lambda init, t: init.trunc_normal_(t, std=1.0, a=1.0, b=1.2),
    "xavier_uniform_": lambda init, t: init.xavier_uniform_(t, gain=1.3),
    "xavier_normal_": lambda init, t: init.xavier_normal_(t, gain=1.3),
    "kaiming_uniform_": lambda init, t: init.kaiming_uniform_(t, mode="fan_out"),
    "kaiming_normal_": lambda init, t: init.kaiming_normal_(t, nonlinearity="relu"),
    "orthogonal_": lambda init, t: init.orthogonal_(t, gain=0.5),
    "sparse_": lambda init, t: init.sparse_(t, 0.3) if t.ndim == 2 else t.fill_(0),
    "eye_": lambda init, t: init.eye_(t) if t.ndim == 2 else t.fill_(0),
    "dirac_": lambda init, t: init.dirac_(t) if t.ndim > 2 else t.fill_(0),
    "constant_": lambda init, t: init.constant_(t, 0.3),
}

_EXACT_INITIALIZERS = (
    "uniform_",
    "xavier_uniform_",
    "kaiming_uniform_",
    "eye_",
    "dirac_",
    "constant_",
)

for _name, _fill in INITIALIZERS.items():
    for _shape in ((10, 7), (7, 10), (6, 4, 3, 3)):

        @case(f"init {_name} {_shape}", exact=_name in _EXACT_INITIALIZERS)
        def _(torch, fill=_fill, shape=_shape):
            return [fill(torch.nn.init, torch.empty(shape)), torch.rand(3)]


@case("init with a generator", exact=False)
def _(torch):
    generator = torch.Generator().manual_seed(3)
    tensor = torch.empty(5, 6)
    return [
        torch.nn.init.xavier_uniform_(tensor, generator=generator).clone(),
        torch.nn.init.kaiming_normal_(tensor, generator=generator).clone(),
        torch.nn.init.trunc_normal_(tensor, generator=generator).clone(),
        torch.rand(3),
    ]


@case("sampler")
def _(torch):
    data = torch.utils.data
    orders = [
        list(data.RandomSampler(range(20))),
        list(data.RandomSampler(range(20), replacement=True, num_samples=70)),
        list(data.RandomSampler(range(20), num_samples=33)),
        list(data.RandomSampler(range(20), generator=torch.Generator().manual_seed(3))),
        list(data.SubsetRandomSampler(range(30, 50))),
        list(data.WeightedRandomSampler([0.1, 0.9, 0.4, 0.7, 3.0, 0.6], 5)),
        list(data.WeightedRandomSampler([0.1, 0.9, 0.4, 0.7, 3.0, 0.6], 5, replacement=False)),
        list(data.DistributedSampler(range(20), num_replicas=3, rank=1, seed=7)),
    ]
    return [numbers(np.array([int(i) for i in order])) for order in orders]


@case("random_split")
def _(torch):
    split = torch.utils.data.random_split
    parts = split(range(20), [5, 15]) + split(range(21), [0.3, 0.3, 0.4])
    parts += split(range(9), [4, 5], generator=torch.Generator().manual_seed(4))
    return [numbers(np.array([int(i) for i in part])) for part in parts]


@case("DataLoader")
def _(torch):
    data = list(range(23))
    loader = torch.utils.data.DataLoader(data, batch_size=4, shuffle=True)
    epochs = [[batch.clone() for batch in loader] for _ in range(2)]
    own = torch.utils.data.DataLoader(
        data, batch_size=4, shuffle=True, generator=torch.Generator().manual_seed(2)
    )
    epochs.append(list(own))
    return [batch for epoch in epochs for batch in epoch] + [torch.randint(1000, (3,))]


class Noise:
    """A data set whose items are drawn where they are asked for."""

    def __len__(self):
        return 12

    def __getitem__(self, index):
        import torch

        return torch.rand(2)


@case("DataLoader workers")
def _(torch):
    loader = torch.utils.data.DataLoader(Noise(), batch_size=3, shuffle=True, num_workers=2)
    return list(loader) + [torch.rand(2)]


#: Calls that PyTorch refuses.
REFUSED = """
torch.Generator('foo')
torch.Generator(3.5)
g.manual_seed(2**64)
g.manual_seed(-2**63-1)
g.manual_seed(1.5)
g.manual_seed('a')
g.manual_seed(None)
g.manual_seed(True)
torch.manual_seed(2**64)
g.get_offset()
g.set_offset(1)
g.graphsafe_get_state()
g.set_state(torch.zeros(3, dtype=torch.uint8))
g.set_state(torch.zeros(5056))
g.set_state(torch.zeros(5056, dtype=torch.uint8))
g.set_state([1])
torch.randn()
torch.randn(-1)
torch.randn(2.)
torch.randn('a')
torch.randn(2, 'a')
torch.randn(None)
torch.randn(True)
torch.randn(2, 3, (4,))
torch.randn((2,), (3,))
torch.randn(2, size=(2,))
torch.randn(2, foo=1)
torch.randn(2, names=('a',))
torch.randn(2, 3, dtype=torch.int64)
torch.rand(2, dtype=torch.int64)
torch.randn(2, device='cuda')
torch.randn(2, out=torch.empty(2, dtype=torch.float64), dtype=torch.float32)
torch.randint(0, (2,))
torch.randint(5, 5, (2,))
torch.randint(10)
torch.randint(1, 2)
torch.randint(0, 300, (2,), dtype=torch.uint8)
torch.randint(0, 2**40, (2,), dtype=torch.int32)
torch.randint(-200, 5, (2,), dtype=torch.int8)
torch.randint(0, 5, (2,), dtype=torch.bool)
torch.randint(0, 2**63, (2,))
torch.randint(0.5, 3, (2,))
torch.randint(0, 2**30, (3,), dtype=torch.float16)
torch.randperm(-1)
torch.randperm(300, dtype=torch.uint8)
torch.randperm(3000, dtype=torch.float16)
torch.randperm(5.)
torch.randperm(5, dtype=torch.bool)
torch.normal(0., -1., (2,))
torch.normal(torch.zeros(3), -torch.ones(3))
torch.normal(0., 1.)
torch.normal(0.0, 1.0, 3)
torch.normal(torch.zeros(3, dtype=torch.int64), 1.)
torch.normal(torch.zeros(3), -1.)
torch.normal(torch.zeros(3), torch.ones(4))
torch.bernoulli(torch.tensor([.5, 2.]))
torch.bernoulli(torch.tensor([1, 0]))
torch.bernoulli(torch.tensor([float('nan')]))
torch.empty(2).bernoulli_(2.)
torch.empty(2).bernoulli_(torch.tensor([1, 0]))
torch.empty(2).bernoulli_(torch.ones(3))
torch.empty(2).uniform_(1, 0)
torch.empty(2).uniform_(0, 1e39)
torch.empty(2, dtype=torch.int64).uniform_()
torch.empty(2).normal_(0, -1)
torch.empty(2, dtype=torch.int64).normal_()
torch.empty(2).exponential_(0)
torch.empty(2, dtype=torch.int64).exponential_()
torch.empty(2).geometric_(0)
torch.empty(2).geometric_(1)
torch.empty(2, dtype=torch.bool).geometric_(.5)
torch.empty(2).log_normal_(0, 0)
torch.empty(2, dtype=torch.int64).log_normal_()
torch.empty(2).cauchy_(0, -1)
torch.empty(2, dtype=torch.int64).cauchy_()
torch.empty(2).random_(5, 5)
torch.empty(2).random_(0)
torch.empty(2, dtype=torch.uint8).random_(0, 300)
torch.empty(2, requires_grad=True).normal_()
torch.empty(1, 2).expand(3, 2).normal_()
torch.multinomial(torch.tensor([.5, .5]), 3)
torch.multinomial(torch.tensor([.5, -.5]), 1)
torch.multinomial(torch.zeros(3), 1)
torch.multinomial(torch.tensor([.5, float('inf')]), 1, True)
torch.multinomial(torch.tensor([1, 2]), 1)
torch.multinomial(torch.rand(2, 2, 2), 1)
torch.multinomial(torch.rand(2), 0)
torch.multinomial(torch.zeros(3), 2, True)
torch.multinomial(torch.tensor([.5, -.5]), 2, True)
torch.multinomial(torch.tensor(3.), 1)
torch.multinomial(torch.rand(2), 1, out=torch.empty(3))
torch.poisson(torch.tensor([-1.]))
torch.poisson(torch.tensor([1]))
torch.binomial(torch.tensor([3.]), .5)
torch.binomial(torch.tensor([3]), torch.tensor([.5]))
torch.randn_like(torch.zeros(2, dtype=torch.int64))
torch.randn_like([1])
torch.nn.functional.dropout(torch.ones(3), 2.)
torch.nn.functional.dropout(torch.ones(3, dtype=torch.int64))
torch.nn.functional.dropout1d(torch.ones(3))
torch.nn.init.eye_(torch.ones(3))
torch.nn.init.xavier_uniform_(torch.ones(3))
torch.nn.init.kaiming_uniform_(torch.ones(3, 3), mode='fan')
torch.nn.init.calculate_gain('foo')
torch.utils.data.RandomSampler([])
torch.utils.data.DataLoader([1], prefetch_factor=3)
torch.utils.data.DataLoader([1], shuffle=True, sampler=[0])
torch.utils.data.random_split([1, 2], [2, 1])
""".strip().splitlines()


def refusal(torch, expression) -> str:
    """Return the error that a call raises, as text."""
    try:
        value = eval(expression, {"torch": torch, "g": torch.Generator()})
    except Exception as error:
        text = str(error).partition("\nException raised")[0].rstrip()
        return f"{type(error).__name__}: {text}"
    return f"no error: {value!r}"


def draw(torch, name) -> np.ndarray:
    """Draw one case."""
    torch.manual_seed(1234)
    return numbers(CASES[name](torch))


def main(path) -> None:
    """Draw all cases into a file; a case that fails is its error."""
    import torch

    drawn = {}
    for name in CASES:
        try:
            drawn[name] = draw(torch, name)
        except Exception as error:
            drawn[name] = np.array(f"{type(error).__name__}: {error}")
    for expression in REFUSED:
        drawn["refused " + expression] = np.array(refusal(torch, expression))
    np.savez_compressed(path, **drawn)


if __name__ == "__main__":
    main(sys.argv[1])
