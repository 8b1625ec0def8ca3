"""The profiler's schedule; its timings are refused."""

from __future__ import annotations

import enum

from oneflow_mock.compat import hooks

__all__ = ["ProfilerAction", "schedule", "profile", "supported_activities"]


class ProfilerAction(enum.Enum):
    """What the profiler does in a step."""

    NONE = 0
    WARMUP = 1
    RECORD = 2
    RECORD_AND_SAVE = 3


def schedule(*, wait, warmup, active, repeat=0, skip_first=0, skip_first_wait=0):
    """Return a function that says what the profiler does in each step."""

    def action(step):
        assert step >= 0
        if step < skip_first:
            return ProfilerAction.NONE
        step -= skip_first
        if skip_first_wait and step >= 0:
            step += wait
        cycle = wait + warmup + active
        if repeat > 0 and step / cycle >= repeat:
            return ProfilerAction.NONE
        place = step % cycle
        if place < wait:
            return ProfilerAction.NONE
        if place < wait + warmup:
            return ProfilerAction.WARMUP
        return ProfilerAction.RECORD if place < cycle - 1 else ProfilerAction.RECORD_AND_SAVE

    if wait < 0 or warmup < 0 or active <= 0 or repeat < 0 or skip_first < 0:
        raise AssertionError("Invalid profiler schedule arguments")
    return action


def supported_activities():
    """Return no activities: nothing is timed."""
    return set()


class profile:
    """Refuse to time a block."""

    def __init__(self, *args, **kwargs) -> None:
        raise hooks.refuse("torch.profiler.profile", "OneFlow's profiler writes other tables")
