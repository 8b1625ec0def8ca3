"""Handles that take hooks off again."""

import pickle
from collections import OrderedDict

from show import show
from torch.utils.hooks import RemovableHandle, unserializable_hook


def taken_off():
    hooks = OrderedDict()
    handle = RemovableHandle(hooks)
    hooks[handle.id] = 1
    before = len(hooks)
    handle.remove()
    handle.remove()
    return before, len(hooks)


def block():
    hooks, extra = OrderedDict(), OrderedDict()
    with RemovableHandle(hooks, extra_dict=extra) as handle:
        hooks[handle.id] = extra[handle.id] = 1
    return len(hooks), len(extra)


def pickled():
    hooks = OrderedDict()
    handle = RemovableHandle(hooks)
    hooks[handle.id] = 1
    restored = pickle.loads(pickle.dumps([hooks, handle]))
    restored[1].remove()
    return len(restored[0])


show("taken off", taken_off)
show("block", block)
show("pickled", pickled)
show("no dictionary", lambda: RemovableHandle({}))
show("marked", lambda: unserializable_hook(lambda: 3).__torch_unserializable__)
