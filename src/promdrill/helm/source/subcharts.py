"""Charts with missing subcharts: fetched into a copy, or removed from one. The user's folder stays as it is.

Helm refuses a chart with a dependency that is not in charts/, even one that its condition turns off.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from promdrill.artefacts.cache import Cache, key_of
from promdrill.core.errors import PromdrillError, UsageError
from promdrill.core.say import Say
from promdrill.helm.source import files as chart_files
from promdrill.helm.source import repositories
from promdrill.helm.source.files import Dependency, Vendored
from promdrill.helm.source.tree import content_of, read_yaml, tree

FETCH_S = 180.0
"""Seconds for ``helm dependency build``: a handful of charts, each within `repositories.CHART_S`, some at once."""

_RECIPE = 1  # increased when the copy of an unchanged chart changes
_LOCKS = ("Chart.lock", "requirements.lock")

Fetch = Callable[[Path], None]


@dataclass(frozen=True, slots=True)
class Usable:
    """A chart that Helm accepts.

    Attributes:
        path: The original chart, or a copy in the cache.
        values: Helm values that turn off what was removed.
        notes: What was changed, a sentence each.
    """

    path: Path
    values: Mapping[str, Any]
    notes: tuple[str, ...]


def switch(dependency: Dependency) -> str:
    """The value key that turns a subchart on and off: the first of its condition; empty if it has none."""
    return dependency.condition.partition(",")[0].strip()


def by_helm(helm: Path) -> Fetch:
    """A `Fetch` that runs ``helm dependency build``, with its own home folders.

    Raises:
        SupplyError: (when it is called) A repository does not answer, or lacks a subchart.
    """

    def fetch(chart: Path) -> None:
        named = [item.repository for item in chart_files.dependencies(chart)]
        repos = sorted({repo for repo in named if repo.startswith(("http://", "https://"))})
        known = [(name, at) for name, at in repositories.KNOWN.items() if {f"@{name}", f"alias:{name}"} & set(named)]
        with repositories.homes() as env:
            # with a lock, Helm builds only from repositories that were added
            for name, repo in [*known, *((f"it{number}", repo) for number, repo in enumerate(repos))]:
                repositories.run([helm, "repo", "add", name, repo], repo, f"cannot add {repo}", env)
            flags = ["--skip-refresh", *repositories.transport(named)]
            asked = ", ".join(dict.fromkeys(repo for repo in named if repo))
            failed = "helm dependency build failed"
            repositories.run([helm, "dependency", "build", *flags, chart], asked, failed, env, within_s=FETCH_S)

    return fetch


def usable(
    path: Path,
    *,
    off: bool,
    needed: frozenset[str],
    fetch: Fetch | None,
    cache: Cache,
    say: Say,
    needed_by: str = "a chosen scenario",
) -> Usable:
    """A chart with all its subcharts.

    Args:
        path: The chart's folder or .tgz; it is not written to.
        off: Remove every subchart that is not needed (SUBCHARTS=off). Vendored library charts stay: templates use
            them.
        needed: Names or aliases of subcharts that stay; unknown ones are ignored.
        fetch: Fetches what a copy lacks; None if nothing can be fetched.
        cache: Where the copy is kept.
        say: Called when a copy is made.
        needed_by: What needs them, for the message.

    Raises:
        UsageError: It is not a chart, or a subchart is missing and cannot be fetched.
    """
    found = chart_files.dependencies(path)
    kept = _kept(path, found, needed) if off else found
    parts = chart_files.vendored(path) if off else ()
    gone = tuple(item for item in found if item not in kept)
    stay = {item.name for item in kept} | set(needed)
    extra = tuple(part for part in parts if not part.library and part.name not in stay)
    missing = tuple(item for item in kept if not item.vendored)
    if not gone and not extra and not missing:
        return Usable(path, {}, ())
    if missing and fetch is None:
        raise _refusal(path, missing, needed_by if off else "", "nothing is fetched here")
    plan = _Plan(path, gone, extra, missing, needed_by if off else "")
    name = str(chart_files.metadata(path)["name"])
    said = plan.notes(name)

    def make(folder: Path) -> dict[str, Any]:
        for note in said:
            say(note)
        return {"path": plan.fill(folder, fetch), "notes": said}

    entry = cache.build("chart-copy", key_of(plan.recipe()), make)
    return Usable(entry.files / entry.manifest["path"], _switched(gone, kept), said)


@dataclass(frozen=True, slots=True)
class _Plan:
    """How the copy differs from the chart: removed dependencies and paths, fetched dependencies."""

    path: Path
    gone: tuple[Dependency, ...]
    extra: tuple[Vendored, ...]
    missing: tuple[Dependency, ...]
    needed_by: str

    def notes(self, name: str) -> tuple[str, ...]:
        undeclared = {part.name for part in self.extra} - {item.name for item in self.gone}
        without = sorted({item.called for item in self.gone} | undeclared)
        return tuple(
            text
            for listed, text in (
                (without, f"Chart {name} is used without its subcharts {', '.join(without)}."),
                (
                    self.missing,
                    f"Fetching the subcharts that chart {name} lacks: {', '.join(map(_titled, self.missing))}.",
                ),
            )
            if listed
        )

    def recipe(self) -> list[Any]:
        beside = [[str(to), chart_files.digest(source)] for source, to in self._beside()]
        wanted = [[item.called for item in items] for items in (self.gone, self.missing)]
        return [_RECIPE, chart_files.digest(self.path), self.path.resolve().name, wanted, self._places(), beside]

    def fill(self, folder: Path, fetch: Fetch | None) -> str:
        """Make the copy below a folder, and return its path there."""
        place = self._place()
        copy = folder / place
        _write(self.path, copy, without=self._places())
        if self.gone:
            _take_out(copy, {item.called for item in self.gone}, str(self.path))
        for source, to in self._beside():
            _write(source, Path(os.path.normpath(copy / to)))
        if self.missing and fetch is not None:
            try:
                fetch(copy)
            except PromdrillError as error:
                raise _refusal(
                    self.path, self.missing, self.needed_by, f"cannot be fetched: {_first(error)}"
                ) from error
            left = tuple(item for item in chart_files.dependencies(copy) if not item.vendored)
            if left:
                raise _refusal(self.path, left, self.needed_by, "helm dependency build did not provide them")
        return str(place)

    def _places(self) -> list[str]:
        return [part.entry for part in self.extra]

    def _place(self) -> Path:
        """A path deep enough below the entry's folder that ``file://../x`` is still inside it."""
        ups = [to.parts.count("..") for _, to in self._beside()]
        return Path(*["in"] * max(ups, default=0), self.path.resolve().name.removesuffix(".tgz"))

    def _beside(self) -> list[tuple[Path, Path]]:
        """Charts that this one refers to as ``file://../x``: their paths, and their paths relative to the copy."""
        if not self.path.is_dir():
            return []
        named = [Path(item.repository.removeprefix("file://")) for item in self.missing
                 if item.repository.startswith("file://")]  # fmt: skip
        wanted = [Path(os.path.normpath(to)) for to in named if not to.is_absolute()]
        base = self.path.absolute()
        return [(base / to, to) for to in wanted if ".." in to.parts and (base / to / chart_files.CHART_FILE).is_file()]


