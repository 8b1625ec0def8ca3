# ruff: noqa: E501
# The program that runs with the mock on is a text.
"""Tensors reach other processes, and nothing of them stays in shared memory."""

import os
import subprocess
import sys

import pytest

SCRIPT = """
import multiprocessing, sys
import oneflow_mock
oneflow_mock.enable()
import torch
import torch.multiprocessing as mp


def child(queue, back):
    made = {name: torch.arange(5000).to(getattr(torch, name)) for name in ("float32", "bfloat16", "bool")}
    made["small"] = torch.tensor([1.5, 2.5])[1:]
    made["empty"] = torch.empty(0, 3)
    made["scalar"] = torch.tensor(7)
    made["parameter"] = torch.nn.Parameter(torch.ones(3000), requires_grad=False)
    made["leaf"] = torch.ones(2, requires_grad=True)
    made["transposed"] = torch.arange(6.0).reshape(2, 3).t()
    queue.put(made)
    queue.put(back.get(timeout=60) * 2)


def main():
    context = mp.get_context(sys.argv[1])
    queue, back = context.Queue(), context.Queue()
    process = context.Process(target=child, args=(queue, back))
    process.start()
    made = queue.get(timeout=100)
    for name, tensor in made.items():
        print(name, type(tensor).__name__, tensor.dtype, tuple(tensor.shape), tensor.requires_grad, tensor.double().sum().item())
    back.put(torch.full((2000,), 3.0))
    print(queue.get(timeout=100).sum().item())
    process.join(60)
    print(process.exitcode)
    y = torch.ones(2, requires_grad=True) * 2
    try:
        multiprocessing.reduction.ForkingPickler.dumps(y)
    except RuntimeError as error:
        print(str(error)[:40])


if __name__ == "__main__":
    main()
"""
EXPECTED = """
float32 Tensor torch.float32 (5000,) False 12497500.0
bfloat16 Tensor torch.bfloat16 (5000,) False {bfloat16}
bool Tensor torch.bool (5000,) False 4999.0
small Tensor torch.float32 (1,) False 2.5
empty Tensor torch.float32 (0, 3) False 0.0
scalar Tensor torch.int64 () False 7.0
parameter Parameter torch.float32 (3000,) False 3000.0
leaf Tensor torch.float32 (2,) True 2.0
transposed Tensor torch.float32 (3, 2) False 15.0
12000.0
0
Cowardly refusing to serialize non-leaf
"""


def rounded_sum():
    """Return the sum of 0 … 4999, each rounded to the 8 bits that bfloat16 keeps."""
    total = 0
    for value in range(5000):
        step = 2 ** max(value.bit_length() - 8, 0)
        below, rest = divmod(value, step)
        up = rest * 2 > step or (rest * 2 == step and below % 2)
        total += (below + up) * step
    return float(total)


def shared_files():
    return {name for name in os.listdir("/dev/shm") if name.startswith("ofshm")}


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_tensors_travel(method, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT, encoding="utf-8")
    before = shared_files()
    done = subprocess.run(
        [sys.executable, str(script), method], capture_output=True, text=True, timeout=300
    )
    assert done.stdout.strip() == EXPECTED.format(bfloat16=rounded_sum()).strip(), done.stderr
    assert shared_files() <= before
