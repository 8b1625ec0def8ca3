"""Switching the recording of gradients on and off."""

import asyncio
import threading

import torch
from show import show

on = torch.is_grad_enabled


@torch.no_grad
def bare():
    return on()


@torch.no_grad()
def called():
    return on()


@torch.enable_grad()
def enabled():
    return on()


@torch.inference_mode
def inferring():
    return on()


@torch.inference_mode()
def inferring_called():
    return on()


@torch.set_grad_enabled(False)
def switched():
    return on()


@torch.no_grad()
def generate():
    for _ in range(2):
        yield on()


@torch.no_grad()
async def later():
    return on()


class Holder:
    @torch.no_grad()
    def method(self):
        return on()


def blocks():
    seen = [on()]
    with torch.no_grad():
        seen.append(on())
        with torch.enable_grad():
            seen.append(on())
        seen.append(enabled())
        seen.append(on())
    with torch.set_grad_enabled(False):
        seen.append(on())
    seen.append(on())
    again = torch.no_grad()
    for _ in range(2):
        with again:
            seen.append(on())
        seen.append(on())
    try:
        with torch.no_grad():
            raise KeyError
    except KeyError:
        seen.append(on())
    return seen


def calls():
    torch.set_grad_enabled(False)
    first = on()
    torch.set_grad_enabled(True)
    return first, on()


def elsewhere():
    seen = []
    with torch.no_grad():
        thread = threading.Thread(target=lambda: seen.append(on()))
        thread.start()
        thread.join()
    return seen


def inference():
    seen = [torch.is_inference_mode_enabled()]
    with torch.inference_mode():
        seen += [torch.is_inference_mode_enabled(), on()]
        with torch.inference_mode(False):
            seen += [torch.is_inference_mode_enabled(), on()]
    return seen + [torch.is_inference_mode_enabled(), on()]


def result():
    x = torch.ones(2, requires_grad=True)
    with torch.no_grad():
        y = x * 2
    with torch.inference_mode():
        z = x * 2
    return y.requires_grad, z.requires_grad, (x * 2).requires_grad


def between():
    return [(value, on()) for value in generate()]


show(
    "decorators", lambda: [bare(), called(), enabled(), inferring(), inferring_called(), switched()]
)
show("after them", on)
show("a method", Holder().method)
show("names", lambda: [bare.__name__, called.__name__, generate.__name__])
show("a generator", between)
show("a coroutine", lambda: asyncio.new_event_loop().run_until_complete(later()))
show("blocks", blocks)
show("calls", calls)
show("another thread", elsewhere)
show("inference", inference)
show("results", result)
show("repr", lambda: torch.set_grad_enabled(True))
