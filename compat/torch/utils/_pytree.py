"""Nested containers as trees: flatten, map and rebuild; plain Python, as PyTorch's own is."""

from __future__ import annotations

import dataclasses
import functools
import importlib
import json
import threading
import types
from collections import OrderedDict, defaultdict, deque, namedtuple
from typing import Any, NamedTuple

import oneflow as flow

Context = PyTree = DumpableContext = Any
FlattenFunc = UnflattenFunc = FlattenFn = UnflattenFn = Any
FlattenWithKeysFunc = FlattenWithKeysFn = Any
ToDumpableContextFn = FromDumpableContextFn = ToStrFunc = MaybeFromStrFunc = Any
KeyPath = Any

DEFAULT_TREESPEC_SERIALIZATION_PROTOCOL = 1
NO_SERIALIZED_TYPE_NAME_FOUND = "NO_SERIALIZED_TYPE_NAME_FOUND"


class NodeDef(NamedTuple):
    """How the nodes of a type are taken apart and put together."""

    type: Any
    flatten_fn: Any
    unflatten_fn: Any
    flatten_with_keys_fn: Any


class _SerializeNodeDef(NamedTuple):
    typ: Any
    serialized_type_name: str
    to_dumpable_context: Any
    from_dumpable_context: Any


_NODE_REGISTRY_LOCK = threading.RLock()
SUPPORTED_NODES: dict = {}
SUPPORTED_SERIALIZED_TYPES: dict = {}
SERIALIZED_TYPE_TO_PYTHON_TYPE: dict = {}
CONSTANT_NODES: set = set()


class _Key:
    """What the three kinds of key share: equality, hash and repr by their one field."""

    __slots__ = ()

    def _field(self):
        return getattr(self, self.__slots__[0])

    def __eq__(self, other):
        if other.__class__ is not self.__class__:
            return NotImplemented
        return self._field() == other._field()

    def __hash__(self):
        return hash((self._field(),))

    def __repr__(self):
        return f"{type(self).__name__}({self.__slots__[0]}={self._field()!r})"

    def __setattr__(self, name, value):
        raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")

    def __reduce__(self):
        return type(self), (self._field(),)


class SequenceKey(_Key):
    """A place in a list, tuple or deque."""

    __slots__ = ("idx",)

    def __init__(self, idx) -> None:
        object.__setattr__(self, "idx", idx)

    def __str__(self) -> str:
        return f"[{self.idx!r}]"

    def get(self, sequence):
        """Return what lies there."""
        return sequence[self.idx]


class MappingKey(_Key):
    """A key of a mapping."""

    __slots__ = ("key",)

    def __init__(self, key) -> None:
        object.__setattr__(self, "key", key)

    def __str__(self) -> str:
        return f"[{self.key!r}]"

    def get(self, mapping):
        """Return what lies under it."""
        return mapping[self.key]


class GetAttrKey(_Key):
    """An attribute of an object."""

    __slots__ = ("name",)

    def __init__(self, name) -> None:
        object.__setattr__(self, "name", name)

    def __str__(self) -> str:
        return f".{self.name}"

    def get(self, obj):
        """Return its value."""
        return getattr(obj, self.name)


def register_pytree_node(
    cls,
    flatten_fn,
    unflatten_fn,
    *,
    serialized_type_name=None,
    to_dumpable_context=None,
    from_dumpable_context=None,
    flatten_with_keys_fn=None,
) -> None:
    """Register a container type; ValueError where it is registered already."""
    with _NODE_REGISTRY_LOCK:
        if cls in SUPPORTED_NODES:
            raise ValueError(f"{cls} is already registered as pytree node.")
    _private_register_pytree_node(
        cls,
        flatten_fn,
        unflatten_fn,
        serialized_type_name=serialized_type_name,
        to_dumpable_context=to_dumpable_context,
        from_dumpable_context=from_dumpable_context,
        flatten_with_keys_fn=flatten_with_keys_fn,
    )


