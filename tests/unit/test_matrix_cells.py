"""Cells: multiplied, excluded and included as GitHub does, with ids that last."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from tests.unit.matrix_world import KNOWN, cell, cells_of

from promdrill.core import paths
from promdrill.core.errors import UsageError
from promdrill.matrix.cells import VARIABLES, expand, select, shard, to_github
from promdrill.matrix.reading import CellEntry, Known, MatrixFile, read
from promdrill.request import scenarios
from promdrill.supply import kubernetes
from promdrill.supply.build import catalogue

TWO_BY_TWO = 'app_version = ["2.48.0", "3.14.0"]\nkube_version = ["1.34.4", "1.36.3"]\n'


def ids(folder: Path, text: str) -> list[str]:
    return [found.id for found in cells_of(folder, text)]


def test_axes_are_multiplied_the_last_one_fastest(tmp_path: Path) -> None:
    assert ids(tmp_path, TWO_BY_TWO) == [
        "k1.34.4-p2.48.0-h4",
        "k1.36.3-p2.48.0-h4",
        "k1.34.4-p3.14.0-h4",
        "k1.36.3-p3.14.0-h4",
    ]


def test_what_a_cell_sets(tmp_path: Path) -> None:
    (first,) = cells_of(tmp_path, 'scenarios = [["disk-full", "config-typo"]]\nvalues = ["my/own.yaml"]')
    assert first.id == "k1.36.3-h4-2-scenarios-own"
    assert first.title == "default chart, Kubernetes 1.36.3, Helm 4, 2 scenarios, values own"
    assert first.scenarios == ("config-typo", "disk-full")
    assert first.ground == ("1.36.3", "fast")
    assert first.variables == {
        **dict.fromkeys(VARIABLES, ""),
        "KUBE_VERSION": "1.36.3",
        "HELM_VERSION": "4",
        "PROFILE": "fast",
        "SCENARIO": "config-typo,disk-full",
        "VALUES": "my/own.yaml",
    }


def test_a_chart_is_three_variables(tmp_path: Path) -> None:
    text = """
    chart = [
      {chart = "oci://r.example.org/c/prometheus", version = "25.8.0"},
      {chart = "my charts/Prom (2).tgz"},
      {version = "0.1.0", repo = "https://charts.example.org"},
    ]
    profile = ["as-shipped"]
    scenarios = ["disk-full"]
    """
    found = cells_of(tmp_path, text)
    said = [[each.variables[name] for name in ("CHART", "CHART_VERSION", "REPO")] for each in found]
    assert said == [
        ["oci://r.example.org/c/prometheus", "25.8.0", ""],
        ["my charts/Prom (2).tgz", "", ""],
        ["", "0.1.0", "https://charts.example.org"],
    ]
    assert [each.id for each in found] == [
        "k1.36.3-prometheus-25.8.0-h4-as-shipped-disk-full",
        "k1.36.3-Prom-2-h4-as-shipped-disk-full",
        "k1.36.3-chart-0.1.0-h4-as-shipped-disk-full",
    ]
    assert found[0].title == "chart prometheus 25.8.0, Kubernetes 1.36.3, Helm 4, as-shipped, disk-full"


def test_an_id_is_not_changed_by_other_cells(tmp_path: Path) -> None:
    alone = ids(tmp_path, 'app_version = ["3.14.0"]')
    assert alone == ["k1.36.3-p3.14.0-h4"]
    assert alone[0] in ids(tmp_path, TWO_BY_TWO + 'subcharts = ["on", "off"]\nimages = ["", "exact"]')


def test_ids_that_would_be_alike_are_told_apart(tmp_path: Path) -> None:
    found = ids(tmp_path, 'chart = [{chart = "a/prom"}, {chart = "b/Prom"}, {chart = "b/other"}]')
    assert len({each.casefold() for each in found}) == 3
    assert [bool(re.fullmatch(r"k1\.36\.3-[Pp]rom-h4-[0-9a-f]{8}", each)) for each in found] == [True, True, False]
    assert found == ids(tmp_path, 'chart = [{chart = "a/prom"}, {chart = "b/Prom"}, {chart = "b/other"}]')


def test_exclude_drops_what_matches_in_every_field(tmp_path: Path) -> None:
    exclude = '[[exclude]]\nkube_version = "1.34.4"\napp_version = "3.14.0"\n[[exclude]]\napp_version = "2.48.0"\n'
    assert ids(tmp_path, TWO_BY_TWO + exclude) == ["k1.36.3-p3.14.0-h4"]
    with pytest.raises(UsageError, match="no cell is left"):
        ids(tmp_path, TWO_BY_TWO + exclude + '[[exclude]]\nkube_version = "1.36.3"')


def test_an_exclude_that_matches_nothing_is_remarked(tmp_path: Path) -> None:
    file = tmp_path / "matrix.toml"
    file.write_text(TWO_BY_TWO + '[[exclude]]\nkube_version = "1.34.4"\n[[exclude]]\napp_version = "3.8.1"\n')
    matrix = expand(read(file, KNOWN))
    assert matrix.remarks == (f"{file}:5: this [[exclude]] matches no cell",)
    assert len(matrix.cells) == 2


def test_the_default_chart_is_excluded_by_an_empty_table(tmp_path: Path) -> None:
    text = 'chart = [{}, {chart = "p", version = "1.0.0"}]\n[[exclude]]\nchart = {}\n'
    assert ids(tmp_path, text) == ["k1.36.3-p-1.0.0-h4"]


def test_include_as_in_githubs_documentation(tmp_path: Path) -> None:
    """Their example: fruits and animals; a colour for all, a shape for some, and what fits nowhere is on its own."""
    text = (
        TWO_BY_TWO
        + """
