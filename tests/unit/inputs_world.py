"""Inputs as people, accidents and attackers make them, for every reader of promdrill; and how each reader is called.

An input is made from a good one: pieces of it are cut out, doubled, or replaced by something nasty. A reader takes it
without a word, or refuses it in a `UsageError` that says where and what to do. Anything else is a fault.
"""

from __future__ import annotations

import base64
import contextlib
import functools
import gzip
import io
import json
import os
import re
import tarfile
import textwrap
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from tests.unit import alertmanager_world, alerts_world, bundle_world, html_world, matrix_world
from tests.unit.compare_world import drill, failed, no_fault, run

from promdrill.alerts import alertmanager, rules, scale
from promdrill.alerts.apart import narrowed
from promdrill.alerts.write import write as written_rules
from promdrill.cli import main as command_line
from promdrill.cli.bundle import show
from promdrill.core import paths, records
from promdrill.core.clock import SYSTEM
from promdrill.core.console import Console
from promdrill.core.errors import UsageError
from promdrill.core.model import JobSamples, LeftOut, ObserverFigures, SampleAccount, Skipped, StepRecord
from promdrill.helm.values.layers import layered
from promdrill.helm.values.user import Own
from promdrill.matrix import cells
from promdrill.matrix.gitlab import to_gitlab
from promdrill.matrix.reading import read as read_matrix
from promdrill.report import markdown
from promdrill.report.cells import merge
from promdrill.report.cells import show as shown_cells
from promdrill.report.compare import text as compare_text
from promdrill.report.compare.read import read_all
from promdrill.report.compare.regressions import compare
from promdrill.report.html.page import to_html
from promdrill.request.options import OPTIONS, SESSION
from promdrill.request.request import Request, make, scenarios_of
from promdrill.request.scenarios import applies, last_took, traits
from promdrill.results.alerts import show as shown_alerts
from promdrill.results.alerts.coverage import coverage
from promdrill.results.alerts.expectations import read as read_expectations
from promdrill.results.alerts.judge import judged, shortfall
from promdrill.results.alerts.propose import propose
from promdrill.runbook import unset
from promdrill.runbook.lint import lint
from promdrill.runbook.parse import parse
from promdrill.supply.bundle import unpack
from promdrill.supply.bundle.manifest import MANIFEST
from promdrill.supply.choose import Choice
from promdrill.watch.rows import rows
from promdrill.watch.run import Follower

ALL = tuple(option.variable for option in (*OPTIONS, *SESSION))

FURTHER = ("CELL", "RESUME", "REPORTS", "PROMDRILL_CACHE_DIR", "PROMDRILL_STATE_DIR", "PROMDRILL_PINS", "COLUMNS")
"""Variables of the environment that are no options of a run."""

Case = Any
"""One input, as a reader's strategy makes it."""


@dataclass(frozen=True, slots=True)
class Reader:
    """One way by which somebody else's data comes in.

    Attributes:
        name: For the table.
        cases: Makes its inputs.
        read: Reads one of them, in an empty folder.
        places: Words of which a refusal must have one, so that it says where; a pattern.
    """

    name: str
    cases: Callable[[], SearchStrategy[Case]]
    read: Callable[[Path, Case], None]
    places: str


# Nasty pieces

_WORDS = r"""
null ~ true = << 2024-02-30 2024-13-01 0001-01-01T00:00:00+14:00 9999-12-31T23:59:59-14:00 24:61:61 1e400 -1 nan .nan
.inf Infinity -0 0o7 0b 1_000 \ud800 \udfff \u0000 ~nouser/x .. /dev/null /dev/zero . - -- $HOME `id` *a &a !!omap { }
[ ] # | > --- ... " ' \ a{99999999999} (?P<a> [a * %s%n {{ <script> ]]> !foo | >- @ % , ;
"""

