"""The code of OneFlow's libraries is let go after loading, and nothing else is."""

import os
import subprocess
import sys

from oneflow_mock import engine, engine_memory

PACKAGES = os.path.dirname(engine.folder())


def mapping(path, access="r-xp", size=1 << 21):
    return f"7f0000000000-{0x7F0000000000 + size:x} {access} 00001000 08:01 4711    {path}\n"


def chosen(*lines):
    return list(engine_memory._code(lines))


def test_large_code_of_oneflows_libraries_is_chosen():
    for path in ("oneflow/a.so", "oneflow.libs/b.so", "nvidia/cudnn/c.so"):
        found = chosen(mapping(os.path.join(PACKAGES, path)))
        assert found == [(0x7F0000000000, 0x7F0000200000)], path
    assert chosen(mapping("/anywhere with a space/libdnnl.so.3"))


def test_data_small_mappings_and_others_code_are_not():
    ours = os.path.join(PACKAGES, "oneflow.libs", "liboneflow.so")
    lines = [mapping(ours, access) for access in ("rw-p", "r--p", "rwxp", "r-xs")]
    lines += [mapping(ours, size=1 << 16), mapping("/usr/lib/libc.so.6"), mapping("")]
    lines += [mapping(os.path.join(PACKAGES, "oneflow_other", "a.so"))]
    assert chosen(*lines) == []


def test_resident_memory_is_less_than_loading_took_and_operators_run():
    code = """
import oneflow_mock
oneflow_mock.enable()
import torch
lines = dict(line.split(":", 1) for line in open("/proc/self/status"))
now, most = (int(lines[name].split()[0]) >> 10 for name in ("VmRSS", "VmHWM"))
assert now < most - 60, (now, most)
assert torch.nn.functional.conv2d(torch.ones(1, 1, 3, 3), torch.ones(1, 1, 3, 3)).item() == 9
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
