"""The audit: what it lists, what makes it fail, and that an unanswered question is never an all-clear."""

from __future__ import annotations

import email
import json
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import replace
from email.message import Message
from pathlib import Path
from typing import Any, cast

import pytest
from tests.unit import fake_shell

from promdrill.artefacts.cache import Cache
from promdrill.core.errors import CommandFailed, UsageError
from promdrill.supply.build import catalogue
from promdrill.supply.build import go as gobuild
from promdrill.supply.build.toolchain import Go
from release import audit, licences, parts, vulnerabilities
from release.parts import Part
from release.vulnerabilities import Vulnerability

ROOT = Path(__file__).parents[2]
GO = Go(Path("go"), "go1.26.8", {})
SUM = "sha256:" + "ab" * 32
GOOD = Part("image", "docker.io/x/y", "v1", "pkg:oci/y@v1", frozenset({SUM}), frozenset({"registry supply"}))
FLAW = Vulnerability("example.org/m v1.0.0", "GO-2026-1", ("CVE-2026-7",), "it leaks", "prometheus-2.48")
DOWN = CommandFailed(["tool"], 1, "", what="lookup failed")


def quiet(_: str) -> None:
    """Nobody watches."""


# --- what makes it fail --------------------------------------------------------------------------------------------


def test_a_part_with_version_and_checksum_is_right_even_if_its_licence_is_unknown() -> None:
    report = audit.Report([GOOD])
    assert report.wrong(()) == []
    assert report.unknown() == [GOOD]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"version": ""}, "image docker.io/x/y: no version (registry supply)"),
        ({"checksums": frozenset()}, "image docker.io/x/y v1: no checksum (registry supply)"),
    ],
)
def test_a_part_without_version_or_checksum_is_wrong(change: Mapping[str, Any], said: str) -> None:
    assert audit.Report([replace(GOOD, **change)]).wrong(()) == [said]


@pytest.mark.parametrize("licence", ["AGPL-3.0-only", "MIT AND AGPL-3.0-or-later", "SSPL-1.0"])
def test_a_denied_licence_is_wrong_unless_it_is_accepted_for_that_part(licence: str) -> None:
    report = audit.Report([GOOD], {GOOD.source: licence})
    assert report.wrong(["another"]) == [f"image docker.io/x/y v1: its licence is denied: {licence}"]
    assert report.wrong([GOOD.name]) == []


@pytest.mark.parametrize("licence", ["GPL-3.0-or-later", "LGPL-2.1-only", "Apache-2.0"])
def test_other_licences_are_not_denied(licence: str) -> None:
    assert audit.Report([GOOD], {GOOD.source: licence}).wrong(()) == []


def test_a_known_vulnerability_is_wrong_and_named_once_with_all_that_have_it() -> None:
    report = audit.Report([GOOD], flaws=[FLAW, replace(FLAW, used_by="kind")])
    assert report.wrong(["GO-2026-2", "helm-4"]) == [
        "example.org/m v1.0.0: GO-2026-1: it leaks (prometheus-2.48, kind)"
    ]


@pytest.mark.parametrize("accepted", ["GO-2026-1", "CVE-2026-7", "prometheus-2.48"])
def test_a_vulnerability_is_accepted_by_id_alias_or_artefact(accepted: str) -> None:
    assert audit.Report([GOOD], flaws=[FLAW]).wrong([accepted]) == []


ENTRY = '[[accepted]]\nwhat = "x"\nreason = "old on purpose"\ndate = 2026-11-29\n'


def test_an_accepted_entry_is_shown_with_reason_and_day() -> None:
    assert audit.settings(ENTRY).accepted == {"x": "old on purpose (2026-11-29)"}


@pytest.mark.parametrize("line", ENTRY.splitlines()[1:])
def test_an_accepted_entry_needs_what_reason_and_date(line: str) -> None:
    with pytest.raises(UsageError, match="what, reason and date are needed"):
        audit.settings(ENTRY.replace(line, ""))


