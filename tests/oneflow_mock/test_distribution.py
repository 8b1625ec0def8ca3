"""``torch`` as importlib.metadata sees it while the mock is on, and as before when it is off."""

import os
import textwrap

import pytest
import stand_in

PROGRAMS = {
    "there while on": """
        assert not there()
        with oneflow_mock.enable():
            assert m.version("torch") == "2.13.0"
            assert m.version("Torch") == m.version("TORCH") == "2.13.0"
            assert m.metadata("torch")["Name"] == "torch"
            assert m.distribution("torch").version == "2.13.0"
            assert not m.requires("torch")
            assert [str(f) for f in m.files("torch")] == ["torch/__init__.py"]
            assert m.distribution("torch").read_text("nonsense") is None
        assert not there()
        """,
    "the version that is asked for": """
        with oneflow_mock.enable(torch_version="1.13.1"):
            assert m.version("torch") == "1.13.1"
            with oneflow_mock.enable(torch_version="2.1.0+cu118"):
                assert m.version("torch") == "2.1.0+cu118"
            assert m.version("torch") == "1.13.1"
        """,
    "among all": """
        with oneflow_mock.enable():
            names = [d.metadata["Name"] for d in m.distributions()]
            assert names.count("torch") == 1 and len(names) > 1, names
            assert "pip" in names
            m.entry_points()
        assert "torch" not in [d.metadata["Name"] for d in m.distributions()]
        """,
    "in certain folders only": """
        with oneflow_mock.enable():
            assert [d.metadata["Name"] for d in m.distributions(path=[FOLDER])] == []
            assert [d.metadata["Name"] for d in m.distributions(name="torch", path=[FOLDER])] == []
        """,
    "others are as they were": """
        before = m.version("pip")
        with oneflow_mock.enable():
            assert m.version("pip") == before
            for name in ("torchvision", "torch-geometric", "pytorch", "torch.nn", "tor"):
                try:
                    m.version(name)
                except m.PackageNotFoundError:
                    continue
                raise AssertionError(name)
        """,
    "real PyTorch's is hidden while on": """
        made = os.path.join(FOLDER, "site", "torch-1.0.dist-info")
        os.makedirs(made, exist_ok=True)
        with open(os.path.join(made, "METADATA"), "w") as file:
            file.write("Metadata-Version: 2.1\\nName: torch\\nVersion: 1.0\\n")
        sys.path.insert(0, os.path.dirname(made))
        assert m.version("torch") == "1.0"
        with oneflow_mock.enable():
            assert m.version("torch") == "2.13.0"
        assert m.version("torch") == "1.0"
        """,
    "before torch is imported": """
        with oneflow_mock.enable():
            assert there() and not {"torch", "oneflow_mock.loader"}.intersection(sys.modules)
        """,
    "top level": """
        with oneflow_mock.enable():
            assert m.distribution("torch").read_text("top_level.txt").split() == ["torch"]
            if hasattr(m, "packages_distributions"):
                assert set(m.packages_distributions()["torch"]) == {"torch"}
        """,
}
PRELUDE = """
import os, sys
import oneflow_mock
import importlib.metadata as m

def there():
    try:
        m.version("torch")
    except m.PackageNotFoundError:
        return False
    return True
"""


@pytest.mark.parametrize("name", PROGRAMS)
def test_program(interpreter, name, tmp_path):
    if "3.7" in os.path.realpath(interpreter):
        pytest.skip("importlib.metadata came with Python 3.8; its backport is tested in test_names")
    program = tmp_path / "program.py"
    start = f"FOLDER = {str(tmp_path)!r}\n" + PRELUDE
    program.write_text(start + textwrap.dedent(PROGRAMS[name]))
    done = stand_in.run(interpreter, str(program))
    assert done.returncode == 0, done.stderr
