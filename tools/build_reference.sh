#!/bin/sh
# Build the environment with real PyTorch that benchmarks and golden files are made with.
#
#   tools/build_reference.sh [--path | --rebuild]
#
# It lies outside the checkout, in ${XDG_CACHE_HOME:-~/.cache}/oneflow-mock/reference, and is
# built once. No test needs it. --path prints its interpreter and builds nothing.
set -eu

here=$(CDPATH='' cd "$(dirname "$0")/.." && pwd)
home=${XDG_CACHE_HOME:-$HOME/.cache}/oneflow-mock/reference
stamp=$home/.built

case ${1:-} in
--path)
    [ -x "$home/bin/python" ] || {
        echo "build_reference: there is none in $home; build it with: make reference" >&2
        exit 1
    }
    echo "$home/bin/python"
    exit
    ;;
--rebuild) rm -rf "$home" ;;
'') ;;
*)
    echo "usage: tools/build_reference.sh [--path | --rebuild]" >&2
    exit 2
    ;;
esac

if [ -f "$stamp" ] && cmp -s "$stamp" "$here/requirements/reference.txt"; then
    echo "reference PyTorch: $home/bin/python"
    exit
fi

# PYTHON names the interpreter for OneFlow, which is too old for the newest libraries.
unset PYTHON
if ! "$home/bin/python" -c '' 2>/dev/null; then
    # PyTorch 2.13 has CPU builds of a bearable size from 3.11 on.
    python=$("$here/tools/find_python.sh" 3.11 3.12 3.13 3.10)
    rm -rf "$home"
    mkdir -p "$(dirname "$home")"
    "$python" -m venv "$home"
fi
"$home/bin/python" -m pip install --quiet -r "$here/requirements/reference.txt"
"$home/bin/python" -c 'import torch, diffusers; print("PyTorch", torch.__version__)'
cp "$here/requirements/reference.txt" "$stamp"
echo "reference PyTorch: $home/bin/python"
