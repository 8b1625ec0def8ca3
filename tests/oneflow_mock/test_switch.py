"""On, off and what is left behind: nothing. With a stand-in for OneFlow, by every Python.

Each program runs in a process of its own that has imported the stand-in, and asserts.
"""

import subprocess
import sys
import textwrap

import pytest
import stand_in

PRELUDE = """
import builtins, gc, importlib, os, sys, threading, types, warnings
import oneflow, oneflow.functional, oneflow.optim, oneflow_mock
from oneflow_mock import switch

def held(value):
    # by identity, and kept alive so that no other object can take its place
    # (what pickle and warnings note for themselves is theirs)
    found = dict(value)
    for name in ("__slotnames__", "__warningregistry__"):
        found.pop(name, None)
    return {name: (id(item), item) for name, item in found.items()}

def oneflow_namespaces():
    found = {}
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] != "oneflow":
            continue
        found[name] = held(vars(module))
        for value in list(vars(module).values()):
            if isinstance(value, type) and value.__module__ != "builtins":
                found[value] = held(vars(value))
            elif isinstance(value, types.FunctionType):
                found[value] = (value.__module__, value.__code__, value.__dict__.copy())
    return found

def state():
    return {
        "modules": held(sys.modules),
        "meta_path": list(map(id, sys.meta_path)),
        "path": (id(sys.path), list(sys.path)),
        "path_hooks": list(map(id, sys.path_hooks)),
        "environ": dict(os.environ),
        "builtins": held(vars(builtins)),
        "excepthook": (sys.excepthook, getattr(threading, "excepthook", None)),
        "displayhook": sys.displayhook,
        "filters": list(warnings.filters),
        "import": builtins.__import__,
        "gc": (gc.isenabled(), gc.get_threshold()),
        "trace": (sys.gettrace(), sys.getprofile()),
        "oneflow": oneflow_namespaces(),
    }

def ours(name):
    return name.partition(".")[0] == "oneflow_mock"

def assert_same(before, after):
    for what in before:
        old, new = before[what], after[what]
        if what == "modules":
            # the mock's own code stays loaded, and what of the standard library it needed
            new = {n: v for n, v in new.items() if n in old or not (ours(n) or standard(n, v[1]))}
        if isinstance(old, dict):
            for key in set(old) | set(new):
                assert old.get(key) == new.get(key), (what, key, old.get(key), new.get(key))
        assert old == new, (what, old, new)

def standard(name, module):
    module = sys.modules.get(name.partition(".")[0], module)  # typing.io has no spec
    origin = str(getattr(getattr(module, "__spec__", None), "origin", None))
    return origin in ("built-in", "frozen") or origin.startswith(os.path.dirname(os.__file__))

def use_torch():
    import pickle, torch, torch.nn.functional as F
    from torch import add, nn
    assert torch.overlaid() == "overlay" and torch.add is oneflow.add
    assert oneflow.nn.Module().forward() == "ours" and oneflow.Tensor().mul(1) == "ours"
    assert pickle.loads(pickle.dumps(nn.Linear(3))).size == 3
    assert nn.Linear.__module__ == "torch.nn.modules.linear"
    hasattr(torch, "missing_function"), torch.missing_function, vars(torch.nn), dir(torch)
    import torch.missing_module
    return torch

def assert_off():
    assert not oneflow_mock.is_enabled()
    assert not [n for n in sys.modules if n == "torch" or n.startswith("torch.")]
    assert oneflow.nn.Module().forward() == "OneFlow's forward"
    assert oneflow.Tensor().mul(1) == "OneFlow's mul"
    assert oneflow.nn.Linear.__module__ == "oneflow.nn.modules.linear"
    try:
        import torch
    except ImportError:
        pass
    else:
        raise AssertionError(torch)
"""

