"""Files of TorchScript programs: they hold code for PyTorch's interpreter, which is not here."""

from __future__ import annotations

from oneflow_mock.compat import hooks


def save(m, f, _extra_files=None):
    """Refuse: what is scripted here stays Python, and has no such file."""
    raise hooks.refuse("torch.jit.save", "save the state_dict by torch.save")


def load(f, map_location=None, _extra_files=None, _restore_shapes=False):
    """Refuse: the file holds code for PyTorch's interpreter."""
    raise hooks.refuse("torch.jit.load", "the file holds code for PyTorch's own interpreter")
