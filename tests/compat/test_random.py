"""The same seed gives PyTorch's numbers: every stream against what real PyTorch drew."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import random_cases

HERE = Path(__file__).resolve().parent
GOLDEN = HERE / "golden" / "random.npz"
RECORD = json.loads((HERE / "golden" / "random.json").read_text())


def _mocked(code, **environment):
    """Run code with the mock on, in a Python of its own; return what it prints."""
    script = "import oneflow_mock; oneflow_mock.enable(); import torch\n" + code
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=str(HERE),
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    path = tmp_path_factory.mktemp("random") / "drawn.npz"
    _mocked(f"import random_cases; random_cases.main({str(path)!r})")
    return np.load(str(path))


@pytest.fixture(scope="module")
def golden():
    return np.load(str(GOLDEN))


def _tolerance(name):
    """Return how far a value may be off, absolutely and by its size."""
    if name not in random_cases.INEXACT:
        return 0.0, 0.0
    if "float16" in name and "bfloat16" not in name:
        return 1e-6, 2.0**-10  # one unit, where float32 falls on the other side of a half
    if "bfloat16" in name:
        return 1e-6, 2.0**-7
    return 1e-6, 1e-6


@pytest.mark.parametrize("name", sorted(random_cases.CASES))
def test_same_numbers(name, drawn, golden):
    ours, theirs = drawn[name], golden[name]
    assert ours.dtype.kind != "U", str(ours)
    assert ours.shape == theirs.shape
    absolute, relative = _tolerance(name)
    if not relative:
        np.testing.assert_array_equal(ours, theirs)
    else:
        np.testing.assert_allclose(ours, theirs, rtol=relative, atol=absolute)


def test_no_golden_number_without_a_case(golden):
    assert set(golden.files) == set(random_cases.CASES)


@pytest.mark.parametrize("call", random_cases.REFUSED)
def test_same_error(call, drawn):
    if "cuda" in call and os.path.exists("/dev/nvidia0"):
        pytest.skip("PyTorch was asked on a machine without a CUDA device, and here is one")
    assert str(drawn["refused " + call]) == RECORD["refused"][call]


def test_most_normals_are_the_same_to_the_bit(drawn, golden):
    ours, theirs = drawn["randn float32 4096"], golden["randn float32 4096"]
    assert (ours == theirs).mean() > 0.8


def test_normals_of_processors_without_avx512(tmp_path, golden):
    """NumPy chooses its functions by what the processor has; all of them are near enough."""
    code = (
        "import numpy as np; drawn = torch.manual_seed(1234) and torch.randn(4096)\n"
        f"np.save({str(tmp_path / 'normals.npy')!r}, drawn.numpy())"
    )
    off = "AVX512F AVX512CD AVX512_SKX AVX512_CLX AVX512_CNL AVX512_ICL AVX2 FMA3"
    _mocked(code, NPY_DISABLE_CPU_FEATURES=off)
    ours = np.load(str(tmp_path / "normals.npy"))
    np.testing.assert_allclose(ours, golden["randn float32 4096"], rtol=0, atol=1e-6)


def test_generators_go_through_pickle_and_copy():
    assert (
        _mocked(
            """
import copy, pickle
first = torch.Generator().manual_seed(5)
torch.randn(3, generator=first)
others = [pickle.loads(pickle.dumps(first)), copy.deepcopy(first), copy.copy(first)]
expected = torch.randn(20, generator=first)
print([torch.equal(torch.randn(20, generator=other), expected) for other in others])
print(first, torch.Generator.__module__, torch.Generator.__qualname__)
print(torch.Generator is torch._C.Generator, torch.default_generator is torch._C.default_generator)
"""
        ).splitlines()[0]
        == "[True, True, True]"
    )


def test_a_process_is_seeded_by_the_system_unless_told():
    code = "print(torch.initial_seed(), torch.rand(1).item(), torch.seed() != torch.seed())"
    first, second = _mocked(code).split(), _mocked(code).split()
    assert first[:2] != second[:2]
    assert first[2] == second[2] == "True"


def test_threads_share_a_generator_without_tearing_it():
    """Whichever thread draws first: together they take each word of the stream once."""
    assert _mocked(
        """
import threading
torch.zeros(1).tolist()  # OneFlow 0.9.0 hangs where two threads read their first tensor at once
drawn = []
def work():
    for _ in range(50):
        drawn.extend(torch.rand(7).tolist())
torch.manual_seed(9)
threads = [threading.Thread(target=work) for _ in range(4)]
[thread.start() for thread in threads]; [thread.join() for thread in threads]
torch.manual_seed(9)
print(sorted(drawn) == sorted(torch.rand(4 * 50 * 7).tolist()))
"""
    ).split() == ["True"]


def test_a_graph_draws_anew_at_every_run():
    assert (
        _mocked(
            """
import oneflow
class Graph(oneflow.nn.Graph):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Dropout(0.5)
    def build(self, x):
        return self.layer(x)
graph, ones = Graph(), torch.ones(1000)
print(torch.equal(graph(ones), graph(ones)))
"""
        ).split()[-1]
        == "False"
    )


def test_switching_off_gives_oneflow_its_own_back():
    assert (
        _mocked(
            """
import oneflow, oneflow_mock
held = oneflow.nn.init.uniform_, oneflow.manual_seed, oneflow.nn.Dropout.forward
oneflow_mock.disable()
off = oneflow.nn.init.uniform_, oneflow.manual_seed, oneflow.nn.Dropout.forward
print([a is not b and b.__module__.startswith("oneflow.") for a, b in zip(held, off)])
"""
        ).split("\n")[-2]
        == "[True, True, True]"
    )