SCALARS = (
    *_WORDS.split(),
    *("", "\0", "\t", "\r", "\n\n", ": ", "- ", "\x1b[2J", "\x85", "\u2028", "\ufeff", "\ud800", "é", "\u0663", "💥"),
    *("!!bool foo", "!!int abc", "!!float x", "!!timestamp x", "!!binary é", "!!omap x", "!!python/name:os.system x"),
    *("&a [*a]", "[" * 400, "{a: " * 400, "- " * 400, "[[" * 60, "]" * 60, "a." * 400 + "a", "." * 200, "(" * 300),
    *("0x" + "f" * 300, "9" * 25, "9" * 5000, "x" * 5000, "/" + "a" * 300, "a/" * 3000, '"' * 3, "'" * 3),
)

_TIMES = ("2024-02-30", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59Z", "2024-01-01", "24:00", "253402300800")

VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 2**31, 2**53, 2**53 + 1, 2**63, 10**25, 10**400, 253402300800),
    *(0.5, -0.0, 1e300, 1e15, 1e11, float("nan"), float("inf"), float("-inf")),
    *("", "x", "\ud800", "\x1b[31m", "\0", "💥", "x" * 3000, "../..", "/", "<script>alert(1)</script>", "]]>"),
    *("passed", "nobody", "no-fault", *_TIMES),
    *([], {}, [[]], [None], {"": None}, {"a": {"b": []}}, ["x", 1], [[[[]]]]),
)


def deep(levels: int) -> Any:
    """Lists in lists."""
    found: Any = 1
    for _ in range(levels):
        found = [found]
    return found


# From good to bad


def texts(*good: str) -> SearchStrategy[bytes]:
    """Files of text: good ones in which pieces were changed, and noise."""
    mutated = st.builds(mutate, st.sampled_from(good), st.lists(st.tuples(*[st.integers(0, 1 << 20)] * 4), max_size=4))
    noise = st.one_of(st.binary(max_size=200), st.sampled_from(SCALARS).map(_bytes), st.text(max_size=80).map(_bytes))
    return st.one_of(mutated, mutated, mutated, mutated, noise)


def mutate(text: str, edits: list[tuple[int, ...]]) -> bytes:
    """A text with some edits; each is made of four numbers."""
    for kind, where, which, far in edits:
        tokens = [found.span() for found in re.finditer(r"[\w.-]+|\"[^\"\n]*\"|[^\w\s]", text)] or [(0, 0)]
        start, end = tokens[where % len(tokens)]
        nasty = SCALARS[which % len(SCALARS)]
        lines = text.splitlines(keepends=True) or [""]
        line = where % len(lines)
        match kind % 8:
            case 0 | 1 | 2:
                text = text[:start] + nasty + text[end:]
            case 3:
                text = text[:start] + nasty + text[start:]
            case 4:
                text = text[:start] + text[start + far % 40 :]
            case 5:
                text = "".join([*lines[: line + 1], lines[which % len(lines)], *lines[line + 1 :]])
            case 6:
                text = "".join([*lines[:line], *lines[line + 1 + far % 4 :]])
            case _:
                text = text[: where % (len(text) + 1)]
    raw = _bytes(text)
    return raw if not edits or edits[0][3] % 13 else raw[:5] + b"\xff\xfe" + raw[5:]


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def changed(good: Any) -> SearchStrategy[Any]:
    """Plain data like the good one, with some values of another type, missing, doubled or absurd."""
    value = st.one_of(st.sampled_from(VALUES), st.sampled_from((30, 99, 150, 900, 3000)).map(deep))
    return st.builds(
        _change, st.just(good), st.lists(st.tuples(st.integers(0, 1 << 20), st.integers(0, 5), value), max_size=4)
    )


def _change(good: Any, edits: list[tuple[int, int, Any]]) -> Any:
    data = json.loads(json.dumps(good))
    for where, how, value in edits:
        places = [*_places(data)]
        if not places:
            return value
        holder, key = places[where % len(places)]
        if how == 0:
            del holder[key]
        elif how == 1 and isinstance(holder, dict):
            holder["surplus"] = value
        elif how == 1:
            holder.append(holder[key])
        else:
            holder[key] = value
    return data