def test_the_settings_of_the_repository_can_be_read() -> None:
    wanted = audit.settings((ROOT / audit.SETTINGS).read_text(encoding="utf-8"))
    assert all(licences.spdx(each) == each for each in wanted.licences.values())


# --- the list ------------------------------------------------------------------------------------------------------


def test_the_list_is_valid_cyclonedx_and_says_all_of_each_part() -> None:
    other = Part(
        "go", "example.org/m", "v1.0.0", "pkg:golang/example.org/m@v1.0.0", frozenset({"h1:zz="}), frozenset({"kind"})
    )
    told = json.loads(audit.bill(audit.Report([GOOD, other], {other.source: "MIT"})))
    assert told["specVersion"] == "1.6"
    module, image = sorted(told["components"], key=lambda each: str(each["name"]), reverse=True)
    assert (image["version"], image["purl"], image["hashes"]) == (
        "v1",
        GOOD.source,
        [{"alg": "SHA-256", "content": "ab" * 32}],
    )
    assert module["licenses"] == [{"license": {"id": "MIT"}}]
    assert {"name": "promdrill:checksum:h1", "value": "zz="} in module["properties"]
    assert {"name": "promdrill:used-by", "value": "kind"} in module["properties"]


def test_the_page_lists_what_is_wrong_unknown_and_accepted() -> None:
    report = audit.Report([GOOD], notes=["what y is"], asked=["nobody answered"])
    text = audit.page(report, ["this is wrong"], {"x": "old (2026-11-29)"})
    assert "## Asked about vulnerabilities\n\n- nobody answered\n" in text
    assert "## Wrong\n\n- this is wrong\n" in text
    assert "## Not found out\n\n- what y is\n" in text
    assert "## Accepted\n\n- x: old (2026-11-29)\n" in text
    assert "## Licence unknown\n\n- image docker.io/x/y v1\n" in text
    assert f"| image | docker.io/x/y | v1 | NOASSERTION | {SUM} | registry supply | pkg:oci/y@v1 |" in text


def test_the_same_part_of_two_users_is_one_part_of_both() -> None:
    (one,) = parts.merged([GOOD, replace(GOOD, used_by=frozenset({"wheel"}), checksums=frozenset({"sha1:cc"}))])
    assert one.used_by == {"registry supply", "wheel"}
    assert one.checksums == {SUM, "sha1:cc"}


# --- where parts come from -----------------------------------------------------------------------------------------


def test_python_packages_have_the_hashes_of_all_their_files_and_their_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    lock = """[[packages]]\nname = "rich"\nversion = "14.0"\nsdist = { hashes = { sha256 = "aa" } }
        wheels = [{ hashes = { sha256 = "bb" } }]"""
    asked = []

    def export(_: str, __: Path, *what: str) -> str:
        asked.append(what[3:])
        return lock

    monkeypatch.setattr(parts, "export", export)
    (one,) = parts.merged(parts.python("uv", ROOT))
    assert (one.source, one.checksums) == ("pkg:pypi/rich@14.0", frozenset({"sha256:aa", "sha256:bb"}))
    assert one.used_by == {"runtime", "check", "build", "docs", "dev", "mutants"}
    assert ("--only-group", "docs") in asked
    assert ("--no-dev",) in asked


def test_a_locked_package_without_files_has_no_checksum() -> None:
    (one,) = parts.locked({"packages": [{"name": "x", "version": "1"}]}, "dev")
    assert audit.Report([one]).wrong(()) == ["python x 1: no checksum (dev)"]


def test_uv_is_a_part_with_the_sums_that_pip_compares() -> None:
    part = parts.uv_itself(ROOT)
    assert part.source == f"pkg:pypi/uv@{part.version}"
    assert len(part.checksums) > 1


