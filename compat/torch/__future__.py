"""Choices of how modules are converted."""

from __future__ import annotations

from oneflow_mock.compat import hooks

_overwrite_module_params_on_conversion = False
_swap_module_params_on_conversion = False


def set_overwrite_module_params_on_conversion(value: bool) -> None:
    """Say whether ``module.to`` makes new parameters: here it changes the old ones."""
    global _overwrite_module_params_on_conversion
    if value:
        hooks.no_effect("torch.__future__.set_overwrite_module_params_on_conversion", "value")
    _overwrite_module_params_on_conversion = value


def get_overwrite_module_params_on_conversion() -> bool:
    """Return the choice."""
    return _overwrite_module_params_on_conversion


def set_swap_module_params_on_conversion(value: bool) -> None:
    """Say whether ``module.to`` exchanges parameters: here it changes the old ones."""
    global _swap_module_params_on_conversion
    if value:
        hooks.no_effect("torch.__future__.set_swap_module_params_on_conversion", "value")
    _swap_module_params_on_conversion = value


def get_swap_module_params_on_conversion() -> bool:
    """Return the choice."""
    return _swap_module_params_on_conversion
