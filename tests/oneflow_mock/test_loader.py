"""Finding and loading torch modules: what the finder may do, and how OneFlow is brought in."""

import textwrap

import pytest
import stand_in

PROGRAMS = {
    "the finder imports nothing": """
        # It is called with the import system's lock held (see gate.py).
        import builtins, importlib
        from oneflow_mock import importer

        asked = []
        find_spec = importer.Finder.find_spec

        def watched(self, name, *rest):
            def refuse(*arguments, **more):
                raise SystemExit(f"the finder imports {arguments[0]} for {name}")

            asked.append(name)
            saved = builtins.__import__, importlib.import_module
            builtins.__import__ = importlib.import_module = refuse
            try:
                return find_spec(self, name, *rest)
            finally:
                builtins.__import__, importlib.import_module = saved

        importer.Finder.find_spec = watched
        with oneflow_mock.enable():
            import torch, torch.optim, torch.missing_module.child, torch.deep.below, patched
            vars(torch), dir(torch), torch.nn.Linear, torch.missing_function
            for name in ("torch.nonsense", "torch.missing_module", "torch.nn.utils.norm"):
                importlib.util.find_spec(name)
            try:
                import torch.nonsense
            except ImportError:
                pass
        assert {"torch", "torch.optim", "torch.nonsense", "patched"} <= set(asked), asked
        """,
    "a library that another thread is importing": """
        # OneFlow imports slow too; slow goes on importing, for which it needs that lock.
        import sys, threading, time
        forget_oneflow()
        write("slow.py", "import time; time.sleep(0.3); import decimal, fractions, statistics")
        write("oneflow/__init__.py", "import slow\\n" + open(oneflow.__file__).read())
        for name in ("decimal", "fractions", "statistics"):
            sys.modules.pop(name, None)
        thread = threading.Thread(target=__import__, args=("slow",), daemon=True)
        thread.start()
        time.sleep(0.1)
        import faulthandler
        faulthandler.dump_traceback_later(20, exit=True)
        with oneflow_mock.enable():
            import torch
            assert torch.add(1, 2) == 3 and "decimal" in sys.modules
        """,
    "what OneFlow says": """
        import os, sys
        forget_oneflow()
        write("oneflow/__init__.py", '''
        import os
        os.write(2, b"libibverbs not available, ibv_fork_init skipped\\\\n")
        os.write(2, b"a line that matters\\\\n")
        os.write(2, b"W1 x.cpp:48] CUDA driver version is insufficient for CUDA\\\\n")
        os.environ.update(WORLD_SIZE="1", RANK="0")
        ''' + open(oneflow.__file__).read())
        os.environ.pop("WORLD_SIZE", None)  # an earlier test may have left it
        os.environ["RANK"] = "7"
        reader, writer = os.pipe()
        saved = os.dup(2)
        os.dup2(writer, 2)
        with oneflow_mock.enable():
            import torch
        os.dup2(saved, 2)
        os.close(writer)
        told = os.read(reader, 10000)
        assert told == b"a line that matters\\n", told
        assert "WORLD_SIZE" not in os.environ
        """,
    "an import of OneFlow that fails": """
        import sys
        forget_oneflow()
        write("oneflow/__init__.py", "import there_is_no_such_library")
        with oneflow_mock.enable():
            for _ in range(2):
                try:
                    import torch
                except oneflow_mock.EngineError as error:
                    assert "there_is_no_such_library" in str(error), error
                    assert "\\n" not in str(error)
                else:
                    raise AssertionError("imported")
                assert "torch" not in sys.modules and "oneflow" not in sys.modules
        """,
    "no OneFlow": """
        import shutil, sys
        forget_oneflow()
        shutil.rmtree(os.path.join(FOLDER, "oneflow"))
        engine.check = check
        with oneflow_mock.enable():
            try:
                import torch
            except ImportError as error:
                assert type(error) is oneflow_mock.EngineError, error
                assert "OneFlow is not installed for" in str(error), error
                assert str(error).count("\\n") == 0
        """,
    "a part of OneFlow that does not import": """
        write("oneflow/deep.py", "import there_is_no_such_library")
        with oneflow_mock.enable():
            import torch.deep.below
            assert torch.deep.below.here
        """,
    "patches of a package": """
        write("whole/__init__.py", "value = 1")
        write("whole/part.py", "value = 2")
        write("compat/thirdparty/whole/__init__.py",
              "def patch(module, patches):\\n    patches.set(module, 'value', 10)")
        write("compat/thirdparty/whole/part.py",
              "def patch(module, patches):\\n    patches.set(module, 'value', 20)")
        with oneflow_mock.enable():
            import torch
            import whole.part
            assert (whole.value, whole.part.value) == (10, 20)
        assert (whole.value, whole.part.value) == (1, 2)
        """,
    "a patch that fails": """
        write("compat/thirdparty/patched.py", "def patch(module, patches):\\n    1 / 0")
        import sys
        with oneflow_mock.enable():
            import torch
            try:
                import patched
            except ZeroDivisionError:
                pass
            assert "patched" not in sys.modules
        """,
    "a patched library in an archive": """
        import sys, zipfile
        with zipfile.ZipFile(os.path.join(FOLDER, "library.zip"), "w") as archive:
            archive.writestr("patched.py", "value = 'zipped'")
        sys.path.insert(0, os.path.join(FOLDER, "library.zip"))
        with oneflow_mock.enable():
            import torch, patched
            assert patched.value == ("overlay" if sys.version_info >= (3, 10) else "zipped")
        """,
    "a patched library that is looked for": """
        import importlib.util, pkgutil, inspect
        with oneflow_mock.enable():
            import torch
            spec = importlib.util.find_spec("patched")
            assert spec.name == "patched" and spec.origin.endswith("patched.py")
            assert spec.loader.get_filename("patched") == spec.origin
            assert pkgutil.get_data("patched", "stranger.py")
            import patched
            assert "def where" in inspect.getsource(patched.where)
        """,
    "loaders answer as loaders do": """
        import importlib.util, pkgutil
        with oneflow_mock.enable():
            import torch, torch.serialization
            loader = torch.__loader__
            assert "def overlaid" in loader.get_source("torch")
            assert loader.get_source("torch.nn") is None
            assert loader.is_package("torch") and not loader.is_package("torch.serialization")
            assert torch.__spec__.loader is loader and torch.__spec__.parent == "torch"
            assert torch.serialization.__spec__.parent == "torch"
            assert torch.__file__.endswith("torch/__init__.py") and len(torch.__path__) == 1
            made = importlib.util.module_from_spec(importlib.util.find_spec("torch.nn"))
            made.__spec__.loader.exec_module(made)
            assert made.Linear is torch.nn.Linear
        """,
    "the spec before anything is loaded": """
        import importlib.util, sys
        with oneflow_mock.enable():
            spec = importlib.util.find_spec("torch")
            assert spec.origin.endswith("torch/__init__.py"), spec
            assert spec.submodule_search_locations == [spec.origin[: -len("/__init__.py")]]
            assert "oneflow_mock.loader" not in sys.modules
            made = importlib.util.module_from_spec(spec)
            sys.modules["torch"] = made
            made.__spec__.loader.exec_module(made)
            assert made.overlaid() == "overlay"
        """,
}

PRELUDE = """
import os, sys
import oneflow, oneflow_mock
from oneflow_mock import engine

# The stand-in has no kernels to look for.
check, engine.check = engine.check, lambda: None

def forget_oneflow():
    for name in [name for name in sys.modules if name.partition(".")[0] == "oneflow"]:
        del sys.modules[name]

def write(path, text):
    import textwrap
    path = os.path.join(FOLDER, *path.split("/"))
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as file:
        file.write(textwrap.dedent(text))
"""


@pytest.mark.parametrize("name", PROGRAMS)
def test_program(interpreter, name, tmp_path):
    folder = tmp_path / "stand_in"
    stand_in.write(str(folder))
    program = tmp_path / "program.py"
    start = f"import stand_in\nFOLDER = {str(folder)!r}\nstand_in.take_place(FOLDER)\n"
    program.write_text(start + PRELUDE + textwrap.dedent(PROGRAMS[name]))
    done = stand_in.run(interpreter, "-B", str(program))
    assert done.returncode == 0, done.stderr
