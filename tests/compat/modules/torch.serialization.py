"""Files that are broken, or hold what may not be loaded; where loaded tensors go."""

import io
import os
import pickle
import warnings
import zipfile
from collections import OrderedDict

import torch
from show import show

warnings.simplefilter("ignore")
torch.save({"a": torch.arange(1000.0), "b": torch.ones(3)}, "good.pt")
with open("good.pt", "rb") as file:
    good = file.read()


def load(data, **options):
    with open("bad.pt", "wb") as file:
        file.write(data)
    return torch.load("bad.pt", **options)


def changed(drop=(), edit=None):
    """Return the good file without a record, or with another one in its place."""
    made = io.BytesIO()
    with zipfile.ZipFile("good.pt") as source, zipfile.ZipFile(made, "w") as target:
        for name in source.namelist():
            if name not in drop:
                target.writestr(name, (edit or {}).get(name, source.read(name)))
    return made.getvalue()


def only(**records):
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as target:
        for name, data in records.items():
            target.writestr(f"other/{name.replace('_', '.')}", data)
    return made.getvalue()


def again(value, **options):
    torch.save(value, "again.pt", **options)
    return torch.load("again.pt")


def last(function):
    """Return the type and the last words of an error, which are about what was found."""
    try:
        return function()
    except Exception as error:
        text = str(error).partition("\n\nCheck the documentation")[0]
        found = text.replace("WeightsUnpickler error: ", "\n").splitlines()[-1]
        return f"{type(error).__name__}: {found}"


class Mine:
    """No tensor."""


class Evil:
    def __reduce__(self):
        return os.system, ("echo never",)


corrupt = bytearray(good)
corrupt[good.index(torch.arange(1000.0).numpy().tobytes()[100:120]) + 3] ^= 255
legacy = {"_use_new_zipfile_serialization": False}

show("half a file", lambda: load(good[: len(good) // 2]))
show("thirty bytes", lambda: load(good[:30]))
show("no bytes", lambda: load(b""))
show("a pointer file", lambda: last(lambda: load(b"version https://git-lfs.github.com/spec/v1\n")))
show("the same, trusted", lambda: load(b"version https://git\n", weights_only=False))
show("a page", lambda: last(lambda: load(b"<html>")))
show("zeros", lambda: last(lambda: load(bytes(100))))
show("one wrong number", lambda: load(bytes(corrupt))["a"].shape)
show("another zip", lambda: load(only(bar_txt="x")))
show("no version", lambda: load(only(data_pkl=b"\x80\x02}.")))
show("a bare one", lambda: load(only(data_pkl=b"\x80\x02}.", version="3\n")))
show("no data", lambda: load(changed(["good/data/0"])))
show("no pickle", lambda: load(changed(["good/data.pkl"])))
show("short data", lambda: load(changed(edit={"good/data/0": b"1234"})))
show("long data", lambda: load(changed(edit={"good/data/1": b"1234" * 8})))
show("other byte order", lambda: load(changed(edit={"good/byteorder": b"big"}))["b"].dtype)
show("no byte order", lambda: load(changed(edit={"good/byteorder": b"foo"})))
show("mapped buffer", lambda: torch.load(io.BytesIO(good), mmap=True))
show("mapped legacy", lambda: again(1, **legacy) or torch.load("again.pt", mmap=True))
show("mapped", lambda: torch.load("again.pt", mmap=True))
show("a module of pickle", lambda: torch.load("good.pt", pickle_module=pickle, weights_only=True))

for name, value in {
    "evil": Evil(),
    "mine": Mine(),
    "class": int,
    "set": {1, 2},
    "frozen set": frozenset([1]),
    "range": range(3),
    "slice": slice(1, 2),
    "ellipsis": ...,
    "large": 2**80,
    "larger": 2**3000,
    "complex": 3j,
    "bytes": b"abc",
    "array": bytearray(b"abc"),
    "dtype": torch.float32,
    "narrow dtype": torch.uint16,
    "size": torch.Size([1]),
    "device": torch.device("cuda:0"),
    "layout": torch.strided,
    "ordered": OrderedDict(a=1),
    "nested": [1, (2, {"a": [torch.ones(1)]})],
    "text": "é" * 300,
    "state": torch.nn.BatchNorm1d(2).state_dict(),
    "generator": torch.Generator().get_state(),
}.items():
    show(name, lambda value=value: last(lambda: again(value)))
    show(f"{name}, legacy", lambda value=value: last(lambda: again(value, **legacy)))
    show(f"{name}, protocol 4", lambda value=value: last(lambda: again(value, pickle_protocol=4)))

show("to the CPU", lambda: torch.load("good.pt", map_location="cpu")["b"])
show("to CUDA", lambda: torch.load("good.pt", map_location="cuda")["b"])
show("to meta", lambda: torch.load("good.pt", map_location="meta")["b"])
show("to nowhere", lambda: torch.load("good.pt", map_location="foo")["b"])
show("by a dictionary", lambda: torch.load("good.pt", map_location={"cpu": "cpu"})["b"])
show("by another", lambda: torch.load("good.pt", map_location={"cpu": "cuda:0"})["b"])
show("by a function", lambda: torch.load("good.pt", map_location=lambda s, where: s)["b"])
show("by no function", lambda: torch.load("good.pt", map_location=lambda s, where: None)["b"])
show("to a device", lambda: torch.load("good.pt", map_location=torch.device("cpu"))["b"])

pickled = zipfile.ZipFile("good.pt").read("good/data.pkl")
pickled = pickled.replace(b"X\x03\x00\x00\x00cpu", b"X\x06\x00\x00\x00cuda:0")
moved = changed(edit={"good/data.pkl": pickled})
show("from CUDA", lambda: load(moved))
show("from CUDA to the CPU", lambda: load(moved, map_location="cpu")["b"])
show("its places", lambda: load(moved, map_location=lambda s, where: print(where) or s)["b"])

x = torch.arange(10.0)
x.note = 3
show("an attribute", lambda: again(x).note)
show("views", lambda: again([x[:5], x[5:], x]))
show("two dtypes of one storage", lambda: again([x, x.view(torch.int32)]))
show("no file", lambda: torch.save(1, 3))
show("no file to load", lambda: torch.load(3))
show("no folder", lambda: torch.save(1, "nowhere/x.pt"))
show("nothing there", lambda: torch.load("nowhere.pt"))
show("a folder", lambda: torch.load("."))
show("a function", lambda: torch.save(lambda x: x, "again.pt"))