PROGRAMS = {
    "enable and disable": """
        before = state()
        oneflow_mock.enable()
        assert oneflow_mock.is_enabled()
        assert state() != before
        use_torch()
        oneflow_mock.disable()
        assert_same(before, state())
        assert_off()
        """,
    "what is left can be told": """
        # assert_same sees a single attribute, filter or variable
        for change in (
            lambda: setattr(oneflow.nn.Linear, "extra", 1),
            lambda: setattr(oneflow.nn.Linear, "__module__", "torch"),
            lambda: os.environ.update(EXTRA="1"),
            lambda: setattr(builtins, "hasattr", lambda *a: True),
            lambda: warnings.simplefilter("ignore"),
            lambda: sys.modules.update({"torch": types.ModuleType("torch")}),
            lambda: sys.meta_path.append(1),
        ):
            before = state()
            change()
            try:
                assert_same(before, state())
            except AssertionError:
                continue
            raise SystemExit("a change was not seen")
        """,
    "enable without use": """
        before = state()
        oneflow_mock.enable()
        oneflow_mock.disable()
        assert_same(before, state())
        assert_off()
        """,
    "disable without enable": """
        before = state()
        oneflow_mock.disable()
        oneflow_mock.disable()
        assert_same(before, state())
        """,
    "with": """
        before = state()
        with oneflow_mock.enable() as handle:
            assert handle.settings.enabled
            use_torch()
        assert_same(before, state())
        handle.disable()
        assert_same(before, state())
        """,
    "an exception within with": """
        before = state()
        try:
            with oneflow_mock.enable():
                use_torch()
                raise KeyError("text")
        except KeyError:
            pass
        assert_same(before, state())
        assert_off()
        """,
    "an exception while torch is imported": """
        # the overlay of torch asks for a PyTorch that there is no manifest of
        before = state()
        from oneflow_mock import loader
        real = loader.Builder.prepare
        loader.Builder.prepare = lambda self: 1 / 0
        before = state()
        with oneflow_mock.enable():
            try:
                import torch
            except ZeroDivisionError:
                pass
            assert "torch" not in sys.modules
            loader.Builder.prepare = real
            use_torch()
        assert_same(before, state())
        """,
    "nested": """
        before = state()
        with oneflow_mock.enable():
            torch = use_torch()
            with oneflow_mock.enable():
                assert use_torch() is torch
            assert oneflow_mock.is_enabled()
            assert use_torch() is torch
        assert_same(before, state())
        assert_off()
        """,
    "handles out of turn": """
        before = state()
        first, second = oneflow_mock.enable(verbose=True), oneflow_mock.enable(lazy=True)
        torch = use_torch()
        first.disable()
        first.disable()
        assert switch.settings().lazy and not switch.settings().verbose
        assert use_torch() is torch
        second.disable()
        assert_same(before, state())
        third = oneflow_mock.enable()
        oneflow_mock.enable()
        oneflow_mock.disable()
        third.disable()
        assert_same(before, state())
        assert_off()
        """,
    "the same modules again": """
        with oneflow_mock.enable():
            torch = use_torch()
            kept = {n: m for n, m in sys.modules.items() if n.partition(".")[0] == "torch"}
            assert len(kept) > 5, kept
        before = state()
        with oneflow_mock.enable():
            import torch as again
            assert again is torch
            for name, module in kept.items():
                assert sys.modules[name] is module, name
            use_torch()
            assert torch.nn.Linear.__module__ == "torch.nn.modules.linear"
        assert_same(before, state())
        """,
    "a held module while off": """
        with oneflow_mock.enable():
            import torch
        assert torch.overlaid() == "overlay"
        assert torch.add(1, 2) == 3  # never looked up before
        assert not hasattr(torch, "optim")
        try:
            torch.nn.functional
        except AttributeError as error:
            assert "module 'torch' has no attribute 'nn'" in str(error), error
        assert oneflow.nn.Linear.__module__ == "oneflow.nn.modules.linear"
        assert "torch" not in sys.modules
        with oneflow_mock.enable():
            assert torch.nn.functional.relu(-1) == 0
        assert torch.nn.functional.relu(-1) == 0
        torch.nn.Linear
        assert oneflow.nn.Linear.__module__ == "oneflow.nn.modules.linear"
        """,
    "libraries imported while on": """
        import stranger
        before = state()
        with oneflow_mock.enable():
            import friend, library.numbers, program_of_user.user
            assert library.numbers.three() == 3
            names = "library library.numbers friend program_of_user program_of_user.user".split()
            objects = {n: sys.modules[n] for n in names}
            import library_of_another
        assert_same(before, state())
        for name in names:
            assert name not in sys.modules, name
        assert sys.modules["library_of_another"] is library_of_another
        with oneflow_mock.enable():
            for name in names:
                assert sys.modules[name] is objects[name], name
            import library as again
            assert again is library and library.numbers.three() == 3
        assert_same(before, state())
        """,
    "a submodule of a package that was there": """
        import program_of_user
        assert not hasattr(program_of_user, "later")
        before = state()
        parent = held(vars(program_of_user))
        with oneflow_mock.enable():
            import program_of_user.later as later
            assert program_of_user.later is later
        assert_same(before, state())
        assert held(vars(program_of_user)) == parent
        with oneflow_mock.enable():
            assert program_of_user.later is later is sys.modules["program_of_user.later"]
        assert_same(before, state())
        """,
    "a library with another face while off": """
        with oneflow_mock.enable():
            import fallback as on
            assert on.torch is sys.modules["torch"]
        import fallback as off
        assert off is not on and off.torch is None
        before = state()
        with oneflow_mock.enable():
            import fallback as again
            assert again is on
        assert_same(before, state())
        assert sys.modules["fallback"] is off
        """,
    "two versions in turn": """
        before = state()
        with oneflow_mock.enable(torch_version="1.13.1"):
            old = use_torch()
            assert old.__version__ == "1.13.1" and switch.settings().torch_version == "1.13.1"
            with oneflow_mock.enable(torch_version="2.13.0"):
                new = use_torch()
                assert new.__version__ == "2.13.0" and new is not old
            assert use_torch() is old and old.__version__ == "1.13.1"
        assert_same(before, state())
        with oneflow_mock.enable():
            assert use_torch() is new
        with oneflow_mock.enable(torch_version="1.13.1"):
            assert use_torch() is old
            from oneflow_mock.compat import hooks
            assert hooks.torch_version == "1.13.1"
        assert_same(before, state())
        assert_off()
        """,
    "strict within": """
        with oneflow_mock.enable():
            torch = use_torch()
            with oneflow_mock.enable(strict=True):
                import torch as strict
                try:
                    strict.missing_function
                except oneflow_mock.UnsupportedTorchAPI:
                    pass
                else:
                    raise AssertionError("not strict")
            use_torch()
        """,
    "a version that is none": """
        before = state()
        try:
            oneflow_mock.enable(torch_version="two")
        except ValueError as error:
            assert str(error) == "not a PyTorch version: 'two' (expected e.g. 2.13.0)", error
        assert_same(before, state())
        try:
            oneflow_mock.enable(nonsense=1)
        except TypeError as error:
            assert "unknown option 'nonsense'" in str(error), error
        assert_same(before, state())
        """,
    "switched off by upstream's variable": """
        os.environ["ONEFLOW_DISABLE_MOCK_TORCH"] = "1"
        before = state()
        with oneflow_mock.enable():
            assert_same(before, state())
            assert_off()
        os.environ["ONEFLOW_DISABLE_MOCK_TORCH"] = "0"
        with oneflow_mock.enable():
            use_torch()
        """,
    "oneflow imported by the mock": """
        for name in [n for n in sys.modules if n.partition(".")[0] == "oneflow"]:
            del sys.modules[name]
        from oneflow_mock import engine
        engine.check = lambda: None  # it looks for kernels
        with oneflow_mock.enable():
            import torch
            assert "oneflow" in sys.modules and torch.add(1, 2) == 3
        assert "torch" not in sys.modules
        """,
    "a patch of a library": """
        import patched as early
        before = state()
        assert early.value == "the library's"
        with oneflow_mock.enable():
            import torch
            assert early.value == "overlay"
        assert early.value == "the library's"
        with oneflow_mock.enable():
            assert early.value == "overlay"
        assert early.value == "the library's"
        """,
    "a patch of a library imported later": """
        with oneflow_mock.enable():
            import torch, patched
            assert patched.value == "overlay" and patched.where() == "patched"
            assert type(patched.__loader__).__name__ == "SourceFileLoader"
            assert patched.__spec__.loader is patched.__loader__
        assert patched.value == "the library's"
        """,
    "a patch of a library imported while off": """
        with oneflow_mock.enable():
            import torch
        import patched
        assert patched.value == "the library's"
        with oneflow_mock.enable():
            assert patched.value == "overlay"
        assert patched.value == "the library's"
        """,
    "a patched library run as a program": """
        import runpy
        with oneflow_mock.enable():
            import torch
            assert runpy.run_module("patched")["value"] == "the library's"
        """,
    "real torch was there": """
        REAL = os.path.join(FOLDER, "real")
        sys.path.insert(0, REAL)
        import torch, torch.nn, uses_real
        from torch import Tensor as taken
        assert torch.real and torch.nn.real
        before = state()
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            handle = oneflow_mock.enable()
        (warning,) = told
        assert warning.category is RuntimeWarning, warning
        text = str(warning.message)
        assert "after real PyTorch had been imported" in text, text
        assert "hold it and keep it: __main__, uses_real." in text, text
        assert warning.filename == __file__, warning.filename
        assert switch.holds_real_torch() is False
        import torch as mocked
        assert mocked is not torch and mocked.overlaid() == "overlay"
        assert uses_real.torch is torch
        handle.disable()
        assert_same(before, state())
        assert sys.modules["torch"] is torch and sys.modules["torch.nn"] is torch.nn
        assert switch.holds_real_torch() is True
        """,
    "real torch was there and warnings are errors": """
        sys.path.insert(0, os.path.join(FOLDER, "real"))
        import torch, torch.nn
        warnings.simplefilter("error")
        before = state()
        try:
            oneflow_mock.enable()
        except RuntimeWarning:
            pass
        else:
            raise AssertionError("no warning")
        assert not oneflow_mock.is_enabled()
        assert_same(before, state())
        """,
    "real torch is imported while off": """
        with oneflow_mock.enable():
            mocked = use_torch()
        sys.path.insert(0, os.path.join(FOLDER, "real"))
        import torch, uses_real
        assert torch.real
        before = state()
        warnings.simplefilter("ignore")
        before["filters"] = list(warnings.filters)
        with oneflow_mock.enable():
            import torch as again
            assert again is mocked
        assert_same(before, state())
        assert sys.modules["torch"] is torch
        """,
    "threads": """
        import random
        failures, rounds = [], 60
        sys.setswitchinterval(1e-5)
        before = state()

        def switching(seed):
            pick = random.Random(seed)
            for _ in range(rounds):
                with oneflow_mock.enable(torch_version="2.%d.0" % pick.randrange(30)):
                    if pick.random() < 0.5:
                        attempt(True)

        def importing(seed):
            for _ in range(rounds):
                attempt(False)

        def attempt(is_on):
            try:
                names = ["torch", "torch.nn.functional", "torch.optim", "torch.deep.below"]
                found = importlib.import_module(random.choice(names))
                assert type(found).__module__ == "oneflow_mock.module", found
                assert "torch" in repr(found)
            except ImportError as error:
                # off just then; or on, and off in between an import and the next
                if not str(error).startswith("No module named 'torch"):
                    failures.append(error)
                if is_on:
                    failures.append(error)
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=switching, args=(n,)) for n in range(3)]
        threads += [threading.Thread(target=importing, args=(n,)) for n in range(3)]
        for thread in threads:
            thread.daemon = True
            thread.start()
        for thread in threads:
            thread.join(60)
            if thread.is_alive():
                import faulthandler
                faulthandler.dump_traceback(all_threads=True)
                os._exit(1)
        assert not failures, failures[:3]
        assert_same(before, state())
        assert_off()
        """,
    "a fork while another thread switches": """
        stop = []

        def switching():
            while not stop:
                with oneflow_mock.enable():
                    pass

        thread = threading.Thread(target=switching)
        thread.start()
        for _ in range(20):
            child = os.fork()
            if not child:
                try:
                    with oneflow_mock.enable():
                        import torch
                except ImportError:
                    pass
                os._exit(0)
            import time
            deadline = time.monotonic() + 20
            while os.waitpid(child, os.WNOHANG) == (0, 0):
                assert time.monotonic() < deadline, "the child hangs"
                time.sleep(0.001)
        stop.append(1)
        thread.join()
        """,
}

