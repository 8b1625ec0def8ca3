# ruff: noqa: E501
# The programs that run with the mock on are texts.
"""Files of real PyTorch load here, and files written here are real PyTorch's, byte for byte."""

import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent / "serialization"
GOLDEN = json.loads((HERE / "golden.json").read_text(encoding="utf-8"))
PRELUDE = f"""
import json, os, pickle, resource, signal, sys, warnings
sys.path.insert(0, {str(HERE)!r})
import oneflow_mock
oneflow_mock.enable()
import torch
import saved_objects
"""


def run(code, *args, cwd=None):
    """Run code with the mock on; return what it printed."""
    command = [sys.executable, "-c", PRELUDE + code, *map(str, args)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=cwd)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def loaded():
    """Return what every golden file holds, loaded in every way."""
    code = """
found = {}
for folder, ways in (("zip", ({}, {"mmap": True}, {"weights_only": False})), ("legacy", ({}, {"weights_only": False}))):
    for path in sorted(os.listdir(os.path.join(sys.argv[1], folder))):
        for way in ways:
            value = torch.load(os.path.join(sys.argv[1], folder, path), **way)
            key = " ".join([folder, path[:-3], *way])
            found[key] = saved_objects.described(value)
found["tar"] = saved_objects.described(
    torch.load(os.path.join(sys.argv[1], "tar", "tensors.pt"), weights_only=False)
)
print(json.dumps(found))
"""
    return json.loads(run(code, HERE))


@pytest.mark.parametrize("name", sorted(GOLDEN["objects"]))
@pytest.mark.parametrize(
    "way", ["zip {}", "zip {} mmap", "zip {} weights_only", "legacy {}", "legacy {} weights_only"]
)
def test_loads_pytorchs_files(loaded, name, way):
    assert loaded[way.format(name)] == GOLDEN["objects"][name]


def test_loads_the_oldest_format(loaded):
    assert loaded["tar"] == GOLDEN["tar"]


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Write every object with the mock on, in both formats."""
    folder = tmp_path_factory.mktemp("written")
    code = """
for name, value in saved_objects.objects().items():
    for folder, new in (("zip", True), ("legacy", False)):
        os.makedirs(folder, exist_ok=True)
        torch.save(value, f"{folder}/{name}.pt", _use_new_zipfile_serialization=new)
"""
    run(code, cwd=str(folder))
    return folder


def without_identifier(path):
    """Return a zip file's bytes, less the record that says which of all files it is."""
    data = path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        info = archive.getinfo(path.stem + "/.data/serialization_id")
        data = data.replace(archive.read(info), b"?" * 40)
        return data.replace(info.CRC.to_bytes(4, "little"), b"????")


@pytest.mark.parametrize("name", sorted(GOLDEN["objects"]))
def test_writes_pytorchs_bytes(written, name):
    mine, theirs = written / "zip" / f"{name}.pt", HERE / "zip" / f"{name}.pt"
    assert without_identifier(mine) == without_identifier(theirs)


def without_keys(data):
    """Return a legacy file's bytes, less the addresses that its storages are called by."""
    return re.sub(rb"X.\0\0\0\d{6,}", b"KEY", data)


@pytest.mark.parametrize("name", ["tensor", "state", "nothing", "expanded"])
def test_writes_pytorchs_legacy_bytes(written, name):
    mine, theirs = (folder / "legacy" / f"{name}.pt" for folder in (written, HERE))
    assert sorted(without_keys(mine.read_bytes())) == sorted(without_keys(theirs.read_bytes()))


def test_legacy_files_load_again(written):
    code = """
for name in saved_objects.objects():
    print(json.dumps(saved_objects.described(torch.load(f"legacy/{name}.pt"))))
"""
    lines = run(code, cwd=str(written)).splitlines()
    assert [json.loads(line) for line in lines] == list(GOLDEN["objects"].values())


def test_views_of_one_storage_stay_so():
    code = """
views = torch.load(sys.argv[1])
views[0][0, 0] = 99.0
print(views[2][0, 0, 0].item(), views[0].untyped_storage().data_ptr() == views[1].untyped_storage().data_ptr())
mapped = torch.load(sys.argv[1], mmap=True)
mapped[0][0, 0] = 99.0
print(mapped[2][0, 0, 0].item(), torch.load(sys.argv[1])[0][0, 0].item())
"""
    assert run(code, HERE / "zip" / "views.pt").split() == ["99.0", "True", "99.0", "0.0"]


