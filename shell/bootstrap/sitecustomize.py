# The shell door puts this folder on PYTHONPATH, so every Python started from that shell runs this
# file: also Pythons that have no oneflow-mock, and Pythons of any version. Hence no syntax younger
# than Python 2.7, no import that is not needed, and no failure that stops the interpreter.
# ruff: noqa: UP004, UP031
"""Turn the mock on, then run the sitecustomize that this one hides."""

import os
import sys

_MENDS = 'mend it with: eval "$(oneflow-mock-torch disable)"'
_INSTALL = ", or install oneflow-mock there"


def _is_true(text):
    # The words of oneflow_mock.settings, which may not be here to be asked.
    words = ("", "0", "false", "off", "no", "n", "f")
    return text is not None and text.strip().lower() not in words


class _NoTorch(object):
    """Refuse ``import torch``: whoever asked for the mock must not get real PyTorch unnoticed."""

    def __init__(self, reason):
        self.reason = reason

    def find_spec(self, fullname, path=None, target=None):
        if not self.find_module(fullname):
            return None
        from importlib.machinery import ModuleSpec

        return ModuleSpec(fullname, self, origin=__file__)

    def create_module(self, spec):
        self.load_module(spec.name)

    def exec_module(self, module):
        self.load_module(module.__name__)

    # What Python 2 asks a finder and a loader.
    def find_module(self, fullname, path=None):
        return self if fullname == "torch" or fullname.startswith("torch.") else None

    def load_module(self, fullname):
        error = ImportError(self.reason)
        error.name = fullname
        raise error


def _turn_on():
    if not _is_true(os.environ.get("ONEFLOW_MOCK_TORCH")):
        return
    if _is_true(os.environ.get("ONEFLOW_DISABLE_MOCK_TORCH")):
        return
    try:
        from oneflow_mock import settings, switch

        # The bootstrap of another installation may be on PYTHONPATH too.
        if not switch.is_enabled():
            switch.enable(settings.Settings.from_environ())
    except Exception as error:
        python = "%s (Python %d.%d)" % ((sys.executable,) + sys.version_info[:2])
        text = " ".join(str(error).split())
        if text in ("No module named oneflow_mock", "No module named 'oneflow_mock'"):
            reason = "oneflow-mock is on in this shell and not installed for " + python
            reason = "torch is not imported: %s; %s" % (reason, _MENDS)
            if (3, 7) <= sys.version_info < (3, 11):
                reason += _INSTALL
        else:
            reason = "%s: %s; %s" % (type(error).__name__, text, _MENDS)
            reason = "oneflow-mock cannot start in %s: %s" % (python, reason)
            if sys.stderr is not None:
                sys.stderr.write(reason + "\n")
        sys.meta_path.insert(0, _NoTorch(reason))


def _hand_over():
    """Import the next sitecustomize with this folder off sys.path, as if it had never been on.

    Where there is none, the ImportError is what ``site`` would have got, and it ignores it.
    """
    folder = os.path.dirname(os.path.abspath(__file__))
    places = [place for place, entry in enumerate(sys.path) if _is(entry, folder)]
    entries = [sys.path.pop(place) for place in reversed(places)]
    # Python 2 empties the namespace of a module that nothing refers to.
    this = sys.modules.pop("sitecustomize", None)  # noqa: F841
    try:
        import sitecustomize  # noqa: F401
    finally:
        # Programs that start others with PYTHONPATH made of sys.path pass the mock on to them.
        if places:
            sys.path.insert(places[0], entries[-1])


def _is(entry, folder):
    return entry == folder or (isinstance(entry, str) and os.path.abspath(entry) == folder)


_turn_on()
_hand_over()
