"""torch.optim.lbfgs: the limited-memory BFGS method, with or without a line search."""

import oneflow as flow
from torch.optim.optimizer import Optimizer

from oneflow_mock.compat.kernels import stepping


def _cubic_interpolate(x1, f1, g1, x2, f2, g2, bounds=None):
    """Return where the cubic through two points with these slopes is least, within bounds."""
    low, high = bounds if bounds is not None else ((x1, x2) if x1 <= x2 else (x2, x1))
    d1 = g1 + g2 - 3 * (f1 - f2) / (x1 - x2)
    squared = d1**2 - g1 * g2
    if squared < 0:
        return (low + high) / 2.0
    d2 = squared**0.5
    if x1 <= x2:
        place = x2 - (x2 - x1) * ((g2 + d2 - d1) / (g2 - g1 + 2 * d2))
    else:
        place = x1 - (x1 - x2) * ((g1 + d2 - d1) / (g1 - g2 + 2 * d2))
    return min(max(place, low), high)


def _dot(one, other):
    return (one * other).sum().item()


class _Bracket:
    """Two places on the line, each with value, gradient and slope."""

    def __init__(self, first, second):
        self.ends = [first, second]
        self.sort()

    def sort(self):
        """Find which end is the lower."""
        self.low, self.high = (0, 1) if self.ends[0][1] <= self.ends[1][1] else (1, 0)

    def width(self):
        """Return how far the ends lie apart."""
        return abs(self.ends[1][0] - self.ends[0][0])


def _strong_wolfe(obj_func, x, t, d, f, g, gtd, c1=1e-4, c2=0.9, tolerance_change=1e-9, max_ls=25):
    """Search along ``d`` for a step that satisfies the strong Wolfe conditions.

    Returns the value and gradient there, the step, and how often the function was evaluated.
    """

    def evaluate(step):
        value, gradient = obj_func(x, step, d)
        return step, value, gradient, _dot(gradient, d)

    largest = d.abs().max().item()
    before = (0, f, g.clone(), gtd)
    here = evaluate(t)
    evaluations, iterations = 1, 0
    bracket = None
    while iterations < max_ls:
        step, value, _, slope = here
        worse = value > f + c1 * step * gtd or (iterations > 1 and value >= before[1])
        if not worse and abs(slope) <= -c2 * gtd:
            return value, here[2], step, evaluations
        if worse or slope >= 0:
            bracket = _Bracket(before, here)
            break
        following = _cubic_interpolate(
            before[0],
            before[1],
            before[3],
            step,
            value,
            slope,
            bounds=(step + 0.01 * (step - before[0]), step * 10),
        )
        before = here
        here = evaluate(following)
        evaluations += 1
        iterations += 1
    if bracket is None:
        bracket = _Bracket((0, f, g, gtd), here)
    stalled = False
    while iterations < max_ls and bracket.width() * largest >= tolerance_change:
        ends = bracket.ends
        step = _cubic_interpolate(
            ends[0][0], ends[0][1], ends[0][3], ends[1][0], ends[1][1], ends[1][3]
        )
        least, most = sorted((ends[0][0], ends[1][0]))
        margin = 0.1 * (most - least)
        if min(most - step, step - least) < margin:
            if stalled or step >= most or step <= least:
                step = most - margin if abs(step - most) < abs(step - least) else least + margin
                stalled = False
            else:
                stalled = True
        else:
            stalled = False
        here = evaluate(step)
        evaluations += 1
        iterations += 1
        low, high = bracket.low, bracket.high
        if here[1] > f + c1 * step * gtd or here[1] >= ends[low][1]:
            ends[high] = here
            bracket.sort()
            continue
        done = abs(here[3]) <= -c2 * gtd
        if not done and here[3] * (ends[high][0] - ends[low][0]) >= 0:
            ends[high] = ends[low]
        ends[low] = here
        if done:
            break
    step, value, gradient, _ = bracket.ends[bracket.low]
    return value, gradient, step, evaluations