FILES = {
    "program_of_user/__init__.py": "",
    "program_of_user/user.py": "import torch",
    "program_of_user/later.py": "import torch",
    "fallback.py": "try:\n    import torch\nexcept ImportError:\n    torch = None",
    "real/torch/__init__.py": "real = True\nclass Tensor:\n    pass",
    "real/torch/nn.py": "real = True",
    "real/uses_real.py": "import torch",
}


ONEFLOW_ITSELF = """
import numpy, pickle
import oneflow.autograd, oneflow.distributed, oneflow.nn.utils, oneflow.utils.data
before = state()
slots = oneflow.Tensor.__dictoffset__, oneflow.Size.__repr__(oneflow.Size([1]))
with oneflow_mock.enable():
    import torch, torch.nn.functional as F, torch.optim, torch.utils.data
    from torch import nn
    net = nn.Sequential(nn.Linear(3, 3), nn.ReLU(), nn.LayerNorm(3))
    x = torch.randn(2, 3, requires_grad=True)
    x.tag = 1
    F.mse_loss(net(x), torch.zeros(2, 3)).backward()
    torch.optim.SGD(net.parameters(), lr=0.1).step()
    assert pickle.loads(pickle.dumps(nn.Linear)) is oneflow.nn.Linear
    dir(torch), vars(torch), vars(torch.nn)
    for name in "cuda distributed fft jit nn.init nn.utils".split():
        importlib.import_module("torch." + name)
for name in [n for n in sys.modules if n not in before["modules"]]:
    # an overlay may use a library that knows nothing of torch
    if not ours(name) and not [v for v in vars(sys.modules[name]).values() if "torch" in repr(v)]:
        before["modules"][name] = (id(sys.modules[name]), sys.modules[name])
assert_same(before, state())
assert slots == (oneflow.Tensor.__dictoffset__, oneflow.Size.__repr__(oneflow.Size([1])))
assert repr(oneflow.Size([1])).startswith("oneflow"), repr(oneflow.Size([1]))
"""


def test_oneflow_itself(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(PRELUDE.replace("oneflow.functional,", "") + ONEFLOW_ITSELF)
    done = subprocess.run([sys.executable, str(program)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """A folder with the stand-ins and the libraries of these programs."""
    made = tmp_path_factory.mktemp("stand_in")
    stand_in.write(str(made))
    for path, text in FILES.items():
        target = made / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
    return made


@pytest.mark.parametrize("name", PROGRAMS)
def test_program(interpreter, name, folder):
    program = folder / f"{name.replace(' ', '_')}-{id(interpreter)}.py"
    start = f"import stand_in\nFOLDER = {str(folder)!r}\nstand_in.take_place(FOLDER)\n"
    program.write_text(start + PRELUDE + textwrap.dedent(PROGRAMS[name]))
    done = stand_in.run(interpreter, str(program))
    assert done.returncode == 0, done.stderr