def _places(data: Any) -> Iterator[tuple[Any, Any]]:
    todo = [data]
    while todo:
        holder = todo.pop()
        if isinstance(holder, dict | list):
            for key, item in [*holder.items()] if isinstance(holder, dict) else [*enumerate(holder)]:
                yield holder, key
                todo.append(item)


def as_json(data: Any) -> bytes:
    """JSON, even of what is none: NaN, half a surrogate pair, thousands of levels, thousands of digits."""
    return _bytes("".join(_written(data)))


def _written(data: Any) -> Iterator[str]:
    """Without recursion, which ends before the data does."""
    todo: list[Any] = [data]
    while todo:
        item = todo.pop()
        if isinstance(item, _Raw):
            yield item.text
        elif isinstance(item, list):
            parts = [part for each in item for part in (_Raw(","), each)][1:]
            todo += [_Raw("]"), *reversed(parts), _Raw("[")]
        elif isinstance(item, dict):
            parts = [
                part for key, each in item.items() for part in (_Raw(","), _Raw(json.dumps(key)), _Raw(":"), each)
            ][1:]
            todo += [_Raw("}"), *reversed(parts), _Raw("{")]
        else:
            yield json.dumps(item)


@dataclass(frozen=True, slots=True)
class _Raw:
    text: str


# The readers


PLAIN = (
    *(
        "",
        "1",
        "0",
        "auto",
        "source",
        "4",
        "1.36.3",
        "3.14.0",
        "fast",
        "disk-full",
        "disk-full,oom",
        "nearest",
        "3",
        "x",
    ),
)


def _settings() -> SearchStrategy[dict[str, str]]:
    text = st.one_of(st.sampled_from(PLAIN), st.sampled_from(SCALARS), st.text(max_size=30))
    return st.dictionaries(st.sampled_from(ALL), text, max_size=4)


def _read_options(place: Path, given: Mapping[str, str]) -> None:
    with contextlib.chdir(place):
        drilled = scenarios_of(given)
        request = make(given, drilled=drilled, choice=Choice("source", "for a test"))
        assert Request.read(request.write(place / "request.json")) == request


def _environments() -> SearchStrategy[dict[str, str]]:
    text = st.one_of(st.sampled_from(PLAIN), st.sampled_from(SCALARS), st.text(max_size=30))
    clean = text.map(
        lambda each: each.replace("\0", "").encode("utf-8", "surrogatepass").decode("utf-8", "surrogateescape")
    )
    return st.dictionaries(st.sampled_from((*ALL, *FURTHER)), clean, max_size=3)


def _read_environment(place: Path, given: Mapping[str, str]) -> None:
    """The commands that read much of it and start nothing; the supply is given, so that no registry is asked."""
    before, said, wrong = dict(os.environ), io.StringIO(), io.StringIO()
    for name in (*ALL, *FURTHER):
        os.environ.pop(name, None)
    try:
        os.environ.update({"PROMDRILL_CACHE_DIR": str(place / "c"), "PROMDRILL_STATE_DIR": str(place / "s"), **given})
        if os.environ.get("SUPPLY", "auto") == "auto":
            os.environ["SUPPLY"] = "source"
        with contextlib.chdir(place), contextlib.redirect_stdout(said), contextlib.redirect_stderr(wrong):
            codes = [command_line.main(["matrix", "--format", form]) for form in ("json", "gitlab")]
            codes.append(command_line.main(["list"]))
    finally:
        os.environ.clear()
        os.environ.update(before)
    assert set(codes) <= {0, 2}, (codes, wrong.getvalue())
    assert "Traceback" not in wrong.getvalue()
    for text in wrong.getvalue().split("promdrill: ")[1:]:
        raise UsageError(*text.strip().split("\nHint: ")[:1], hint=text.partition("Hint: ")[2])


