"""Programs whose outcome must be the same on real PyTorch and under the mock.

``python name_cases.py`` runs them with the torch there is and prints name → outcome as JSON;
``tools/draw_name_golden.py`` keeps what real PyTorch gave.
"""

import contextlib
import io
import json
import re
import sys
import warnings

CLASSES = """
    Generator Size Tensor device dtype finfo iinfo layout memory_format no_grad set_grad_enabled
    autograd.Function cuda.Event nn.BatchNorm2d nn.Conv2d nn.CrossEntropyLoss nn.Dropout
    nn.Embedding nn.GELU nn.GroupNorm nn.LayerNorm nn.Linear nn.LSTM nn.Module nn.ModuleDict
    nn.ModuleList nn.MultiheadAttention nn.Parameter nn.ParameterList nn.ReLU nn.Sequential nn.SiLU
    nn.Softmax nn.TransformerEncoderLayer nn.Upsample nn.modules.batchnorm._BatchNorm
    nn.modules.conv._ConvNd nn.utils.rnn.PackedSequence
    optim.Adam optim.AdamW optim.Optimizer optim.SGD optim.lr_scheduler.LambdaLR
    optim.lr_scheduler.LRScheduler optim.lr_scheduler.StepLR utils.data.DataLoader
    utils.data.Dataset utils.data.IterableDataset utils.data.Subset utils.data.TensorDataset
    utils.data.distributed.DistributedSampler
""".split()
FUNCTIONS = """
    einsum norm save load manual_seed is_tensor set_default_dtype get_rng_state
    nn.functional.interpolate nn.functional.layer_norm
    nn.functional.relu nn.functional.softmax nn.init.kaiming_uniform_ nn.init.normal_
    nn.utils.clip_grad_norm_ utils.data.random_split
""".split()

