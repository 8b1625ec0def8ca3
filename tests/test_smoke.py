"""A small training run through each door: the test that CPython 3.7 has to pass too."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

TRAINING = """
import torch
from torch import nn
import torch.nn.functional as F

torch.manual_seed(0)
x = torch.randn(64, 4)
y = (x.sum(dim=1, keepdim=True) > 0).to(torch.float32)
model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
losses = []
for step in range(60):
    loss = F.binary_cross_entropy_with_logits(model(x), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    losses.append(loss.item())
assert losses[-1] < 0.2 < losses[0], losses
with torch.no_grad():
    right = ((model(x) > 0) == (y > 0)).float().mean().item()
assert right > 0.9, right
"""

TELL = """
import sys
print("smoke", torch.__version__, "oneflow" in sys.modules)
"""


@pytest.fixture
def script(tmp_path):
    path = tmp_path / "train it.py"
    path.write_text(TRAINING + TELL)
    return path


def run(*command, cwd):
    environ = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("ONEFLOW") and name != "PYTHONPATH"
    }
    environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), environ["PATH"]])
    done = subprocess.run(
        [str(word) for word in command], cwd=str(cwd), env=environ, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_runner(script, tmp_path):
    out = run(sys.executable, "-m", "oneflow_mock", script.name, cwd=tmp_path)
    assert out == "smoke 2.13.0 True\n"


def test_shell(script, tmp_path):
    steps = 'eval "$(oneflow-mock-torch --shell sh)" && python "$0"'
    assert run("/bin/sh", "-c", steps, script.name, cwd=tmp_path) == "smoke 2.13.0 True\n"


def test_pytest(tmp_path):
    body = "".join(f"    {line}\n" if line else "\n" for line in TRAINING.splitlines())
    (tmp_path / "test_training.py").write_text(f"def test_training():\n{body}")
    out = run(sys.executable, "-m", "pytest", "--mock-torch", "-q", cwd=tmp_path)
    assert "1 passed" in out


def test_from_python(script, tmp_path):
    code = (
        "import oneflow_mock, runpy, sys\n"
        "with oneflow_mock.enable():\n"
        "    runpy.run_path(sys.argv[1])\n"
        "print('torch' in sys.modules)\n"
    )
    out = run(sys.executable, "-c", code, script.name, cwd=tmp_path)
    assert out == "smoke 2.13.0 True\nFalse\n"