GOOD_VALUES = """\
server: &server
  retention: 1d
  persistentVolume: {enabled: true, size: 1Gi}
  resources:
    limits: {memory: 512Mi}
alertmanager:
  enabled: false
extra: [1, 2.5, yes, "text", 2024-02-29]
again: *server
"""
DRILLS = yaml.safe_load(
    "server: {retention: 2d, image: {tag: x}, resources: {limits: {memory: 1Gi}}}\nalertmanager: {enabled: false}\n"
)


def _read_values(place: Path, content: bytes) -> None:
    file = place / "own.yaml"
    file.write_bytes(content)
    own = Own.read(file)
    own.fits(DRILLS)
    for conflict in layered(("prometheus", "25.8.0"), DRILLS, own, {}).conflicts:
        str(conflict)
    Request.read(replace(Request(), values=own).write(place / "request.json"))


GOOD_RUNBOOK = (paths.scenarios_dir() / "disk-full" / "runbook.md").read_text(encoding="utf-8")
SHORT_RUNBOOK = """\
---
id: full
title: A title
variables:
  SIZE: 2Gi
optional: [grow]
data_loss: false
fails_because: it does not work
fails_with: "no space"
---

# A title

## Meaning

## Impact

## Diagnosis

```sh timeout=30
echo "$SIZE"
```

```console
2Gi
```

## Mitigation

```sh name=grow
cat <<END
$SIZE
END
```

## Verification

```sh
true
```
"""


def _read_runbook(place: Path, content: bytes) -> None:
    file = place / "runbook.md"
    file.write_bytes(content)
    runbook = parse(file)
    lint(runbook)
    unset.check(runbook)


GOOD_TEST = """\
import pytest

from promdrill import Drill


@pytest.mark.touches("volume", "claim")
@pytest.mark.charts(">=15,<30", stack=">=45")
@pytest.mark.images("docker.io/library/busybox:1.37.0")
@pytest.mark.beside("grafana")
@pytest.mark.exclusive("custom metrics API")
def test_mine(drill: Drill) -> None:
    drill.run()
"""


def _read_scenario(place: Path, content: bytes) -> None:
    file = place / "mine" / "test_mine.py"
    file.parent.mkdir()
    file.write_bytes(content)
    traits(file)
    applies(file, "prometheus", "25.8.0", "3.14.0")
    scenarios_of({"SCENARIOS": str(place)})


GOOD_MATRIX = """\
kube_version = ["1.36.3", "1.34.4"]
helm_version = [3, "4"]
chart = [{}, {version = "25.8.0"}, {chart = "repo/name", version = "1.2.3", repo = "https://charts.test"}]
scenarios = ["all", ["disk-full", "config-typo"]]

[[exclude]]
kube_version = "1.34.4"
chart = {}

[[include]]
kube_version = "1.36.3"
app_version = "3.14.0"
profile = "as-shipped"
values = "own.yaml"
"""


def _read_matrix(place: Path, content: bytes) -> None:
    file = place / "matrix.toml"
    file.write_bytes(content)
    found = cells.expand(read_matrix(file, matrix_world.KNOWN)).cells
    cells.to_github(found)
    to_gitlab(found, listing=[], running=[], reports="reports")
    json.dumps([cell.to_json() for cell in found])


GOOD_EXPECTATIONS = """\
# what has to be told
[[expect]]
scenario = "disk-full"
alert = "KubePersistentVolumeFillingUp"
within = "1m30s"
after = "fault"
seen_by = "witness"
must_resolve = "5m"
notify = "pager"

[[expect]]
scenario = "*"
alert = "KubePodCrashLooping"
before = "crash"

[[expect]]
scenario = "oom"
alert = "PrometheusBadConfig"
must_not_fire = true
"""


