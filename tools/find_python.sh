#!/bin/sh
# Print the path of a Python that OneFlow runs on; on failure say what was looked for and where.
#
#   tools/find_python.sh [VERSION...]       3.10 3.9 3.8 unless told otherwise
#
# PYTHON=/path/to/python is taken if it is one of these versions and works, and is an error
# otherwise. A file called python3.10 proves nothing (pyenv's shims fail unless a version is
# selected), so every candidate has to run a line of code first.
#
# FIND_PYTHON_OFFLINE=1 keeps uv from downloading an interpreter.
set -u

[ $# -gt 0 ] || set -- 3.10 3.9 3.8
looked=

note() {
    looked="$looked
  $1"
}

# works VERSION COMMAND: print the interpreter's own path if it is CPython VERSION with venv.
works() {
    "$2" -I -c '
import sys
if sys.implementation.name != "cpython" or "%d.%d" % sys.version_info[:2] != sys.argv[1]:
    sys.exit(1)
import ensurepip, ssl, venv
print(sys.executable)
' "$1" 2>/dev/null </dev/null
}

# try VERSION COMMAND: end the search if COMMAND works.
try() {
    found=$(works "$1" "$2") && [ -n "$found" ] && {
        printf '%s\n' "$found"
        exit 0
    }
}

on_path() {
    rest=$PATH:
    seen=
    while [ -n "$rest" ]; do
        folder=${rest%%:*}
        rest=${rest#*:}
        candidate=${folder:-.}/python$1
        if [ -x "$candidate" ]; then
            seen=yes
            try "$1" "$candidate"
            note "$candidate: is there and does not run as CPython $1 with venv"
        fi
    done
    [ -n "$seen" ] || note "python$1 on PATH: none"
}

in_pyenv() {
    roots=
    for root in "${PYENV_ROOT:-}" "${HOME:-}/.pyenv" "$(pyenv root 2>/dev/null)"; do
        case ":$roots:" in
        *":$root:"*) continue ;;
        esac
        [ -n "$root" ] || continue
        roots=$roots:$root
        for candidate in "$root/versions/$1"/bin/python "$root/versions/$1".*/bin/python; do
            if [ -x "$candidate" ]; then
                try "$1" "$candidate"
                note "$candidate: does not run"
            fi
        done
        note "$root/versions/$1*: none that works"
    done
}

in_uv() {
    if ! command -v uv >/dev/null 2>&1; then
        return
    fi
    candidate=$(uv python find --no-project --system "$1" 2>/dev/null) && try "$1" "$candidate"
    note "uv python find $1: none"
}

from_uv() {
    [ -z "${FIND_PYTHON_OFFLINE:-}" ] || return
    command -v uv >/dev/null 2>&1 || return
    echo "find_python: no Python $1 on this machine; asking uv for one" >&2
    if uv python install "$1" >&2; then
        candidate=$(uv python find --no-project --system "$1" 2>/dev/null) && try "$1" "$candidate"
    fi
    note "uv python install $1: failed"
}

if [ -n "${PYTHON:-}" ]; then
    for version in "$@"; do
        try "$version" "$PYTHON"
    done
    echo "find_python: PYTHON=$PYTHON is not a working CPython of version $* (with venv);" \
        "unset PYTHON or let it name one" >&2
    exit 1
fi

for version in "$@"; do
    on_path "$version"
    in_pyenv "$version"
    in_uv "$version"
done
command -v uv >/dev/null 2>&1 || note "uv: not on PATH"
for version in "$@"; do
    from_uv "$version"
done

if command -v uv >/dev/null 2>&1; then
    get="uv python install $1"
elif command -v pyenv >/dev/null 2>&1; then
    get="pyenv install $1"
elif command -v apt-get >/dev/null 2>&1 && apt-cache show "python$1-venv" >/dev/null 2>&1; then
    get="apt-get install python$1-venv"
else
    get="pip install uv && uv python install $1"
fi
{
    echo "find_python: no working CPython of version $*, which OneFlow 0.9.0 needs. Looked at:$looked"
    echo "To get one: $get     (or name one: make PYTHON=/path/to/python$1)"
} >&2
exit 1