CASES = {
    # what PyTorch lacks, in its words
    "no such attribute": "import torch\ntorch.nonsense",
    "no such attribute of a package": "import torch\ntorch.nn.nonsense",
    "no such attribute of a module": "import torch\ntorch.nn.functional.nonsense",
    "no such attribute of a class": "import torch\ntorch.Tensor.nonsense",
    "no such attribute of a tensor": "import torch\ntorch.zeros(1).nonsense",
    "no such attribute of a layer": "import torch\ntorch.nn.Linear(1, 1).nonsense",
    "getattr": "import torch\ngetattr(torch.nn, 'nonsense')",
    "no such name": "from torch import nonsense",
    "no such name of a module": "from torch.nn.functional import nonsense",
    "no such module": "import torch.nonsense",
    "no such module below one": "import torch.nn.nonsense.deeper",
    "a module below a plain one": "import torch.nn.functional.relu",
    "from no such module": "from torch.nn.nonsense import Linear",
    "importlib": "import importlib\nimportlib.import_module('torch.nonsense')",
    "error's name": (
        "try:\n    import torch.nn.nonsense\nexcept ModuleNotFoundError as e:\n    result = e.name"
    ),
    "hasattr": (
        "import torch, torch.nn.functional as F\n"
        "result = [hasattr(torch, n) for n in 'add nn optim nonsense float32 bool'.split()],"
        "[hasattr(F, n) for n in 'relu scaled_dot_product_attention nonsense torch'.split()],"
        "[hasattr(torch.Tensor, n) for n in 'add add_ item numpy nonsense __len__'.split()]"
    ),
    "getattr with a default": (
        "import torch\nresult = getattr(torch, 'nonsense', 1), getattr(torch.nn, 'nonsense', None)"
    ),
    "except ImportError": (
        "try:\n    from torch import nonsense\nexcept ImportError:\n    result = 'absent'"
    ),
    "except AttributeError": (
        "import torch\ntry:\n    torch.nonsense\nexcept AttributeError:\n    result = 'absent'"
    ),
    "OneFlow's own names": (
        "import torch\n"
        "result = [hasattr(torch, n) for n in 'sbp placement one_embedding boxing'.split()],"
        "hasattr(torch.nn, 'Graph')"
    ),
    # modules
    "modules": (
        "import torch, torch.nn.functional, types\n"
        "result = [(isinstance(m, types.ModuleType), m.__name__, m.__package__, m.__spec__.name,"
        "hasattr(m, '__path__'), m.__doc__ is None or isinstance(m.__doc__, str))"
        "for m in (torch, torch.nn, torch.nn.functional, torch.optim)]"
    ),
    "modules by all names": (
        "import sys, torch\nfrom torch import nn\nimport torch.nn as other\n"
        "import torch.nn.functional as F\nimport importlib\n"
        "result = nn is other is torch.nn is sys.modules['torch.nn'], F is nn.functional, "
        "importlib.import_module('torch.nn.functional') is F"
    ),
    "modules that import torch brings": (
        "import torch\n"
        "result = [hasattr(torch, n) for n in 'nn optim utils autograd cuda backends distributed "
        "jit random serialization version'.split()]"
    ),
    "modules below": (
        "import torch\n"
        "result = [torch.nn.modules.linear.__name__, torch.utils.data.dataloader.__name__, "
        "torch.optim.lr_scheduler.__name__, torch.nn.utils.rnn.__name__]"
    ),
    "a module pickled": "import pickle, torch\npickle.dumps(torch.nn)",
    "a module in a file": (
        "import inspect, os, torch\nresult = os.path.basename(torch.__file__), "
        "os.path.basename(inspect.getsourcefile(torch.nn.functional))"
    ),
    "star": (
        "from torch import *\nfrom torch.nn import *\nfrom torch.nn.functional import *\n"
        "result = [n in globals() for n in 'tensor zeros Tensor Linear Module relu nonsense "
        "torch nn'.split()]"
    ),
    "__all__": (
        "import torch\nresult = [isinstance(m.__all__, list) and all(hasattr(m, n) for n in "
        "m.__all__) for m in (torch, torch.nn, torch.nn.modules, torch.utils.data)]"
    ),
    "vars": (
        "import torch\nresult = [n in vars(torch) for n in 'add nn Tensor float32 nonsense "
        "save'.split()], vars(torch)['add'] is torch.add, "
        "vars(torch.nn)['Linear'] is torch.nn.Linear"
    ),
    "__dict__": (
        "import torch\n"
        "names = torch.nn.modules.activation.__dict__\n"
        "result = [n in names for n in 'ReLU GELU Softmax Module nonsense'.split()]"
    ),
    "reload": (
        "import importlib, torch, torch.nn.functional as F\nL = torch.nn.Linear\n"
        "result = importlib.reload(torch.nn) is torch.nn, torch.nn.Linear is L"
    ),
    "set and deleted": (
        "import torch\ntorch.extra = 1\nresult = torch.extra\ndel torch.extra\ntorch.extra"
    ),
    # finding
    "find_spec": (
        "from importlib.util import find_spec\n"
        "names = 'torch torch.nn torch.nn.functional torch.utils.data torch.nonsense'.split()\n"
        "result = [find_spec(n) and find_spec(n).name for n in names]"
    ),
    "find_spec says what is a package": (
        "from importlib.util import find_spec\n"
        "result = [find_spec(n).submodule_search_locations is not None "
        "for n in ('torch', 'torch.nn', 'torch.nn.functional')]"
    ),
    "find_spec of a child": (
        "from importlib.util import find_spec\nfind_spec('torch.nonsense.child')"
    ),
    "find_spec before import": (
        "import sys\nfrom importlib.util import find_spec\nspec = find_spec('torch')\n"
        "result = spec.name, spec.origin.endswith('__init__.py'), bool(spec.has_location)"
    ),
    "module from spec": (
        "import importlib.util as u\nspec = u.find_spec('torch.nn.functional')\n"
        "result = spec.loader is not None, spec.parent"
    ),
    "pkgutil": (
        "import pkgutil, torch\nnames = {m.name for m in pkgutil.iter_modules(torch.nn.__path__)}\n"
        "result = 'functional' in names, 'nonsense' in names, "
        "pkgutil.resolve_name('torch.nn:Linear') is torch.nn.Linear"
    ),
    # metadata
    "metadata": (
        "import importlib.metadata as m\n"
        "result = m.version('torch').split('+')[0], m.version('TORCH').split('+')[0], "
        "m.metadata('torch')['Name'], m.distribution('torch').metadata['Version'].split('+')[0], "
        "m.files('torch') is not None"
    ),
    "metadata of what is not there": "import importlib.metadata as m\nm.version('nonsense-torch')",
    "packages_distributions": (
        "import importlib.metadata as m\nresult = sorted(set(m.packages_distributions()['torch']))"
    ),
    "metadata of all": (
        "import importlib.metadata as m\n"
        "names = [d.metadata['Name'] for d in m.distributions()]\n"
        "result = names.count('torch'), "
        "len(list(m.distributions(path=['/nonexistent'])))"
    ),
    "entry points": (
        "import importlib.metadata as m\nresult = len(list(m.entry_points())) > 0, "
        "m.distribution('torch').read_text('nonsense')"
    ),
    "the backport": (
        "import importlib_metadata as m\n"
        "result = m.version('torch').split('+')[0], m.metadata('torch')['Name'], "
        "'torch' in m.packages_distributions()['torch']"
    ),
    "requirements": (
        "import importlib.metadata as m\nfrom packaging.requirements import Requirement\n"
        "result = [Requirement(r).specifier.contains(m.version('torch')) for r in "
        "('torch', 'torch>=2.0', 'torch==2.13.0', 'torch<2', 'torch~=2.13', 'torch>=2.13,<2.14')]"
    ),
    "the version": (
        "import torch\nfrom packaging import version\n"
        "result = version.parse(torch.__version__).release, "
        "torch.__version__ >= '2.0', torch.__version__ >= (2, 0), torch.__version__ < (2, 1, 0), "
        "torch.__version__ > '2.9', isinstance(torch.__version__, str), "
        "type(torch.__version__).__name__, torch.version.__version__ == torch.__version__"
    ),
    # the names that pickles and messages show
    "class names": (
        "import torch, torch.nn.parallel, torch.nn.utils.rnn, torch.utils.data.distributed\n"
        "import operator\n"
        "result = [(n, c.__module__, c.__qualname__) for n in CLASSES "
        "for c in [operator.attrgetter(n)(torch)]]"
    ),
    "pickled classes": (
        "import operator, pickle, torch, torch.nn.parallel, torch.utils.data.distributed\n"
        "result = [pickle.dumps(operator.attrgetter(n)(torch), 2) for n in CLASSES]"
    ),
    "function names": (
        "import operator, torch\n"
        "result = [(n, getattr(f, '__module__', None), f.__name__) for n in FUNCTIONS "
        "for f in [operator.attrgetter(n)(torch)]]"
    ),
    "pickled and back": (
        "import operator, pickle, torch\n"
        "result = [n for n in CLASSES + FUNCTIONS for o in [operator.attrgetter(n)(torch)] "
        "if pickle.loads(pickle.dumps(o)) is not o]"
    ),
    "pickled objects": (
        "import pickle, torch\n"
        "result = [pickle.dumps(o, 2) for o in (torch.float32, torch.int64, torch.bool, "
        "torch.device('cpu'))]"
    ),
    "a subclass's repr": (
        "import torch\nclass Net(torch.nn.Module):\n    pass\n"
        "result = repr(torch.nn.Linear), Net.__mro__[1].__module__, repr(torch.optim.SGD)"
    ),
    "inspect": (
        "import inspect, torch\n"
        "result = [inspect.getmodule(o).__name__ for o in (torch.nn.Linear, torch.nn.Module, "
        "torch.optim.SGD, torch.save, torch.nn.functional.interpolate)]"
    ),
    "getsource": (
        "import inspect, torch\n"
        "result = [inspect.getsource(o).split()[1].partition('(')[0] for o in (torch.save, "
        "torch.nn.functional.interpolate)]"
    ),
    "signatures": (
        "import inspect, torch, torch.nn.functional as F\n"
        "functions = torch.save, torch.load, F.interpolate, F.layer_norm, torch.is_tensor\n"
        "result = [[p.name for p in inspect.signature(f).parameters.values() "
        "if p.kind is not p.VAR_KEYWORD] for f in functions]"
    ),
    "help": (
        "import pydoc, torch\n"
        "result = [pydoc.plain(pydoc.render_doc(o)).splitlines()[0] for o in (torch, torch.nn, "
        "torch.nn.Linear, torch.nn.functional, torch.save, torch.Tensor)]"
    ),
    "typing": (
        "import torch, typing, inspect\n"
        "class Net(torch.nn.Module):\n    layer: torch.nn.Linear\n    x: 'torch.Tensor'\n"
        "def f(x: torch.Tensor, y: typing.Optional[torch.dtype] = None) -> torch.Size: ...\n"
        "hints = typing.get_type_hints\n"
        "result = sorted(hints(f)), hints(Net)['x'] is torch.Tensor, "
        "str(inspect.signature(f))"
    ),
    "union": (
        "import torch, types\n"
        "result = str(torch.nn.Linear | None), str(torch.Tensor | None), "
        "isinstance(torch.zeros(1), torch.Tensor | None)"
    ),
    # what is what
    "issubclass": (
        "import torch\nfrom torch import nn\n"
        "result = [issubclass(a, b) for a, b in ((nn.Linear, nn.Module), "
        "(nn.Parameter, torch.Tensor), (torch.optim.Adam, torch.optim.Optimizer), "
        "(nn.Conv2d, nn.modules.conv._ConvNd), (nn.BatchNorm2d, nn.modules.batchnorm._BatchNorm), "
        "(torch.Size, tuple), (nn.Linear, torch.Tensor), (torch.utils.data.TensorDataset, "
        "torch.utils.data.Dataset), (nn.Sequential, nn.ModuleList))]"
    ),
    "isinstance": (
        "import torch\nfrom torch import nn\nx = torch.zeros(2)\n"
        "p = nn.Parameter(x)\n"
        "result = [isinstance(a, b) for a, b in ((x, torch.Tensor), (p, torch.Tensor), "
        "(p, nn.Parameter), (x, nn.Parameter), (x.shape, torch.Size), "
        "(x.dtype, torch.dtype), (x.device, torch.device), (torch.float32, torch.dtype), "
        "(torch.Generator(), torch.Generator), (x.layout, torch.layout), (1, torch.Tensor))], "
        "type(x) is torch.Tensor, type(x).__name__, type(nn.Parameter(x)).__name__"
    ),
    "subclasses": (
        "import torch\n"
        "class Net(torch.nn.Module):\n    def forward(self, x):\n        return x + 1\n"
        "class Opt(torch.optim.Optimizer):\n    pass\n"
        "class Data(torch.utils.data.Dataset):\n    def __len__(self):\n        return 3\n"
        "result = Net()(torch.zeros(1)).item(), len(Data()), repr(Net())"
    ),
    "decorators": (
        "import torch\n"
        "@torch.no_grad()\ndef f():\n    'text'\n    return torch.is_grad_enabled()\n"
        "@torch.no_grad\ndef g():\n    return torch.is_grad_enabled()\n"
        "@torch.inference_mode()\ndef h():\n    return torch.is_grad_enabled()\n"
        "@torch.compile\ndef i(x):\n    return x\n"
        "result = f(), g(), h(), f.__name__, f.__doc__, torch.is_grad_enabled(), i.__name__"
    ),
    "defaults": (
        "import torch\n"
        "def f(dtype=torch.float32, device=torch.device('cpu'), layout=torch.strided, "
        "memory_format=torch.contiguous_format):\n    return dtype, device, layout, memory_format\n"
        "result = [str(x) for x in f()]"
    ),
    "features": (
        "import torch\n"
        "result = (hasattr(torch, 'compile'), hasattr(torch.backends, 'mps'), "
        "torch.cuda.is_available(), hasattr(torch, 'xpu'), torch.version.cuda, "
        "hasattr(torch.nn.functional, 'scaled_dot_product_attention'), "
        "torch.backends.mps.is_available(), hasattr(torch, 'float8_e4m3fn'), "
        "torch.cuda.device_count(), torch.distributed.is_available() and "
        "torch.distributed.is_initialized(), torch.is_grad_enabled(), torch.get_default_dtype())"
    ),
    "in functions": (
        "import torch\n"
        "def f():\n    try:\n        from torch import nonsense\n"
        "    except (KeyError, ImportError):\n"
        "        return 'absent'\n"
        "def g():\n    try:\n        yield torch.nonsense\n    except AttributeError as e:\n"
        "        yield str(e)\n"
        "def h():\n    try:\n        try:\n            torch.nonsense\n"
        "        finally:\n            pass\n"
        "    except Exception as e:\n        return type(e).__name__\n"
        "result = f(), list(g()), h()"
    ),
}


def outcome(source):
    """Run a program; return what it left in ``result``, or the exception it ended with."""
    scope = {"__name__": "program", "CLASSES": CLASSES, "FUNCTIONS": FUNCTIONS}
    sys.modules["program"] = type(sys)("program")
    try:
        exec(compile(source, "program.py", "exec"), scope)
        text = repr(scope.get("result"))
    except Exception as error:
        text = f"{type(error).__name__}: {error}"
    return re.sub(r"\(/[^)]*\)", "(PATH)", text)


def main():
    """Print name → outcome."""
    warnings.simplefilter("ignore")
    with contextlib.redirect_stdout(io.StringIO()):
        outcomes = {name: outcome(source) for name, source in CASES.items()}
    print(json.dumps(outcomes, indent=1))


if __name__ == "__main__":
    main()