def _read_expectations(place: Path, content: bytes) -> None:
    file = place / "alerts.toml"
    file.write_bytes(content)
    found = read_expectations(file)
    account = alerts_world.account(alerts_world.alert(), alerts_world.alert("KubePodCrashLooping", ((-1.0, 2.0),)))
    for each in (account, None):
        shortfall(judged(found, "disk-full", each))


@functools.cache
def a_bundle() -> tuple[bytes, Mapping[str, Any]]:
    """A good bundle, and its manifest."""
    import tempfile  # noqa: PLC0415

    with tempfile.TemporaryDirectory() as folder:
        world = bundle_world.World(Path(folder))
        world.write()
        return world.file.read_bytes(), json.loads(dict(bundle_world.members(world.file))[MANIFEST])


def _bundles() -> SearchStrategy[tuple[str, Any]]:
    whole, manifest = a_bundle()
    flips = st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 255)), min_size=1, max_size=4)
    return st.one_of(
        st.tuples(st.just("manifest"), changed(manifest)),
        st.tuples(st.just("headers"), st.lists(st.sampled_from("LKxgSVNMA12345670"), max_size=600)),
        st.tuples(st.just("sparse"), st.sampled_from(SCALARS)),
        st.tuples(st.just("bytes"), flips.map(lambda edits: _flipped(whole, edits))),
        st.tuples(st.just("bytes"), st.integers(0, 3000).map(lambda size: whole[:size])),
        st.tuples(st.just("bytes"), st.binary(max_size=1200)),
    )


def _flipped(whole: bytes, edits: list[tuple[int, int]]) -> bytes:
    found = bytearray(whole)
    for where, value in edits:
        found[where % len(found)] = value
    return bytes(found)


def _read_bundle(place: Path, case: tuple[str, Any]) -> None:
    how, what = case
    file = place / "b.tar"
    if how == "bytes":
        file.write_bytes(what)
    elif how == "manifest":
        content = as_json(what)
        bundle_world.rewrite(file, [(MANIFEST, content), ("SHA256SUMS", b"")])
    elif how == "headers":
        file.write_bytes(b"".join(_header(kind) for kind in what))
    else:
        with tarfile.open(file, "w:", format=tarfile.PAX_FORMAT) as tar:
            member = tarfile.TarInfo(MANIFEST)
            text = what.encode("utf-8", "replace").decode()
            member.pax_headers = {"GNU.sparse.map": text, "GNU.sparse.size": text, "GNU.sparse.major": "1"}
            with contextlib.suppress(ValueError):
                tar.addfile(member)
    found, sha256 = unpack.contents(file)
    show(found, sha256, Console(file=io.StringIO(), highlight=False), everything=True)


def _header(kind: str) -> bytes:
    """A header that describes the next one, with a size of 8 GB."""
    member = tarfile.TarInfo("x" * 60)
    member.type, member.size = kind.encode(), 8 << 30 if kind in "LK" else 512
    return member.tobuf(tarfile.GNU_FORMAT) + (b"" if kind in "LK" else bytes(512))


SAMPLES = SampleAccount(14.0, 14, (JobSamples("prometheus", 14.0, 30, 16, 14, "2026-01-02T03:04:12+00:00"),))
STEP = StepRecord("runbook.md", html_world.LOOK, "Diagnosis", "df -h", 0, 0.5, "ok\n")
GOOD_RUN = run(
    drill(samples=SAMPLES, steps=(STEP,), observer=ObserverFigures(0.1, 3, 4, 5, 0), remarks=("a remark",)),
    drill("oom", repetition=2, detected_after_s=3.0),
    failed("oom", alerts=alerts_world.account(alerts_world.alert(), alerts_world.muted(name="X"))),
    no_fault(),
    failed("quota", left_out=LeftOut("runbook.md", 24, "grow", optional=False), control="without:runbook.md:24"),
)
GOOD_RUN = replace(
    GOOD_RUN,
    started="2026-01-02T03:04:05+00:00",
    finished="2026-01-02T03:24:05+00:00",
    skipped=(Skipped("hpa", "why"),),
    options={"HELM_VERSION": "3"},
    planned=("disk-full", "oom[2]"),
)


