# ruff: noqa: E501
# The programs that run with the mock on are texts.
"""safetensors, whose compiled part calls torch by name, reads and writes with the mock on."""

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent / "serialization"
PRELUDE = f"""
import sys
sys.path.insert(0, {str(HERE)!r})
import oneflow_mock
oneflow_mock.enable()
import torch, safetensors, safetensors.torch
import saved_objects
"""


def run(code, *args, cwd=None):
    """Run code with the mock on; return what it printed."""
    command = [sys.executable, "-c", PRELUDE + code, *map(str, args)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=cwd)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_reads_what_pytorch_wrote():
    code = """
found, wanted = safetensors.torch.load_file(sys.argv[1]), saved_objects.named_tensors()
for name, tensor in wanted.items():
    assert saved_objects.described(found[name]) == saved_objects.described(tensor), name
print(sorted(found) == sorted(wanted))
"""
    assert run(code, HERE / "named.safetensors").split() == ["True"]


def test_writes_pytorchs_bytes(tmp_path):
    code = """
safetensors.torch.save_file(saved_objects.named_tensors(), "x.safetensors", metadata={"format": "pt"})
"""
    run(code, cwd=str(tmp_path))
    written = (tmp_path / "x.safetensors").read_bytes()
    assert written == (HERE / "named.safetensors").read_bytes()


def test_opens_lazily_and_slices():
    code = """
with safetensors.safe_open(sys.argv[1], "pt") as file:
    part = file.get_slice("float32")
    print(part[:, 1:].tolist(), part.get_shape(), file.get_tensor("bfloat16").dtype, file.metadata())
print(len(torch.load(sys.argv[1])))
"""
    assert run(code, HERE / "named.safetensors").splitlines() == [
        "[[1.0, 2.0], [4.0, 5.0]] [2, 3] torch.bfloat16 {'format': 'pt'}",
        "11",
    ]


def test_tied_weights_are_noticed_and_saved_once(tmp_path):
    code = """
class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = torch.nn.Linear(2, 2), torch.nn.Linear(2, 2)
        self.b.weight = self.a.weight

net, other = Net(), Net()
try:
    safetensors.torch.save_file(net.state_dict(), "x.safetensors")
except RuntimeError as error:
    print("share memory" in str(error))
safetensors.torch.save_model(net, "x.safetensors")
print(sorted(safetensors.torch.load_file("x.safetensors")))
print(safetensors.torch.load_model(other, "x.safetensors"))
print(torch.equal(other.b.weight, net.a.weight))
weights = torch.arange(6.0)
halves = safetensors.torch.load(safetensors.torch.save({"a": weights[:3], "b": weights[3:]}))
print(halves["a"].tolist(), halves["b"].tolist())
"""
    assert run(code, cwd=str(tmp_path)).splitlines() == [
        "True",
        "['a.bias', 'a.weight', 'b.bias']",
        "(set(), [])",
        "True",
        "[0.0, 1.0, 2.0] [3.0, 4.0, 5.0]",
    ]


def test_broken_files_are_one_clear_error(tmp_path):
    code = """
good = open(sys.argv[1], "rb").read()
for name, data in (("half", good[:200]), ("empty", b""), ("garbage", b"x" * 100)):
    open(name, "wb").write(data)
    try:
        safetensors.torch.load_file(name)
    except safetensors.SafetensorError as error:
        print(name, str(error).splitlines()[0])
try:
    safetensors.torch.load_file("nothing")
except FileNotFoundError as error:
    print(error)
"""
    lines = run(code, HERE / "named.safetensors", cwd=str(tmp_path)).splitlines()
    assert [line.split()[0] for line in lines] == ["half", "empty", "garbage", "No"]
