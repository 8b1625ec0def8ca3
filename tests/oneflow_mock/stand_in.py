"""A small OneFlow, PyTorch manifest and set of overlays on disk: the mock without the engine.

``write(folder)`` lays them out; ``main()`` runs cases in any interpreter, each in a process of its
own, and prints what became of each.
"""

import json
import os
import shutil
import subprocess
import sys
import textwrap
import traceback

FILES = {
    "oneflow/__init__.py": """
        __version__ = "0.9.0"
        _oneflow_internal = object()

        from oneflow import nn
        from oneflow._types import Tensor, dtype, float32

        def add(x, y):
            return x + y

        def only_oneflow():
            return 1

        def is_grad_enabled():
            return True
        """,
    "oneflow/_types.py": """
        class dtype:
            pass

        class Tensor:
            def mul(self, other):
                return "OneFlow's mul"

        float32 = dtype()
        """,
    "oneflow/nn/__init__.py": """
        from oneflow.nn import functional
        from oneflow.nn.modules.linear import Linear, Module
        """,
    "oneflow/nn/functional.py": """
        def relu(x):
            return max(x, 0)
        """,
    "oneflow/nn/modules/__init__.py": "",
    "oneflow/nn/modules/linear.py": """
        class Module:
            def forward(self):
                return "OneFlow's forward"

        class Linear(Module):
            def __init__(self, size):
                self.size = size
        """,
    "oneflow/functional.py": "",
    "oneflow/optim.py": """
        class SGD:
            pass
        """,
    "library/__init__.py": """
        import torch
        from library import numbers
        """,
    "library/numbers.py": """
        from torch import add

        def three():
            return add(1, 2)
        """,
    "friend.py": """
        import library
        """,
    "stranger.py": """
        import library_of_another
        """,
    "library_of_another.py": "",
    "patched.py": """
        value = "the library's"

        def where():
            return __name__
        """,
    "compat/__init__.py": "",
    "compat/tensor/__init__.py": """
        import oneflow as flow

        def install(patches):
            patches.set(flow.Tensor, "mul", lambda self, other: "ours")

        def expose(patches, namespace, members):
            for name in sorted(members.intersection(namespace)):
                patches.set(flow.Tensor, name, namespace[name])
        """,
    "compat/torch/__init__.py": """
        import oneflow as flow
        from oneflow_mock.compat import hooks

        __version__ = hooks.torch_version
        secret = 1

        def overlaid(x=1):
            '''Say where it comes from.'''
            return "overlay"

        def calls_missing(x):
            raise hooks.refuse("torch.calls_missing", "a reason")

        def ignores(x, memory_format=None):
            if memory_format is not None:
                hooks.no_effect("torch.ignores", "memory_format")
            return x

        def _private(x):
            return "einsum"

        einsum = _private

        def __getattr__(name):
            if name == "late":
                return "loaded late"
            raise AttributeError(name)

        hooks.patch(flow.nn.Module, "forward", lambda self: "ours")
        """,
    "compat/torch/nn/utils/norm.py": """
        def norm(x):
            return "norm"
        """,
    "compat/torch/serialization.py": """
        def save(x):
            return "saved"
        """,
    "compat/torch/deep/below.py": """
        here = True
        """,
    "compat/thirdparty/patched.py": """
        import torch

        def patch(module, patches):
            patches.set(module, "value", torch.overlaid())
        """,
}

MANIFEST = (
    {
        "module": "torch",
        "package": True,
        "eager": True,
        "all": ["Tensor", "add", "overlaid", "missing_function", "MissingClass"],
        "function": [
            "add",
            "overlaid",
            "calls_missing",
            "ignores",
            "missing_function",
            "other_function",
            "save=torch.serialization:save",
            "einsum=torch.functional:einsum",
            "moved=torch.serialization:moved",
            "cast=typing:cast",
        ],
        "class": ["Tensor=torch._tensor:Tensor", "MissingClass", "OtherClass", "dtype"],
        "exception": ["MissingError"],
        "data": ["float32", "late", "missing_value", "__version__"],
        "import": [
            "nn=torch.nn",
            "missing_module=torch.missing_module",
            "os=os",
            "deep=torch.deep",
            "functional=torch.functional",
            "serialization=torch.serialization",
        ],
        "members": {"MissingClass": ["method", "MEMBER"]},
    },
    {"module": "torch._tensor", "package": False, "eager": True, "class": ["Tensor"]},
    {"module": "torch.functional", "package": False, "eager": True, "function": ["einsum"]},
    {
        "module": "torch.nn.utils",
        "package": True,
        "eager": True,
        "function": ["norm=torch.nn.utils.norm:norm"],
    },
    {"module": "torch.nn.utils.norm", "package": False, "eager": True, "function": ["norm"]},
    {"module": "torch.deep", "package": True, "eager": False},
    {"module": "torch.deep.below", "package": False, "eager": False, "data": ["here"]},
    {
        "module": "torch.missing_module",
        "package": True,
        "eager": False,
        "function": ["missing_inside"],
        "class": ["MissingInside"],
    },
    {"module": "torch.missing_module.child", "package": False, "eager": False, "data": ["leaf"]},
    {
        "module": "torch.nn",
        "package": True,
        "eager": True,
        "class": ["Linear=torch.nn.modules.linear:Linear", "Module"],
        "import": ["functional=torch.nn.functional", "modules=torch.nn.modules"],
    },
    {
        "module": "torch.nn.functional",
        "package": False,
        "eager": True,
        "function": ["relu", "missing_activation"],
    },
    {
        "module": "torch.nn.modules",
        "package": True,
        "eager": True,
        "import": ["linear=torch.nn.modules.linear"],
    },
    {"module": "torch.nn.modules.linear", "package": False, "eager": True, "class": ["Linear"]},
    {"module": "torch.optim", "package": True, "eager": False, "class": ["SGD", "Missing"]},
    {
        "module": "torch.serialization",
        "package": False,
        "eager": True,
        "function": ["moved", "save"],
    },
)


