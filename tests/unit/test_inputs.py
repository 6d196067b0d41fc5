"""Whatever comes in: each reader takes it, or refuses it with a place and a hint; and never waits for it.

The inputs are made in `inputs_world`, the same ones each time; ``make fuzz`` makes others, and more. The corpus below
are mistakes that once ended in a traceback or hung.
"""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from tests.unit import inputs_world, matrix_world
from tests.unit.inputs_world import GOOD_MATRIX, GOOD_RUN, READERS, SHORT_RUNBOOK, Reader, as_json, outcome

from promdrill.cluster.address import Address
from promdrill.core import records
from promdrill.core.errors import UsageError
from promdrill.helm.source import files
from promdrill.helm.values.user import Own
from promdrill.matrix.reading import read as read_matrix
from promdrill.report.cells import merge
from promdrill.report.compare.read import read_all
from promdrill.report.html.page import to_html
from promdrill.request import scenarios
from promdrill.request.request import Request, make
from promdrill.results import store
from promdrill.results.timeline import read as journals
from promdrill.runbook.parse import parse
from promdrill.supply.bundle import unpack

EXAMPLES = 25
"""Generated inputs for each reader; ``make fuzz`` tries as many as asked for."""

BY_NAME = {reader.name: reader for reader in READERS}


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.name)
def test_every_input_is_read_or_refused_with_a_place_and_a_hint(reader: Reader) -> None:
    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.data())
    def attempt(data: st.DataObject) -> None:
        folder = Path(tempfile.mkdtemp())
        try:
            outcome(reader, folder, data.draw(reader.cases()))
        finally:
            shutil.rmtree(folder)

    run: Callable[[], None] = attempt
    run()


def test_what_is_good_is_read(tmp_path: Path) -> None:
    good: dict[str, Any] = {
        "options": {"JOBS": "2", "SCENARIO": "oom"},
        "environment": {"SUPPLY": "source"},
        "values": inputs_world.GOOD_VALUES.encode(),
        "runbooks": SHORT_RUNBOOK.encode(),
        "scenarios": inputs_world.GOOD_TEST.encode(),
        "matrix": GOOD_MATRIX.encode(),
        "bundles": ("bytes", inputs_world.a_bundle()[0]),
        "results": GOOD_RUN.to_json(),
        "journals": inputs_world.GOOD_JOURNAL.encode(),
        "cell files": (as_json(inputs_world.GOOD_CELL), as_json([inputs_world.GOOD_CELL])),
        "alert rules": inputs_world.GOOD_RULE_OBJECTS.encode(),
    }
    assert sorted(good) == sorted(BY_NAME)
    for name, case in good.items():
        place = tmp_path / name
        place.mkdir()
        assert outcome(BY_NAME[name], place, case).refusal is None, name


# The corpus

HEAD = "---\nid: x\ntitle: X\n"
DEEP = "[" * 3000 + "]" * 3000

