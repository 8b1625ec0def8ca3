"""The manifest of PyTorch's names, as data and as it is read."""

import pytest

from oneflow_mock import manifest


@pytest.fixture(scope="module")
def newest():
    return manifest.load("2.13.0")


def test_version(newest):
    assert newest.version == "2.13.0"


def test_every_module_can_be_read(newest):
    names = newest.modules()
    assert len(names) > 1000 and names == sorted(names)
    for name in names:
        entry = newest.get(name)
        assert entry.name == name
        assert set(entry.kinds.values()) <= set(manifest.KINDS)
        for home, qualified in entry.origins.values():
            assert home and qualified, (name, home, qualified)


def test_modules_have_parents(newest):
    for name in newest.modules():
        parent = name.rpartition(".")[0]
        if parent:
            assert parent in newest, name


def test_what_is_not_there(newest):
    assert "torch.nonsense" not in newest and newest.get("torch.nonsense") is None
    assert "torchvision" not in newest
    assert "nonsense" not in newest.get("torch").kinds


@pytest.mark.parametrize(
    "module, name, kind, origin",
    [
        ("torch", "add", "function", None),
        ("torch", "float32", "data", None),
        ("torch", "Tensor", "class", ("torch", "Tensor")),
        ("torch", "save", "function", ("torch.serialization", "save")),
        ("torch.nn", "Linear", "class", ("torch.nn.modules.linear", "Linear")),
        ("torch.nn.modules.linear", "Linear", "class", None),
        ("torch.cuda", "OutOfMemoryError", "exception", ("torch", "OutOfMemoryError")),
        ("torch.fx.proxy", "fields", "function", ("dataclasses", "fields")),
    ],
)
def test_names(newest, module, name, kind, origin):
    entry = newest.get(module)
    assert entry.kinds[name] == kind
    found = entry.origins.get(name, (module, name))
    assert found == (origin or (module, name))


def test_modules_that_modules_hold(newest):
    torch = newest.get("torch")
    assert torch.imports["nn"] == "torch.nn" and torch.imports["os"] == "os"
    assert torch.package and torch.eager and "tensor" in torch.exported
    assert not newest.get("torch.nn.functional").package
    assert not newest.get("torch.onnx.symbolic_helper").eager


def test_members_and_bases(newest):
    linear = newest.get("torch.nn.modules.linear")
    assert {"forward", "reset_parameters"} <= set(linear.members["Linear"])
    assert linear.bases["Linear"] == ["torch.nn.modules.module:Module"]


def test_entries_are_read_once(newest):
    assert newest.get("torch.nn") is newest.get("torch.nn")


@pytest.mark.parametrize(
    "asked, have, chosen",
    [
        ("2.13.0", ["2.13"], "2.13"),
        ("2.13.0+cpu", ["2.12", "2.13"], "2.13"),
        ("2.12.1", ["2.9", "2.13"], "2.9"),
        ("2.9.1", ["2.10", "2.9", "1.13"], "2.9"),
        ("3.0", ["2.13", "1.13"], "2.13"),
        ("1.4.0", ["2.13", "1.13"], "1.13"),
        ("2.13.0a0+git123", ["2.12", "2.13"], "2.13"),
    ],
)
def test_nearest_release(asked, have, chosen):
    assert manifest.nearest(asked, have) == chosen


@pytest.mark.parametrize("text", ["", "2", "two", "2.x", "v2.1", "latest", ".", "2."])
def test_no_version(text):
    with pytest.raises(ValueError) as caught:
        manifest.release(text)
    assert str(caught.value) == f"not a PyTorch version: {text!r} (expected e.g. 2.13.0)"