def _register_pytree_node(
    cls,
    flatten_fn,
    unflatten_fn,
    to_str_fn=None,
    maybe_from_str_fn=None,
    *,
    serialized_type_name=None,
    to_dumpable_context=None,
    from_dumpable_context=None,
    flatten_with_keys_fn=None,
) -> None:
    _private_register_pytree_node(
        cls,
        flatten_fn,
        unflatten_fn,
        serialized_type_name=serialized_type_name,
        to_dumpable_context=to_dumpable_context,
        from_dumpable_context=from_dumpable_context,
        flatten_with_keys_fn=flatten_with_keys_fn,
    )


def _private_register_pytree_node(
    cls,
    flatten_fn,
    unflatten_fn,
    *,
    serialized_type_name=None,
    to_dumpable_context=None,
    from_dumpable_context=None,
    flatten_with_keys_fn=None,
) -> None:
    if (to_dumpable_context is None) != (from_dumpable_context is None):
        raise ValueError(
            f"Both to_dumpable_context and from_dumpable_context for {cls} must be None or "
            "registered."
        )
    name = NO_SERIALIZED_TYPE_NAME_FOUND if serialized_type_name is None else serialized_type_name
    with _NODE_REGISTRY_LOCK:
        SUPPORTED_NODES[cls] = NodeDef(cls, flatten_fn, unflatten_fn, flatten_with_keys_fn)
        SUPPORTED_SERIALIZED_TYPES[cls] = _SerializeNodeDef(
            cls, name, to_dumpable_context, from_dumpable_context
        )
        SERIALIZED_TYPE_TO_PYTHON_TYPE[name] = cls


def _deregister_pytree_node(cls) -> None:
    with _NODE_REGISTRY_LOCK:
        del SUPPORTED_NODES[cls]
        known = SUPPORTED_SERIALIZED_TYPES.pop(cls)
        SERIALIZED_TYPE_TO_PYTHON_TYPE.pop(known.serialized_type_name, None)
        CONSTANT_NODES.discard(cls)


def register_dataclass(cls, *, field_names=None, drop_field_names=None, serialized_type_name=None):
    """Register a dataclass: its fields are the children, those that hold None left out."""
    drop = list(drop_field_names or ())
    if field_names is None:
        if not dataclasses.is_dataclass(cls):
            raise ValueError(
                "field_names must be specified with a list of all fields used to initialize the "
                f"class, as it is not a dataclass. Got {cls}."
            )
        field_names = [field.name for field in dataclasses.fields(cls) if field.init]
    kept = [name for name in field_names if name not in drop]
    if dataclasses.is_dataclass(cls):
        init = {field.name for field in dataclasses.fields(cls) if field.init}
        missing, unknown = init - set(kept) - set(drop), set(kept) - init
        if missing or unknown:
            raise ValueError(
                f"field_names of {cls} do not match its fields: missing {sorted(missing)}, "
                f"unknown {sorted(unknown)}."
            )

    def flatten_with_keys(obj):
        present, empty = [], []
        for name in kept:
            value = getattr(obj, name)
            if value is None:
                empty.append(name)
            else:
                present.append((GetAttrKey(name), value))
        return present, [[key.name for key, _ in present], empty]

    def flatten(obj):
        pairs, context = flatten_with_keys(obj)
        return [value for _, value in pairs], context

    def unflatten(values, context):
        names, empty = context
        return cls(**dict(zip(names, values)), **dict.fromkeys(empty))

    _private_register_pytree_node(
        cls,
        flatten,
        unflatten,
        serialized_type_name=serialized_type_name or f"{cls.__module__}.{cls.__qualname__}",
        flatten_with_keys_fn=flatten_with_keys,
    )


@dataclasses.dataclass(frozen=True)
class ConstantNode:
    """What stands for a value that is part of the structure."""

    value: Any


def register_constant(cls) -> None:
    """Register a type whose values are part of the structure, not leaves."""
    if cls.__eq__ is object.__eq__:
        raise TypeError(
            "register_constant(cls) expects `cls` to have a non-default `__eq__` implementation."
        )
    if cls.__hash__ is None:
        raise TypeError(
            "register_constant(cls) expects `cls` to have a non-default `__hash__` implementation."
        )

    def flatten(value):
        return [], ConstantNode(value)

    def unflatten(_, context):
        return context.value

    with _NODE_REGISTRY_LOCK:
        _private_register_pytree_node(cls, flatten, unflatten, flatten_with_keys_fn=flatten)
        CONSTANT_NODES.add(cls)