REFUSED: tuple[tuple[str, Any, str], ...] = (
    # Finding I1, values
    ("values", b"a: 2024-02-30", r":1:4: .*2024-02-30 is not a valid timestamp"),
    ("values", b"b: 1\na: !!int abc", r":2:4: .*abc is not a valid int"),
    ("values", b"a: " + b"1" * 5000, r":1:4: .*is not a valid int"),
    ("values", b"a: 0x" + b"f" * 5000, r":1:4: .*loses digits"),
    ("values", b"a: .nan", r":1:4: .*loses digits"),
    ("values", b"a: " + DEEP.encode(), r":1:10\d: .*nested more than 100 levels"),
    ("values", b"- " * 100_000 + b"a", r":1:201: .*nested more than 100 levels"),
    ("values", b"a: &a [*a]", r":1:8: .*\*a contains itself"),
    ("values", b"a: !mine 1", r":1:4: .*tag '!mine'"),
    ("values", b"a: \xff", r":1:4: not UTF-8"),
    ("values", b"a: \x00", r":1:4: a NUL character"),
    (
        "values",
        "\n".join(["a0: &a0 [x, x]", *(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 40))]).encode(),
        "aliases that stand for more than",
    ),
    # Finding I2, paths
    *(
        ("options", {name: "~nouser/x"}, f"{name}=~nouser/x: there is no user nouser")
        for name in ("VALUES", "RUNBOOK", "LOGIN", "BUNDLE", "SCENARIOS")
    ),
    *(
        ("options", {name: "a" * 300}, f"{name}=a.*File name too long")
        for name in ("VALUES", "RUNBOOK", "LOGIN", "SCENARIOS")
    ),
    ("options", {"VALUES": "\udcff"}, r"VALUES=.udcff: has '.udcff', a character that does not show"),
    ("options", {"CHART": "\x1b[2J"}, r"CHART=.x1b\[2J: has '.x1b'"),
    # Finding I3, numbers
    *(
        ("options", {name: text}, f"{name}=.*: not a whole number from 1 to")
        for name in ("JOBS", "REPEAT")
        for text in ("9" * 5000, "-1", "0", "1.5", "\u0663", "\u00b2", "1e1", "x")
    ),
    ("options", {"APP_VERSION": f"3.14.{'9' * 5000}"}, "APP_VERSION=.*: not a version"),
    # Finding I4, matrix
    ("matrix", f"kube_version = {'9' * 5000}".encode(), ":1: a number that needs more than 64 bits"),
    ("matrix", f"helm_version = ['4']\nkube_version = {DEEP}".encode(), ":2: nested more than 100 levels"),
    ("matrix", f"x{'.x' * 20_000} = 1".encode(), ":1: nested more than 100 levels"),
    # Finding I5, bundles
    ("bundles", ("headers", "L" * 5000), "not a promdrill bundle"),
    ("bundles", ("headers", "x" * 600), "not a promdrill bundle"),
    ("bundles", ("sparse", "x"), "not a promdrill bundle"),
    ("bundles", ("manifest", inputs_world.deep(3000)), "is nested too deeply"),
    ("bundles", ("manifest", {"promdrill-bundle": True}), "is not a manifest"),
    ("bundles", ("manifest", {"promdrill-bundle": 1, "parts": 7}), "is not valid"),
    # Finding I6, results
    *(
        ("results", {**GOOD_RUN.to_json(), "planned": [value]}, "results.json")
        for value in (float("nan"), 7, "\ud800", None)
    ),
    # Finding I8, runbooks
    ("runbooks", f"{HEAD}data_loss: !!bool foo\n---\n".encode(), r":4:12: data_loss must be true, false"),
    ("runbooks", f"{HEAD}data_loss: {DEEP}\n---\n".encode(), r":4:11\d: .*nested more than 100 levels"),
    ("runbooks", SHORT_RUNBOOK.replace("no space", "a{99999999999}").encode(), r":9:13: fails_with is not a regular"),
    ("runbooks", b"# " * (1 << 18), "it is larger than 256 KiB"),
    # markers
    ("scenarios", b"-" * 100_000 + b"1", ":1: not Python"),
    ("scenarios", b"x = " + b"1" * 5000, ":1: not Python"),
    ("scenarios", inputs_world.GOOD_TEST.replace(">=15", ">=" + "9" * 5000).encode(), "not a version range"),
    ("scenarios", inputs_world.GOOD_TEST.replace("claim", "\\ud800").encode(), "the marker touches"),
    # environment
    ("environment", {"PROMDRILL_PINS": "/dev/null", "SUPPLY": "registry"}, "PROMDRILL_PINS=/dev/null: it is a device"),
    ("environment", {"PROMDRILL_CACHE_DIR": "~nouser/x"}, "there is no user nouser"),
    ("environment", {"PROMDRILL_STATE_DIR": "/dev/null"}, "PROMDRILL_STATE_DIR=/dev/null: not a folder"),
    ("environment", {"REPORTS": "a" * 300}, "File name too long"),
    # cell files
    ("cell files", (b"{}", b"[" * 5000), "is nested too deeply"),
    ("cell files", (b"{}", b'[{"id": "\\ud800"}]'), "which is not a character"),
)


