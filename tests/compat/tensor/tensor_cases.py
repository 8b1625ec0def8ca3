"""Cases for tests/compat/tensor: what a program sees of tensors, dtypes, devices and sizes.

Each line of ``cases/*.txt`` is a case: statements separated by ``;;``, the last one an expression.
Its answer is the text of the result, or of the error. Lines that start with ``#`` say why.
"""

import copy
import io
import json
import math
import pickle
import sys
import warnings
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent


def cases():
    """Return (topic, text) of every case, in order."""
    found = []
    for path in sorted((HERE / "cases").glob("*.txt")):
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.strip() and not line.startswith("#"):
                found.append((path.stem, line))
    return found


def answer(text):
    """Return what a case gives, as text."""
    import torch

    scope = {
        "torch": torch,
        "np": np,
        "copy": copy,
        "pickle": pickle,
        "math": math,
        "io": io,
        "nn": torch.nn,
        "raised": raised,
        "warned": warned,
    }
    *statements, expression = text.split(";;")
    try:
        for statement in statements:
            exec(statement.strip(), scope)
        result = eval(expression.strip(), scope)
        return result if isinstance(result, str) else repr(result)
    except Exception as error:
        return f"{type(error).__name__}: {first_line(error)}"
    finally:
        torch.set_default_dtype(torch.float32)
        torch.set_default_device(None)
        torch.set_printoptions(profile="default")


def first_line(error):
    """Return the first line of an error's text."""
    return (str(error).splitlines() or [""])[0]


def raised(function, *args, **kwargs):
    """Return the name of the error that a call raises."""
    try:
        function(*args, **kwargs)
    except Exception as error:
        return type(error).__name__
    return "nothing"


def warned(function):
    """Return the categories of the warnings that a call gives."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        function()
    return [one.category.__name__ for one in caught]


def main(target, first=0):
    """Answer all cases from one on, into a file of JSON lines."""
    warnings.simplefilter("ignore")
    with open(target, "a", encoding="utf-8") as file:
        for number, (_, text) in enumerate(cases()):
            if number < first:
                continue
            file.write(json.dumps({"case": number}) + "\n")
            file.flush()
            file.write(json.dumps({"case": number, "answer": answer(text)}) + "\n")
            file.flush()


if __name__ == "__main__":
    main(sys.argv[1])
