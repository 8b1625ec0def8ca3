"""Environments to install into, and what to install: built once for all tests of a process."""

import sys

import pytest
from clean_environments import Environment, copy_checkout, make_wheel, run


@pytest.fixture(scope="session")
def checkout(tmp_path_factory):
    """A copy of the checkout, in a folder whose name has a space."""
    copy = tmp_path_factory.mktemp("checkout") / "oneflow mock"
    copy_checkout(copy)
    return copy


@pytest.fixture(scope="session")
def wheels(tmp_path_factory, checkout):
    """A folder with a wheel of this project and the stand-in for OneFlow's."""
    folder = tmp_path_factory.mktemp("wheels")
    make_wheel(
        folder,
        "oneflow",
        "0.9.0",
        "[console_scripts]\noneflow-mock-torch = oneflow.mock_torch.__main__:main\n",
    )
    run(
        *(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"),
        *("--wheel-dir", folder, checkout),
    )
    return folder


@pytest.fixture
def environment(tmp_path, wheels):
    return Environment(tmp_path / "clean", wheels)