def is_constant_class(cls) -> bool:
    """Tell whether a type was registered as a constant."""
    return isinstance(cls, type) and cls in CONSTANT_NODES


def is_namedtuple_class(cls) -> bool:
    """Tell whether a class is a named tuple's."""
    return (
        isinstance(cls, type)
        and issubclass(cls, tuple)
        and isinstance(getattr(cls, "_fields", None), tuple)
        and all(type(field) is str for field in cls._fields)
        and callable(getattr(cls, "_make", None))
        and callable(getattr(cls, "_asdict", None))
    )


def is_namedtuple_instance(obj) -> bool:
    """Tell whether an object is a named tuple."""
    return is_namedtuple_class(type(obj))


def is_namedtuple(obj) -> bool:
    """Tell whether an object or class is a named tuple('s)."""
    return is_namedtuple_class(obj if isinstance(obj, type) else type(obj))


def is_structseq_class(cls) -> bool:
    """Tell whether a class is a struct sequence's, such as ``time.struct_time``."""
    return (
        isinstance(cls, type)
        and cls.__bases__ == (tuple,)
        and isinstance(getattr(cls, "n_fields", None), int)
        and isinstance(getattr(cls, "n_sequence_fields", None), int)
        and isinstance(getattr(cls, "n_unnamed_fields", None), int)
    )


def is_structseq_instance(obj) -> bool:
    """Tell whether an object is a struct sequence."""
    return is_structseq_class(type(obj))


def is_structseq(obj) -> bool:
    """Tell whether an object or class is a struct sequence('s)."""
    return is_structseq_class(obj if isinstance(obj, type) else type(obj))


_is_namedtuple_instance = is_namedtuple_instance


def _indexed(flatten):
    def with_keys(node):
        values, context = flatten(node)
        return [(SequenceKey(index), value) for index, value in enumerate(values)], context

    return with_keys


def _mapped(flatten):
    def with_keys(node):
        values, context = flatten(node)
        return [(MappingKey(key), value) for key, value in zip(list(node), values)], context

    return with_keys


def _tuple_flatten(d):
    return list(d), None


def _tuple_unflatten(values, context):
    return tuple(values)


def _list_flatten(d):
    return d, None


def _list_unflatten(values, context):
    return list(values)


def _dict_flatten(d):
    return list(d.values()), list(d)


def _dict_unflatten(values, context):
    return dict(zip(context, values))


def _ordereddict_flatten(d):
    return list(d.values()), list(d)


def _ordereddict_unflatten(values, context):
    return OrderedDict(zip(context, values))


def _defaultdict_flatten(d):
    return list(d.values()), [d.default_factory, list(d)]


def _defaultdict_unflatten(values, context):
    factory, keys = context
    return defaultdict(factory, zip(keys, values))


def _defaultdict_serialize(context):
    factory, keys = context
    return {
        "default_factory_module": factory.__module__,
        "default_factory_name": factory.__qualname__,
        "dict_context": keys,
    }


def _defaultdict_deserialize(dumped):
    module = importlib.import_module(dumped["default_factory_module"])
    return [getattr(module, dumped["default_factory_name"]), dumped["dict_context"]]


def _deque_flatten(d):
    return list(d), d.maxlen


def _deque_unflatten(values, context):
    return deque(values, maxlen=context)


_tuple_flatten_with_keys = _indexed(_tuple_flatten)
_list_flatten_with_keys = _indexed(_list_flatten)
_dict_flatten_with_keys = _mapped(_dict_flatten)
_ordereddict_flatten_with_keys = _mapped(_ordereddict_flatten)
_defaultdict_flatten_with_keys = _mapped(_defaultdict_flatten)
_deque_flatten_with_keys = _indexed(_deque_flatten)
_odict_flatten, _odict_unflatten = _ordereddict_flatten, _ordereddict_unflatten


def _namedtuple_flatten(d):
    return list(d), type(d)


def _namedtuple_flatten_with_keys(d):
    values, context = _namedtuple_flatten(d)
    return [(GetAttrKey(field), value) for field, value in zip(context._fields, values)], context


def _namedtuple_unflatten(values, context):
    return context(*values)