def _kept(path: Path, found: Iterable[Dependency], needed: frozenset[str]) -> tuple[Dependency, ...]:
    libraries = {part.name for part in chart_files.vendored(path) if part.library}
    return tuple(item for item in found if {item.name, item.called} & needed or item.name in libraries)


def _write(source: Path, target: Path, *, without: Iterable[str] = ()) -> None:
    """Copy a chart's files, unpacking its archive, except those at some paths."""
    left_out = tuple(without)
    for name, content in tree(source).items():
        if any(name == entry or name.startswith(f"{entry}/") for entry in left_out):
            continue
        file = target / name
        file.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, Path):
            shutil.copyfile(content, file)
        else:
            file.write_bytes(content_of(content))


def _take_out(copy: Path, gone: set[str], said: str) -> None:
    """Remove dependencies from the files that list them; the others get the version in the lock.

    The lock is removed: it contains a checksum over all dependencies, and Helm refuses one that does not match.
    """
    files = tree(copy)
    locked: dict[str, str] = {}
    for name in _LOCKS:
        content = read_yaml(files, name, said)
        if isinstance(content, Mapping):
            listed = content.get("dependencies") or []
            locked.update(
                {str(item["name"]): str(item["version"]) for item in listed if {"name", "version"} <= set(item)}
            )
            (copy / name).unlink()
    for name in (chart_files.CHART_FILE, chart_files.REQUIREMENTS):
        content = read_yaml(files, name, said)
        if not isinstance(content, dict) or not content.get("dependencies"):
            continue
        stay = [item for item in content["dependencies"] if str(item.get("alias") or item["name"]) not in gone]
        for item in stay:
            item.update({"version": locked[item["name"]]} if item["name"] in locked else {})
        content["dependencies"] = stay
        text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
        (copy / name).write_text(text, encoding="utf-8")


def _switched(gone: Iterable[Dependency], kept: Iterable[Dependency]) -> dict[str, Any]:
    """Values that turn off removed subcharts, except by keys that would also turn off remaining ones."""
    values: dict[str, Any] = {}
    for key in sorted({switch(item) for item in gone} - {switch(item) for item in kept} - {""}):
        *above, last = key.split(".")
        place = values
        for part in above:
            place = place.setdefault(part, {})
        place[last] = False
    return values


def _titled(item: Dependency) -> str:
    return f"{item.called} {item.version}".strip()


def _first(error: PromdrillError) -> str:
    return error.message.splitlines()[0].rstrip(".")


def _refusal(path: Path, missing: Iterable[Dependency], needed_by: str, why: str) -> UsageError:
    lines = []
    for item in missing:
        key = switch(item)
        origin = f"from {repositories.shown(item.repository)}" if item.repository else "from no repository"
        off = f"turned off by {key}: false" if key else "no value key turns it off"
        lines.append(f"  {item.name} {item.version} {origin}; {off}")
    what = f"CHART={path}: subcharts are missing in its charts/, and {why}:\n" + "\n".join(lines)
    vendor = f"helm dependency build {path}"
    if needed_by:
        return UsageError(f"{what}\nSUBCHARTS=off keeps them: {needed_by} needs them",
                          hint=f"vendor them: {vendor}; or leave out what needs them")  # fmt: skip
    return UsageError(what, hint=f"SUBCHARTS=off removes the subcharts that no drill needs; or vendor them: {vendor}")