@pytest.mark.parametrize(("name", "case", "words"), REFUSED)
def test_a_mistake_is_one_clear_error(tmp_path: Path, name: str, case: Any, words: str) -> None:
    refusal = outcome(BY_NAME[name], tmp_path, case).refusal
    assert refusal is not None
    with pytest.raises(UsageError, match=words):
        raise refusal
    assert len(refusal.message) < 2000


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "x", None, [], {}, 10**400, 2**53, -1, "\ud800", True])
@pytest.mark.parametrize("field", ["phases", "took_s", "samples", "steps", "gap_s", "recovered_after_s", "exit_code"])
def test_a_report_of_results_with_a_wrong_value_is_made_or_refused(tmp_path: Path, field: str, value: Any) -> None:
    def spoilt(data: Any) -> Any:
        if isinstance(data, dict):
            return {key: value if key == field else spoilt(item) for key, item in data.items()}
        return [spoilt(item) for item in data] if isinstance(data, list | tuple) else data

    outcome(BY_NAME["results"], tmp_path, spoilt(GOOD_RUN.to_json()))


def test_a_cell_json_that_is_nested_too_deeply_leaves_the_report_its_name(tmp_path: Path) -> None:
    folder = tmp_path / "one"
    folder.mkdir()
    (folder / "cell.json").write_bytes(as_json({"title": inputs_world.deep(3000)}))
    (folder / store.RESULTS).write_text(records.dumps(GOOD_RUN.to_json()))
    assert "disk-full" in to_html([folder], beside=folder)
    (cell,) = merge.gather(tmp_path).cells
    assert cell.id == "one"
    assert "is nested too deeply" in cell.problems[0]


# What is no file

Open = Callable[[Path], object]

TAKES_A_FILE: dict[str, Open] = {
    "VALUES": Own.read,
    "VALUES of a run": lambda file: make({"VALUES": str(file)}),
    "RUNBOOK of a run": lambda file: make({"RUNBOOK": str(file)}),
    "LOGIN of a run": lambda file: make({"LOGIN": str(file)}),
    "BUNDLE of a run": lambda file: make({"BUNDLE": str(file)}),
    "runbook check": parse,
    "bundle --list": unpack.contents,
    "CHART": files.metadata,
    "--in-cluster": Address.read,
    "--request": Request.read,
    "matrix": lambda file: read_matrix(file, matrix_world.KNOWN),
    "merge --expect": merge.expected,
    "compare": read_all,
    "results.json": store.read,
    "a scenario's test": scenarios.traits,
}


@pytest.fixture(params=["pipe", "socket", "device"])
def no_file(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """Something that is neither a file nor a folder, and of which a read would not end."""
    place = tmp_path / "x"
    if request.param == "pipe":
        os.mkfifo(place)
    elif request.param == "socket":
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(str(place))
            yield place
        return
    else:
        place.symlink_to("/dev/zero")
    yield place


@pytest.mark.parametrize("what", TAKES_A_FILE)
def test_what_is_no_regular_file_is_refused_at_once(no_file: Path, what: str) -> None:
    with pytest.raises(UsageError, match=r"cannot read|not the address|not a request") as caught:
        TAKES_A_FILE[what](no_file)
    assert str(no_file) in caught.value.message
    assert caught.value.hint


def test_a_pipe_in_the_folder_of_a_run_keeps_no_report_waiting(tmp_path: Path) -> None:
    folder = tmp_path / "one"
    for name in ("disk-full", "oom", "oom.2"):
        (folder / name).mkdir(parents=True)
    (folder / store.RESULTS).write_text(records.dumps(GOOD_RUN.to_json()))
    for place in (folder / "cell.json", folder / "disk-full" / "journal.jsonl", folder / "disk-full" / "values.yaml"):
        os.mkfifo(place)
    assert "disk-full" in to_html([folder], beside=folder)
    assert journals.read(folder / "disk-full" / "journal.jsonl") == journals.Journal()
    assert journals.Tail(folder / "disk-full" / "journal.jsonl").look() == (False, [])