def _namedtuple_serialize(context):
    if context not in SUPPORTED_SERIALIZED_TYPES:
        raise NotImplementedError(
            f"Can't serialize TreeSpec of namedtuple class {context} because we didn't register a "
            "serializated_type_name. Please register using `_register_namedtuple`."
        )
    name = SUPPORTED_SERIALIZED_TYPES[context].serialized_type_name
    if name == NO_SERIALIZED_TYPE_NAME_FOUND:
        raise NotImplementedError(
            f"Can't serialize TreeSpec of namedtuple class {context} because we couldn't find a "
            "serializated_type_name. Please register using `_register_namedtuple`."
        )
    return name


def _namedtuple_deserialize(dumped):
    if dumped not in SERIALIZED_TYPE_TO_PYTHON_TYPE:
        raise NotImplementedError(
            f"Can't deserialize TreeSpec of namedtuple class {dumped} because we couldn't find a "
            "serializated name."
        )
    return SERIALIZED_TYPE_TO_PYTHON_TYPE[dumped]


def _register_namedtuple(cls, *, serialized_type_name) -> None:
    _private_register_pytree_node(
        cls,
        _namedtuple_flatten,
        _namedtuple_unflatten,
        serialized_type_name=serialized_type_name,
        to_dumpable_context=lambda context: context,
        from_dumpable_context=lambda dumped: dumped,
        flatten_with_keys_fn=_namedtuple_flatten_with_keys,
    )


def _register_builtins():
    register = _private_register_pytree_node
    register(
        tuple,
        _tuple_flatten,
        _tuple_unflatten,
        serialized_type_name="builtins.tuple",
        flatten_with_keys_fn=_tuple_flatten_with_keys,
    )
    register(
        list,
        _list_flatten,
        _list_unflatten,
        serialized_type_name="builtins.list",
        flatten_with_keys_fn=_list_flatten_with_keys,
    )
    register(
        dict,
        _dict_flatten,
        _dict_unflatten,
        serialized_type_name="builtins.dict",
        flatten_with_keys_fn=_dict_flatten_with_keys,
    )
    register(
        namedtuple,
        _namedtuple_flatten,
        _namedtuple_unflatten,
        serialized_type_name="collections.namedtuple",
        to_dumpable_context=_namedtuple_serialize,
        from_dumpable_context=_namedtuple_deserialize,
        flatten_with_keys_fn=_namedtuple_flatten_with_keys,
    )
    register(
        OrderedDict,
        _ordereddict_flatten,
        _ordereddict_unflatten,
        serialized_type_name="collections.OrderedDict",
        flatten_with_keys_fn=_ordereddict_flatten_with_keys,
    )
    register(
        defaultdict,
        _defaultdict_flatten,
        _defaultdict_unflatten,
        serialized_type_name="collections.defaultdict",
        to_dumpable_context=_defaultdict_serialize,
        from_dumpable_context=_defaultdict_deserialize,
        flatten_with_keys_fn=_defaultdict_flatten_with_keys,
    )
    register(
        deque,
        _deque_flatten,
        _deque_unflatten,
        serialized_type_name="collections.deque",
        flatten_with_keys_fn=_deque_flatten_with_keys,
    )


_register_builtins()
BUILTIN_TYPES = frozenset(SUPPORTED_NODES)
STANDARD_DICT_TYPES = frozenset((dict, OrderedDict, defaultdict))
_private_register_pytree_node(
    flow.Size,
    lambda size: (list(size), None),
    lambda values, context: tuple(values),
    serialized_type_name="torch.Size",
    flatten_with_keys_fn=_indexed(lambda size: (list(size), None)),
)


def _get_node_type(tree):
    kind = type(tree)
    if kind not in SUPPORTED_NODES and is_namedtuple_class(kind):
        return namedtuple
    return kind


def tree_is_leaf(tree, is_leaf=None) -> bool:
    """Tell whether a tree is a single leaf."""
    return (is_leaf is not None and is_leaf(tree)) or _get_node_type(tree) not in SUPPORTED_NODES


_is_leaf = tree_is_leaf


