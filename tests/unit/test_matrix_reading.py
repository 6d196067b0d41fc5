"""matrix.toml: what is read, and what is refused, where, and with which nearest choice."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit import matrix_world

from promdrill.core.errors import UsageError
from promdrill.matrix.reading import CellEntry, Chart, MatrixFile, read

GOOD = """\
# a comment: kube_version = ["0"]
chart = [
  {},
  {chart = "prometheus", version = "25.8.0", repo = "https://charts.example.org"},
]
app_version = ["2.48.0", ""]
helm_version = [4, "3"]
scenarios = ["all", ["rolling-lock", "disk-full", "disk-full"], "config-typo, disk-full"]
subcharts = ["on", "off"]

[[include]]
helm_version = 3
values = "a.yaml"

[[exclude]] # why
chart = {}
"""


def test_what_is_read(tmp_path: Path) -> None:
    file = tmp_path / "matrix.toml"
    file.write_text(GOOD)
    assert read(file, matrix_world.KNOWN) == MatrixFile(
        file,
        "1.36.3",
        {
            "chart": (Chart(), Chart("prometheus", "25.8.0", "https://charts.example.org")),
            "app_version": ("2.48.0", ""),
            "helm_version": ("4", "3"),
            "scenarios": ((), ("disk-full", "rolling-lock"), ("config-typo", "disk-full")),
            "subcharts": ("", "off"),
        },
        (CellEntry({"helm_version": "3", "values": "a.yaml"}, 11),),
        (CellEntry({"chart": Chart()}, 15),),
    )


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("a = [\n1", ":2: not TOML: Unclosed array", "correct it; texts need quotes"),
        ("a = 1\nb c\n", ":2: not TOML: Expected '=' after a key in a key/value pair", "correct it; texts need quotes"),
        ("", ":1: has no axis and no [[include]]", 'kube_version = ["1.36.3"]'),
        ("\nkube_versions = []", ":2: kube_versions: not a key of a matrix; valid are chart, ", "kube_version"),
        ("include = 1", ":1: include: each one needs its own header in double brackets", "[[include]]"),
        (
            "values = ['a']\n[include]\nvalues='b'",
            ":2: include: each one needs its own header in double brackets",
            "[[include]]",
        ),
        ("[includes]\nvalues='b'", ":1: includes: not a key of a matrix; ", "include"),
        ('helm_version = "4"', ":1: helm_version: not a list", 'helm_version = ["4"]'),
        ("profile = []", ":1: profile: the list is empty", "profile = [...], or leave it out"),
        (
            'kube_version = [\n "1.34.4",\n "1.36.2"]',
            ':3: kube_version: "1.36.2": not one of 1.36.3, 1.34.4',
            '"1.36.3"',
        ),
        ("kube_version = [1.36]", ":1: kube_version: 1.36: not a text", '"1.36", in quotes'),
        ("helm_version = [true]", ":1: helm_version: true: not a text", '"True", in quotes'),
        ("helm_version = [5]", ':1: helm_version: "5": not one of 4, 3', '"4"'),
        ('app_version = ["3.14"]', ':1: app_version: "3.14": not a version of Prometheus', '"3.14.0"'),
        ('profile = ["fsat"]', ':1: profile: "fsat": not one of fast, as-shipped', '"fast"'),
        ('subcharts = ["of"]', ':1: subcharts: "of": not one of on, off', '"off"'),
        ('images = ["exakt"]', ':1: images: "exakt": not one of nearest, exact', '"exact"'),
        ('images = ["", "nearest"]', ':1: images: "nearest" appears twice', "remove one"),
        (
            'scenarios = [\n"all", # disk-ful\n["disk-ful"]]',
            ':3: scenarios: "disk-ful": no such scenario',
            '"disk-full"',
        ),
        ("scenarios = [[]]", ':1: scenarios: []: neither "all" nor a list of ids', '"all"'),
        (
            "scenarios = [['all', 'disk-full']]",
            ':1: scenarios: ["all", "disk-full"]: "all" cannot be combined with ids',
            '"all"',
        ),
        ('chart = ["a/b"]', ':1: chart: "a/b": a chart is an inline table', '{chart = "a/b"}'),
        ('chart = [{chrat = "a"}]', ":1: chart: chrat: a chart has only chart, version, repo", "chart"),
        ("chart = [{version = 25}]", ":1: chart: version = 25: not a text", 'version = "25"'),
        ('chart = [{version = ""}]', ':1: chart: version = "": not a text', "no version"),
        ("[[include]]\n", ":1: [[include]] is empty", "remove it"),
        (
            "[[exclude]]\nvalues = 'a'",
            ":2: [[exclude]] values: not an axis of this matrix; valid are none",
            "remove [[exclude]]",
        ),
        (
            'values = ["a"]\n[[include]]\nvalues = "b"\n[[include]]\n\nvalue = "c"',
            ":6: [[include]] value: not a field of a cell; valid are chart, ",
            "values",
        ),
        (
            'values = ["a"]\n[[include]]\nprofile = "fast"\n[[include]]\nvalues = "b"\nprofile = "shipped"',
            ':6: [[include]] profile: "shipped": not one of fast, as-shipped',
            '"as-shipped"',
        ),
    ],
)
def test_what_is_refused(tmp_path: Path, text: str, message: str, hint: str) -> None:
    file = tmp_path / "matrix.toml"
    file.write_text(text)
    with pytest.raises(UsageError) as caught:
        read(file, matrix_world.KNOWN)
    assert caught.value.message.startswith(f"{file}{message}")
    assert caught.value.hint == hint


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"cannot read .*/nope.toml: No such file or directory"):
        read(tmp_path / "nope.toml", matrix_world.KNOWN)
    (tmp_path / "latin").write_bytes(b"# \xff")
    with pytest.raises(UsageError, match=r"/latin:1:3: not UTF-8"):
        read(tmp_path / "latin", matrix_world.KNOWN)
