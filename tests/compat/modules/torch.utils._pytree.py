# ruff: noqa: E501, F401
# The cases are expressions, one a line.
"""Nested containers as trees."""

from collections import OrderedDict, defaultdict, deque, namedtuple
from dataclasses import dataclass

import torch
import torch.utils._pytree as tree
from show import show, show_all

Pair = namedtuple("Pair", "a b")
spec = tree.tree_structure(
    {
        "b": [1, 2],
        "a": (3, None, Pair(4, 5)),
        "d": deque([1], maxlen=3),
        "e": defaultdict(list, x=1),
    }
)


@dataclass
class Point:
    """A container of one's own."""

    x: object
    y: object
    note: object = None


class Box:
    """Another one."""

    def __init__(self, items) -> None:
        self.items = items


tree.register_dataclass(Point, serialized_type_name="Point")
tree.register_pytree_node(
    Box,
    lambda box: (box.items, "context"),
    lambda items, context: Box(list(items)),
    serialized_type_name="Box",
    flatten_with_keys_fn=lambda box: (
        [(tree.SequenceKey(i), one) for i, one in enumerate(box.items)],
        "context",
    ),
)

show_all(
    r"""
spec
spec.num_leaves, spec.num_nodes, spec.num_children, spec.type, spec.context, spec.is_leaf()
tree.tree_flatten(3), tree.tree_flatten(None), tree.tree_flatten([])
tree.tree_structure(3) == tree.treespec_leaf(), isinstance(tree.tree_structure(3), tree.TreeSpec)
tree.tree_unflatten([1, 2], tree.tree_structure([1, 2, 3]))
tree.tree_unflatten(iter([1, 2]), tree.tree_structure({"a": 1, "b": [2]}))
tree.tree_map(lambda x, y: x + y, [1, 2], [3])
tree.tree_map(lambda x, y: x + y, [1, 2], (3, 4))
tree.tree_map(lambda x, y: x + y, {"a": 1, "b": 2}, {"b": 1, "a": 2})
tree.tree_map(lambda x, y: x + y, {"a": 1, "b": 2}, {"b": 1, "c": 2})
tree.tree_map(lambda x: x + 1, Pair(1, [2])), tree.tree_map(lambda x: x + 1, OrderedDict(a=1))
tree.tree_map(lambda x: x + 1, deque([1, 2], maxlen=5)), tree.tree_map(str, defaultdict(int, a=1))
tree.tree_map(lambda x: -x, Point(1, [2, 3])), tree.tree_map(lambda x: -x, Box([1])).items
tree.tree_map(lambda x: x, [(1, 2)], is_leaf=lambda x: isinstance(x, tuple))
tree.tree_flatten_with_path({"b": [1, 2], "a": Pair(4, 5)})
[tree.keystr(path) for path, _ in tree.tree_leaves_with_path({"b": [1, Point(1, 2)], "a": Box([1])})]
tree.tree_map_with_path(lambda path, x: (path, x), {"b": [1]})
tree.tree_map_only(int, lambda x: x + 1, [1, 2.0, "a"]), tree.tree_map_only((int, float), lambda x: x + 1, [1, 2.0, "a"])
tree.tree_map_only(lambda x: x == 1, lambda x: "one", [1, 2.0, "a"])
tree.tree_map_only(3, lambda x: x, [1])
tree.tree_any(lambda x: x > 2, [1, 3]), tree.tree_all(lambda x: x > 2, [1, 3]), tree.tree_all_only(int, lambda x: x > 2, ["a", 3])
tree.arg_tree_leaves(1, [2], k=3), list(tree.tree_iter([1, (2,)])), tree.tree_leaves({"a": 1})
tree.tree_is_leaf(3), tree.tree_is_leaf([]), tree.tree_is_leaf(None)
tree._broadcast_to_and_flatten(1, tree.tree_structure([1, [2, 3]]))
tree._broadcast_to_and_flatten([1, 2], tree.tree_structure([1, [2, 3]]))
tree._broadcast_to_and_flatten([1, 2, 3], tree.tree_structure([1, [2, 3]]))
tree.register_pytree_node(list, None, None)
tree.key_get({"a": [1, 2]}, (tree.MappingKey("a"), tree.SequenceKey(1)))
hash(tree.tree_structure([1])) == hash(tree.tree_structure([1])), tree.tree_structure([1]) == tree.tree_structure((1,))
tree.tree_structure(torch.Size([1, 2])), tree.tree_map(lambda x: x + 1, torch.Size([1, 2]))
tree.treespec_pprint(spec), tree.treespec_tuple([tree.treespec_leaf()]), tree.treespec_dict({"a": tree.treespec_leaf()})
tree.tree_structure([1, [2]]).flatten_up_to([1, [5]]), tree.tree_structure([1, 2]).flatten_up_to([[3], {}])
tree.tree_structure([1, [2]]).flatten_up_to([1, 5])
tree.tree_structure([1, [2]]).flatten_up_to([1, [5, 6]])
tree.tree_structure({"a": 1}).flatten_up_to(OrderedDict(a=4))
tree.treespec_dumps(tree.tree_structure({"a": [1, (2,)], "d": deque([1])}))
tree.treespec_loads(tree.treespec_dumps(tree.tree_structure([1, {"a": OrderedDict(b=1)}])))
tree.treespec_loads(tree.treespec_dumps(tree.tree_structure(defaultdict(list, a=1))))
tree.treespec_dumps(tree.tree_structure(Pair(1, 2)))
tree.treespec_dumps(3)
tree.is_namedtuple(Pair(1, 2)), tree.is_namedtuple_class(Pair), tree.is_namedtuple((1, 2)), tree.is_structseq((1,))
tree.SequenceKey(1), str(tree.SequenceKey(1)), str(tree.MappingKey("a")), str(tree.GetAttrKey("a"))
""",
    globals(),
)


def frozen():
    tree.SequenceKey(1).idx = 2


show("keys cannot be changed", frozen)
