"""Where a chart comes from: every form of CHART, and what a repository may answer; by a Helm made up here."""

from pathlib import Path

import pytest
from tests.unit import charts_world as world

from promdrill.artefacts.cache import Cache, digest_of
from promdrill.artefacts.pins import Pins
from promdrill.core.errors import SupplyError, UsageError
from promdrill.helm.source import find, repositories
from promdrill.helm.source.find import ChartRequest as Asked

REPO = "https://r.example/x"
PULL = f"pull prometheus --repo {REPO} --version"


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with charts in all forms."""
    folder = tmp_path / "here"
    for version in ("25.8.0", "25.10.0", "26.0.0-rc.1"):
        source = world.chart(tmp_path / version, version=version)
        world.packed(source, folder / f"all/prometheus-{version}.tgz")
    world.chart(folder / "mine")
    world.chart(folder / "charts/prometheus")
    monkeypatch.chdir(folder)
    return folder


def _local(chart: str | None, version: str | None = None, repo: str | None = None) -> Path | None:
    said: list[str] = []
    found = find.local(Asked(chart, version, repo), say=said.append)
    assert said == []
    return found


@pytest.mark.parametrize(
    ("chart", "version", "path"),
    [
        ("mine", None, "mine"),
        ("./mine", "25.8.0", "mine"),
        ("charts/prometheus", None, "charts/prometheus"),
        ("all/prometheus-25.10.0.tgz", "25.10.0", "all/prometheus-25.10.0.tgz"),
        ("all", "25.8.0", "all/prometheus-25.8.0.tgz"),
        ("all/", "26.0.0-rc.1", "all/prometheus-26.0.0-rc.1.tgz"),
        ("~/here/mine", None, None),
    ],
)
def test_a_path_is_a_chart_here(
    chart: str, version: str | None, path: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert _local(chart, version) == (Path(path) if path else tmp_path / "here/mine")


def test_the_newest_of_a_folder_is_said() -> None:
    said: list[str] = []
    assert find.local(Asked("all", None, None), say=said.append) == Path("all/prometheus-25.10.0.tgz")
    assert said == ["prometheus 25.10.0 is the newest of 3 in all; CHART_VERSION is not set."]


@pytest.mark.parametrize(
    "asked",
    [
        Asked(None, None, None),
        Asked(None, "25.8.0", None),
        Asked("", "", ""),
        Asked(None, None, REPO),
        Asked("prometheus-community/prometheus", None, None),
        Asked("stable/prometheus", "8.11.4", None),
        Asked("any/prometheus", "25.8.0", REPO),
        Asked("prometheus", None, REPO),
        Asked("prometheus", "25.8.0", "oci://127.0.0.1:5000/charts"),
        Asked("oci://127.0.0.1:5000/charts/prometheus", "25.8.0", None),
        Asked("oci://r.example/prometheus:25.8.0", "25.8.0", None),
    ],
)
def test_what_is_not_here_is_left_to_a_pull_or_the_supply(asked: Asked) -> None:
    assert find.local(asked) is None


@pytest.mark.parametrize(
    ("asked", "words", "hint"),
    [
        (Asked("./mien", None, None), "CHART=mien: no such folder or .tgz file", "CHART=mine"),
        (Asked("charts/promtheus", None, None), "no such folder or .tgz", "CHART=charts/prometheus"),
        (Asked("a/b/c", None, None), "CHART=a/b/c: no such folder", "/charts/prometheus"),
        (Asked("all/prometheus-25.9.0.tgz", None, None), "no such folder or .tgz", "CHART=all/prometheus-"),
        (Asked("promtheus", None, None), "no such folder or .tgz", "or REPO=<address> CHART=promtheus"),
        (Asked("x" * 5000, None, None), "File name too long", "ls -ld ."),
        (Asked("~nobody-is-this/x", None, None), "there is no user nobody-is-this", "./~nobody-is-this/x"),
        (Asked("nobody/prometheus", None, None),
         "nobody is not a known repository; known repositories: prometheus-community, stable",
         "REPO=<address of nobody>, or CHART=./nobody/prometheus for a path"),
        (Asked("mine", "25.8.1", None), "CHART_VERSION=25.8.1: but mine contains prometheus 25.8.0",
         "CHART_VERSION=25.8.0"),
        (Asked("all", "25.9.0", None), "all has no such prometheus; the nearest are 26.0.0-rc.1, 25.10.0, 25.8.0",
         "CHART_VERSION=25.8.0"),
        (Asked("charts", None, None), "CHART=charts: not a chart: it has no .*, and no .tgz",
         "CHART=charts/prometheus"),
        (Asked("empty", None, None), "CHART=empty: not a chart", "CHART=<folder or .tgz>"),
        (Asked("two", None, None), "it contains several charts: grafana, prometheus", "CHART=<one .tgz in it>"),
        (Asked("twice", None, None), "several archives contain prometheus 25.8.0: a.tgz, b.tgz", "CHART=twice/a.tgz"),
        (Asked("broken", None, None), "CHART=broken/a.tgz: cannot be read", ""),
        (Asked("mine", None, REPO), "REPO=.*: CHART=mine is a path", "CHART=it/<name of a chart>"),
        (Asked("prometheus", None, "r.example"), "REPO=r.example: not an address", "REPO=https://"),
        (Asked(None, None, "prometheus-community"), "REPO=prometheus-community: not an address", "REPO=https://"),
        (Asked("oci://r/prometheus", None, None), "cannot say which version is newest", "CHART_VERSION=25.8.0"),
        (Asked("prometheus", None, "oci://r/c/"), "CHART=oci://r/c/prometheus: a registry", "CHART_VERSION=25.8.0"),
        (Asked("oci://r/prometheus:1.0.0", "1.0.1", None), "has the tag 1.0.0", "leave one"),
        (Asked("oci://r/p@sha256:aa", None, None), "not the address of a chart in a registry", "oci://host/path/name"),
        (Asked("oci://prometheus", "1.0.0", None), "not the address of a chart in a registry", "oci://host/path/name"),
        (Asked("https://r/prometheus-1.0.0.tgz", None, None), "not the address of a chart", "CHART=name REPO=https://"),
        (Asked("oci://r/prometheus", "1.0.0", REPO), "is already an address", "leave REPO out"),
    ],
)  # fmt: skip
def test_a_wish_that_cannot_be_met_is_refused_with_what_to_do(
    asked: Asked, words: str, hint: str, place: Path, tmp_path: Path
) -> None:
    (place / "empty").mkdir()
    grafana = world.chart(tmp_path / "g", "grafana", "1.0.0")
    world.packed(grafana, place / "two/grafana.tgz")
    for name in ("two/prometheus.tgz", "twice/a.tgz", "twice/b.tgz"):
        world.packed(world.chart(tmp_path / name, values=f"a: {name}\n"), place / name)
    world.write(place, {"broken/a.tgz": "no"})
    with pytest.raises(UsageError, match=words) as caught:
        find.local(asked)
    assert hint in caught.value.hint


def test_the_same_archive_twice_is_one_chart(place: Path) -> None:
    for name in ("a.tgz", "b.tgz"):
        (place / "same").mkdir(exist_ok=True)
        (place / "same" / name).write_bytes((place / "all/prometheus-25.8.0.tgz").read_bytes())
    assert _local("same", "25.8.0") == Path("same/a.tgz")


def test_at_most_six_versions_are_listed(place: Path, tmp_path: Path) -> None:
    for minor in range(20):
        world.packed(world.chart(tmp_path / f"1.{minor}.0", version=f"1.{minor}.0"), place / f"many/{minor}.tgz")
    with pytest.raises(UsageError, match=r"the nearest are 1\.12\.0, 1\.11\.0, 1\.10\.0, 1\.9\.0, 1\.8\.0, 1\.7\.0\n"):
        find.local(Asked("many", "1.9.1", None))


# ---- pulled


def _put(place: Path, version: str = "25.8.0", name: str = "prometheus") -> str:
    """A script that puts a chart to where `--destination` says."""
    return (
        f"while [ $# -gt 1 ]; do [ $1 = --destination ] && to=$2; shift; done; "
        f'cp {place}/all/prometheus-{version}.tgz "$to/{name}-{version}.tgz"'
    )


def _obtain(helm: Path, asked: Asked, tmp_path: Path, *, pinned: str | None = None) -> tuple[Path, list[str]]:
    said: list[str] = []
    pins = Pins({"prometheus": {"25.8.0": {"digest": pinned}} if pinned else {}})
    return find.obtain(asked, helm, pins=pins, cache=Cache(tmp_path / "c"), say=said.append), said


def test_what_is_here_is_not_pulled(tmp_path: Path) -> None:
    path, said = _obtain(tmp_path / "no-helm", Asked("all", None, None), tmp_path)
    assert path == Path("all/prometheus-25.10.0.tgz")
    assert len(said) == 1


def test_a_chart_is_pulled_once_and_checked(tmp_path: Path, place: Path) -> None:
    helm = world.helm(tmp_path / "h", {"'pull prometheus'": _put(place)})
    pinned = digest_of(place / "all/prometheus-25.8.0.tgz")
    for _ in range(2):
        path, said = _obtain(helm, Asked("any/prometheus", "25.8.0", REPO), tmp_path, pinned=pinned)
        assert (digest_of(path), said) == (pinned, [])
    (call,) = world.calls(helm)
    assert call.startswith(f"{PULL} 25.8.0 --destination ")
    assert "--plain-http" not in call


@pytest.mark.parametrize(
    ("asked", "call"),
    [
        (Asked(None, None, None), f"pull prometheus --repo {find.DEFAULT_REPO} --version 25.8.0 "),
        (Asked(None, None, REPO), f"{PULL} 25.8.0 "),
        (Asked("prometheus-community/prometheus", "25.8.0", None),
         "pull prometheus --repo https://prometheus-community.github.io/helm-charts --version 25.8.0 "),
        (Asked("stable/prometheus", "25.8.0", None),
         "pull prometheus --repo https://charts.helm.sh/stable --version 25.8.0 "),
        (Asked("stable/prometheus", "25.8.0", REPO), f"{PULL} 25.8.0 "),
        (Asked("oci://r.example/a/prometheus:25.8.0", None, None),
         "pull oci://r.example/a/prometheus --version 25.8.0 "),
        (Asked("prometheus", "25.8.0", "oci://r.example/a/"), "pull oci://r.example/a/prometheus --version 25.8.0 "),
    ],
)  # fmt: skip
def test_where_it_is_pulled_from(asked: Asked, call: str, tmp_path: Path, place: Path) -> None:
    helm = world.helm(tmp_path / "h", {"'pull '*prometheus": _put(place)})
    _obtain(helm, asked, tmp_path)
    (seen,) = world.calls(helm)
    assert seen.startswith(call)
    assert "--plain-http" not in seen


@pytest.mark.parametrize("host", ["127.0.0.1:5000", "localhost", "[::1]:5000"])
def test_a_registry_on_loopback_is_asked_over_http(host: str, tmp_path: Path, place: Path) -> None:
    helm = world.helm(tmp_path / "h", {"'pull '*prometheus": _put(place)})
    _obtain(helm, Asked(f"oci://{host}/charts/prometheus:25.8.0", None, None), tmp_path)
    (call,) = world.calls(helm)
    assert call.startswith(f"pull oci://{host}/charts/prometheus --version 25.8.0 ")
    assert call.endswith(" --plain-http")


def test_the_newest_of_a_repository_is_said(tmp_path: Path, place: Path) -> None:
    cases = {
        "'repo add'": ":",
        "'search repo'": world.listing({"prometheus": ["26.0.0-rc.1", "25.8.0", "25.10.0"], "other": ["99.0.0"]}),
        "'pull prometheus'": _put(place, "25.10.0"),
    }
    helm = world.helm(tmp_path / "h", cases)
    path, said = _obtain(helm, Asked("prometheus", None, REPO), tmp_path)
    assert path.name == "prometheus-25.10.0.tgz"
    assert said[0] == f"prometheus 25.10.0 is the newest at {REPO}; CHART_VERSION is not set."
    assert world.calls(helm)[0] == f"repo add it {REPO}"


def test_a_chart_that_is_not_what_is_pinned_is_not_kept(tmp_path: Path, place: Path) -> None:
    helm = world.helm(tmp_path / "h", {"'pull prometheus'": _put(place)})
    with pytest.raises(SupplyError, match=r"has SHA-256 [0-9a-f]{64}, but dddd") as caught:
        _obtain(helm, Asked("prometheus", "25.8.0", REPO), tmp_path, pinned="d" * 64)
    assert "PROMDRILL_PINS" in caught.value.hint
    assert list((tmp_path / "c").rglob("*.tgz")) == []


def test_a_chart_without_a_pin_is_used_and_its_sum_said(tmp_path: Path, place: Path) -> None:
    helm = world.helm(tmp_path / "h", {"'pull prometheus'": _put(place)})
    path, said = _obtain(helm, Asked("prometheus", "25.8.0", REPO), tmp_path)
    assert said == [f"No digest is pinned for chart prometheus 25.8.0; {REPO} gave {digest_of(path)}."]


def test_a_password_in_an_address_is_used_and_not_shown(tmp_path: Path, place: Path) -> None:
    helm = world.helm(tmp_path / "h", {"'pull prometheus'": _put(place)})
    path, said = _obtain(helm, Asked("prometheus", "25.8.0", "https://me:secret@r.example/x"), tmp_path)
    assert "https://me:secret@r.example/x" in world.calls(helm)[0]
    assert "secret" not in (path.parent.parent / "manifest.json").read_text() + " ".join(said)
    failing = "echo 'Error: Get https://me:secret@r.example/y: odd' >&2; exit 1"
    helm = world.helm(tmp_path / "i", {"'pull prometheus'": failing, "'repo add'": failing})
    with pytest.raises(SupplyError, match=r"Get https://r\.example/y: odd"):
        _obtain(helm, Asked("prometheus", "25.8.0", "https://me:secret@r.example/y"), tmp_path)


def test_the_users_own_helm_is_left_alone(tmp_path: Path, place: Path) -> None:
    helm = world.helm(tmp_path / "h", {"'pull prometheus'": _put(place)})
    _obtain(helm, Asked("prometheus", "25.8.0", REPO), tmp_path)
    homes = helm.with_name("homes").read_text().split()
    assert len(homes) == 3
    assert not any(Path(home).exists() or home.startswith(str(Path.home())) for home in homes)


def test_a_range_is_no_version_of_a_run(tmp_path: Path, place: Path) -> None:
    helm = world.helm(tmp_path / "h", {"'pull prometheus'": _put(place)})
    with pytest.raises(
        UsageError, match=r"CHART_VERSION=25\.x: .* exact version; .* returned prometheus 25\.8\.0"
    ) as caught:
        _obtain(helm, Asked("prometheus", "25.x", REPO), tmp_path)
    assert caught.value.hint == "CHART_VERSION=25.8.0"
    assert list((tmp_path / "c").rglob("*.tgz")) == []


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (Asked("grafana", "25.8.0", REPO), "https://r.example/x returned chart prometheus for grafana"),
        (
            Asked("broken", "25.8.0", REPO),
            "https://r.example/x returned something .* not a chart for broken 25.8.0: .*cannot be",
        ),
        (Asked("nothing", "25.8.0", REPO), "left 0 archives"),
    ],
)
def test_what_a_repository_gives_must_be_that_chart(asked: Asked, words: str, tmp_path: Path, place: Path) -> None:
    (place / "all/prometheus-1.0.0.tgz").write_text("no archive")
    cases = {
        "'pull grafana'": _put(place),
        "'pull broken'": _put(place, "1.0.0"),
        "'pull nothing'": ":",
        "'repo add'": ":",
        "'search repo'": world.listing({"nothing": ["25.8.0"]}),
    }
    with pytest.raises(SupplyError, match=words) as caught:
        _obtain(world.helm(tmp_path / "h", cases), asked, tmp_path)
    assert "REPO=" in caught.value.hint


NOT_FOUND = 'echo \'Error: chart "x" version "y" not found in z repository\' >&2; exit 1'


@pytest.mark.parametrize(
    ("listed", "words", "hint"),
    [
        ({"promtheus": ["1.0.0"], "x": ["1.0.0"]}, "CHART=prometheus: .* has no such chart \\(it has 2 others\\)",
         f"CHART=promtheus REPO={REPO}"),
        ({}, "CHART=prometheus: .* has no such chart \\(it has 0 others\\)", "REPO=<address of a repository>"),
        ({"prometheus": ["25.8.1", "25.7.0"]}, "CHART_VERSION=25.8.0: .* the nearest are 25.8.1, 25.7.0",
         "CHART_VERSION=25.8.1"),
    ],
)  # fmt: skip
def test_what_a_repository_does_not_have_is_a_wrong_wish(
    listed: dict[str, list[str]], words: str, hint: str, tmp_path: Path
) -> None:
    cases = {"'pull prometheus'": NOT_FOUND, "'repo add'": ":", "'search repo'": world.listing(listed)}
    helm = world.helm(tmp_path / "h", cases)
    with pytest.raises(UsageError, match=words) as caught:
        _obtain(helm, Asked("prometheus", "25.8.0", REPO), tmp_path)
    assert hint in caught.value.hint
    assert len(world.calls(helm)) == 3


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("failed to fetch https://r.example/x/index.yaml : 404 Not Found", "https://r.example/x does not have it"),
        ("failed to fetch https://r.example/x/index.yaml : 401 Unauthorized", "wants credentials"),
        ("dial tcp: connect: connection refused", "cannot be reached"),
    ],
)
def test_a_repository_that_fails_is_told_in_words(said: str, words: str, tmp_path: Path) -> None:
    failing = f"echo 'Error: {said}' >&2; exit 1"
    helm = world.helm(tmp_path / "h", {"'pull prometheus'": failing, "'repo add'": failing})
    for version, of in (("25.8.0", "cannot pull chart prometheus 25.8.0"), (None, "cannot read the index of")):
        with pytest.raises(SupplyError, match=f"{of}.*{words}") as caught:
            _obtain(helm, Asked("prometheus", version, REPO), tmp_path)
        assert "REPO=" in caught.value.hint
    world.calls(helm)


def test_an_index_that_has_the_version_does_not_make_a_lost_archive_a_wrong_wish(tmp_path: Path) -> None:
    cases = {
        "'pull prometheus'": NOT_FOUND,
        "'repo add'": ":",
        "'search repo'": world.listing({"prometheus": ["25.8.0"]}),
    }
    with pytest.raises(SupplyError, match="does not have it"):
        _obtain(world.helm(tmp_path / "h", cases), Asked("prometheus", "25.8.0", REPO), tmp_path)


def test_a_registry_has_no_index_to_ask(tmp_path: Path) -> None:
    helm = world.helm(tmp_path / "h", {"'pull oci://r/c/prometheus'": NOT_FOUND})
    with pytest.raises(SupplyError, match="oci://r/c does not have it"):
        _obtain(helm, Asked("oci://r/c/prometheus:1.0.0", None, None), tmp_path)
    assert len(world.calls(helm)) == 1


@pytest.mark.parametrize("answer", ["echo no json", "echo '[{}]'", "echo '[1]'"])
def test_an_index_that_helm_cannot_list_is_told(answer: str, tmp_path: Path) -> None:
    helm = world.helm(tmp_path / "h", {"'repo add'": ":", "'search repo'": answer})
    with pytest.raises(SupplyError, match="Helm did not return a list of charts"):
        _obtain(helm, Asked("prometheus", None, REPO), tmp_path)


def test_a_repository_that_hangs_is_asked_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repositories, "CHART_S", 0.4)
    helm = world.helm(tmp_path / "h", {"'pull prometheus'": "exec sleep 20"})
    with pytest.raises(SupplyError, match=rf"{REPO} did not answer within 0 s"):
        _obtain(helm, Asked("prometheus", "25.8.0", REPO), tmp_path)
    assert len(world.calls(helm)) == 1
