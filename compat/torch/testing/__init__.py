"""``torch.testing``: comparing results, and making tensors to compute on."""

from __future__ import annotations

from torch.testing._comparison import assert_allclose, assert_close  # noqa: F401
from torch.testing._creation import make_tensor  # noqa: F401
