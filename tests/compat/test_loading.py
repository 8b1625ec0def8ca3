# ruff: noqa: E501
# The programs that run with the mock on are texts.
"""A model is laid out and loaded without its memory being taken twice, or before it is needed."""

import subprocess
import sys
from pathlib import Path

import pytest

PRELUDE = """
import sys
import oneflow_mock
oneflow_mock.enable()
import torch
from torch import nn
from oneflow_mock.compat import hooks

def own_memory():
    with open("/proc/self/status", encoding="ascii") as lines:
        return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("RssAnon"))
"""

pytestmark = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads /proc")


def run(code, *args, env=None):
    """Run code with the mock on; return what it printed."""
    command = [sys.executable, "-c", PRELUDE + code, *map(str, args)]
    done = subprocess.run(command, capture_output=True, text=True, env=env)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_new_memory_is_not_taken_before_it_is_written():
    code = """
before = own_memory()
tensors = [torch.empty(10 << 20) for _ in range(4)]
print(bool(hooks.kernels), own_memory() - before < 20)
tensors[0].fill_(1)
print(own_memory() - before > 35, float(tensors[0].sum()))
print(float(torch.zeros(10 << 20).sum()), int(torch.ones(1 << 20, dtype=torch.int64).sum()))
"""
    (has_kernels, is_small), *rest = (line.split() for line in run(code).splitlines())
    if has_kernels == "False":
        pytest.skip("OneFlow's own allocator, which sets all to zero")
    assert is_small == "True"
    assert rest == [["True", str(float(10 << 20))], ["0.0", str(1 << 20)]]


def test_a_safetensors_file_is_mapped_and_not_copied(tmp_path):
    pytest.importorskip("safetensors")
    code = """
import safetensors.torch
path = sys.argv[1]
with torch.device("meta"):
    model = nn.Sequential(*[nn.Linear(1000, 1000) for _ in range(20)])
safetensors.torch.save_file({name: torch.full(v.shape, 0.5) for name, v in model.state_dict().items()}, path)
"""
    path = tmp_path / "model.safetensors"
    run(code, path)
    code = """
import safetensors.torch
path = sys.argv[1]
before = own_memory()
with torch.device("meta"):
    model = nn.Sequential(*[nn.Linear(1000, 1000) for _ in range(20)])
state = safetensors.torch.load_file(path)
model.load_state_dict(state, assign=True)
print(own_memory() - before < 20)
print(sum(p.numel() for p in model.parameters()), {type(p).__name__ for p in model.parameters()})
print({float(p.detach().sum()) / p.numel() for p in model.parameters()})
with torch.no_grad():
    model[3].weight.zero_()
print(float(state["3.weight"].sum()), float(safetensors.torch.load_file(path)["3.weight"].sum()))
"""
    assert run(code, path).splitlines() == [
        "True",
        "20020000 {'Parameter'}",
        "{0.5}",
        "0.0 500000.0",
    ]


def test_arrays_that_tensors_shared_are_let_go():
    code = """
import numpy as np, weakref
class Held(np.ndarray):
    pass
def made(count):
    array = np.zeros(count, np.float32).view(Held)
    return weakref.ref(array), torch.from_numpy(array)
refs = [made(8 << 20)[0] for _ in range(30)]
print(sum(ref() is not None for ref in refs) < 10)
base = np.zeros(1000, np.float32)
views = [torch.from_numpy(base[i:]) for i in range(2000)]
base[999] = 5
print({float(view[-1]) for view in views[:1000]}, views[500].shape)
"""
    assert run(code).splitlines() == ["True", "{5.0} torch.Size([500])"]


def test_meta_tensors_of_one_layout_are_apart():
    code = """
a, b = torch.empty(3, 4, device="meta"), torch.empty(3, 4, device="meta")
a.requires_grad_()
a.note = "a"
b.add_(1)
a.data = torch.empty(5, device="meta")
print(a.requires_grad, b.requires_grad, hasattr(b, "note"), tuple(a.shape), tuple(b.shape))
print(tuple(torch.empty(3, 4, device="meta").shape), len({id(torch.empty(2, device="meta")) for _ in range(3)}) > 0)
kept = [torch.empty(i, 2, device="meta") for i in range(3000)]
print(all(tuple(t.shape) == (i, 2) for i, t in enumerate(kept)))
torch.Tensor.doubled = lambda self: self * 2
print(a.doubled().device, tuple(a.doubled().shape))
"""
    assert run(code).splitlines() == [
        "True False False (5,) (3, 4)",
        "(3, 4) True",
        "True",
        "meta (5,)",
    ]


def test_hold_takes_new_instances_and_tensors_only():
    code = """
hold = hooks.native.get("hold")
if hold is None:
    print("no kernels")
else:
    for arguments in [(), (1, 2), (torch.ones(1),), (torch.ones(1), torch.ones(2)), (torch.ones(1), 3)]:
        try:
            hold(*arguments)
            print("held")
        except TypeError as error:
            print("refused")
    import gc
    for _ in range(1000):
        t = torch.empty(2, device="meta"); t.me = t.detach(); u = t.me; del t
    gc.collect()
    print(tuple(u.shape))
"""
    printed = run(code).splitlines()
    assert printed in (["no kernels"], ["refused"] * 5 + ["(2,)"])