def test_full_disk_leaves_no_file(tmp_path):
    """A limit on the size of files stands for a full disk: writing fails half-way."""
    code = """
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100000, 100000))
for path in ("large.pt", "legacy.pt"):
    try:
        torch.save(torch.zeros(100000), path, _use_new_zipfile_serialization=path == "large.pt")
    except (RuntimeError, OSError) as error:
        print(type(error).__name__, "PytorchStreamWriter failed writing file data/0" in str(error))
print(os.path.exists("large.pt"))
"""
    printed = run(code, cwd=str(tmp_path)).split()
    assert printed[:2] == ["RuntimeError", "True"]
    assert printed[-1] == "False"


@pytest.mark.parametrize("where", ["/dev/full"])
def test_full_device_is_an_error(where):
    code = """
try:
    torch.save(torch.zeros(10), sys.argv[1])
except RuntimeError as error:
    print(error)
"""
    assert "No space left on device" in run(code, where)
    assert os.path.exists(where)


def test_hostile_pickles_run_nothing(tmp_path):
    """Whatever a file asks for, nothing outside of the list is found, called, built or set."""
    code = """
class Call:
    def __init__(self, function, *args): self.made = function, args
    def __reduce__(self): return self.made

def state(target, value):
    # BUILD on an object that may be named: sets attributes of it
    class Built:
        def __reduce__(self): return (torch._utils._rebuild_parameter, (), value)
    return Built()

import builtins, subprocess, importlib, collections
attacks = {
    "system": Call(os.system, "touch pwned"),
    "eval": Call(eval, "open('pwned', 'w')"),
    "exec": Call(exec, "open('pwned', 'w')"),
    "popen": Call(subprocess.Popen, ["touch", "pwned"]),
    "import": Call(importlib.import_module, "this"),
    "getattr": Call(getattr, "text", "format"),
    "open": Call(open, "pwned", "w"),
    "partial": Call(__import__("functools").partial, os.system, "touch pwned"),
    "lambda": Call(map, os.system, ["touch pwned"]),
    "load": Call(torch.load, "x"),
    "hub": Call(torch.hub.load, "x"),
    "class": collections.ChainMap({}),
}
raw = {
    "build on a class": b"\\x80\\x02ctorch\\nTensor\\n}X\\x01\\x00\\x00\\x00aK\\x01sb.",
    "build on a function": b"\\x80\\x02ctorch._utils\\n_rebuild_tensor_v2\\n}X\\x08\\x00\\x00\\x00__code__K\\x01sb.",
    "append to a class": b"\\x80\\x02ctorch\\nTensor\\nK\\x01a.",
    "set item of a class": b"\\x80\\x02ctorch\\nTensor\\nK\\x01K\\x02s.",
    "call a result": b"\\x80\\x02ctorch\\ndevice\\nX\\x03\\x00\\x00\\x00cpu\\x85R)R.",
    "dotted name": b"\\x80\\x02ctorch\\nserialization.os.system\\nX\\x05\\x00\\x00\\x00touch\\x85R.",
    "persistent id": b"\\x80\\x02X\\x01\\x00\\x00\\x00aQ.",
    "other persistent id": b"\\x80\\x02X\\x06\\x00\\x00\\x00moduleX\\x01\\x00\\x00\\x00a\\x86Q.",
    "extension": b"\\x80\\x02\\x82\\x01.",
    "new object": b"\\x80\\x02ctorch\\nfloat32\\n)\\x81.",
    "nothing": b"\\x80\\x02.",
    "memo": b"\\x80\\x02h\\x07.",
}
import io, zipfile
for name, value in attacks.items():
    torch.save(value, "attack.pt")
    raw[name] = zipfile.ZipFile("attack.pt").read("attack/data.pkl")
warnings.simplefilter("ignore")
for name, pickled in raw.items():
    with zipfile.ZipFile("attack.pt", "w") as archive:
        archive.writestr("attack/data.pkl", pickled)
        archive.writestr("attack/version", "3\\n")
    before = dict(vars(torch.Tensor)), dict(vars(torch._utils._rebuild_tensor_v2))
    try:
        torch.load("attack.pt")
        print(name, "loaded")
    except pickle.UnpicklingError:
        pass
    except Exception as error:
        print(name, type(error).__name__, error)
    if (dict(vars(torch.Tensor)), dict(vars(torch._utils._rebuild_tensor_v2))) != before:
        print(name, "changed something")
print(os.path.exists("pwned"))
"""
    assert run(code, cwd=str(tmp_path)).split() == ["False"]


