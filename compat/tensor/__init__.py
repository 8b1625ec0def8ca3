"""What is added to OneFlow's Tensor, one file per topic, through one registry.

A file of this folder that defines ``METHODS`` (name → function or property) has them set on
``oneflow.Tensor`` while the mock is on; nothing has to be listed anywhere else.
"""

from __future__ import annotations

import importlib
import pkgutil

import oneflow as flow


def install(patches) -> None:
    """Set every topic's methods on the Tensor class, through a registry that can restore them."""
    for found in pkgutil.iter_modules(__path__):
        topic = importlib.import_module(f"{__name__}.{found.name}")
        for name, value in getattr(topic, "METHODS", {}).items():
            patches.set(flow.Tensor, name, value)
        setup = getattr(topic, "install", None)
        if setup is not None:
            setup(patches)
