"""What becomes of a name that PyTorch has and we lack, however reached, in every Python."""

import functools
import json

import placeholder_cases
import pytest
import stand_in

TABLES = {
    "": (placeholder_cases.CASES, {}),
    "strict: ": (placeholder_cases.STRICT, {"strict": True}),
    "verbose: ": (placeholder_cases.VERBOSE, {"verbose": True}),
}
CASES = {
    prefix + name: (case, options)
    for prefix, (table, options) in TABLES.items()
    for name, case in table.items()
}


@pytest.fixture(scope="session")
def answers(tmp_path_factory):
    """Return a function: interpreter → name → (outcome, rows of the report)."""

    @functools.lru_cache(maxsize=None)
    def ask(interpreter):
        folder = tmp_path_factory.mktemp("stand_in")
        stand_in.write(str(folder))
        programs = {name: (case[0], options) for name, (case, options) in CASES.items()}
        (folder / "cases.json").write_text(json.dumps(programs))
        done = stand_in.run(interpreter, stand_in.__file__, str(folder), str(folder / "cases.json"))
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.replace(str(folder / "program.py"), "PLACE"))

    return ask


@pytest.mark.parametrize("name", CASES)
def test_case(interpreter, name, answers):
    (source, expected, *rows), _ = CASES[name]
    outcome, found = answers(interpreter)[name]
    assert outcome == expected, source
    if rows:
        assert found == rows[0], source