def _read_results(place: Path, data: Any) -> None:
    folder = place / "reports" / "2026"
    folder.mkdir(parents=True)
    (folder / "results.json").write_bytes(as_json(data))
    last_took(place / "reports")
    runs = read_all(folder)
    _report(folder)
    result = compare(runs, runs, threshold=0.25, across=[])
    compare_text.to_text(result, "a", "b")
    compare_text.to_json(result, "a", "b")
    for found in runs:
        for form in (shown_alerts.to_text, shown_alerts.to_markdown, shown_alerts.to_json):
            form(coverage(found), "a").encode()
        propose(found, "a").text.encode()
    night = merge.gather(place / "reports")
    shown_cells.to_text(night)
    shown_cells.to_markdown(night).encode()
    merge.to_json(night).encode()


def _report(folder: Path) -> None:
    to_html([folder], beside=folder).encode()
    markdown.to_markdown([folder]).encode()


GOOD_JOURNAL = html_world.a_drill().text()


def _journals() -> SearchStrategy[bytes]:
    lines = [json.loads(line) for line in GOOD_JOURNAL.splitlines()]
    odd = st.sampled_from(range(len(lines))).flatmap(lambda at: changed(lines[at]).map(lambda new: (at, new)))
    spoilt = st.lists(odd, min_size=1, max_size=4).map(lambda news: _spoilt(lines, dict(news)))
    return st.one_of(spoilt, spoilt, spoilt, texts(GOOD_JOURNAL))


def _spoilt(lines: list[Any], news: Mapping[int, Any]) -> bytes:
    return b"".join(as_json(news.get(at, line)) + b"\n" for at, line in enumerate(lines))


def _read_journal(place: Path, content: bytes) -> None:
    folder = place / "2026"
    (folder / "disk-full").mkdir(parents=True)
    (folder / "disk-full" / "journal.jsonl").write_bytes(content)
    _report(folder)
    follower = Follower(folder)
    follower.look()
    [*rows(follower.run, SYSTEM.utc())]


GOOD_CELL = matrix_world.cell().to_json()


def _cell_files() -> SearchStrategy[tuple[bytes, bytes]]:
    cell = st.one_of(changed(GOOD_CELL).map(as_json), texts(json.dumps(GOOD_CELL, indent=1)))
    listed = st.one_of(changed([GOOD_CELL, GOOD_CELL]), changed({"include": [GOOD_CELL]})).map(as_json)
    return st.tuples(cell, listed)


def _read_cell(place: Path, case: tuple[bytes, bytes]) -> None:
    own, listed = case
    folder = place / "matrix" / "one"
    folder.mkdir(parents=True)
    (folder / "cell.json").write_bytes(own)
    (folder / "results.json").write_text(records.dumps(GOOD_RUN.to_json()))
    (place / "expected.json").write_bytes(listed)
    night = merge.gather(place / "matrix")
    shown_cells.to_text(night).encode()
    _report(folder)
    night = merge.gather(place / "matrix", merge.expected(place / "expected.json"))
    shown_cells.to_markdown(night).encode()
    merge.to_json(night)


GOOD_RULES = """\
groups:
  - name: mine
    interval: 30s
    limit: 10
    rules:
      - &first
        alert: Down
        expr: |
          # gone
          sum by (job) (up{job=~`a\\d|b`} offset 5m) == 0 and time() - x > 1h
        for: 1h30m
        keep_firing_for: 5m
        labels: {severity: critical, level: 1}
        annotations:
          summary: "{{ $labels.instance }} is down"
      - <<: *first
        alert: Again
      - record: job:up:rate5m
        expr: 'predict_linear(rate(up[5m])[1h:1m], 4 * 3600) / on (job) group_left () y > bool 1e-3'
"""
GOOD_RULE_OBJECTS = f"""\
apiVersion: v1
kind: ConfigMap
data:
  rules.yml: |
{textwrap.indent(GOOD_RULES, "    ")}---
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
spec:
{textwrap.indent(GOOD_RULES.replace("level: 1", "level: a"), "  ")}"""


