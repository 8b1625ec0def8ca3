"""Programs that ask for what PyTorch has and we lack, and what becomes of them.

Each is (source, outcome) or (source, outcome, rows of the report). PLACE stands for the program's
file; the manifest is the one of `stand_in`.
"""

#: What torch has there.
THERE = (
    "Tensor add calls_missing cast deep dtype einsum float32 functional ignores late nn os "
    "overlaid save serialization"
)
ABSENT = "AttributeError: module 'torch' has no attribute {!r}"


def lacks(api, line, why=""):
    """Return the text of an UnsupportedTorchAPI."""
    return (
        "UnsupportedTorchAPI: {}: OneFlow 0.9.0 lacks it{}; reached from PLACE:{}. PyTorch has it: "
        "to add it, see CONTRIBUTING.md of oneflow-mock; to list all that a program asks for, run "
        "it with --report".format(api, f" ({why})" if why else "", line)
    )


CASES = {
    # a name that PyTorch does not have either
    "no such attribute": ("import torch\ntorch.nonsense", ABSENT.format("nonsense")),
    "no such name": (
        "try:\n    from torch import nonsense\nexcept ImportError as e:\n"
        "    result = str(e).split(' (')[0]",
        "\"cannot import name 'nonsense' from 'torch'\"",
    ),
    "no such module": (
        "import torch.nonsense",
        "ModuleNotFoundError: No module named 'torch.nonsense'",
    ),
    "no such module below one": (
        "import torch.nn.nonsense.deeper",
        "ModuleNotFoundError: No module named 'torch.nn.nonsense'",
    ),
    "a module below a plain one": (
        "import torch.nn.functional.relu",
        "ModuleNotFoundError: No module named 'torch.nn.functional.relu'; "
        "'torch.nn.functional' is not a package",
    ),
    "OneFlow's own name": ("import torch\ntorch.only_oneflow", ABSENT.format("only_oneflow")),
    "OneFlow's own name by import": (
        "import torch\nresult = hasattr(torch, 'only_oneflow'), 'only_oneflow' in dir(torch)",
        "(False, False)",
    ),
    "an overlay's private name": ("import torch\ntorch.secret", ABSENT.format("secret")),
    "an overlay's import": ("import torch\nresult = hasattr(torch, 'flow')", "False"),
    "torchvision is not below torch": (
        "import torchvision",
        "ModuleNotFoundError: No module named 'torchvision'",
    ),
    "torch_geometric is not below torch": (
        "import torch_geometric",
        "ModuleNotFoundError: No module named 'torch_geometric'",
    ),
    # named
    "attribute": (
        "import torch\nf = torch.missing_function\nresult = f",
        "<torch.missing_function: not in OneFlow 0.9.0>",
        ["torch.missing_function named 1"],
    ),
    "from import": (
        "from torch import missing_function, MissingClass as C\nresult = C",
        "<class 'torch.MissingClass'>",
        ["torch.missing_function named 1", "torch.MissingClass named 1"],
    ),
    "the same each time": (
        "import torch\nfrom torch import MissingClass\nresult = torch.MissingClass is MissingClass",
        "True",
        ["torch.MissingClass named 2"],
    ),
    "the same by another name": (
        "import torch, torch.serialization\n"
        "result = torch.moved is torch.serialization.moved, torch.moved.__module__",
        "(True, 'torch.serialization')",
        ["torch.moved named 3"],
    ),
    "in an annotation": (
        "import torch\ndef f(x: torch.MissingClass = None) -> torch.missing_function:\n    pass\n"
        "import inspect\nresult = str(inspect.signature(f).parameters['x'].annotation)",
        "\"<class 'torch.MissingClass'>\"",
    ),
    "in an annotation of a class": (
        "import torch, typing\n"
        "class A:\n    x: torch.MissingClass\n"
        "    y: typing.Optional[torch.missing_function] = None\n"
        "    z: typing.List[torch.MissingClass]\n"
        "result = list(typing.get_type_hints(A))",
        "['x', 'y', 'z']",
    ),
    "in a dataclass": (
        "import torch, dataclasses\n"
        "@dataclasses.dataclass\nclass A:\n    x: torch.MissingClass = torch.missing_value\n"
        "result = A().x is torch.missing_value",
        "True",
    ),
    "as a default": (
        "import torch\ndef f(x=torch.missing_value, *, y=torch.MissingClass):\n    return y\n"
        "result = f()",
        "<class 'torch.MissingClass'>",
    ),
    "as a base": (
        "import torch\nclass A(torch.MissingClass):\n    x = 1\nresult = A.x, A.__mro__[1]",
        "(1, <class 'torch.MissingClass'>)",
    ),
    "as one base of several": (
        "import torch, abc, enum, typing\n"
        "T = typing.TypeVar('T')\n"
        "class A(torch.MissingClass, abc.ABC):\n    pass\n"
        "class B(typing.Generic[T], torch.MissingClass):\n    pass\n"
        "class C(torch.nn.Module, torch.MissingClass, torch.OtherClass):\n    pass\n"
        "result = [c.__name__ for c in (A, B, C)]",
        "['A', 'B', 'C']",
    ),
    "a function as a base": (
        "import torch\nclass A(torch.missing_function):\n    pass\nresult = A.__mro__[1]",
        "<class 'torch.missing_function'>",
    ),
    "a derived class made": (
        "import torch\nclass A(torch.MissingClass):\n    def __init__(self, x):\n        pass\n"
        "A(1)",
        lacks("torch.MissingClass", 5, "A derives from it"),
        ["torch.MissingClass named 1", "torch.MissingClass called 1"],
    ),
    "a subscript": (
        "import torch\nresult = torch.MissingClass[int], torch.missing_value['x']",
        "(<class 'torch.MissingClass'>, <torch.missing_value: not in OneFlow 0.9.0>)",
    ),
    "X | None": (
        "import sys, torch\n"
        "result = str(torch.MissingClass | None) if sys.version_info >= (3, 10) else "
        "'torch.MissingClass | None'",
        "'torch.MissingClass | None'",
    ),
    "a function | None": (
        "import torch, typing\n"
        "result = (torch.missing_function | None) == typing.Optional[typing.Any], "
        "(None | torch.missing_function) == typing.Optional[typing.Any]",
        "(True, True)",
    ),
    "isinstance": (
        "import torch\n"
        "result = isinstance(1, torch.MissingClass), isinstance(1, (int, torch.OtherClass)), "
        "isinstance(1, torch.missing_function), isinstance(torch.MissingClass, type)",
        "(False, True, False, True)",
    ),
    "issubclass": (
        "import torch\n"
        "class A(torch.MissingClass):\n    pass\n"
        "result = issubclass(int, torch.MissingClass), issubclass(A, torch.MissingClass), "
        "issubclass(A, torch.OtherClass), issubclass(A, torch.missing_function)",
        "(False, True, False, False)",
    ),
    "except": (
        "import torch\ntry:\n    1 / 0\nexcept (torch.MissingError, ZeroDivisionError) as e:\n"
        "    result = type(e)",
        "<class 'ZeroDivisionError'>",
    ),
    "a missing error raised": (
        "import torch\nraise torch.MissingError('text')",
        "MissingError: text",
    ),
    "a member": (
        "import torch\nresult = torch.MissingClass.method, torch.MissingClass.MEMBER",
        "(<torch.MissingClass.method: not in OneFlow 0.9.0>, "
        "<torch.MissingClass.MEMBER: not in OneFlow 0.9.0>)",
    ),
    "not a member": (
        "import torch\ntorch.MissingClass.nonsense",
        "AttributeError: type object 'MissingClass' has no attribute 'nonsense'",
    ),
    "an attribute of a value": (
        "import torch\nresult = torch.missing_value.inner.deeper, "
        "hasattr(torch.missing_value, 'inner')",
        "(<torch.missing_value.inner.deeper: not in OneFlow 0.9.0>, False)",
    ),
    "in a set and compared": (
        "import torch\n"
        "s = {torch.missing_value, torch.missing_value, torch.MissingClass}\n"
        "result = len(s), torch.missing_value == 1, torch.missing_value != torch.missing_function",
        "(2, False, True)",
    ),
    "copied": (
        "import copy, torch\n"
        "result = copy.deepcopy([torch.missing_value, torch.MissingClass]) == "
        "[torch.missing_value, torch.MissingClass]",
        "True",
    ),
    "a function is true": (
        "import torch\nresult = bool(torch.missing_function)",
        "True",
        ["torch.missing_function named 1"],
    ),
    "repr": (
        "import torch\nresult = repr(torch.missing_value)",
        "'<torch.missing_value: not in OneFlow 0.9.0>'",
    ),
    # as a decorator
    "decorates a function": (
        "import torch\n@torch.missing_function\ndef f():\n    'text'\n"
        "result = f.__name__, f.__doc__",
        "('f', 'text')",
        ["torch.missing_function named 1", "torch.missing_function named 1"],
    ),
    "the decorated function called": (
        "import torch\n@torch.missing_function\ndef f():\n    pass\nf()",
        lacks("torch.missing_function", 5, "it decorates f"),
    ),
    "decorates by a factory": (
        "import torch\n@torch.missing_function(1, mode='x')\ndef f():\n    pass\nf()",
        lacks("torch.missing_function", 5, "it decorates f"),
    ),
    "a class decorates": (
        "import torch\n@torch.MissingClass\ndef f():\n    pass\n"
        "@torch.MissingClass(1)\ndef g():\n    pass\nresult = f.__name__, g.__name__",
        "('f', 'g')",
    ),
    "a member decorates": (
        "import torch\n@torch.MissingClass.method('x')\ndef f():\n    pass\nresult = f.__name__",
        "'f'",
    ),
    "decorates a class": (
        "import torch\n@torch.missing_function\nclass A:\n    x = 1\nresult = A.x",
        "1",
    ),
    "the decorated class made": (
        "import torch\n@torch.missing_function(1)\nclass A:\n    pass\nA()",
        lacks("torch.missing_function", 5, "it decorates A"),
    ),
    "decorates a method": (
        "import torch\n"
        "class A:\n    @torch.missing_function\n    def f(self):\n        return 1\n"
        "A().f()",
        lacks("torch.missing_function", 6, "it decorates A.f"),
    ),
    # absent, where it is asked for
    "hasattr": (
        "import torch\nresult = [hasattr(torch, n) for n in "
        "('missing_function', 'MissingClass', 'missing_value', 'missing_module', 'add')]",
        "[False, False, False, False, True]",
        [],
    ),
    "hasattr after it was named": (
        "import torch\ntorch.missing_function, torch.missing_module\n"
        "import torch.missing_module.child\n"
        "result = hasattr(torch, 'missing_function'), hasattr(torch, 'missing_module')",
        "(False, False)",
    ),
    "getattr with a default": (
        "import torch\nresult = getattr(torch, 'missing_function', 'default')",
        "'default'",
        [],
    ),
    "getattr without": (
        "import torch\ngetattr(torch, 'missing_function')",
        ABSENT.format("missing_function"),
    ),
    "try attribute": (
        "import torch\ntry:\n    torch.missing_function\nexcept AttributeError as e:\n"
        "    result = str(e)",
        "\"module 'torch' has no attribute 'missing_function'\"",
        [],
    ),
    "try from import": (
        "try:\n    from torch import missing_function\nexcept ImportError:\n    result = 'absent'",
        "'absent'",
        [],
    ),
    "try import": (
        "try:\n    import torch.missing_module\nexcept ImportError as e:\n"
        "    result = str(e), e.name",
        "(\"No module named 'torch.missing_module'\", 'torch.missing_module')",
        [],
    ),
    "try import below": (
        "try:\n    import torch.missing_module.child\nexcept ImportError as e:\n"
        "    result = str(e)",
        "\"No module named 'torch.missing_module'\"",
        [],
    ),
    "try from import of a module": (
        "try:\n    from torch import missing_module\nexcept ImportError:\n    result = 'absent'",
        "'absent'",
        [],
    ),
    "try from a missing module": (
        "try:\n    from torch.missing_module import MissingInside\n"
        "except (ImportError, RuntimeError):\n    result = 'absent'",
        "'absent'",
        [],
    ),
    "try importlib": (
        "import importlib\ntry:\n    importlib.import_module('torch.missing_module')\n"
        "except ModuleNotFoundError:\n    result = 'absent'",
        "'absent'",
        [],
    ),
    "try with an error of another kind": (
        "import torch\ntry:\n    result = torch.missing_function\nexcept KeyError:\n    pass",
        "<torch.missing_function: not in OneFlow 0.9.0>",
    ),
    "suppress": (
        "import contextlib, torch\nresult = 'absent'\n"
        "with contextlib.suppress(AttributeError):\n    result = torch.missing_function",
        "'absent'",
        [],
    ),
    "find_spec": (
        "import importlib.util as u\n"
        "result = [u.find_spec(n) is not None for n in ('torch', 'torch.nn', 'torch.optim', "
        "'torch.missing_module', 'torch.nonsense', 'torchvision')]",
        "[True, True, True, False, False, False]",
        [],
    ),
    "find_spec of a child": (
        "import importlib.util as u, sys, torch\n"
        "name = 'torch.missing_module'\n"
        "result = u.find_spec(name + '.child'), name in sys.modules, "
        "hasattr(torch, 'missing_module')",
        "(None, False, False)",
        [],
    ),
    "find_spec imports nothing but parents": (
        "import importlib.util as u, sys\nu.find_spec('torch')\nresult = 'torch' in sys.modules",
        "False",
    ),
    "pkgutil": (
        "import pkgutil, warnings\nwarnings.simplefilter('ignore')\n"
        "result = [pkgutil.find_loader(n) is not None for n in ('torch', 'torch.missing_module')]",
        "[True, False]",
        [],
    ),
    "dir": (
        "import torch\nresult = ' '.join(n for n in dir(torch) if not n.startswith('__'))",
        f"'{THERE}'",
        [],
    ),
    "vars": (
        "import torch\n"
        "result = ' '.join(sorted(n for n in vars(torch) if not n.startswith('__')))\n"
        "assert vars(torch)['add'] is torch.add",
        f"'{THERE}'",
        [],
    ),
    "star": (
        "from torch import *\n"
        "result = [n in globals() for n in 'add overlaid Tensor missing_function nn'.split()]",
        "[True, True, True, False, False]",
        [],
    ),
    "star without __all__": (
        "from torch.nn import *\n"
        "result = [n in globals() for n in ('Linear', 'functional', 'only_oneflow')]",
        "[True, True, False]",
    ),
    "__all__": (
        "import torch\nresult = torch.__all__, hasattr(torch.nn, '__all__')",
        "(['Tensor', 'add', 'overlaid'], False)",
    ),
    # modules
    "a missing module": (
        "import torch.missing_module\nresult = torch.missing_module.missing_inside",
        "<torch.missing_module.missing_inside: not in OneFlow 0.9.0>",
        [
            "torch.missing_module named 1",
            "torch.missing_module.missing_inside named 1",
        ],
    ),
    "a missing module by attribute": (
        "import torch\nresult = torch.missing_module.MissingInside.__module__",
        "'torch.missing_module'",
    ),
    "a missing module by from": (
        "from torch import missing_module as m\nresult = m.__name__",
        "'torch.missing_module'",
    ),
    "a missing module by as": (
        "import torch.missing_module.child as c\nresult = c.__name__, c.leaf",
        "('torch.missing_module.child', <torch.missing_module.child.leaf: not in OneFlow 0.9.0>)",
    ),
    "a missing module by importlib": (
        "import importlib\nresult = importlib.import_module('torch.missing_module.child').__name__",
        "'torch.missing_module.child'",
    ),
    "a module below a folder": (
        "try:\n    from torch.deep.below import here as result\nexcept ImportError:\n    pass",
        "True",
        [],
    ),
    "a module that PyTorch imports by itself": (
        "import torch\nresult = torch.nn.functional.relu(-1)",
        "0",
    ),
    "a module that PyTorch does not": ("import torch\ntorch.optim", ABSENT.format("optim")),
    "a module of another library": ("import os, torch\nresult = torch.os is os", "True"),
    "submodules are bound": (
        "import torch.optim\nresult = torch.optim.SGD.__module__",
        "'torch.optim'",
    ),
    "reload": (
        "import importlib, torch\nf = torch.add\nt = importlib.reload(torch)\n"
        "result = t is torch, torch.add is f, torch.overlaid()",
        "(True, True, 'overlay')",
    ),
    # called
    "called": (
        "import torch\n\ntorch.missing_function(1, x=2)",
        lacks("torch.missing_function", 3),
        ["torch.missing_function named 1", "torch.missing_function called 1"],
    ),
    "called in try": (
        "import torch\ntry:\n    torch.missing_function()\n"
        "except NotImplementedError as e:\n    result = type(e).__name__, e.api",
        "('UnsupportedTorchAPI', 'torch.missing_function')",
    ),
    "called by the name that was asked for": (
        "import torch\ntorch.moved()",
        lacks("torch.moved", 2),
    ),
    "made": ("import torch\ntorch.MissingClass()", lacks("torch.MissingClass", 2)),
    "a member called": (
        "import torch\ntorch.MissingClass.method(1)",
        lacks("torch.MissingClass.method", 2),
    ),
    "called with a lambda": (
        "from torch import missing_function\nmissing_function(lambda: 1)",
        lacks("torch.missing_function", 2),
    ),
    "called by the standard library": (
        "import functools, torch\nfunctools.reduce(torch.missing_function, [1, 2])",
        lacks("torch.missing_function", 2),
    ),
    "entered": (
        "import torch\nwith torch.missing_function():\n    pass",
        lacks("torch.missing_function", 2),
    ),
    "a value tested": (
        "import torch\nif torch.missing_value:\n    pass",
        lacks("torch.missing_value", 2),
    ),
    "a value added": ("import torch\n1 + torch.missing_value", lacks("torch.missing_value", 2)),
    "a value iterated": (
        "import torch\nfor x in torch.missing_value:\n    pass",
        lacks("torch.missing_value", 2),
    ),
    "a function's attribute": (
        "import torch\ntorch.missing_function.nonsense",
        "UnsupportedTorchAttribute: "
        + lacks("torch.missing_function.nonsense", 2).partition(": ")[2],
    ),
    "refused by an overlay": (
        "import torch\ntorch.calls_missing(1)",
        lacks("torch.calls_missing", 2, "a reason"),
        ["torch.calls_missing called 1"],
    ),
    "a keyword without effect": (
        "import torch, warnings\n"
        "with warnings.catch_warnings(record=True) as told:\n"
        "    warnings.simplefilter('always')\n"
        "    torch.ignores(1, memory_format=2)\n    torch.ignores(1, memory_format=2)\n"
        "result = [(str(w.message), w.lineno) for w in told]",
        "[(\"torch.ignores: the argument 'memory_format' has no effect on OneFlow\", 4)]",
        ["torch.ignores keyword 2"],
    ),
    # what is there
    "OneFlow's own objects": (
        "import oneflow, torch\n"
        "result = torch.add is oneflow.add, torch.Tensor is oneflow.Tensor, "
        "torch.nn.Linear is oneflow.nn.Linear, torch.float32 is oneflow.float32",
        "(True, True, True, True)",
    ),
    "adopted classes": (
        "import torch\nresult = torch.nn.Linear, torch.nn.Linear.__module__, torch.add.__module__",
        "(<class 'torch.nn.modules.linear.Linear'>, 'torch.nn.modules.linear', 'torch')",
    ),
    "pickled by name": (
        "import pickle, torch\n"
        "data = pickle.dumps([torch.nn.Linear(3), torch.add, torch.overlaid, torch.save], 0)\n"
        "layer, *functions = pickle.loads(data)\n"
        "same = functions == [torch.add, torch.overlaid, torch.save]\n"
        "result = layer.size, same, b'oneflow' in data",
        "(3, True, False)",
    ),
    "loaded late by an overlay": (
        "import torch\nresult = torch.late, hasattr(torch, 'late'), hasattr(torch, 'nonsense')",
        "('loaded late', True, False)",
    ),
    "found in the module that defines it": (
        "import pickle, torch, torch.functional\nf = torch.functional.einsum\n"
        "result = f is torch.einsum, f.__module__, f.__name__, pickle.loads(pickle.dumps(f)) is f",
        "(True, 'torch.functional', 'einsum', True)",
    ),
    "a function named as its module": (
        "import torch.nn.utils.norm as m, torch.nn.utils\nfrom torch.nn.utils import norm\n"
        "import pickle, sys\n"
        "result = norm(1), m is norm, sys.modules['torch.nn.utils.norm'].norm is norm, "
        "pickle.loads(pickle.dumps(norm)) is norm",
        "('norm', True, True, True)",
    ),
    "help": (
        "import pydoc, torch\ntext = pydoc.plain(pydoc.render_doc(torch))\n"
        "result = 'overlaid(x=1)' in text, 'Say where it comes from.' in text, 'secret' in text",
        "(True, True, False)",
    ),
    "getsource": (
        "import inspect, torch\nresult = inspect.getsource(torch.overlaid).split()[:2]",
        "['def', 'overlaid(x=1):']",
    ),
    "getsource of a module": (
        "import inspect, torch.serialization\nresult = inspect.getsource(torch.serialization)",
        "'\\ndef save(x):\\n    return \"saved\"\\n'",
    ),
    "signature": (
        "import inspect, torch\nresult = str(inspect.signature(torch.overlaid))",
        "'(x=1)'",
    ),
    "version": (
        "import torch\nresult = torch.__version__, torch.__name__, torch.__package__",
        "('2.13.0', 'torch', 'torch')",
    ),
    "set by the program": (
        "import torch\ntorch.extra = 1\ntorch.missing_function = len\n"
        "result = torch.extra, torch.missing_function('ab')",
        "(1, 2)",
    ),
    "replaced for a test": (
        "import torch\nfrom unittest import mock\n"
        "with mock.patch('torch.nn.functional.relu', 'other'):\n"
        "    first = torch.nn.functional.relu\n"
        "result = first, torch.nn.functional.relu(-1)",
        "('other', 0)",
    ),
}

#: The same with ``strict``.
STRICT = {
    "attribute": ("import torch\ntorch.missing_function", lacks("torch.missing_function", 2)),
    "from import": ("from torch import MissingClass", lacks("torch.MissingClass", 1)),
    "import": ("import torch.missing_module", lacks("torch.missing_module", 1)),
    "hasattr": ("import torch\nresult = hasattr(torch, 'missing_function')", "False"),
    "try": (
        "try:\n    import torch.missing_module\nexcept ImportError:\n    result = 'absent'",
        "'absent'",
    ),
    "a keyword without effect": (
        "import torch\ntorch.ignores(1, memory_format=2)",
        lacks("torch.ignores", 2, "the argument 'memory_format' has no effect on OneFlow"),
    ),
}

#: The same with ``verbose``.
VERBOSE = {
    "told at once": (
        "import contextlib, io, torch\n"
        "with contextlib.redirect_stderr(io.StringIO()) as told:\n"
        "    torch.missing_function\n"
        "    hasattr(torch, 'missing_value')\n"
        "result = told.getvalue()",
        "'oneflow-mock: torch.missing_function: named at PLACE:3\\n'",
    ),
}