[[include]]
values = "green.yaml"
[[include]]
values = "pink.yaml"
kube_version = "1.34.4"
[[include]]
app_version = "2.48.0"
images = "exact"
[[include]]
app_version = "3.8.1"
[[include]]
app_version = "3.8.1"
kube_version = "1.34.4"
"""
    )
    said = [
        [each.variables[name] for name in ("APP_VERSION", "KUBE_VERSION", "VALUES", "IMAGES")]
        for each in cells_of(tmp_path, text)
    ]
    assert said == [
        ["2.48.0", "1.34.4", "pink.yaml", "exact"],
        ["2.48.0", "1.36.3", "green.yaml", "exact"],
        ["3.14.0", "1.34.4", "pink.yaml", ""],
        ["3.14.0", "1.36.3", "green.yaml", ""],
        ["3.8.1", "1.36.3", "", ""],  # the default, not an axis' value; nothing green is added to it
        ["3.8.1", "1.34.4", "", ""],
    ]


def test_include_brings_back_what_was_excluded(tmp_path: Path) -> None:
    again = 'kube_version = "1.34.4"\napp_version = "3.14.0"\n'
    found = ids(tmp_path, TWO_BY_TWO + '[[exclude]]\nkube_version = "1.34.4"\n[[include]]\n' + again)
    assert found == ["k1.36.3-p2.48.0-h4", "k1.36.3-p3.14.0-h4", "k1.34.4-p3.14.0-h4"]


def test_includes_alone_are_a_matrix(tmp_path: Path) -> None:
    assert ids(tmp_path, '[[include]]\nhelm_version = "3"\n[[include]]\nvalues = "a.yaml"') == [
        "k1.36.3-h3",
        "k1.36.3-h4-a",
    ]


def test_the_same_cell_twice_is_refused_where_the_second_one_stands(tmp_path: Path) -> None:
    text = TWO_BY_TWO + '[[include]]\napp_version = "3.8.1"\n[[include]]\napp_version = "3.8.1"\nhelm_version = 4\n'
    with pytest.raises(UsageError, match=r"matrix.toml:5: this \[\[include\]\] adds a cell that already exists"):
        cells_of(tmp_path, text)


def test_cells_are_picked_by_their_ids() -> None:
    cells = (cell("1.34.4"), cell("1.36.3"))
    assert select(cells, []) == cells
    assert select(cells, ["k1.36.3-p3.14.0", "k1.36.3-p3.14.0"]) == cells[1:]
    with pytest.raises(UsageError, match=r"CELL=k1\.36\.3-p3\.14\.1: no such cell") as caught:
        select(cells, ["k1.36.3-p3.14.1"])
    assert caught.value.hint == "CELL=k1.36.3-p3.14.0"


def test_what_github_is_given() -> None:
    (line,) = to_github([cell(SCENARIO="disk-full")]).splitlines()
    (entry,) = json.loads(line)["include"]
    assert entry == {
        "id": "k1.36.3-p3.14.0",
        "title": "Prometheus 3.14.0 on 1.36.3",
        **dict.fromkeys((name.lower() for name in VARIABLES), ""),
        "app_version": "3.14.0",
        "kube_version": "1.36.3",
        "helm_version": "4",
        "profile": "fast",
        "scenario": "disk-full",
    }
    with pytest.raises(UsageError, match="257 cells; GitHub accepts at most 256"):
        to_github([cell()] * 257)


def shipped(text: str, folder: Path) -> list[str]:
    built = catalogue.load(paths.images_dir())
    file = folder / "matrix.toml"
    file.write_text(text)
    known = Known(kubernetes.offer("source"), built.helm_versions(), tuple(each.id for each in scenarios.find_all()))
    return [each.id for each in expand(read(file, known)).cells]


def test_the_shipped_matrix(tmp_path: Path) -> None:
    text = (paths.project_dir() / "matrix.toml").read_text()
    own, community = text.split("# The community's charts")
    assert sorted(shipped(own, tmp_path)) == [
        *(f"k1.34.4-p{app}-h4" for app in ("2.48.0", "2.55.1", "3.14.0", "3.8.1")),
        "k1.36.3-p2.48.0-h4",
        "k1.36.3-p2.55.1-h4",
        "k1.36.3-p3.14.0-h3-4-scenarios",
        "k1.36.3-p3.14.0-h4",
        "k1.36.3-p3.8.1-h4",
    ]
    assert len(shipped(text, tmp_path)) == len(shipped(own, tmp_path)) + community.count("\n[[include]]")


def test_the_shipped_matrix_has_every_major_version_of_the_communitys_charts(tmp_path: Path) -> None:
    text = (paths.project_dir() / "matrix.toml").read_text()
    found = [
        re.fullmatch(r"k1\.36\.3-(kube-)?prometheus-(?:stack-)?(\d+)\..*", each) for each in shipped(text, tmp_path)
    ]
    majors = [(bool(each[1]), int(each[2])) for each in found if each is not None]
    assert {major for is_stack, major in majors if not is_stack} == {8, *range(11, 30)}
    assert {57, 58, 75, 85, 88} <= {major for is_stack, major in majors if is_stack}


def test_the_example_in_the_shipped_matrix_is_right(tmp_path: Path) -> None:
    text = (paths.project_dir() / "matrix.toml").read_text()
    own = text.partition("next week")[2].partition("\n#\n")[2].replace("# ", "").replace("#\n", "\n")
    assert shipped(own, tmp_path) == [
        "k1.34.4-prometheus-25.8.0-h4-production",
        "k1.34.4-prometheus-27.52.0-h4-production",
        "k1.36.3-prometheus-27.52.0-h4-production",
    ]


def test_a_million_cells_are_refused_before_one_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("promdrill.matrix.cells.product", lambda *_: pytest.fail("the axes were multiplied"))
    text = "\n".join(
        (
            f"app_version = {[f'3.0.{number}' for number in range(100)]}",
            f"values = {[f'{number}.yaml' for number in range(100)]}",
            f"chart = [{', '.join(f'{{version = {chr(39)}1.0.{number}{chr(39)}}}' for number in range(100))}]",
        )
    )
    with pytest.raises(UsageError, match=r"matrix\.toml:\d: .* are 1000000 cells; a matrix has at most 10000"):
        cells_of(tmp_path, text)


def test_the_work_for_a_matrix_grows_with_its_cells(tmp_path: Path) -> None:
    compared = 0

    class Counted(str):
        """A value that counts how often it is compared."""

        __slots__ = ()
        __hash__ = str.__hash__

        def __eq__(self, other: object) -> bool:
            nonlocal compared
            compared += 1
            return str.__eq__(self, other)

    def comparisons(side: int) -> int:
        nonlocal compared
        compared = 0
        axes = {
            name: tuple(Counted(f"{name}-{number}") for number in range(side)) for name in ("app_version", "values")
        }
        drops = tuple(CellEntry({"values": value}, 1) for value in axes["values"][1:])
        plan = MatrixFile(tmp_path / "m", "1.36.3", axes, include=(), exclude=drops)
        assert len(expand(plan).cells) == side
        assert len(expand(replace(plan, exclude=())).cells) == side * side
        return compared

    assert comparisons(40) <= 10 * 40**2  # comparing all cells with each other takes a thousand times as many


@pytest.mark.parametrize(("count", "parts"), [(1, 1), (5, 5), (7, 3), (1000, 256)])
def test_the_parts_of_a_matrix_are_all_of_it_and_of_one_size(count: int, parts: int) -> None:
    cells = [cell(app=f"3.0.{number}") for number in range(count)]
    found = [shard(cells, f"{number}/{parts}") for number in range(1, parts + 1)]
    assert sorted(cells.index(each) for part in found for each in part) == list(range(count))
    assert all(list(part) == sorted(part, key=cells.index) for part in found), "as long as all take the same time"
    sizes = {len(part) for part in found}
    assert min(sizes) >= 1
    assert max(sizes) - min(sizes) <= 1


@pytest.mark.parametrize("axis", [0, 1])
def test_each_part_has_its_share_of_long_cells(axis: int) -> None:
    """Whether they are neighbours in the matrix or every second cell."""
    whole, few = (
        [cell(app=f"3.{number}.0") for number in range(4)],
        [cell(app=f"2.{number}.0", SCENARIO="oom,quota") for number in range(4)],
    )
    pairs = zip(whole, few, strict=True)
    cells = [*whole, *few] if axis == 0 else [each for pair in pairs for each in pair]
    for part in ("1/2", "2/2"):
        assert [bool(each.scenarios) for each in shard(cells, part)].count(False) == 2


@pytest.mark.parametrize("text", ["", "1", "0/2", "3/2", "1/0", "-1/2", "1/2/3", "a/b", "1 / 2", "1/99999999"])
def test_what_is_no_part_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="not a part and the number of parts"):
        shard([cell()], text)


def test_a_part_without_cells_is_refused() -> None:
    with pytest.raises(UsageError, match="--shard=1/3: 3 parts of 2 cells; some would have none") as refused:
        shard([cell(), cell(app="2.48.0")], "1/3")
    assert refused.value.hint == "--shard 1/2"


def test_a_matrix_too_large_for_github_is_offered_in_parts_that_fit() -> None:
    cells = [cell(app=f"3.0.{number}") for number in range(1000)]
    with pytest.raises(UsageError, match="1000 cells; GitHub accepts at most 256 in one matrix") as refused:
        to_github(cells)
    assert refused.value.hint == "--shard 1/4 for the first of that many"
    assert [len(json.loads(to_github(shard(cells, f"{part}/4")))["include"]) for part in range(1, 5)] == [250] * 4