def write(folder):
    """Write the stand-ins into a folder, with the real hooks."""
    for path, text in FILES.items():
        target = os.path.join(folder, *path.split("/"))
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with open(target, "w", encoding="utf-8") as file:
            file.write(textwrap.dedent(text))
    import oneflow_mock.compat as compat

    shutil.copy(os.path.join(list(compat.__path__)[0], "hooks.py"), os.path.join(folder, "compat"))
    os.makedirs(os.path.join(folder, "compat", "manifest"))
    lines, places, start = [], {}, 0
    for module in MANIFEST:
        lines.append(json.dumps(module, separators=(",", ":")))
        places[module["module"]] = start, len(lines[-1])
        start += len(lines[-1]) + 1
    header = {"torch": "2.13.0", "places": places}
    with open(os.path.join(folder, "compat", "manifest", "2.13.jsonl"), "w") as file:
        file.write("\n".join([json.dumps(header), *lines, ""]))


def run(interpreter, *arguments):
    """Run an interpreter that finds this project, this file and nothing else of ours."""
    import oneflow_mock

    here = os.path.dirname(os.path.abspath(__file__))
    root = os.path.dirname(os.path.dirname(os.path.abspath(oneflow_mock.__file__)))
    return subprocess.run(
        [interpreter, *arguments],
        env={**os.environ, "PYTHONPATH": os.pathsep.join((root, here))},
        capture_output=True,
        text=True,
    )


def take_place(folder):
    """Let the mock find the stand-ins, in this process."""
    import oneflow_mock

    sys.path.insert(0, folder)
    oneflow_mock.__path__.insert(0, folder)
    __import__("oneflow")


def outcome(source, path):
    """Run a program and return what it left in ``result``, or the exception that it ended with."""
    scope = {"__name__": "program", "__file__": path}
    sys.modules["program"] = type(sys)("program")
    try:
        exec(compile(source, path, "exec"), scope)
    except BaseException as error:
        if os.environ.get("SHOW_TRACEBACKS"):
            traceback.print_exc()
        return f"{type(error).__name__}: {error}"
    return repr(scope.get("result"))


def run_case(source, path, options):
    """Return the outcome of a program under the mock, and the rows of its report."""
    import oneflow_mock
    from oneflow_mock import report

    with open(path, "w", encoding="utf-8") as file:
        file.write(source)
    with oneflow_mock.enable(**options):
        text = outcome(source, path)
    rows = [f"{row.api} {row.how} {row.count}" for row in report.rows()]
    return [text, rows]


def in_child(function, *arguments):
    """Return what a function returns in a forked process."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        os.close(reader)
        try:
            answer = function(*arguments)
        except BaseException:
            answer = ["crashed: " + traceback.format_exc(), []]
        with open(writer, "w", encoding="utf-8") as file:
            json.dump(answer, file)
        os._exit(0)
    os.close(writer)
    with open(reader, encoding="utf-8") as file:
        text = file.read()
    os.waitpid(child, 0)
    return json.loads(text) if text else ["died", []]


def main(folder, cases):
    """Run cases, name → (source, options), from a JSON file; print name → (outcome, rows)."""
    take_place(folder)
    with open(cases, encoding="utf-8") as file:
        cases = json.load(file)
    path = os.path.join(folder, "program.py")
    answers = {
        name: in_child(run_case, source, path, options) for name, (source, options) in cases.items()
    }
    print(json.dumps(answers))


if __name__ == "__main__":
    main(*sys.argv[1:])