class TreeSpec:
    """The structure of a tree; a leaf's has no type, no context and no children."""

    __slots__ = ("type", "_context", "_children", "num_nodes", "num_leaves", "num_children")

    def __init__(self, type, context, children_specs) -> None:
        put = functools.partial(object.__setattr__, self)
        put("type", type)
        put("_context", context)
        put("_children", children_specs)
        put("num_children", len(children_specs))
        put("num_nodes", 1 + sum(child.num_nodes for child in children_specs))
        leaves = 1 if type is None else sum(child.num_leaves for child in children_specs)
        put("num_leaves", leaves)

    def __setattr__(self, name, value):
        raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")

    def __reduce__(self):
        return TreeSpec, (self.type, self._context, self._children)

    @property
    def context(self):
        """What the node's type needs, besides the children, to be put together again."""
        return self._context

    @property
    def children_specs(self):
        """The structures of the children."""
        return self._children

    def is_leaf(self) -> bool:
        """Tell whether this is the structure of a leaf."""
        return self.num_nodes == 1 and self.num_leaves == 1

    def children(self):
        """Return the structures of the children, in a new list."""
        return self._children.copy()

    def child(self, index):
        """Return the structure of a child."""
        return self._children[index]

    def __repr__(self, indent=0) -> str:
        if self.type is None:
            return "*"
        inner = indent + 2
        parts = [child.__repr__(inner) for child in self._children]
        return (
            f"TreeSpec({self.type.__name__}, {self._context}, ["
            + (",\n" + " " * inner).join(parts)
            + "])"
        )

    def __eq__(self, other):
        if self is other:
            return True
        if not isinstance(other, TreeSpec):
            return NotImplemented
        return (
            str(self.type) == str(other.type)
            and self._context == other._context
            and self._children == other._children
        )

    def __hash__(self):
        context = self._context
        if self.type in (dict, OrderedDict):
            context = tuple(context)
        elif self.type is defaultdict:
            context = (context[0], tuple(context[1]))
        return hash((self.type, context, tuple(self._children)))

    def flatten_up_to(self, tree):
        """Return the subtrees of ``tree`` that lie where this structure has leaves."""
        subtrees: list = []
        self._flatten_up_to(tree, subtrees)
        return subtrees

    def _flatten_up_to(self, node, subtrees):
        if self.is_leaf():
            subtrees.append(node)
            return
        kind = _get_node_type(node)
        if self.type not in BUILTIN_TYPES:
            children = self._children_of_custom(node, kind)
        else:
            children = self._children_of_builtin(node, kind)
        for child, subtree in zip(self._children, children):
            child._flatten_up_to(subtree, subtrees)

    def _expect_arity(self, count):
        if count != self.num_children:
            raise ValueError(f"Node arity mismatch; expected {self.num_children}, but got {count}.")

    def _children_of_custom(self, node, kind):
        if kind != self.type:
            raise ValueError(f"Type mismatch; expected {self.type!r}, but got {kind!r}.")
        children, context = SUPPORTED_NODES[kind].flatten_fn(node)
        self._expect_arity(len(children))
        if context != self._context:
            raise ValueError(f"Node context mismatch for custom node type {self.type!r}.")
        return children

    def _children_of_builtin(self, node, kind):
        mappings = self.type in STANDARD_DICT_TYPES and kind in STANDARD_DICT_TYPES
        if not mappings and kind != self.type:
            raise ValueError(f"Node type mismatch; expected {self.type!r}, but got {kind!r}.")
        self._expect_arity(len(node))
        if mappings:
            keys = self._context[1] if self.type is defaultdict else self._context
            expected, found = set(keys), set(node)
            if expected != found:
                text = "Node keys mismatch"
                if expected - found:
                    text += f"; missing key(s): {expected - found}"
                if found - expected:
                    text += f"; extra key(s): {found - expected}"
                raise ValueError(text + ".")
            return [node[key] for key in keys]
        children, context = SUPPORTED_NODES[kind].flatten_fn(node)
        if kind is not deque and context != self._context:
            raise ValueError(
                f"Node context mismatch for node type {self.type!r}; expected {self._context!r}, "
                f"but got {context!r}."
            )
        return children

    def unflatten(self, leaves):
        """Build the tree of this structure out of leaves."""
        if not isinstance(leaves, (list, tuple)):
            leaves = list(leaves)
        if len(leaves) != self.num_leaves:
            raise ValueError(
                f"treespec.unflatten(leaves): `leaves` has length {len(leaves)} but the spec "
                f"refers to a pytree that holds {self.num_leaves} items ({self})."
            )
        return self._unflatten(iter(leaves))

    def _unflatten(self, leaves):
        if self.type is None:
            return next(leaves)
        children = [child._unflatten(leaves) for child in self._children]
        return SUPPORTED_NODES[self.type].unflatten_fn(children, self._context)