def test_every_pin_is_a_part_with_version_and_checksum() -> None:
    pins = tomllib.loads((ROOT / "src/promdrill/artefacts/pins.toml").read_text(encoding="utf-8"))
    found = parts.merged([*parts.pinned(pins), parts.go_toolchain()])
    wanted = {name for name in pins if name not in {"address", "member", "image", "node"}}
    assert wanted <= {part.name.removeprefix("chart ") for part in found}
    assert set(pins["image"]) <= {f"{part.name}:{part.version}" for part in found if part.kind == "image"}
    assert audit.Report(found).wrong(()) == []


@pytest.mark.parametrize(
    "table",
    [{"kind": {"1.0": {}}}, {"image": {"docker.io/x/y:v1": {}}}, {"node": {"1.36.0": {}}}, {"prometheus": {"1.0": {}}}],
)
def test_a_pin_without_a_sum_is_a_part_without_one(table: dict[str, Any]) -> None:
    (line,) = audit.Report(list(parts.pinned({"address": {"kind": "{version}"}, **table}))).wrong(())
    assert ": no checksum (registry supply)" in line


def test_every_entry_of_the_catalogue_is_a_recipe_with_the_sum_of_its_folder() -> None:
    shelf = catalogue.load(ROOT / "images").artefacts.values()
    found = [parts.recipe(each, ROOT) for each in shelf]
    assert audit.Report(found).wrong(()) == []
    assert len(parts.merged(found)) == len(shelf)


def test_linked_modules_are_what_go_says_replacements_resolved(monkeypatch: pytest.MonkeyPatch) -> None:
    info = {
        "Main": {"Path": "promdrill.example/x"},
        "Deps": [
            {"Path": "a.org/b", "Version": "v1.0.0", "Sum": "h1:aa="},
            {
                "Path": "c.org/d",
                "Version": "v0.0.0",
                "Replace": {"Path": "e.org/f", "Version": "v2.0.0", "Sum": "h1:ff="},
            },
        ],
    }
    fake_shell.install(monkeypatch).expect("version", "-m", "-json", answer=json.dumps(info))
    found = list(parts.linked(Path("kind"), GO, "kind"))
    assert [(each.name, each.version, each.checksums) for each in found] == [
        ("a.org/b", "v1.0.0", frozenset({"h1:aa="})),
        ("e.org/f", "v2.0.0", frozenset({"h1:ff="})),
    ]