def _read_rules(place: Path, content: bytes) -> None:
    file = place / "rules.yaml"
    file.write_bytes(content)
    groups = rules.read(file)
    for speed in (1.0, 30.0):
        fast = scale.scaled(groups, speed).groups
        back = rules.read_text(written_rules(narrowed(fast, "disk-full")), said="what was written")
        assert [group.rules for group in back] == [group.rules for group in narrowed(fast, "disk-full")]


def _read_alertmanager(place: Path, content: bytes) -> None:
    file = place / "am.yaml"
    file.write_bytes(content)
    found = alertmanager.read(file, speed=60)
    assert yaml.safe_load(found.text()) == found.written


GOOD_SECRET = f"""\
apiVersion: v1
kind: Secret
data:
  alertmanager.yaml.gz: {base64.b64encode(gzip.compress(alertmanager_world.GOOD.encode(), mtime=0)).decode()}
"""
GOOD_CONFIG_MAP = "apiVersion: v1\nkind: ConfigMap\ndata:\n  config.yml: |\n" + textwrap.indent(
    alertmanager_world.GOOD, "    "
)

READERS = (
    Reader("options", _settings, _read_options, "|".join((*ALL, "--[a-z-]+ "))),
    Reader("environment", _environments, _read_environment, "|".join((*ALL, *FURTHER))),
    Reader("values", lambda: texts(GOOD_VALUES), _read_values, r"VALUES=.*own\.yaml"),
    Reader("runbooks", lambda: texts(GOOD_RUNBOOK, SHORT_RUNBOOK, SHORT_RUNBOOK), _read_runbook, r"runbook\.md"),
    Reader("scenarios", lambda: texts(GOOD_TEST), _read_scenario, r"test_mine\.py"),
    Reader("matrix", lambda: texts(GOOD_MATRIX), _read_matrix, r"matrix\.toml"),
    Reader("expectations", lambda: texts(GOOD_EXPECTATIONS), _read_expectations, r"alerts\.toml"),
    Reader(
        "alertmanager",
        lambda: texts(alertmanager_world.GOOD, alertmanager_world.GOOD, GOOD_SECRET, GOOD_CONFIG_MAP),
        _read_alertmanager,
        r"ALERTMANAGER=.*am\.yaml",
    ),
    Reader("bundles", _bundles, _read_bundle, r"BUNDLE=.*b\.tar"),
    Reader("results", lambda: changed(GOOD_RUN.to_json()), _read_results, r"results\.json"),
    Reader("journals", _journals, _read_journal, "no run in"),
    Reader("cell files", _cell_files, _read_cell, r"expected\.json"),
    Reader("alert rules", lambda: texts(GOOD_RULES, GOOD_RULES, GOOD_RULE_OBJECTS), _read_rules, r"rules\.yaml"),
)
"""Every reader, by what it reads."""


@dataclass(slots=True)
class Outcome:
    """How one input ended.

    Attributes:
        refusal: The error that refused it; None if it was read.
    """

    refusal: UsageError | None


def outcome(reader: Reader, place: Path, case: Case) -> Outcome:
    """Read one input.

    Raises:
        AssertionError: It was refused without a place or a hint.
        Exception: Anything else that the reader raised: a fault.
    """
    try:
        reader.read(place, case)
    except UsageError as error:
        if not re.search(reader.places, error.message):
            raise AssertionError(f"does not say where: {error}") from error
        if not error.hint:
            raise AssertionError(f"does not say what to do: {error}") from error
        return Outcome(error)
    return Outcome(None)