PyTreeSpec = TreeSpec
_LEAF_SPEC = TreeSpec(None, None, [])


class _LeafSpecType(type):
    def __instancecheck__(cls, instance):
        return isinstance(instance, TreeSpec) and instance.is_leaf()


class LeafSpec(TreeSpec, metaclass=_LeafSpecType):
    """The structure of a leaf."""

    __slots__ = ()

    def __new__(cls):
        return _LEAF_SPEC

    def __init__(self) -> None:
        pass


def treespec_leaf():
    """Return the structure of a leaf."""
    return _LEAF_SPEC


def treespec_tuple(iterable=()):
    """Return the structure of a tuple of the given structures."""
    return TreeSpec(tuple, None, list(iterable))


def treespec_dict(mapping=(), **kwargs):
    """Return the structure of a dict of the given structures."""
    specs = dict(mapping, **kwargs)
    return TreeSpec(dict, list(specs), list(specs.values()))


def tree_flatten(tree, is_leaf=None):
    """Return ``(leaves, structure)`` of a tree."""
    leaves: list = []
    return leaves, _flatten_into(tree, leaves, is_leaf)


def _flatten_into(node, leaves, is_leaf):
    kind = _get_node_type(node)
    if kind not in SUPPORTED_NODES or (is_leaf is not None and is_leaf(node)):
        leaves.append(node)
        return _LEAF_SPEC
    children, context = SUPPORTED_NODES[kind].flatten_fn(node)
    specs = [_flatten_into(child, leaves, is_leaf) for child in children]
    return TreeSpec(kind, context, specs)


def tree_unflatten(leaves, treespec):
    """Build the tree of a structure out of leaves."""
    if not isinstance(treespec, TreeSpec):
        raise TypeError(
            f"tree_unflatten(leaves, treespec): Expected `treespec` to be instance of PyTreeSpec "
            f"but got item of type {type(treespec)}."
        )
    return treespec.unflatten(leaves)


def tree_iter(tree, is_leaf=None):
    """Yield the leaves of a tree."""
    if tree_is_leaf(tree, is_leaf):
        yield tree
        return
    children, _ = SUPPORTED_NODES[_get_node_type(tree)].flatten_fn(tree)
    for child in children:
        yield from tree_iter(child, is_leaf)


def tree_leaves(tree, is_leaf=None):
    """Return the leaves of a tree."""
    return list(tree_iter(tree, is_leaf))


def tree_structure(tree, is_leaf=None):
    """Return the structure of a tree."""
    return tree_flatten(tree, is_leaf)[1]


def tree_map(func, tree, *rests, is_leaf=None):
    """Return the tree of what ``func`` gives for each leaf, and for its fellows in ``rests``."""
    leaves, treespec = tree_flatten(tree, is_leaf)
    columns = [leaves] + [treespec.flatten_up_to(rest) for rest in rests]
    return treespec.unflatten(list(map(func, *columns)))


def tree_map_(func, tree, *rests, is_leaf=None):
    """Call ``func`` for each leaf as `tree_map` does, and return the tree itself."""
    leaves, treespec = tree_flatten(tree, is_leaf)
    columns = [leaves] + [treespec.flatten_up_to(rest) for rest in rests]
    for arguments in zip(*columns):
        func(*arguments)
    return tree


def map_only(type_or_types_or_pred):
    """Return a decorator: what it decorates is called for some leaves, the others stay."""
    chosen = type_or_types_or_pred
    if isinstance(chosen, (type, tuple, getattr(types, "UnionType", tuple))):

        def applies(x):
            return isinstance(x, chosen)

    elif callable(chosen):
        applies = chosen
    else:
        raise TypeError("Argument must be a type, a tuple of types, or a callable.")

    def decorate(func):
        @functools.wraps(func)
        def wrapped(x):
            return func(x) if applies(x) else x

        return wrapped

    return decorate


