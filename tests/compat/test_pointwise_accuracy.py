"""Functions of one number are right to the last places all over their range, with the kernels.

Compared with NumPy's in float64, at a sample of all the floats there are.
"""

import json
import subprocess
import sys

import pytest

from oneflow_mock import kernel_library

#: Units in the last place that each function may be off by.
LIMITS = {
    "exp": 1.5,
    "exp2": 1.5,
    "expm1": 2.0,
    "log": 1.5,
    "log2": 2.0,
    "log1p": 2.0,
    "tanh": 2.0,
    "erf": 2.0,
    "sigmoid": 2.5,
    "sin": 2.0,
    "cos": 2.0,
    "tan": 4.0,
    "sqrt": 0.5,
}
RUN = """
import oneflow_mock
oneflow_mock.enable()
import json
import numpy as np
import torch
from scipy import special

every = np.arange(0, 2**32, 4099, dtype=np.uint64).astype(np.uint32).view(np.float32)
near = np.linspace(-110, 110, 200001, dtype=np.float32)
x = np.concatenate([every, near, np.linspace(-2, 2, 200001, dtype=np.float32)])
wanted = {"erf": special.erf, "sigmoid": special.expit}
off = {}
for name in %r:
    with np.errstate(all="ignore"):
        exact = wanted.get(name, getattr(np, name, None))(x.astype(np.float64))
        single = exact.astype(np.float32)
        gap = np.spacing(np.maximum(np.abs(single), np.float32(1.2e-38))).astype(np.float64)
        found = getattr(torch, name)(torch.from_numpy(x)).numpy()
        error = np.abs(found - exact) / gap
    same = (found == single) | (np.isnan(found) & np.isnan(single))
    if name == "sigmoid":  # 1 + e^-x is infinite in float there, in PyTorch too
        same |= (x < -87) & (found < 1e-37)
    off[name] = float(np.where(same, 0, np.nan_to_num(error, nan=1e9, posinf=1e9)).max())
print(json.dumps(off))
"""


@pytest.mark.skipif(not kernel_library.usable(), reason="the native kernels are not built")
def test_functions_are_right_to_the_last_places():
    done = subprocess.run(
        [sys.executable, "-c", RUN % list(LIMITS)], capture_output=True, text=True, check=True
    )
    off = json.loads(done.stdout.splitlines()[-1])
    assert {name: error for name, error in off.items() if error > LIMITS[name]} == {}


DIVISIONS = """
import oneflow_mock
oneflow_mock.enable()
import torch

whole, zeros = torch.tensor([3, -4, 5]), torch.tensor([1, 0, 2])
tries = [
    lambda: whole // zeros,
    lambda: whole % zeros,
    lambda: whole // 0,
    lambda: whole % 0,
    lambda: torch.fmod(whole, zeros),
    lambda: torch.div(whole, zeros, rounding_mode="trunc"),
    lambda: torch.remainder(whole.to(torch.int32), torch.tensor([0, 1, 2], dtype=torch.int32)),
]
for number, division in enumerate(tries):
    try:
        division()
    except RuntimeError as error:
        assert "ZeroDivisionError" in str(error)
    else:
        raise AssertionError(number)
lowest = torch.tensor([-(2**63)])
assert (lowest // -1).item() == -(2**63)
assert torch.fmod(lowest, -1).item() == 0
"""


def test_integers_divided_by_zero_raise():
    done = subprocess.run([sys.executable, "-c", DIVISIONS], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
