#!/bin/sh
# The unit tests on the Pythons that come second: 3.8 and 3.9 whole, 3.7 the smoke test.
#
#   tools/test_pythons.sh [VERSION...]
#
# Each version that is found gets an environment of its own in .venvs/; those that are not found
# are named and passed over. Nothing is downloaded but packages.
set -u
cd "$(dirname "$0")/.." || exit 1

[ $# -gt 0 ] || set -- 3.9 3.8 3.7
unset PYTHON
FIND_PYTHON_OFFLINE=1
export FIND_PYTHON_OFFLINE
tried=
failed=

for version in "$@"; do
    if ! python=$(tools/find_python.sh "$version" 2>/dev/null); then
        echo "== $version: not on this machine, passed over"
        continue
    fi
    echo "== $version: $python"
    tried="$tried $version"
    here=.venvs/$version
    if ! "$here/bin/python" -c '' 2>/dev/null; then
        rm -rf "$here"
        "$python" -m venv "$here" || exit 1
    fi
    "$here/bin/python" -m pip install --quiet --disable-pip-version-check \
        -c requirements/constraints.txt -e '.[pytest]' pytest-timeout pytest-xdist safetensors wheel 'setuptools>=64' || {
        failed="$failed $version"
        continue
    }
    case $version in
    3.7) tests=tests/test_smoke.py ;;
    # examples need libraries that have left these versions behind, installs are tested on 3.10
    *) tests="tests/test_smoke.py tests/oneflow_mock tests/shell tests/compat" ;;
    esac
    # shellcheck disable=SC2086
    "$here/bin/python" -m pytest -n "${JOBS:-2}" -q $tests || failed="$failed $version"
done

if [ -n "$failed" ]; then
    echo "test_pythons: failed on$failed" >&2
    exit 1
fi
echo "test_pythons: passed on${tried:- none, since none was found}"
