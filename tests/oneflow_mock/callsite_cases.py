"""Programs that touch ``probe.name``, and what `oneflow_mock.callsite` must say of each touch.

Run as a script by every interpreter that OneFlow supports; prints what it said as JSON.
"""

import json
import sys
import types

#: name → (source, answers): for each touch "given" (a placeholder may be given), "caught" (a
#: ``try`` of the same code waits for the error), or "probe" (something other than a plain load).
TOUCHES = {
    "plain attribute": ("probe.name", ["given"]),
    "method call": ("def touch():\n    return probe.name(1)\ntouch()", ["given"]),
    "from import": ("from probe import name", ["given"]),
    "hasattr": ("hasattr(probe, 'name')", ["probe"]),
    "getattr with a default": ("getattr(probe, 'name', None)", ["probe"]),
    "getattr without": ("getattr(probe, 'name')", ["probe"]),
    "operator.attrgetter": ("import operator\noperator.attrgetter('name')(probe)", ["probe"]),
    "try except AttributeError": (
        "try:\n    probe.name\nexcept AttributeError:\n    pass",
        ["caught"],
    ),
    "try except Exception": ("try:\n    probe.name\nexcept Exception:\n    pass", ["caught"]),
    "try except Exception as e": (
        "try:\n    probe.name\nexcept Exception as e:\n    print(e)",
        ["caught"],
    ),
    "bare except": ("try:\n    probe.name\nexcept:\n    pass", ["caught"]),
    "except BaseException": ("try:\n    probe.name\nexcept BaseException:\n    raise", ["caught"]),
    "except of another error": ("try:\n    probe.name\nexcept KeyError:\n    pass", ["given"]),
    "except ImportError of an attribute": (
        "try:\n    probe.name\nexcept ImportError:\n    pass",
        ["given"],
    ),
    "tuple of errors": (
        "try:\n    probe.name\nexcept (KeyError, AttributeError):\n    pass",
        ["caught"],
    ),
    "tuple of other errors": (
        "try:\n    probe.name\nexcept (KeyError, ValueError) as e:\n    pass",
        ["given"],
    ),
    "tuple in a variable": (
        "errors = (KeyError, AttributeError)\ntry:\n    probe.name\nexcept errors:\n    pass",
        ["caught"],
    ),
    "starred tuple": (
        "errors = (AttributeError,)\ntry:\n    probe.name\nexcept (KeyError, *errors):\n    pass",
        ["caught"],
    ),
    "second clause": (
        "try:\n    probe.name\n"
        "except KeyError:\n    pass\n"
        "except ValueError as e:\n    print(e)\n"
        "except AttributeError:\n    pass",
        ["caught"],
    ),
    "attribute of a module": (
        "import builtins\ntry:\n    probe.name\nexcept builtins.AttributeError:\n    pass",
        ["caught"],
    ),
    "a class of the probed module itself": (
        "try:\n    probe.name\nexcept probe.Error:\n    pass",
        ["given"],
    ),
    "classes by a call": (
        "def errors():\n    return AttributeError\n"
        "try:\n    probe.name\nexcept errors():\n    pass",
        ["caught"],
    ),
    "finally": ("try:\n    probe.name\nfinally:\n    pass", ["given"]),
    "try except finally": (
        "try:\n    probe.name\nexcept AttributeError:\n    pass\nfinally:\n    x = 1",
        ["caught"],
    ),
    "finally within try": (
        "try:\n    try:\n        probe.name\n    finally:\n        probe.other\n"
        "except AttributeError:\n    pass",
        ["caught", "caught"],
    ),
    "else": (
        "try:\n    x = 1\nexcept AttributeError:\n    pass\nelse:\n    probe.name",
        ["given"],
    ),
    "the finally block": (
        "try:\n    x = 1\nexcept AttributeError:\n    pass\nfinally:\n    probe.name",
        ["given"],
    ),
    "the handler": (
        "try:\n    raise AttributeError\nexcept AttributeError:\n    probe.name",
        ["given"],
    ),
    "the handler within try": (
        "try:\n    try:\n        raise KeyError\n    except KeyError:\n        probe.name\n"
        "except AttributeError:\n    pass",
        ["caught"],
    ),
    "after": ("try:\n    x = 1\nexcept AttributeError:\n    pass\nprobe.name", ["given"]),
    "before": ("probe.name\ntry:\n    x = 1\nexcept AttributeError:\n    pass", ["given"]),
    "after an early return": (
        "def touch(flag):\n"
        "    try:\n"
        "        if flag:\n"
        "            return None\n"
        "        return probe.name\n"
        "    except AttributeError:\n"
        "        return 1\n"
        "touch(False)",
        ["caught"],
    ),
    "in a loop with continue and break": (
        "def touch():\n"
        "    for flag in (0, 1, 2):\n"
        "        try:\n"
        "            if flag == 0:\n"
        "                continue\n"
        "            probe.name\n"
        "            if flag == 2:\n"
        "                break\n"
        "        except AttributeError:\n"
        "            pass\n"
        "        probe.other\n"
        "touch()",
        ["caught", "given", "caught"],
    ),
    "try around a loop": (
        "try:\n    for x in (1, 2):\n        probe.name\nexcept AttributeError:\n    pass",
        ["caught", "caught"],
    ),
    "while in try in while": (
        "n = 0\n"
        "while n < 1:\n"
        "    n += 1\n"
        "    try:\n"
        "        while True:\n"
        "            probe.name\n"
        "            break\n"
        "    except AttributeError:\n"
        "        pass\n"
        "    probe.other",
        ["caught", "given"],
    ),
    "finally with a return": (
        "def touch():\n"
        "    try:\n"
        "        try:\n"
        "            return 1\n"
        "        finally:\n"
        "            probe.name\n"
        "    except AttributeError:\n"
        "        pass\n"
        "touch()",
        ["caught"],
    ),
    "many handlers and names": (
        "".join(f"n{n} = {n}\n" for n in range(300))
        + "try:\n    probe.name\n"
        + "".join(f"    n{n} = n{n} + {n}\n" for n in range(300))
        + "except KeyError:\n"
        + "".join(f"    n{n} = n{n} + {n}\n" for n in range(300))
        + "except AttributeError:\n    pass",
        ["caught"],
    ),
    "generator": (
        "def touch():\n"
        "    try:\n"
        "        yield probe.name\n"
        "    except AttributeError:\n"
        "        pass\n"
        "    yield probe.other\n"
        "list(touch())",
        ["caught", "given"],
    ),
    "coroutine": (
        "async def touch():\n"
        "    try:\n"
        "        return probe.name\n"
        "    except AttributeError:\n"
        "        pass\n"
        "coroutine = touch()\n"
        "try:\n"
        "    coroutine.send(None)\n"
        "except StopIteration:\n"
        "    pass",
        ["caught"],
    ),
    "list comprehension": (
        "try:\n    [probe.name for _ in 'a']\nexcept AttributeError:\n    pass",
        ["caught"],
    ),
    "generator expression": (
        "try:\n    any(probe.name for _ in 'a')\nexcept AttributeError:\n    pass",
        ["caught"],
    ),
    "nested comprehension": (
        "try:\n    {x: {probe.name for _ in 'a'} for x in 'a'}\nexcept AttributeError:\n    pass",
        ["caught"],
    ),
    "comprehension outside try": ("[probe.name for _ in 'ab']", ["given", "given"]),
    "lambda called in try": (
        "touch = lambda: probe.name\ntry:\n    touch()\nexcept AttributeError:\n    pass",
        ["caught"],
    ),
    "class body": (
        "try:\n    class A:\n        x = probe.name\nexcept AttributeError:\n    pass",
        ["caught"],
    ),
    "base class": (
        "try:\n    class A(probe.name):\n        pass\nexcept AttributeError:\n    pass",
        ["caught"],
    ),
    "another function": (
        "def touch():\n    return probe.name\ntry:\n    touch()\nexcept AttributeError:\n    pass",
        ["given"],
    ),
    "closure variables": (
        "def outer(error, module):\n"
        "    def touch():\n"
        "        try:\n"
        "            module.name\n"
        "        except error:\n"
        "            pass\n"
        "    touch()\n"
        "outer(AttributeError, probe)\n"
        "outer(KeyError, probe)",
        ["caught", "given"],
    ),
    "contextlib.suppress": (
        "import contextlib\nwith contextlib.suppress(KeyError, AttributeError):\n    probe.name",
        ["caught"],
    ),
    "suppress over several lines": (
        "from contextlib import suppress\n"
        "with suppress(\n    AttributeError,\n    KeyError,\n) as s:\n    probe.name\nprobe.other",
        ["caught", "given"],
    ),
    "suppress of another error": (
        "from contextlib import suppress\nwith suppress(KeyError):\n    probe.name",
        ["given"],
    ),
    "another with": ("import io\nwith io.StringIO() as f:\n    probe.name", ["given"]),
    "with within try": (
        "import io\n"
        "try:\n    with io.StringIO() as f:\n        probe.name\nexcept AttributeError:\n    pass",
        ["caught"],
    ),
    "try within with": (
        "import io\n"
        "with io.StringIO() as f:\n"
        "    try:\n        x = 1\n    except AttributeError:\n        pass\n"
        "    probe.name",
        ["given"],
    ),
    "from import, except ImportError": (
        "try:\n    from probe import name\nexcept ImportError:\n    name = None",
        ["caught"],
    ),
    "from import, except ModuleNotFoundError": (
        "try:\n    from probe import name\nexcept ModuleNotFoundError:\n    name = None",
        ["given"],
    ),
    "from import, except AttributeError": (
        "try:\n    from probe import name\nexcept AttributeError:\n    name = None",
        ["given"],
    ),
    "from import in a function": (
        "def touch():\n"
        "    try:\n        from probe import name\n"
        "    except (ImportError, AttributeError):\n        name = None\n"
        "touch()",
        ["caught"],
    ),
    "exec": (
        "exec('try:\\n    probe.name\\nexcept AttributeError:\\n    pass')",
        ["caught"],
    ),
}