def tree_map_only(type_or_types_or_pred, func, tree, is_leaf=None):
    """Return the tree with ``func`` applied to some leaves."""
    return tree_map(map_only(type_or_types_or_pred)(func), tree, is_leaf=is_leaf)


def tree_map_only_(type_or_types_or_pred, func, tree, is_leaf=None):
    """Call ``func`` for some leaves and return the tree itself."""
    return tree_map_(map_only(type_or_types_or_pred)(func), tree, is_leaf=is_leaf)


def tree_all(pred, tree, is_leaf=None) -> bool:
    """Tell whether ``pred`` holds for all leaves."""
    return all(map(pred, tree_iter(tree, is_leaf)))


def tree_any(pred, tree, is_leaf=None) -> bool:
    """Tell whether ``pred`` holds for any leaf."""
    return any(map(pred, tree_iter(tree, is_leaf)))


def tree_all_only(type_or_types, pred, tree, is_leaf=None) -> bool:
    """Tell whether ``pred`` holds for all leaves of some types."""
    return all(pred(x) for x in tree_iter(tree, is_leaf) if isinstance(x, type_or_types))


def tree_any_only(type_or_types, pred, tree, is_leaf=None) -> bool:
    """Tell whether ``pred`` holds for any leaf of some types."""
    return any(pred(x) for x in tree_iter(tree, is_leaf) if isinstance(x, type_or_types))


def _broadcast_to_and_flatten(tree, treespec, is_leaf=None):
    if tree_is_leaf(tree, is_leaf):
        return [tree] * treespec.num_leaves
    if treespec.is_leaf():
        return None
    kind = _get_node_type(tree)
    if kind != treespec.type:
        return None
    children, context = SUPPORTED_NODES[kind].flatten_fn(tree)
    if len(children) != treespec.num_children or context != treespec._context:
        return None
    result: list = []
    for child, spec in zip(children, treespec._children):
        flat = _broadcast_to_and_flatten(child, spec, is_leaf)
        if flat is None:
            return None
        result += flat
    return result


def arg_tree_leaves(*args, **kwargs):
    """Return the leaves of all arguments, the keyword ones last."""
    leaves: list = []
    for argument in (*args, *kwargs.values()):
        leaves.extend(tree_iter(argument))
    return leaves


def _generate_key_paths(key_path, tree, is_leaf=None):
    if is_leaf is not None and is_leaf(tree):
        yield key_path, tree
        return
    node = SUPPORTED_NODES.get(_get_node_type(tree))
    if node is None:
        yield key_path, tree
        return
    if node.flatten_with_keys_fn is None:
        raise ValueError(
            f"Did not find a flatten_with_keys_fn for type: {node.type}. Please pass a "
            "flatten_with_keys_fn argument to register_pytree_node."
        )
    for key, child in node.flatten_with_keys_fn(tree)[0]:
        yield from _generate_key_paths((*key_path, key), child, is_leaf)


def tree_leaves_with_path(tree, is_leaf=None):
    """Return ``(path, leaf)`` for each leaf."""
    return list(_generate_key_paths((), tree, is_leaf))


def tree_flatten_with_path(tree, is_leaf=None):
    """Return the list of ``(path, leaf)``, and the structure."""
    return tree_leaves_with_path(tree, is_leaf), tree_structure(tree, is_leaf)


def tree_map_with_path(func, tree, *rests, is_leaf=None):
    """Return the tree of what ``func`` gives for each path and leaf (and its fellows)."""
    pairs, treespec = tree_flatten_with_path(tree, is_leaf)
    columns = [treespec.flatten_up_to(rest) for rest in rests]
    keys, leaves = [path for path, _ in pairs], [leaf for _, leaf in pairs]
    return treespec.unflatten([func(*found) for found in zip(keys, leaves, *columns)])


def keystr(kp) -> str:
    """Return a path as it is written in Python, such as ``['a'][0].b``."""
    return "".join(str(key) for key in kp)


def key_get(obj, kp):
    """Return what lies at the end of a path."""
    for key in kp:
        obj = key.get(obj)
    return obj


