"""What the scripts beside this file use: print what an expression gives, or the error it raises."""

import re
import warnings


def _plain(text):
    """Return a text without addresses, which differ from run to run."""
    return re.sub(r" at 0x[0-9a-f]+", " at 0x", text)


def show(name, function):
    """Print a name and what a function gives: its repr, or the type and first line of its error."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            result = repr(function())
        except Exception as error:
            first = (str(error).splitlines() or [""])[0]
            result = f"{type(error).__name__}: {first}"
    print(f"{name}: {_plain(result)}".replace("\n", " "))


def show_all(expressions, scope):
    """Show each line of a text as an expression."""
    for line in expressions.strip().splitlines():
        if line.strip() and not line.startswith("#"):
            show(line, lambda line=line: eval(line, scope))


def warned(function):
    """Return the warnings that a call gives, as (category, first words)."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        function()
    return [(one.category.__name__, str(one.message)[:60]) for one in caught]