def test_required_modules_are_those_with_content_and_a_direct_one_without_a_sum_is_wrong(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked = {
        "Require": [
            {"Path": "a.org/direct", "Version": "v1.0.0"},
            {"Path": "b.org/used", "Version": "v1.0.0", "Indirect": True},
            {"Path": "c.org/graph-only", "Version": "v1.0.0", "Indirect": True},
        ]
    }
    (tmp_path / "go.sum").write_text("b.org/used v1.0.0 h1:bb=\nc.org/graph-only v1.0.0/go.mod h1:cc=\n")
    fake_shell.install(monkeypatch).expect("mod", "edit", "-json", answer=json.dumps(asked))
    found = list(parts.required(tmp_path, GO, "kind"))
    assert [each.name for each in found] == ["a.org/direct", "b.org/used"]
    assert audit.Report(found).wrong(()) == ["go a.org/direct v1.0.0: no checksum (kind)"]


def test_an_entry_of_module_files_alone_is_found_in_the_cache_and_its_modules_are_parts(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    name, cache = "prometheus-operator-crds", Cache(tmp_path / "cache")
    artefact = catalogue.load(ROOT / "images").artefact(name)
    assert parts.built(artefact, cache, GO) is None
    entry = cache.build(name, gobuild.key(artefact, GO), lambda _: {})
    assert parts.built(artefact, cache, GO) == entry

    monkeypatch.setattr(parts, "python", lambda *_: iter(()))
    monkeypatch.setattr(catalogue, "load", lambda _: catalogue.Catalogue({name: artefact}))
    operator = {"Path": artefact.module, "Version": "v0.72.0"}
    fake = fake_shell.install(monkeypatch)
    fake.expect("mod", "edit", "-json", answer=json.dumps({"Require": [operator]}))
    fake.expect("mod", "edit", "-json", answer="{}")
    found, programs, _ = audit.collect("uv", ROOT, cache, GO)
    assert [each.version for each in found if each.name == artefact.module and name in each.used_by] == ["v0.72.0"]
    assert programs == {}
    fake.done()


def test_debian_packages_have_their_version_and_the_sum_of_their_tree(tmp_path: Path) -> None:
    def fill(into: Path) -> dict[str, Any]:
        (into / "tree.tar").write_text("x")
        return {"version": "1", "suite": "trixie", "packages": ["bash_5.2", "libc_1%3a2.41"]}

    entry = Cache(tmp_path / "cache").build("node-rootfs", "key", fill)
    found = list(parts.unpacked(entry))
    assert [(each.name, each.version) for each in found] == [("bash", "5.2"), ("libc", "1:2.41")]
    assert all(each.startswith("tree:") for part in found for each in part.checksums)
    assert audit.Report(found).wrong(()) == []


def test_an_action_is_known_by_its_commit_and_one_without_is_wrong() -> None:
    text = f"""
      - uses: actions/checkout@{"ab" * 20} # v6.0.2
      - uses: actions/cache/restore@v5
        uses: ./
      - uses: promdrill/promdrill@v0.1.0"""
    one, other = parts.actions(text, "x.yml")
    assert (one.name, one.version, one.checksums) == ("actions/checkout", "v6.0.2", frozenset({"sha1:" + "ab" * 20}))
    assert audit.Report([one, other]).wrong(()) == ["action actions/cache v5: no checksum (x.yml)"]


def test_every_action_of_the_workflows_is_found() -> None:
    text = (ROOT / ".github/workflows/nightly.yml").read_text(encoding="utf-8")
    found = list(parts.actions(text, "nightly.yml"))
    assert len(found) == len(re.findall(r"uses: ", text))
    assert audit.Report(found).wrong(()) == []


# --- licences ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "licence"),
    [
        ("License-Expression: mit\nLicense: ignored\n", "MIT"),
        ("License: BSD-3-Clause\n", "BSD-3-Clause"),
        ("License: Apache 2.0\nClassifier: License :: OSI Approved :: Apache Software License\n", "Apache-2.0"),
        ("Classifier: License :: OSI Approved :: BSD License\n", ""),
        ("Classifier: License :: OSI Approved :: MIT License\nClassifier: License :: X :: ISC License (ISCL)\n", ""),
        ("Name: x\n", ""),
    ],
)
def test_the_licence_of_a_package_is_what_it_states_clearly(headers: str, licence: str) -> None:
    package: Message = email.message_from_string(headers)
    assert licences.stated(cast(Any, package)) == licence


def test_the_licence_files_of_a_module_are_found_under_its_escaped_path(tmp_path: Path) -> None:
    folder = tmp_path / "github.com/!burnt!sushi/toml@v1.5.0"
    folder.mkdir(parents=True)
    for name in ("COPYING", "LICENSE.md", "licenses.go", "README.md"):
        (folder / name).touch()
    found = licences.of_module(tmp_path, "github.com/BurntSushi/toml", "v1.5.0")
    assert [file.name for file in found] == ["COPYING", "LICENSE.md"]
    assert licences.of_module(tmp_path, "github.com/BurntSushi/toml", "v9.0.0") == []


def test_a_licence_is_recognised_only_if_each_of_the_files_is(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = {"/1": ["Apache-2.0"], "/2": ["MIT", "MIT"], "/3": [], "/4": ["NoSuchLicence"]}
    fake = fake_shell.install(monkeypatch)
    fake.expect("run", ".", answer=json.dumps(answer))
    files = {"a": ["/1", "/2"], "b": ["/3"], "c": ["/4"], "d": []}
    found = licences.recognised({key: [Path(each) for each in value] for key, value in files.items()}, GO, ROOT)
    assert found == {"a": "Apache-2.0 AND MIT"}


# --- vulnerabilities -----------------------------------------------------------------------------------------------

UV_SAYS = {
    "vulnerabilities": [
        {"dependency": {"name": "x", "version": "1"}, "id": "GHSA-1", "aliases": ["CVE-2026-1"], "summary": "bad"}
    ]
}
GO_SAYS = """{"config": {}}
{"osv": {"id": "GO-2026-1", "aliases": ["CVE-2026-7"], "summary": "it leaks"}}
{"osv": {"id": "GO-2026-2", "summary": "not in this program"}}
{"finding": {"osv": "GO-2026-1", "trace": [{"module": "example.org/m", "version": "v1.0.0"}]}}
"""


def test_what_uv_audit_finds_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    fake_shell.install(monkeypatch).expect("audit", "--locked", answer=json.dumps(UV_SAYS), exit_code=1)
    found = vulnerabilities.of_python("uv", ROOT, quiet)
    assert found == [Vulnerability("x 1", "GHSA-1", ("CVE-2026-1",), "bad")]


@pytest.mark.parametrize("answer", [DOWN, "error: unrecognized subcommand", "{}"])
def test_an_unanswered_question_about_python_is_unknown_and_said(
    monkeypatch: pytest.MonkeyPatch, answer: str | Exception
) -> None:
    said: list[str] = []
    fake_shell.install(monkeypatch).expect("audit", answer=answer)
    assert vulnerabilities.of_python("uv", ROOT, said.append) is None
    assert "OSV was not reached, so nothing is known of the Python packages" in said[-1]


def test_what_govulncheck_finds_in_a_program_is_known_with_its_artefact(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fake_shell.install(monkeypatch).expect("tool", "govulncheck", "-mode=binary", answer=GO_SAYS)
    found = vulnerabilities.of_go({"prometheus-2.48": [Path("p")]}, GO, ROOT, tmp_path, quiet)
    assert found == [FLAW]


def test_the_module_proxy_is_asked_for_the_database_when_its_server_is_not_reached(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fake = fake_shell.install(monkeypatch)
    fake.expect("tool", "govulncheck", answer=DOWN)
    fake.expect("mod", "download", "golang.org/x/vulndb@latest", answer='{"Dir": "/db", "Version": "v0.0.1"}')
    fake.expect("run", "golang.org/x/vulndb/cmd/indexdb@v0.0.1", "-vulns", "/db/data/osv")
    for _ in range(2):
        fake.expect("tool", "govulncheck", "-db", (tmp_path / "vulndb").as_uri(), answer=GO_SAYS)
    programs = {"prometheus-2.48": [Path("p")], "kind": [Path("k")]}
    assert len(vulnerabilities.of_go(programs, GO, ROOT, tmp_path, quiet) or ()) == 2
    fake.done()


def _down(fake: fake_shell.FakeShell) -> dict[str, list[Path]]:
    fake.expect("tool", "govulncheck", answer=DOWN)
    fake.expect("mod", "download", answer=DOWN)
    return {"kind": [Path("k")]}


@pytest.mark.parametrize(
    ("world", "word"), [(_down, "Nor was the module proxy"), (lambda _: {}, "No Go program is built")]
)
def test_an_unanswered_question_about_go_is_unknown_and_said(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    world: Callable[[fake_shell.FakeShell], dict[str, list[Path]]],
    word: str,
) -> None:
    said: list[str] = []
    fake = fake_shell.install(monkeypatch)
    assert vulnerabilities.of_go(world(fake), GO, ROOT, tmp_path, said.append) is None
    assert word in said[-1]
    assert "nothing is known of the Go modules" in said[-1]
    fake.done()
