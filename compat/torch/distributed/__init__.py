"""``torch.distributed``: not available, as in a PyTorch that was built without it.

Programs that ask ``is_available()`` go their single-process way; those that do not ask get the
answers of a PyTorch in which no process group was initialised.
"""

from __future__ import annotations


def is_available() -> bool:
    """Return False: there are no process groups on OneFlow yet."""
    return False


class DistError(RuntimeError):
    """What goes wrong between processes."""


class DistBackendError(DistError):
    """What goes wrong in a back end."""


class DistNetworkError(DistError):
    """What goes wrong on the network."""


class DistStoreError(DistError):
    """What goes wrong in a store."""


class QueueEmptyError(DistStoreError):
    """A queue of a store that holds nothing."""
