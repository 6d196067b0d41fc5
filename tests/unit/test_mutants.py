"""What `make mutants` changes, which changes it samples, and which tests must notice them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from promdrill.core import shell
from promdrill.core.errors import CommandTimeout, UsageError
from tools.mutants import changes, in_order, sample, trial
from tools.mutants.__main__ import report
from tools.mutants.sample import Equivalent, Mutant, Pool
from tools.mutants.trial import Learnt, Outcome, Tried


def own(text: str) -> dict[str, list[str]]:
    """Of each kind, what our own operators make of a text."""
    found: dict[str, list[str]] = {}
    for change in sorted(changes.own(text), key=lambda each: (each.start, each.nth)):
        found.setdefault(change.kind, []).append(change.make() or "")
    return found


@pytest.mark.parametrize(
    ("kind", "before", "after"),
    [
        ("statement", "go(1)\n", ["pass\n"]),
        ("statement", "a.b = 1\n", ["pass\n"]),
        ("statement", "x += 1\n", ["pass\n"]),
        ("argument", "go(1, x=2, y=3)\n", ["go(1, y=3)\n", "go(1, x=2)\n"]),
        ("argument", "go(x=2, y=3)\n", ["go(y=3)\n", "go(x=2)\n"]),
        ("argument", "zip(a, b, strict=False)[0]\n", ["zip(a, b)[0]\n"]),
        ("argument", "go(a, strict=True)[0]\n", ["go(a)[0]\n"]),
        ("argument", "go(encoding=a, errors=b)[0]\n", ["go(encoding=a)[0]\n"]),
        ("return", "def f() -> bool:\n    return a or b\n", ["def f() -> bool:\n    return not (a or b)\n"]),
        ("return", "def f() -> int:\n    return 1\n", ["def f() -> int:\n    return None\n"]),
        ("guard", "if a:\n    b\n", ["if False:\n    b\n", "if True:\n    b\n"]),
        ("guard", "[a for a in b if c]\n", ["[a for a in b if False]\n", "[a for a in b if True]\n"]),
        ("except", "try:\n    a\nexcept b.C:\n    d\n", ["try:\n    a\nexcept ():\n    d\n"]),
        ("swap", "min(a)\n", ["max(a)\n"]),
        ("swap", "any(a)\n", ["all(a)\n"]),
        ("membership", "a in b\n", ["a not in b\n"]),
        ("membership", "a not in b\n", ["a in b\n"]),
        ("member", "x = Verdict.PASSED\n", ["x = Verdict.FAILED\n"]),
        ("swap", "ä = 'ü', max(a)\n", ["ä = 'ü', min(a)\n"]),  # columns are characters
    ],
)
def test_an_own_operator_changes_one_thing(kind: str, before: str, after: list[str]) -> None:
    assert own(before)[kind] == after


@pytest.mark.parametrize(
    "text",
    [
        "x: max(int) = y\n",
        "def f(x: Literal[any()]) -> all(): ...\n",
        "@dataclass(frozen=True)\nclass A(B, metaclass=C): ...\n",
        "raise Error(max(a), hint=b)\n",
        "f'{max(a)}'\n",
        "see(text=max(a), hint=any(a))[0]\n",
        "wait(timeout_s=max(a))[0]\n",
        "LONGEST_S = max(1, 2)\n",
        "LINES_KEPT = max(1, 2)\n",
        "zip(a, b, strict=True)[0]\n",
        "if TYPE_CHECKING:\n    go()\n",
        "'''A docstring.'''\n",
    ],
)
def test_types_messages_and_budgets_are_left_out(text: str) -> None:
    assert own(text) == {}


def test_the_shipped_operators_change_one_thing_and_leave_out_the_same() -> None:
    pytest.importorskip("cosmic_ray", reason="only make mutants installs it")
    text = "def f(x: Literal[1]) -> bool:\n    return x < 2 and not y\n"
    made = [change.make() for change in changes.changes(text) if change.kind in changes.SHIPPED]
    assert sorted(filter(None, made)) == sorted(
        text.replace(*each)
        for each in [(" < ", " <= "), (" 2 ", " 3 "), (" 2 ", " 1 "), (" and ", " or "), (" not ", "  ")]
    )


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("def f(x: int, *, y: int) -> None: ...\n", []),
        ("f = lambda x, *, y: x * y\n", ["f = lambda x, *, y: x / y\n"]),
        ("def f(x: int, *, y: int = a - b) -> None: ...\n", ["def f(x: int, *, y: int = a + b) -> None: ...\n"]),
        ("pairs = zip(a, b, strict=True)\n", []),
        ("pairs = zip(a, b, strict=False)\n", ["pairs = zip(a, b)\n", "pairs = zip(a, b, strict=True)\n"]),
    ],
)
def test_a_star_in_a_signature_and_a_strict_zip_are_left_out(text: str, made: list[str]) -> None:
    pytest.importorskip("cosmic_ray", reason="only make mutants installs it")
    assert [after for change in changes.changes(text) if changes.is_change(text, after := change.make())] == made


def test_what_is_no_program_or_the_same_is_no_change() -> None:
    assert changes.is_change("a < b\n", "a <= b\n")
    assert not changes.is_change("a < b\n", "a  <  b\n")
    assert not changes.is_change("a < b\n", "a < < b\n")
    assert not changes.is_change("a < b\n", None)


def test_a_statement_has_all_its_lines_but_those_of_its_body() -> None:
    text = "if a:\n    b(\n        c,\n    )\nelse:\n    d\n"
    assert [[*changes.statement_lines(text, line)] for line in (1, 3, 6)] == [[1], [2, 3, 4], [6]]


@pytest.fixture
def pool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[Path, str]:
    """Two packages, of one file each, that our own operators change."""
    monkeypatch.setattr(sample, "changes", lambda text: list(changes.own(text)))
    (tmp_path / "a.py").write_text("if a:\n    go()\nmin(x)\nany(x)\nmin(y)\n")
    (tmp_path / "b.py").write_text("stop()\n")
    return {Path("a.py"): "first", Path("b.py"): "second"}


def kinds(mutants: list[Mutant]) -> list[tuple[str, str]]:
    return [(each.package, each.kind) for each in mutants]


def test_a_sample_is_the_same_for_the_same_seed(pool: dict[Path, str], tmp_path: Path) -> None:
    samples = [Pool(pool, [], tmp_path).sample(4, seed) for seed in (1, 1, 2, 3, 4)]
    assert samples[0] == samples[1]
    assert any(each != samples[0] for each in samples[2:])


def test_packages_and_kinds_take_turns_and_nothing_comes_twice(pool: dict[Path, str], tmp_path: Path) -> None:
    everything = Pool(pool, [], tmp_path).sample(100, 1)
    found = kinds(everything)
    assert found[1] == ("second", "statement")
    assert sorted(kind for _, kind in (found[0], *found[2:4])) == ["guard", "statement", "swap"]
    assert len({(each.file, each.after) for each in everything}) == len(everything) == 10


def test_an_equivalent_change_is_left_out(pool: dict[Path, str], tmp_path: Path) -> None:
    entry = Equivalent("a.py", "min(x)", "max(x)", "x has one item")
    assert len(Pool(pool, [entry], tmp_path).sample(100, 1)) == 9


@pytest.mark.parametrize("line", ["min(z)", "any(x)"])
def test_an_equivalent_change_that_cannot_be_made_is_an_error(pool: dict[Path, str], tmp_path: Path, line: str) -> None:
    with pytest.raises(UsageError, match=r"no change that could be made to a\.py"):
        Pool(pool, [Equivalent("a.py", line, "max(x)", "why")], tmp_path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("change = 1", "not iterable"),
        ("", "'change'"),
        ("[[change]]\nfile = 'a'\n", "missing 3"),
        ("[[change]]\nfile='a'\nline='b'\nbecomes='c'\nreason=' '", "no reason"),
    ],
)
def test_the_list_of_equivalent_changes_is_checked(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        sample.equivalents(text)


def test_the_list_of_equivalent_changes_names_files_that_are_changed() -> None:
    entries = sample.equivalents((sample.ROOT / sample.EQUIVALENT).read_text())
    assert {Path(entry.file) for entry in entries} <= set(sample.files())


def test_only_narrows_what_is_changed() -> None:
    assert set(sample.files("src/promdrill/drill").values()) == {"drill"}
    assert [*sample.files("src/promdrill/incident/judge.py")] == [Path("src/promdrill/incident/judge.py")]
    with pytest.raises(UsageError, match="ONLY=src/promdrill/cli: no code that is changed"):
        sample.files("src/promdrill/cli")


def mutant(line: int = 2) -> Mutant:
    before = "import a\nif a:\n    go()\n"
    return Mutant("drill", Path("a.py"), "guard", line, before, before.replace("if a", "if False"))


def test_the_tests_of_a_line_are_those_that_run_it_the_fastest_first() -> None:
    took_s = {"slow": 2.0, "fast": 0.1, "other": 0.2}
    learnt = Learnt(took_s, {"a.py": {1: [], 2: ["slow", "fast"], 3: ["other"]}})
    assert learnt.tests(mutant(2)) == ["fast", "slow"]
    assert learnt.tests(mutant(1)) == ["fast", "other", "slow"]  # it runs when the module is imported
    assert Learnt(took_s, {}).tests(mutant(2)) == []


def test_the_report_counts_by_package_and_shows_survivors_as_diffs() -> None:
    tried = [Tried(mutant(), outcome, 3) for outcome in (Outcome.CAUGHT, Outcome.TIMED_OUT, Outcome.SURVIVED)]
    said = report(tried).splitlines()
    assert said[:3] == ["a.py:2: 3 tests run this line and pass", "--- a/a.py", "+++ b/a.py"]
    assert said[-3].split() == ["drill", "3", "2", "1", "66.7"]
    assert said[-1].startswith("1 of those caught made the tests hang")


@pytest.mark.parametrize(
    ("code", "failed", "outcome"), [(1, "t", Outcome.CAUGHT), (0, "", Outcome.SURVIVED), (3, "", Outcome.CAUGHT)]
)
def test_a_mutant_is_tried_in_the_copy_and_taken_back(
    tmp_path: Path, code: int, failed: str, outcome: Outcome, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "a.py"

    def run(argv: list[str], *, cwd: Path, **_: object) -> shell.Completed:
        assert file.read_text() == mutant().after
        order = Path(argv[argv.index("--in-order") + 1])
        assert (cwd, json.loads(order.read_text()), argv[-1]) == (tmp_path, ["a::t"], "a")
        in_order.failed(order).write_text(json.dumps(failed) if failed else "")
        return shell.Completed(tuple(argv), code, "", "", 1.0)

    monkeypatch.setattr(shell, "run", run)
    tried = trial.Copy(tmp_path).attempt(mutant(), Learnt({"a::t": 1.0}, {"a.py": {2: ["a::t"]}}))
    assert (tried.outcome, tried.caught_by) == (outcome, (failed,) if failed else ())
    assert file.read_text() == mutant().before


def test_a_mutant_that_hangs_is_caught_and_one_that_no_test_runs_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(argv: list[str], **_: object) -> shell.Completed:
        raise CommandTimeout(argv, -15, "")

    monkeypatch.setattr(shell, "run", run)
    copy = trial.Copy(tmp_path)
    assert copy.attempt(mutant(), Learnt({"a::t": 1.0}, {"a.py": {2: ["a::t"]}})).outcome is Outcome.TIMED_OUT
    assert copy.attempt(mutant(), Learnt({}, {})).outcome is Outcome.NO_TEST
    assert [each for each in Outcome if each.is_caught] == [Outcome.CAUGHT, Outcome.TIMED_OUT]


def test_what_the_first_tests_let_pass_all_others_try(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tests, asked = [f"a::t{n:03}" for n in range(trial.FEW + 2)], []

    def run(argv: list[str], **_: object) -> shell.Completed:
        asked.append(json.loads(Path(argv[argv.index("--in-order") + 1]).read_text()))
        return shell.Completed(tuple(argv), 1 if len(asked) == 2 else 0, "", "", 1.0)

    monkeypatch.setattr(shell, "run", run)
    learnt = Learnt(dict.fromkeys(tests, 1.0), {"a.py": {2: tests}})
    tried = trial.Copy(tmp_path).attempt(mutant(), learnt)
    assert (asked, tried.outcome) == ([tests[: trial.FEW], tests[trial.FEW :]], Outcome.CAUGHT)


def test_a_test_that_fails_without_any_change_catches_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(argv: list[str], **_: object) -> shell.Completed:
        in_order.failed(tmp_path / "order.json").write_text('"a::t"\n')
        return shell.Completed(tuple(argv), 1, "", "", 1.0)

    monkeypatch.setattr(shell, "run", run)
    caught = Tried(mutant(), Outcome.CAUGHT, 1, ("a::t",))
    with pytest.raises(trial.TestsFail, match="failed without any change: a::t"):
        trial.Copy(tmp_path).control([caught], Learnt({"a::t": 1.0}, {}))


def test_the_chosen_tests_run_in_their_order_and_failures_are_noted(pytester: pytest.Pytester) -> None:
    tests = pytester.makepyfile(
        test_a="import pytest\n@pytest.mark.parametrize('x', ['a::b c', 'd'])\n"
        "def test_one(x): assert x == 'd'\ndef test_two(): pass\ndef test_three(): assert False\n",
    )
    order = pytester.path / "order.json"
    order.write_text(json.dumps(["test_a.py::test_two", "test_a.py::test_one[a::b c]"]))
    done = pytester.runpytest_inprocess("-p", "tools.mutants.in_order", "--in-order", str(order), str(tests))
    done.assert_outcomes(passed=1, failed=1)
    assert [json.loads(line) for line in in_order.failed(order).read_text().splitlines()] == [
        "test_a.py::test_one[a::b c]"
    ]
