"""Derive an operator's schema from the annotations of a Python function."""

from __future__ import annotations

import inspect
import typing

import oneflow as flow

__all__ = ["infer_schema"]

_PLAIN = {
    flow.Tensor: "Tensor",
    int: "SymInt",
    float: "float",
    bool: "bool",
    str: "str",
    flow.dtype: "ScalarType",
    flow.device: "Device",
    typing.Union[int, float, bool]: "Scalar",
}
_IN_LISTS = {flow.Tensor, int, float, bool, typing.Union[int, float, bool]}


def infer_schema(prototype_function, *, mutates_args, op_name=None):
    """Return ``(Tensor x, int n=2) -> Tensor`` for a function; ValueError where it cannot be."""
    signature = inspect.signature(prototype_function)
    try:
        hints = typing.get_type_hints(prototype_function)
    except (NameError, AttributeError, TypeError):
        hints = {}

    def fail(text):
        raise ValueError(f"infer_schema(func): {text} Got func with signature {signature})")

    if isinstance(mutates_args, str) and mutates_args != "unknown":
        raise ValueError(
            "mutates_args must either be a sequence of the names of the arguments that are "
            "mutated or the string 'unknown'. "
        )
    parts, seen, names = [], False, set()
    for place, (name, parameter) in enumerate(signature.parameters.items()):
        if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            fail("We do not support positional-only args, varargs, or varkwargs.")
        if parameter.kind is parameter.KEYWORD_ONLY and not seen:
            parts.append("*")
            seen = True
        if parameter.annotation is parameter.empty:
            fail(f"Parameter {name} must have a type annotation.")
        written = _write(hints.get(name, parameter.annotation))
        if written is None:
            fail(
                f"Parameter {name} has unsupported type {parameter.annotation}. The valid types "
                f"are: {[str(one) for one in _PLAIN]}, Optional and List or Sequence of them."
            )
        names.add(name)
        mutated = mutates_args == "unknown" or name in mutates_args
        if mutated and written.startswith("Tensor"):
            written = f"Tensor(a{place}!)" + written[len("Tensor") :]
        elif mutated and mutates_args != "unknown":
            fail(
                f"Parameter {name} is in mutable_args but only Tensors or collections of Tensors "
                "can be mutated."
            )
        default = _write_default(parameter.default, fail, name)
        parts.append(f"{written} {name}{default}")
    if mutates_args != "unknown" and set(mutates_args) - names:
        fail(
            f"{set(mutates_args) - names} in mutates_args were not found in the custom op's "
            "signature. mutates_args should contain the names of all args that the custom op "
            "mutates, or just the string 'unknown' if you don't know."
        )
    if signature.return_annotation is signature.empty:
        fail("No return type annotation was provided. Please add one.")
    returns = _write_return(hints.get("return", signature.return_annotation))
    if returns is None:
        fail(f"Return has unsupported type {signature.return_annotation}.")
    return f"{op_name or ''}({', '.join(parts)}) -> {returns}"


def _parts(annotation):
    return getattr(annotation, "__origin__", None), getattr(annotation, "__args__", None) or ()


def _write(annotation):
    """Return how a schema writes a parameter's type; None where it has no word for it."""
    if annotation in _PLAIN:
        return _PLAIN[annotation]
    origin, arguments = _parts(annotation)
    if origin is typing.Union or type(annotation).__name__ == "UnionType":
        arguments = annotation.__args__
        rest = tuple(one for one in arguments if one is not type(None))
        if len(rest) < len(arguments):
            inner = _write(rest[0] if len(rest) == 1 else typing.Union[rest])
            return None if inner is None else inner + "?"
        return None
    if isinstance(origin, type) and origin.__name__ in ("list", "Sequence", "List"):
        inner = arguments[0] if arguments else None
        if inner in _IN_LISTS or _write(inner) == "Tensor?":
            return _write(inner) + "[]"
    return None


def _write_default(default, fail, name):
    if default is inspect.Parameter.empty:
        return ""
    if default is None or isinstance(default, (bool, int, float)):
        return f"={default}"
    if isinstance(default, str):
        return f'="{default}"'
    if isinstance(default, flow.dtype):
        return "=" + str(default).rpartition(".")[2]
    if isinstance(default, flow.device):
        return f'="{default}"'
    return fail(
        f"Parameter {name} has an unsupported default value type {type(default)}. Please file an "
        "issue on GitHub so we can prioritize this."
    )


def _write_return(annotation):
    if annotation is None or annotation is type(None):
        return "()"
    origin, arguments = _parts(annotation)
    if origin in (tuple, typing.Tuple):
        written = [_write(one) for one in arguments]
        return None if None in written else f"({', '.join(written)})"
    return _write(annotation)
