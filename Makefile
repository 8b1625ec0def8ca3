# make demo | test | lint | kernels | sanitize | bench | conformance | reference | test-pythons | clean
# PYTHON=/path/to/python3.10 names the interpreter to build .venv with.

VENV := .venv
STAMP := $(VENV)/.installed
PY := $(VENV)/bin/python
PIP := $(PY) -m pip --disable-pip-version-check -qq
JOBS ?= 2
export PYTHON JOBS

.PHONY: help .venv demo test lint kernels sanitize bench conformance reference test-pythons clean

help:
	@echo 'make demo          draw a picture by each door, compared with the ones PyTorch drew'
	@echo 'make test          lint, types and tests; installs what it lacks into $(VENV)'
	@echo 'make lint          ruff and mypy'
	@echo 'make kernels       compile the native kernels; demo, test and bench do it too'
	@echo 'make sanitize      the kernel tests with AddressSanitizer and UndefinedBehaviorSanitizer'
	@echo 'make bench         the same work on PyTorch and on the mock: tables, out/bench.{json,html,png};'
	@echo "                   CASES='ops/conv* models/' for some of it, BENCH='--rounds 9' and so on"
	@echo "make conformance   PyTorch's operator database against the mock: docs/coverage.md, out/conformance.*;"
	@echo "                   OPS='add* linalg.*' DTYPES='float32 errors' for some of it, UPDATE=1 to keep it"
	@echo 'make reference     an environment with real PyTorch, for the benchmarks (no test needs it)'
	@echo 'make test-pythons  unit tests on 3.8 and 3.9, a smoke test on 3.7, where they are found'
	@echo 'make clean         remove what the others built'

.venv: $(STAMP)

$(STAMP): setup.cfg pyproject.toml oneflow_mock/__init__.py $(wildcard requirements/*.txt)
	@$(PY) -c '' 2>/dev/null || { \
	    python=$$(tools/find_python.sh) && rm -rf $(VENV) && \
	    echo "building $(VENV) with $$python (about 5 GB, a few minutes)" && \
	    "$$python" -m venv $(VENV); }
	$(PIP) install --upgrade -c requirements/constraints.txt pip 'setuptools>=64' wheel
	$(PIP) install -c requirements/constraints.txt -e '.[dev,huggingface,pytest]'
	$(PIP) install --no-deps -r requirements/without-torch.txt
	@touch $@

kernels: $(STAMP)
	@$(VENV)/bin/oneflow-mock kernels build --if-possible

demo: kernels
	$(PY) tools/demo.py

lint: $(STAMP)
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy

test: lint kernels
	$(PY) -m pytest -n $(JOBS)

bench: kernels
	@status=0; \
	[ -n '$(CASES)' ] || $(PY) benchmarks/doors.py --json out/doors.json || status=1; \
	$(PY) benchmarks/compare.py $(if $(CASES),--cases $(foreach one,$(CASES),'$(one)')) $(BENCH) \
	    || status=1; \
	exit $$status

conformance: kernels
	@$(PY) -m conformance --jobs $(JOBS) $(foreach one,$(OPS),--ops '$(one)') \
	    $(foreach one,$(DTYPES),--dtypes '$(one)') $(if $(UPDATE),--update) $(if $(GOLDEN),--golden)

sanitize: $(STAMP)
	$(PY) tools/sanitize.py

reference:
	tools/build_reference.sh

test-pythons: $(STAMP)
	tools/test_pythons.sh

clean:
	rm -rf $(VENV) .venvs build dist out .mypy_cache .ruff_cache .pytest_cache *.egg-info
	find . -name __pycache__ -not -path './.git/*' -prune -exec rm -rf {} +
