"""Times cases for the one who asks: reads a line of JSON for each, answers with another.

The same file runs on real PyTorch and, by ``python -m oneflow_mock``, on the mock.
"""

from __future__ import annotations

import gc
import json
import math
import os
import sys
import time

# What libraries print must not come between the answers.
answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)

import torch  # noqa: E402
from registry import load_cases  # noqa: E402


def finished():
    """Wait until what was asked for is computed; PyTorch on a CPU has done so already."""
    torch.cpu.synchronize()


def once(prepare, work, calls, clock):
    prepared = [prepare() if prepare else None for _ in range(calls)]
    finished()
    start = clock()
    for index in range(calls):
        work(prepared[index])
        prepared[index] = None
    finished()
    return (clock() - start) / calls


def timed(case, compiled, budget, warm, clock):
    """Return the seconds of one call: several samples, of several calls where one is short."""
    torch.manual_seed(0)
    with torch.set_grad_enabled(case.gradients):
        prepare, work = case.compiled() if compiled else case.setup()
        first = once(prepare, work, 1, clock)
        if not warm and first > budget:
            return [first]
        guess = first
        if first < 2:
            guess = min(once(prepare, work, 1, clock) for _ in range(3 if first < 0.1 else 1))
        # A hundred microseconds of waiting and looking at the clock should not count.
        calls = max(1, min(100, math.ceil(2e-3 / max(guess, 1e-7))))
        samples, end = [], time.perf_counter() + budget
        while not samples or time.perf_counter() < end:
            samples.append(once(prepare, work, calls, clock))
            if len(samples) >= 200:
                break
    return samples


def shapes(case):
    """Return the convolutions and products that PyTorch carries out in one call, with repeats."""
    from torch.utils._python_dispatch import TorchDispatchMode

    found = []

    def sizes(tensor):
        return None if tensor is None else list(tensor.shape)

    class Noting(TorchDispatchMode):
        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            name = function.overloadpacket.__name__
            if name == "convolution":
                plain = [list(one) if isinstance(one, (list, tuple)) else one for one in args[3:]]
                found.append(["conv", *map(sizes, args[:3]), *plain])
            elif name in ("mm", "bmm"):
                found.append(["product", *map(sizes, args[:2])])
            elif name == "addmm":
                found.append(["product", *map(sizes, args[1:3])])
            elif "scaled_dot_product" in name and "backward" not in name:
                q, k, v = map(sizes, args[:3])
                found.append(["product", q, [*k[:-2], k[-1], k[-2]]])
                found.append(["product", [*q[:-1], k[-2]], v])
            return function(*args, **(kwargs or {}))

    torch.manual_seed(0)
    with torch.set_grad_enabled(case.gradients):
        prepare, work = case.setup()
        prepared = prepare() if prepare else None
        with Noting():
            work(prepared)
    return found


def answer(cases, request):
    case = cases[request["case"]]
    if request.get("shapes"):
        return {"shapes": shapes(case)}
    torch.set_num_threads(request["threads"])
    compiled, warm = request.get("compiled", False), request.get("warm", True)
    clock = time.process_time if request.get("busy") else time.perf_counter
    return {"samples": timed(case, compiled, request["budget"], warm, clock)}


def main():
    cases = load_cases()
    for line in sys.stdin:
        try:
            answered = answer(cases, json.loads(line))
        except Exception as error:  # of the case: told, and the next one is tried
            answered = {"error": f"{type(error).__name__}: {error}"[:2000]}
        gc.collect()
        answers.write(json.dumps(answered) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
