"""Names of torch on OneFlow itself: as PyTorch has them, and as OneFlow's own objects."""

import functools
import json
import pickletools
import subprocess
import sys
from pathlib import Path

import name_cases
import pytest

HERE = Path(__file__).resolve().parent
GOLDEN = json.loads((HERE / "golden" / "names.json").read_text())

#: What PyTorch has and this project will lack for long; the tests below name it.
MISSING = ("fbgemm_pack_gemm_matrix_fp16", "ThroughputBenchmark")


def mocked(source, *arguments):
    """Run a program in a process that has the mock on, and return what it printed."""
    start = "import oneflow_mock\noneflow_mock.enable()\n"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", start + source, *arguments],
        cwd=HERE,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@functools.lru_cache(maxsize=1)
def outcomes():
    return json.loads(mocked("import name_cases\nname_cases.main()"))


def test_golden_is_of_these_cases():
    assert list(GOLDEN["outcomes"]) == list(name_cases.CASES), "run tools/draw_name_golden.py"
    assert GOLDEN["torch"] == "2.13.0"


# PyTorch 2.13 was run by Python 3.11, and the backport and X | None need 3.10 or a package.
@pytest.mark.skipif(sys.version_info < (3, 10), reason="the cases use what came with Python 3.10")
@pytest.mark.parametrize("name", name_cases.CASES)
def test_as_pytorch(name):
    assert outcomes()[name] == GOLDEN["outcomes"][name], name_cases.CASES[name]


def test_pickles_name_pytorch_only():
    """What is pickled by name is found by real PyTorch under that name."""
    names = name_cases.CLASSES + name_cases.FUNCTIONS
    hexes = mocked(
        "import operator, pickle, torch, torch.nn.parallel, torch.utils.data.distributed, sys\n"
        "for name in sys.argv[1:]:\n"
        "    print(pickle.dumps(operator.attrgetter(name)(torch), 2).hex())",
        *names,
    ).split()
    for name, text in zip(names, hexes):
        operations = pickletools.genops(bytes.fromhex(text))
        homes = [argument for code, argument, _ in operations if code.name == "GLOBAL"]
        assert len(homes) == 1 and homes[0].startswith("torch"), (name, homes)


def test_oneflow_own_objects():
    answer = mocked(
        "import oneflow, torch, torch.nn.functional as F\n"
        "print(torch.relu is oneflow.relu, torch.Tensor is oneflow.Tensor,\n"
        "      torch.nn.Linear is oneflow.nn.Linear, torch.float32 is oneflow.float32,\n"
        "      torch.nn.Module is oneflow.nn.Module, torch.nn.Parameter is oneflow.nn.Parameter)"
    )
    assert answer.split() == ["True"] * 6


def test_second_access_is_a_dictionary_hit():
    answer = mocked(
        "import sys, torch, types\n"
        "torch.add\n"
        "seen = []\n"
        "sys.setprofile(lambda frame, event, arg: seen.append(event))\n"
        "torch.add\n"
        "sys.setprofile(None)\n"
        "print([event for event in seen if event == 'call'])\n"
        "print(type(torch).__getattribute__ is types.ModuleType.__getattribute__)\n"
        "print('__getattr__' in vars(type(torch)))"
    )
    assert answer.split("\n")[:3] == ["[]", "True", "False"]


def test_a_missing_name_on_oneflow_itself(tmp_path):
    function, cls = MISSING
    program = tmp_path / "program.py"
    program.write_text(
        "import oneflow_mock\n"
        "oneflow_mock.enable()\n"
        "import torch\n"
        f"assert not hasattr(torch, {function!r}) and {cls!r} not in dir(torch)\n"
        f"class Derived(torch.{cls}):\n"
        f"    x: torch.{cls} = None\n"
        f"torch.{function}(1)\n"
    )
    done = subprocess.run([sys.executable, str(program)], capture_output=True, text=True)
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith(
        f"oneflow_mock.errors.UnsupportedTorchAPI: torch.{function}: OneFlow 0.9.0 lacks it; "
        f"reached from {program}:7. "
    ), done.stderr