#: name → (source, answers): for each call of ``decorate``, whether it decorates something.
CALLS = {
    "function": ("@probe.decorate\ndef f():\n    pass", [True]),
    "function in a function": (
        "def outer():\n"
        "    @probe.decorate\n"
        "    def f(x=1, *, y: int = 2) -> int:\n"
        "        return x\n"
        "outer()",
        [True],
    ),
    "closure": (
        "def outer(x):\n    @decorate\n    def f():\n        return x\nouter(1)",
        [True],
    ),
    "coroutine": ("@decorate\nasync def f():\n    pass", [True]),
    "factory": ("@probe.decorate(1, key=2)\ndef f():\n    pass", [True]),
    "factory without arguments": ("@probe.decorate()\ndef f():\n    pass", [True]),
    "factory of unpacked arguments": ("a = (1,)\n@probe.decorate(*a)\ndef f():\n    pass", [True]),
    "class": ("@probe.decorate\nclass A:\n    pass", [True]),
    "class with bases and a keyword": (
        "class B:\n    pass\n@probe.decorate\nclass A(B, metaclass=type):\n    pass",
        [True],
    ),
    "factory of a class": ("@probe.decorate(1)\nclass A:\n    pass", [True]),
    "method": ("class A:\n    @probe.decorate\n    def f(self):\n        pass", [True]),
    "stacked": ("@probe.decorate\n@decorate\ndef f():\n    pass", [True, True]),
    "stacked factories": ("@probe.decorate(1)\n@decorate()\ndef f():\n    pass", [True, True]),
    "stacked on a class": ("@probe.decorate\n@decorate\nclass A:\n    pass", [True, True]),
    "above another decorator": (
        "@decorate\n@staticmethod\ndef f():\n    pass",
        [True],
    ),
    "plain call": ("probe.decorate(1)", [False]),
    "call without arguments": ("x = probe.decorate()", [False]),
    "call of a function": ("def f():\n    pass\nprobe.decorate(f)", [False]),
    "call of a lambda": ("decorate(lambda: 1)", [False]),
    "call of a generator expression": ("decorate(x for x in 'a')", [False]),
    "call of a call": ("decorate(str(1))", [False]),
    "call before a definition": ("x = probe.decorate(1)\ndef f():\n    pass", [False]),
    "call as an argument": ("max(probe.decorate(1), lambda: 2, key=id)", [False]),
    "call of the result": ("probe.decorate(1)(len)", [False]),
    "call of the result with a lambda": ("probe.decorate(1)(lambda: 2)", [False]),
    "call in a conditional": ("x = probe.decorate(1) if probe else 2", [False]),
    "call in a with": ("with probe.decorate(1):\n    pass", [False]),
    "call in a default": ("def f(x=probe.decorate(1)):\n    pass", [False]),
    "call in a base": ("class A(probe.decorate(1)):\n    pass", [False]),
}


