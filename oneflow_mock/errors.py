"""What oneflow-mock raises, and nothing else: importable without OneFlow."""

from __future__ import annotations


class MockError(Exception):
    """Base of every error that oneflow-mock raises on its own behalf."""


class EngineError(MockError, ImportError):
    """OneFlow is missing, has no kernels, or cannot be loaded.

    ``str()`` is one line: what is wrong, then the command that mends it.
    """

    def __init__(self, problem: str, mend: str = "") -> None:
        super().__init__(f"{problem}; mend it with: {mend}" if mend else problem)
        self.problem = problem
        self.mend = mend


class RealTorchImported(MockError, RuntimeError):
    """Real PyTorch was imported before the mock was to be switched on."""


class UnsupportedTorchAPI(NotImplementedError):
    """A name that PyTorch has, and that neither OneFlow nor an overlay provides, was used."""

    def __init__(self, message: str, api: str = "") -> None:
        super().__init__(message)
        self.api = api


class UnsupportedTorchAttribute(UnsupportedTorchAPI, AttributeError):
    """A missing method or attribute of a class: absent to ``hasattr``, explained when reached."""
