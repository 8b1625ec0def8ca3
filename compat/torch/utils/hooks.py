"""Hooks: the handle that takes one off again."""

from __future__ import annotations

import warnings
import weakref
from collections import OrderedDict

__all__ = ["RemovableHandle", "unserializable_hook", "warn_if_has_hooks"]


class RemovableHandle:
    """Takes a hook off again: by ``remove()``, or at the end of a ``with`` block.

    ``hooks_dict`` holds the hooks by handle id; it is held weakly. ``extra_dict`` names further
    dictionaries that hold something under the same id.
    """

    next_id = 0

    def __init__(self, hooks_dict, *, extra_dict=None) -> None:
        self.hooks_dict_ref = weakref.ref(hooks_dict)
        self.id = RemovableHandle.next_id
        RemovableHandle.next_id += 1
        self.extra_dict_ref = ()
        if isinstance(extra_dict, dict):
            self.extra_dict_ref = (weakref.ref(extra_dict),)
        elif isinstance(extra_dict, list):
            self.extra_dict_ref = tuple(weakref.ref(extra) for extra in extra_dict)

    def remove(self) -> None:
        """Take the hook off; a second time does nothing."""
        for reference in (self.hooks_dict_ref, *self.extra_dict_ref):
            held = reference()
            if held is not None:
                held.pop(self.id, None)

    def __getstate__(self):
        extra = tuple(reference() for reference in self.extra_dict_ref)
        return (self.hooks_dict_ref(), self.id, extra)

    def __setstate__(self, state) -> None:
        held = OrderedDict() if state[0] is None else state[0]
        self.hooks_dict_ref = weakref.ref(held)
        self.id = state[1]
        RemovableHandle.next_id = max(RemovableHandle.next_id, self.id + 1)
        extra = state[2] if len(state) > 2 else ()
        self.extra_dict_ref = tuple(
            weakref.ref(OrderedDict() if held is None else held) for held in extra
        )

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, type, value, tb) -> None:
        self.remove()


def unserializable_hook(f):
    """Mark a hook that a pickled tensor leaves out, with a warning."""
    f.__torch_unserializable__ = True
    return f


def warn_if_has_hooks(tensor) -> None:
    """Warn of tensor hooks that a pickle leaves out."""
    for hook in (getattr(tensor, "_backward_hooks", None) or {}).values():
        if not hasattr(hook, "__torch_unserializable__"):
            warnings.warn(
                f"backward hook {hook!r} on tensor will not be serialized.  If this is expected, "
                "you can decorate the function with @torch.utils.hooks.unserializable_hook to "
                "suppress this warning",
                stacklevel=2,
            )


class BackwardHook:
    """Calls a module's full backward hooks: what torch.nn.Module puts around its forward.

    ``user_hooks`` get (module, grad_input, grad_output) once the inputs' gradients are known,
    ``user_pre_hooks`` get (module, grad_output) before; what they return takes their place.
    """

    def __init__(self, module, user_hooks, user_pre_hooks):
        self.module = module
        self.user_hooks = list(user_hooks)
        self.user_pre_hooks = list(user_pre_hooks)
        self.grad_outputs = None
        self._inputs_need_grad = False

    def setup_input_hook(self, args):
        """Return the arguments, watched for their gradients."""
        if not self.user_hooks:
            return args
        return self._watch(args, self._on_inputs, "_inputs_need_grad")

    def setup_output_hook(self, output):
        """Return the output, watched for its gradients."""
        alone = not isinstance(output, tuple)
        watched = self._watch((output,) if alone else output, self._on_outputs, None)
        return watched[0] if alone else watched

    def _watch(self, values, callback, flag):
        import torch

        places = [
            place
            for place, value in enumerate(values)
            if isinstance(value, torch.Tensor) and value.requires_grad
        ]
        if not places or not torch.is_grad_enabled():
            return values
        if flag:
            setattr(self, flag, True)

        class Boundary(torch.autograd.Function):
            @staticmethod
            def forward(ctx, *tensors):
                return tuple(tensor.clone() for tensor in tensors)

            @staticmethod
            def backward(ctx, *grads):
                every = [None] * len(values)
                for place, grad in zip(places, grads):
                    every[place] = grad
                every = callback(tuple(every))
                return tuple(every[place] for place in places)

        passed = Boundary.apply(*(values[place] for place in places))
        passed = passed if isinstance(passed, tuple) else (passed,)
        result = list(values)
        for place, tensor in zip(places, passed):
            result[place] = tensor
        return tuple(result)

    def _on_outputs(self, grads):
        for hook in self.user_pre_hooks:
            answer = hook(self.module, grads)
            if answer is not None:
                grads = answer if isinstance(answer, tuple) else (answer,)
        self.grad_outputs = grads
        if not self._inputs_need_grad:
            for hook in self.user_hooks:
                hook(self.module, (), grads)
        return grads

    def _on_inputs(self, grads):
        for hook in self.user_hooks:
            answer = hook(self.module, grads, self.grad_outputs)
            if answer is not None:
                grads = answer if isinstance(answer, tuple) else (answer,)
        return grads