def _to_json(treespec):
    if treespec.is_leaf():
        return {"type": None, "context": None, "children_spec": []}
    known = SUPPORTED_SERIALIZED_TYPES.get(treespec.type)
    if known is None:
        raise NotImplementedError(f"Serializing {treespec.type} in pytree is not registered.")
    if known.serialized_type_name == NO_SERIALIZED_TYPE_NAME_FOUND:
        raise NotImplementedError(
            f"No registered serialization name for {treespec.type} found. Please update your "
            "_register_pytree_node call with a `serialized_type_name` kwarg."
        )
    if known.to_dumpable_context is None:
        try:
            context = json.dumps(treespec._context, default=_dump_enum)
        except TypeError as error:
            raise TypeError(
                "Unable to serialize context. Please make the context json dump-able, or register "
                "a custom serializer using _register_pytree_node."
            ) from error
    else:
        context = known.to_dumpable_context(treespec._context)
    children = [_to_json(child) for child in treespec._children]
    return {
        "type": known.serialized_type_name,
        "context": context,
        "children_spec": children,
    }


def _dump_enum(obj):
    import enum

    if isinstance(obj, enum.Enum):
        return {
            "__enum__": True,
            "fqn": f"{obj.__class__.__module__}:{obj.__class__.__qualname__}",
            "name": obj.name,
        }
    raise TypeError(f"Object of type {type(obj).__name__} is not JSON serializable")


def enum_object_hook(obj):
    """Return the enum member that a dictionary of a dumped context stands for."""
    if "__enum__" not in obj:
        return obj
    module, _, qualified = obj["fqn"].partition(":")
    found = importlib.import_module(module)
    for part in qualified.split("."):
        found = getattr(found, part)
    return found[obj["name"]]


def _from_json(schema):
    if schema["type"] is None and schema["context"] is None and not schema["children_spec"]:
        return _LEAF_SPEC
    if schema["type"] not in SERIALIZED_TYPE_TO_PYTHON_TYPE:
        raise NotImplementedError(f"Deserializing {schema['type']} in pytree is not registered.")
    kind = SERIALIZED_TYPE_TO_PYTHON_TYPE[schema["type"]]
    known = SUPPORTED_SERIALIZED_TYPES[kind]
    if known.from_dumpable_context is None:
        try:
            context = json.loads(schema["context"], object_hook=enum_object_hook)
        except TypeError as error:
            raise TypeError(
                "Unable to deserialize context. Please make the context json load-able, or "
                "register a custom serializer using _register_pytree_node."
            ) from error
    else:
        context = known.from_dumpable_context(schema["context"])
    return TreeSpec(kind, context, [_from_json(child) for child in schema["children_spec"]])


def treespec_dumps(treespec, protocol=None) -> str:
    """Return a structure as JSON, in PyTorch's protocol 1."""
    if not isinstance(treespec, TreeSpec):
        raise TypeError(
            "Expected `treespec` to be an instance of PyTreeSpec but got item of type "
            f"{type(treespec)}."
        )
    if protocol is None:
        protocol = DEFAULT_TREESPEC_SERIALIZATION_PROTOCOL
    if protocol != DEFAULT_TREESPEC_SERIALIZATION_PROTOCOL:
        raise ValueError(
            f"Unknown protocol {protocol}. Available protocols: "
            f"{[DEFAULT_TREESPEC_SERIALIZATION_PROTOCOL]}"
        )
    return json.dumps((protocol, _to_json(treespec)), default=_dump_enum)


@functools.lru_cache(maxsize=None)
def treespec_loads(serialized: str):
    """Return the structure that `treespec_dumps` wrote."""
    protocol, schema = json.loads(serialized)
    if protocol != DEFAULT_TREESPEC_SERIALIZATION_PROTOCOL:
        raise ValueError(
            f"Unknown protocol {protocol}. Available protocols: "
            f"{[DEFAULT_TREESPEC_SERIALIZATION_PROTOCOL]}"
        )
    return _from_json(schema)


class _Asterisk(str):
    def __new__(cls):
        return super().__new__(cls, "*")

    def __repr__(self):
        return "*"


def treespec_pprint(treespec) -> str:
    """Return a structure as its tree would print with ``*`` for each leaf."""
    return repr(treespec.unflatten([_Asterisk()] * treespec.num_leaves))


pytree_to_str = treespec_dumps
str_to_pytree = treespec_loads
