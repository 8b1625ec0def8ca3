"""Anomaly detection: OneFlow's backward pass has no such mode, so asking for it has no effect."""

from __future__ import annotations

import warnings

from oneflow_mock.compat import hooks

__all__ = ["detect_anomaly", "set_detect_anomaly"]


class detect_anomaly:
    """Ask for a block to be watched."""

    def __init__(self, check_nan=True) -> None:
        warnings.warn(
            "Anomaly Detection has been enabled. This mode will increase the runtime and should "
            "only be enabled for debugging.",
            stacklevel=2,
        )
        self.check_nan = check_nan

    def __enter__(self) -> None:
        hooks.no_effect("torch.autograd.detect_anomaly", "check_nan")

    def __exit__(self, *args) -> None:
        pass


class set_detect_anomaly:
    """Ask for the program to be watched from here on, or for a block."""

    def __init__(self, mode, check_nan=True) -> None:
        self.mode = mode
        if mode:
            hooks.no_effect("torch.autograd.set_detect_anomaly", "mode")

    def __enter__(self) -> None:
        pass

    def __exit__(self, *args) -> None:
        pass
