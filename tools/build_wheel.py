"""A wheel that carries the native kernels, for AVX2 and AVX-512, where they can be compiled.

``setup.cfg`` names the class below. Compiling takes g++, and OneFlow and oneDNN in the environment
that runs pip; without them, and with ``ONEFLOW_MOCK_KERNELS=0``, the wheel is of Python only, and
the kernels are built where it is installed, by ``oneflow-mock kernels build``.
"""

import contextlib
import os
import sys
import sysconfig

try:
    from setuptools.command.bdist_wheel import bdist_wheel
except ImportError:  # before setuptools 70.1
    from wheel.bdist_wheel import bdist_wheel

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


class WheelWithKernels(bdist_wheel):
    """Build the wheel for this platform if there are kernels in it, else for any."""

    _carries = False

    def run(self):
        if os.environ.get("ONEFLOW_MOCK_KERNELS", "") not in ("0", "off", "false"):
            with _importable():
                self._carry()
        super().run()

    def get_tag(self):
        _, _, platform = super().get_tag()
        return "py3", "none", platform

    def _carry(self):
        from oneflow_mock import kernel_build, kernel_library

        kernel_library.native_folder = lambda: os.path.join(ROOT, "compat", "kernels", "native")
        try:
            kernel_build.check_requirements()
        except kernel_library.KernelError as error:
            print(f"this wheel carries no native kernels: {error.problem}")
            return
        # What is built lies where it is told to before the wheel is made of it.
        self.distribution.has_ext_modules = lambda: True
        self.root_is_pure = False
        self.run_command("build")
        build_lib = self.get_finalized_command("build").build_lib
        folder = os.path.join(build_lib, "oneflow_mock", "compat", "kernels", "built")
        os.makedirs(folder, exist_ok=True)
        for level in kernel_library.LEVELS:
            path = os.path.join(folder, f"{level}.so")
            kernel_build.compile_library(path, level, lambda *step: print(*step))


@contextlib.contextmanager
def _importable():
    """Have the project, and what is installed beside pip, importable in an isolated build."""
    before = list(sys.path)
    sys.path.insert(0, ROOT)
    sys.path.append(sysconfig.get_paths()["purelib"])
    try:
        yield
    finally:
        sys.path[:] = before
