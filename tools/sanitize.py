"""Run the kernel cases with AddressSanitizer and UndefinedBehaviorSanitizer: ``make sanitize``.

The plug-in alone is instrumented, so that a finding in it counts and OneFlow's own do not. Leaks
are not looked for: OneFlow keeps what it has until the process ends.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "compat")]

import operator_cases  # noqa: E402  (beside the tests)
import test_kernel_cases  # noqa: E402
from case_runner import RUN  # noqa: E402

from oneflow_mock import kernel_build, kernel_library  # noqa: E402

OPTIONS = {
    # Python and OneFlow are not instrumented; what they do with memory is their affair.
    "ASAN_OPTIONS": "detect_leaks=0:detect_odr_violation=0:alloc_dealloc_mismatch=0:"
    "new_delete_type_mismatch=0:abort_on_error=0:exitcode=97:use_sigaltstack=0:halt_on_error=1",
    "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=0",
}


def main(words) -> int:
    made = kernel_build.build([kernel_library.SANITIZED], progress=lambda *step: print(*step))[0]
    print(made, flush=True)
    # Where Python does not load the C++ library at first, the sanitizer would not find its throw.
    runtime = f"{_runtime('libasan.so')} {_runtime('libstdc++.so.6')}"
    faults = 0
    for family in words or test_kernel_cases.TABLES:
        faults += examine(family, runtime)
    print(f"{faults} faults" if faults else "no faults")
    return 1 if faults else 0


def _runtime(name):
    ask = [kernel_library.compiler(), f"-print-file-name={name}"]
    return subprocess.run(ask, capture_output=True, text=True, check=True).stdout.strip()


def examine(family, runtime):
    """Run a family's cases from wherever a fault ended the last run; return how many faults."""
    table = test_kernel_cases.TABLES[family]
    count, first, faults = len(operator_cases.cases(table)), 0, 0
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "answers.jsonl"
        while first < count:
            here = str(ROOT / "tests" / "compat")
            code = RUN.format(here=here, target=str(target), first=first, table=str(table))
            code = code.replace("import operator_cases", LOADED + "import operator_cases")
            environ = {**os.environ, "LD_PRELOAD": runtime}
            # Not to stderr, which is held back while OneFlow and the library are loaded.
            for name, options in OPTIONS.items():
                environ[name] = f"{options}:log_path={folder}/report"
            environ[kernel_library.SWITCH] = kernel_library.SANITIZED
            done = subprocess.run(
                [sys.executable, "-c", code],
                stderr=subprocess.PIPE,
                env=environ,
                encoding="utf-8",
                errors="replace",
            )
            texts = test_kernel_cases.read(target)[1] if target.exists() else {}
            reached = max(texts, default=-1)
            report = done.stderr
            for path in sorted(Path(folder).glob("report.*")):
                report += path.read_text(encoding="utf-8", errors="replace")
                path.unlink()
            told = [line for line in report.splitlines() if _is_fault(line)]
            if reached < first:
                print(report)
                raise SystemExit(f"{family}: not one case has run")
            if told or done.returncode:
                faults += max(len(told), 1)
                print(f"{family}: {texts[reached]}\n{report[-6000:]}", flush=True)
            if done.returncode == 0:
                break
            first = reached + 1
        found, texts = test_kernel_cases.read(target)
        wrong = [
            text
            for number, text in texts.items()
            if test_kernel_cases.wrong(family, "with", text, {text: found.get(number, LOST)})
        ]
    print(f"{family}: {count} cases, {faults} faults, {len(wrong)} wrong answers", flush=True)
    for text in wrong:
        print(f"    wrong: {text}")
    return faults


#: Beside the cases: nothing is examined where the library was not loaded.
LOADED = """
import torch
from oneflow_mock import kernel_library
assert kernel_library.loaded is not None, "the sanitized library is not loaded"
"""

LOST = {"error": "the process ended"}


def _is_fault(line):
    return "ERROR: AddressSanitizer" in line or ": runtime error:" in line


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