def test_what_a_user_allows_loads(tmp_path):
    code = """
import argparse
torch.save(argparse.Namespace(a=torch.ones(1)), "x.pt")
try:
    torch.load("x.pt")
except pickle.UnpicklingError as error:
    print("add_safe_globals([argparse.Namespace])" in str(error))
print(torch.serialization.get_unsafe_globals_in_checkpoint("x.pt"))
with torch.serialization.safe_globals([argparse.Namespace]):
    print(torch.load("x.pt").a.item())
torch.serialization.add_safe_globals([(argparse.Namespace, "argparse.Namespace")])
print(torch.load("x.pt").a.item(), len(torch.serialization.get_safe_globals()))
torch.serialization.clear_safe_globals()
print(torch.load("x.pt", weights_only=False).a.item(), torch.serialization.get_safe_globals())
"""
    assert run(code, cwd=str(tmp_path)).splitlines() == [
        "True",
        "['argparse.Namespace']",
        "1.0",
        "1.0 1",
        "1.0 []",
    ]


def test_pickles_and_copies_of_tensors():
    code = """
import copy
x = torch.arange(6.0).reshape(2, 3)
for value in (x, x[1], x.t(), torch.nn.Parameter(x), x.bfloat16(), torch.tensor(True)):
    for made in (pickle.loads(pickle.dumps(value)), copy.deepcopy(value)):
        assert type(made) is type(value) and made.dtype == value.dtype
        assert made.tolist() == value.tolist() and made.stride() == value.stride()
        made.detach().zero_()
        assert value.double().sum() > 0
pair = copy.deepcopy([x, x[1]])
pair[0][1, 0] = 77.0
print(pair[1][0].item(), x[1, 0].item())
"""
    assert run(code).split() == ["77.0", "3.0"]


def test_large_records_say_so(tmp_path):
    """Records past 4 GB have other headers: told by a smaller limit, read by Python's own zipfile."""
    code = """
import io, zipfile
from oneflow_mock.compat.kernels import archive
archive._LIMIT = 1000
buffer = io.BytesIO()
writer = archive.Writer(buffer, "x")
writer.open()
for name, size in (("small", 10), ("large", 2000), ("late", 10), ("later", 3000), ("empty", 0)):
    writer.add(name, bytes([len(name)]) * size)
writer.finish()
import struct
data = buffer.getvalue()
entries, at = {}, data.index(b"PK\\x01\\x02")
while data[at : at + 4] == b"PK\\x01\\x02":
    fields = struct.unpack("<4sHHHHHHIIIHHHHHII", data[at : at + 46])
    name = data[at + 46 : at + 46 + fields[10]].decode()
    extra = data[at + 46 + fields[10] : at + 46 + fields[10] + fields[11]]
    sizes = struct.unpack(f"<{(len(extra) - 4) // 8}Q", extra[4:]) if extra else ()
    wide = list(sizes)
    size = wide.pop(0) if fields[9] == 1000 else fields[9]
    if fields[9] == 1000:
        assert wide.pop(0) == size
    start = wide.pop(0) if fields[16] == 1000 else fields[16]
    assert not wide
    local = struct.unpack("<4sHHHHHIIIHH", data[start : start + 30])
    begin = start + 30 + local[9] + local[10]
    assert begin % 64 == 0 and data[begin : begin + size] == bytes([len(name) - 2]) * size
    entries[name] = size
    at += 46 + fields[10] + fields[11]
print(entries)
"""
    sizes = {"x/small": 10, "x/large": 2000, "x/late": 10, "x/later": 3000, "x/empty": 0}
    assert run(code, cwd=str(tmp_path)).strip() == str(sizes)
