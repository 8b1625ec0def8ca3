"""What README.md and CONTRIBUTING.md tell people to type is typed here."""

import os
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# An optional comment for this test, then a fenced block; both may be indented under a list item.
BLOCK = re.compile(
    r"^(?P<indent> *)(?:<!-- (?P<note>[^>]*) -->\n *)?```(?P<language>\w+)\n(?P<code>.*?)^ *```$",
    re.M | re.S,
)
LINK = re.compile(r"\]\((?P<target>[^)#]+)(?:#[^)]*)?\)")


class Block:
    def __init__(self, found):
        self.language = found["language"]
        self.code = textwrap.dedent(found["code"])
        self.kind, _, self.detail = (found["note"] or "").partition(": ")


def blocks(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    return [Block(found) for found in BLOCK.finditer(text)]


def commands():
    return [block for block in blocks("README.md") if block.language == "sh"]


def targets():
    rules = (ROOT / "Makefile").read_text().splitlines()
    return {rule.split(":")[0] for rule in rules if re.match(r"[\w.-]+:(?!=)", rule)}


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory):
    """A folder that looks like the checkout to the commands, and keeps what they write."""
    folder = tmp_path_factory.mktemp("fresh clone")
    for entry in ROOT.iterdir():
        if entry.name not in (".git", ".venv", "out"):
            (folder / entry.name).symlink_to(entry)
    # whole, since a Python finds its packages from the folder that holds its bin
    (folder / ".venv").symlink_to(sys.prefix)
    for block in blocks("README.md"):
        if block.kind == "file":
            (folder / block.detail).write_text(block.code)
    return folder


@pytest.mark.parametrize("number", range(len(commands())))
def test_readme_block(sandbox, number):
    block = commands()[number]
    assert block.kind in ("", "not run"), "an unknown note"
    if block.kind == "not run":
        assert len(block.detail) > 20, "a block that is not run says why"
        named = re.findall(r"^make ([\w.-]+)", block.code, re.M)
        assert set(named) <= targets()
        return
    environ = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("ONEFLOW", "PYTEST")) and name != "PYTHONPATH"
    }
    # what is typed here must not install anything, least of all outside an environment
    environ.update(HOME=str(sandbox), PIP_NO_INDEX="1", PIP_REQUIRE_VIRTUALENV="1")
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", block.code],
        cwd=str(sandbox),
        env=environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, f"{block.code}\n{done.stdout}\n{done.stderr}"
    assert "Traceback" not in done.stderr
    if "train.py" in block.code:
        assert done.stdout.startswith("2.13.0")


def test_most_blocks_are_run():
    kinds = [block.kind for block in commands()]
    assert kinds.count("not run") <= 3
    assert kinds.count("") >= 4


def test_the_documents_name_only_targets_that_exist():
    for name in ("README.md", "CONTRIBUTING.md"):
        text = (ROOT / name).read_text(encoding="utf-8")
        named = set(re.findall(r"`make ([\w.-]+)`", text))
        assert named <= targets(), name
    assert {"demo", "test", "lint", "bench", "reference", "test-pythons", "clean"} <= targets()


DOCUMENTS = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/architecture.md"]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_links_lead_somewhere(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    for found in LINK.finditer(text):
        if "://" not in found["target"]:
            assert (ROOT / name).parent.joinpath(found["target"]).exists(), found["target"]


def test_the_architecture_is_of_this_tree():
    """Files and folders that docs/architecture.md names are there."""
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    named = re.findall(r"`((?:oneflow_mock|compat|shell|tools|docs)/[\w./-]*)`", text)
    assert len(named) > 10
    for path in named:
        assert (ROOT / path).exists(), path


def test_contributing_tells_the_truth(tmp_path):
    """Follow the recipe in a copy: before it the API is missing, after it the test passes."""
    package = tmp_path / "oneflow_mock"
    shutil.copytree(str(ROOT / "oneflow_mock"), str(package))
    shutil.copytree(str(ROOT / "compat"), str(package / "compat"))
    shutil.copytree(str(ROOT / "shell"), str(package / "shell"))
    overlay, test = (block for block in blocks("CONTRIBUTING.md") if block.kind == "file")
    written = tmp_path / "test_recipe.py"
    written.write_text(test.code)

    def run():
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", written.name]
        environ = {**os.environ, "PYTHONPATH": str(tmp_path)}
        return subprocess.run(
            command, cwd=str(tmp_path), env=environ, capture_output=True, text=True
        )

    assert "UnsupportedTorchAPI" in run().stdout, "choose another example: this one is there now"
    folder, _, relative = overlay.detail.partition("/")
    assert folder == "compat"
    target = package / "compat" / relative
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(overlay.code)
    done = run()
    assert done.returncode == 0, done.stdout
    assert "1 passed" in done.stdout


def test_the_recipe_is_tidy(tmp_path):
    """The linters that a contributor will meet accept what the recipe shows."""
    for block in blocks("CONTRIBUTING.md"):
        if block.kind != "file":
            continue
        (tmp_path / "shown.py").write_text(block.code)
        for words in (["check", "--quiet"], ["format", "--check", "--quiet"]):
            command = [sys.executable, "-m", "ruff", *words, "--config", ROOT / "pyproject.toml"]
            done = subprocess.run([*map(str, command), str(tmp_path / "shown.py")])
            assert done.returncode == 0, block.detail
