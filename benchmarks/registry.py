"""What a benchmark's case is, and the table of all of them.

Files in cases/ fill the table. They are plain PyTorch, read by both interpreters as they are.
"""

from __future__ import annotations

import importlib
from fnmatch import fnmatchcase
from pathlib import Path

CASES: dict = {}


class Case:
    """A piece of work with a name such as ``ops/softmax rows/forward``.

    ``setup()`` returns the pair (prepare, work): what is timed is ``work(prepare())``, of which
    ``prepare`` is not counted. It is None where there is nothing to prepare.
    """

    def __init__(self, name, setup, gradients=False, compiled=None, limited=False, quick=False):
        self.name = name
        self.setup = setup
        #: Whether work is done with gradients recorded.
        self.gradients = gradients
        #: Returns the same as setup, compiled by torch.compile; None where that is not of interest.
        self.compiled = compiled
        #: Whether the convolutions and products alone are timed, as the limit of what can be had.
        self.limited = limited
        #: Whether --quick runs it.
        self.quick = quick

    @property
    def group(self):
        return self.name.split("/", 1)[0]


def add(name, setup, **about):
    """Put a case into the table."""
    if name in CASES:
        raise ValueError(f"two cases are named {name!r}")
    CASES[name] = Case(name, setup, **about)


def module(name, **about):
    """Decorate a function that returns (module, inputs): a case that calls the one on the others.

    The work is done without gradients. It is also compiled, and the limit is of interest.
    """

    def decorate(make):
        def setup():
            model, inputs = make()
            return None, lambda _: model(*inputs)

        def compiled():
            import torch

            model, inputs = make()
            fast = torch.compile(model)
            return None, lambda _: fast(*inputs)

        about.setdefault("compiled", compiled)
        about.setdefault("limited", True)
        add(name, setup, **about)
        return make

    return decorate


def load_cases():
    """Fill the table and return it."""
    for path in sorted((Path(__file__).parent / "cases").glob("[a-z]*.py")):
        importlib.import_module(f"cases.{path.stem}")
    return CASES


def chosen(names, patterns):
    """Return those of the names that a shell pattern, or the beginning of a name, selects."""
    if not patterns:
        return list(names)
    return [
        name
        for name in names
        if any(fnmatchcase(name, one) or name.startswith(one) for one in patterns)
    ]