class LBFGS(Optimizer):
    """L-BFGS: steps by an approximate inverse Hessian from the last gradients (torch.optim.LBFGS).

    ``step`` needs a closure; there can be one group only.
    """

    def __init__(
        self,
        params,
        lr=1,
        max_iter=20,
        max_eval=None,
        tolerance_grad=1e-7,
        tolerance_change=1e-9,
        history_size=100,
        line_search_fn=None,
    ):
        stepping.check_rate(lr)
        defaults = {
            "lr": lr,
            "max_iter": max_iter,
            "max_eval": max_iter * 5 // 4 if max_eval is None else max_eval,
            "tolerance_grad": tolerance_grad,
            "tolerance_change": tolerance_change,
            "history_size": history_size,
            "line_search_fn": line_search_fn,
        }
        super().__init__(params, defaults)
        if len(self.param_groups) != 1:
            raise ValueError("LBFGS doesn't support per-parameter options (parameter groups)")
        self._params = self.param_groups[0]["params"]

    def _flat_grad(self):
        grads = [
            flow.zeros(param.numel(), dtype=param.dtype, device=param.device)
            if param.grad is None
            else param.grad.reshape(-1)
            for param in self._params
        ]
        return flow.cat(grads, 0) if len(grads) > 1 else grads[0].clone()

    def _move(self, step, direction):
        offset = 0
        for param in self._params:
            count = param.numel()
            param.add_(direction[offset : offset + count].reshape(param.shape) * step)
            offset += count

    def _evaluate(self, closure, places, step, direction):
        """Return the loss and its gradient at a step from ``places``, and go back there."""
        self._move(step, direction)
        loss = float(closure())
        grad = self._flat_grad()
        for param, place in zip(self._params, places):
            param.copy_(place)
        return loss, grad

    def step(self, closure):
        """Make up to ``max_iter`` steps; returns the loss before them."""

        def evaluated():
            with flow.enable_grad():
                return closure()

        with flow.no_grad():
            return self._minimise(evaluated)

    def _minimise(self, closure):
        group = self.param_groups[0]
        lr = stepping.number(group["lr"])
        state = self.state[self._params[0]]
        state.setdefault("func_evals", 0)
        state.setdefault("n_iter", 0)
        before = closure()
        loss = float(before)
        evaluations = 1
        state["func_evals"] += 1
        grad = self._flat_grad()
        if grad.abs().max().item() <= group["tolerance_grad"]:
            return before
        kept = ("d", "t", "old_dirs", "old_stps", "ro", "H_diag", "prev_flat_grad", "prev_loss")
        memory = {name: state.get(name) for name in kept}
        iterations = 0
        while iterations < group["max_iter"]:
            iterations += 1
            state["n_iter"] += 1
            self._choose_direction(state, memory, grad, group["history_size"])
            direction = memory["d"]
            memory["prev_flat_grad"] = grad.clone()
            memory["prev_loss"] = loss
            step = lr
            if state["n_iter"] == 1:
                step = min(1.0, 1.0 / grad.abs().sum().item()) * lr
            memory["t"] = step
            slope = _dot(grad, direction)
            if slope > -group["tolerance_change"]:
                break
            done_before = memory["prev_loss"]
            spent = 0
            if group["line_search_fn"] is not None:
                if group["line_search_fn"] != "strong_wolfe":
                    raise RuntimeError("only 'strong_wolfe' is supported")
                places = [param.clone() for param in self._params]

                def along(x, t, d):
                    return self._evaluate(closure, x, t, d)

                loss, grad, step, spent = _strong_wolfe(
                    along,
                    places,
                    step,
                    direction,
                    loss,
                    grad,
                    slope,
                    max_ls=group["max_eval"] - evaluations,
                )
                memory["t"] = step
                self._move(step, direction)
                optimal = grad.abs().max().item() <= group["tolerance_grad"]
            else:
                self._move(step, direction)
                optimal = False
                if iterations != group["max_iter"]:
                    loss = float(closure())
                    grad = self._flat_grad()
                    optimal = grad.abs().max().item() <= group["tolerance_grad"]
                    spent = 1
            evaluations += spent
            state["func_evals"] += spent
            if iterations == group["max_iter"] or evaluations >= group["max_eval"] or optimal:
                break
            if (direction * step).abs().max().item() <= group["tolerance_change"]:
                break
            if abs(loss - done_before) < group["tolerance_change"]:
                break
        state.update(memory)
        return before

    @staticmethod
    def _choose_direction(state, memory, grad, history_size):
        """Set the direction from the gradient and the history, and add to the history."""
        if state["n_iter"] == 1:
            memory.update(d=-grad, old_dirs=[], old_stps=[], ro=[], H_diag=1)
            return
        changes, moves, ratios = memory["old_dirs"], memory["old_stps"], memory["ro"]
        change = grad - memory["prev_flat_grad"]
        move = memory["d"] * memory["t"]
        product = (change * move).sum()
        if product.item() > 1e-10:
            if len(changes) == history_size:
                for held in (changes, moves, ratios):
                    held.pop(0)
            changes.append(change)
            moves.append(move)
            ratios.append(1.0 / product)
            memory["H_diag"] = product / (change * change).sum()
        factors = state.setdefault("al", [None] * history_size)
        direction = -grad
        for place in range(len(changes) - 1, -1, -1):
            factors[place] = (moves[place] * direction).sum() * ratios[place]
            direction = direction - changes[place] * factors[place]
        direction = direction * memory["H_diag"]
        for place, move in enumerate(moves):
            back = (changes[place] * direction).sum() * ratios[place]
            direction = direction + move * (factors[place] - back)
        memory["d"] = direction