class _Probe(types.ModuleType):
    """Stands where a torch module does, and asks `callsite` who is there."""

    def __init__(self, callsite):
        super().__init__("probe")
        self.callsite = callsite
        self.answers = []

    def __getattr__(self, name):
        if name.startswith("__") or name == "Error":
            raise AttributeError(name)
        callsite, frame = self.callsite, sys._getframe(1)
        if callsite.is_import_system(frame):
            raise AttributeError(name)  # IMPORT_FROM asks again
        how = callsite.instruction(frame)
        error = ImportError if how == "IMPORT_FROM" else AttributeError
        if how not in callsite.LOADS:
            self.answers.append("probe")
        else:
            self.answers.append("caught" if callsite.is_caught(frame, (error,)) else "given")
        return _Stands()


def _touched(callsite, source):
    probe = sys.modules["probe"] = _Probe(callsite)
    exec(compile(source, "case.py", "exec"), {"probe": probe, "__name__": "case"})
    return probe.answers


class _Stands:
    """What a call gives: a base, a decorator, a context manager."""

    def __call__(self, target=None):
        return target

    def __enter__(self):
        return self

    def __exit__(self, *error):
        pass

    def __mro_entries__(self, bases):
        return ()


def _called(callsite, source):
    probe = types.ModuleType("probe")
    answers = []

    def decorate(*args, **kwargs):
        answers.append(callsite.is_decorator(sys._getframe(1)))
        return _Stands()

    probe.decorate = decorate
    scope = {"probe": probe, "decorate": decorate, "__name__": "case"}
    exec(compile(source, "case.py", "exec"), scope)
    return answers


def main():
    from oneflow_mock import callsite

    found = {"touches": {}, "calls": {}}
    for name, (source, _) in TOUCHES.items():
        found["touches"][name] = _touched(callsite, source)
    for name, (source, _) in CALLS.items():
        found["calls"][name] = _called(callsite, source)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
