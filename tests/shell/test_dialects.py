"""Every value reaches every shell's variables byte for byte, however its eval is quoted."""

import os
import re

import pytest
import real_shells

from oneflow_mock.shell import dialects

NAMES = {value: f"V{number}" for number, value in enumerate(real_shells.VALUES)}
PICKY = {
    "bash": ["set -eu", "shopt -s nullglob failglob extglob globstar"],
    "dash": ["set -eu"],
    "zsh": ["setopt glob_subst sh_word_split extended_glob magic_equal_subst rc_quotes nounset"],
    "fish": [],
    "tcsh": ["set noclobber", "set echo_style=both", "set backslash_quote"],
}


def expected():
    return {NAMES[key]: os.fsencode(value) for key, value in real_shells.VALUES.items()}


@pytest.mark.parametrize("options", ["plain", "picky"])
@pytest.mark.parametrize("locale", ["C", "C.UTF-8"])
@pytest.mark.parametrize("shell, form", real_shells.FORMS)
def test_values_survive_real_shells(shell, form, locale, options, surroundings):
    folder, environ = surroundings
    dialect = dialects.find(shell)
    changes = {NAMES[key]: value for key, value in real_shells.VALUES.items()}
    (folder / "code").write_text(dialect.code({**changes, "GONE": None}) + "\n")
    lines = PICKY[shell] if options == "picky" else []
    lines = [*lines, real_shells.form(shell, form, "cat code"), "env -0 >> dump"]
    (folder / "dump").write_text("")
    environ.update(LC_ALL=locale, GONE="still here")
    done = real_shells.run(shell, lines, folder, environ)
    assert (done.stderr, done.returncode) == ("", 0)
    found = real_shells.environment(folder / "dump")
    assert {name: found.get(name) for name in NAMES.values()} == expected()
    assert "GONE" not in found
    assert not (folder / "pwned").exists()
    left = {"oneflow_mock_file", "oneflow_mock_newline"} & set(found)
    assert not left


@pytest.mark.parametrize("program", ["mksh", "ksh", "yash", "busybox"])
def test_values_survive_other_posix_shells(program, surroundings):
    import shutil

    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed; dash stands for its family")
    folder, environ = surroundings
    changes = {NAMES[key]: value for key, value in real_shells.VALUES.items()}
    (folder / "code").write_text(dialects.find(program).code(changes))
    script = 'eval $(cat code); env -0 > dump; eval "$(cat code)"; env -0 > dump2'
    # yash refuses bytes that its locale does not know, before it reads any of our code.
    values = {name: value for name, value in expected().items() if name != NAMES["no UTF-8"]}
    command = [program, "sh", "-c"] if program == "busybox" else [program, "-c"]
    real_shells.subprocess.run([*command, script], cwd=str(folder), env=environ, check=True)
    for dump in ("dump", "dump2"):
        found = real_shells.environment(folder / dump)
        assert {name: found.get(name) for name in values} == values


@pytest.mark.parametrize("name", list(dialects.DIALECTS))
def test_code_is_one_plain_line(name):
    """What the shell does to an unquoted eval, it does to blanks, globs and newlines only."""
    dialect = dialects.DIALECTS[name]
    code = dialect.code({NAMES[key]: value for key, value in real_shells.VALUES.items()})
    assert code.isascii() and "\n" not in code and "#" not in code
    if name != "powershell":
        assert "  " not in code and not set("*?[~!\t") & set(code)
    assert dialect.code({}) == dialect.nothing


def read_powershell(word):
    """Do what PowerShell does with a word of quoted strings and [char] numbers joined by +."""
    parts = re.findall(r"'((?:[^']|'')*)'|\[char\](\d+)|(\+)|(.)", word)
    assert not any(other for *_, other in parts), word
    units = b""
    for text, number, _, _ in parts:
        units += text.replace("''", "'").encode("utf-16-le")
        units += int(number).to_bytes(2, "little") if number else b""
    return units.decode("utf-16-le", "surrogatepass")


@pytest.mark.parametrize("key", list(real_shells.VALUES))
def test_powershell_reads_back_the_value(key):
    value = real_shells.VALUES[key]
    word = dialects.DIALECTS["powershell"].quote(value)
    assert read_powershell(word) == value
    assert word.startswith("'"), "a leading [char] would be added as a number"


@pytest.mark.parametrize(
    "name, value, code",
    [
        ("bash", "a b", r"export X=$'a\x20b'"),
        ("zsh", "a b", r"export X=$'a\x20b'"),
        ("sh", "a b", r"""X="$(printf 'a\040b')"; export X"""),
        ("sh", "a\n", r"""X="$(printf 'a\012_')"; X="${X%_}"; export X"""),
        ("fish", "a b", r"set -gx X a\X20b"),
        ("csh", "a b", """setenv X "`printf 'a\\040b'`\""""),
        ("powershell", "it's", "$env:X=''+'it'+[char]39+'s'"),
        ("bash", "/a:/b", "export X=/a:/b"),
        ("sh", "/a:/b", "export X=/a:/b"),
        ("fish", "/a:/b", "set -gx X /a:/b"),
        ("csh", "/a:/b", "setenv X /a:/b"),
        ("powershell", "/a:/b", "$env:X='/a:/b'"),
        ("bash", None, "unset X"),
        ("sh", None, "unset X"),
        ("fish", None, "set -e X"),
        ("csh", None, "unsetenv X"),
        ("powershell", None, "$env:X=$null"),
    ],
)
def test_code(name, value, code):
    assert dialects.DIALECTS[name].code({"X": value}) == code


@pytest.mark.parametrize(
    "program, name",
    [
        ("bash", "bash"),
        ("-bash", "bash"),
        ("/bin/zsh", "zsh"),
        ("zsh-5.9", "zsh"),
        ("bash5", "bash"),
        ("sh", "sh"),
        ("/usr/bin/dash", "sh"),
        ("busybox", "sh"),
        ("ksh93", "sh"),
        ("fish", "fish"),
        ("tcsh", "csh"),
        ("csh", "csh"),
        ("pwsh", "powershell"),
        ("C:\\Windows\\powershell.exe", "powershell"),
        ("python3.10", None),
        ("xonsh", None),
        ("", None),
    ],
)
def test_a_shell_is_known_by_its_program(program, name):
    found = dialects.find(program)
    assert (found and found.name) == name
