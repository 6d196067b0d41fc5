"""The contents of a chart, read as Helm reads them: metadata, dependencies, default values; of a folder or an archive.

Nothing here runs Helm or writes a file.
"""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from promdrill.artefacts.cache import digest_of
from promdrill.core import paths
from promdrill.core.errors import UsageError
from promdrill.core.merging import merged
from promdrill.helm.source.tree import Tree, content_of, read_yaml, tree, unpacked, unreadable

CHART_FILE = "Chart.yaml"
REQUIREMENTS = "requirements.yaml"
"""Where charts of apiVersion v1 list their dependencies; if it exists, Helm prefers it to Chart.yaml."""


@dataclass(frozen=True, slots=True)
class Dependency:
    """A subchart that a chart depends on.

    Attributes:
        name: The subchart's name.
        version: The required version or range; empty if none is given.
        repository: Its repository's address; empty if it must be in charts/.
        condition: Value keys that turn it on or off, comma separated; the first one that is set counts. May be empty.
        alias: Its name in this chart and its values; empty for its own name.
        vendored: Whether a chart of that name is in charts/, of whatever version, as Helm checks it.
        imports: Whether the chart takes over some of its values (`import-values`).
    """

    name: str
    version: str
    repository: str
    condition: str
    alias: str
    vendored: bool
    imports: bool = False

    @property
    def called(self) -> str:
        """The key of its values."""
        return self.alias or self.name


@dataclass(frozen=True, slots=True)
class Vendored:
    """A subchart inside a chart.

    Attributes:
        entry: Its path: `charts/<folder or archive>`.
        name: Its name.
        version: Its version.
        library: Whether it only holds templates for other charts.
        tree: Its files.
    """

    entry: str
    name: str
    version: str
    library: bool
    tree: Tree


@dataclass(frozen=True, slots=True)
class Part:
    """A chart, or a subchart at whatever depth.

    Attributes:
        prefix: Where its values are in those of the outermost chart.
        tree: Its files.
        named: The subcharts that it depends on.
    """

    prefix: tuple[str, ...]
    tree: Tree
    named: tuple[Dependency, ...]


def metadata(path: Path) -> dict[str, Any]:
    """The content of Chart.yaml: at least `name` and `version`, both text.

    Args:
        path: The chart's folder, or a .tgz of it.

    Raises:
        UsageError: There is no such folder or file, or it holds no chart.
    """
    try:
        there = path.exists()
    except OSError as error:  # a name that is too long, a folder without access
        raise unreadable(str(path), error) from error
    if not there:
        raise UsageError(f"CHART={path}: no such folder or .tgz file", hint=f"CHART={_near_chart(path)}")
    return _metadata(_top(path), str(path))


def dependencies(path: Path) -> tuple[Dependency, ...]:
    """The subcharts that the chart depends on, whether it contains them or not.

    Raises:
        UsageError: There is no chart, or its dependencies are not a list of subcharts.
    """
    metadata(path)
    files = tree(path)
    return _dependencies(files, str(path), {part.name for part in _vendored(files, str(path))})


def vendored(path: Path) -> tuple[Vendored, ...]:
    """The subcharts inside the chart, whether it lists them or not; without their own subcharts.

    Raises:
        UsageError: There is no chart, or an archive in charts/ is not a chart.
    """
    metadata(path)
    return _vendored(tree(path), str(path))


def parts(path: Path) -> tuple[Part, ...]:
    """The chart and all subcharts inside it, at every depth; one that has two names is there twice.

    Raises:
        UsageError: There is no chart, or an archive in charts/ is not a chart.
    """
    metadata(path)
    return tuple(_parts(tree(path), str(path), ()))


def values(path: Path) -> dict[str, Any]:
    """The chart's default values, over those of its vendored subcharts, each below its alias or name.

    Raises:
        UsageError: There is no chart, or a values.yaml is not a mapping.
    """
    metadata(path)
    return _values(tree(path), str(path))


def digest(path: Path) -> str:
    """SHA-256 of an archive, or over the names and contents of a folder's files, in hexadecimal.

    Raises:
        UsageError: There is no chart, or a file cannot be read.
    """
    metadata(path)
    try:
        if path.is_file():
            return digest_of(path)
        summary = hashlib.sha256()
        for name, content in sorted(tree(path).items()):
            summary.update(f"{name}\0{hashlib.sha256(content_of(content)).hexdigest()}\n".encode())
    except OSError as error:
        raise unreadable(str(path), error) from error
    return summary.hexdigest()


def _top(path: Path) -> Tree:
    """Enough of a chart's files for its metadata, without walking a folder."""
    if path.is_dir():
        file = path / CHART_FILE
        return {CHART_FILE: file} if file.is_file() else {}
    return tree(path)


def _metadata(files: Tree, said: str) -> dict[str, Any]:
    found = read_yaml(files, CHART_FILE, said)
    if not isinstance(found, dict) or not found.get("name") or not found.get("version") or "/" in str(found["name"]):
        raise UsageError(f"CHART={said}: not a chart, no {CHART_FILE} with a name and a version")
    return {**found, "name": str(found["name"]), "version": str(found["version"])}


def _dependencies(files: Tree, said: str, there: set[str]) -> tuple[Dependency, ...]:
    for file in (REQUIREMENTS, CHART_FILE):
        content = read_yaml(files, file, said)
        listed = content.get("dependencies") if isinstance(content, dict) else None
        if listed is None:
            continue
        if not isinstance(listed, list) or not all(isinstance(item, dict) and item.get("name") for item in listed):
            raise UsageError(f"CHART={said}: dependencies in {file} must be a list of named subcharts")
        return tuple(_dependency(item, there) for item in listed)
    return ()


def _dependency(item: Mapping[str, Any], there: set[str]) -> Dependency:
    fields = ("version", "repository", "condition", "alias")
    texts = {field: "" if item.get(field) is None else str(item[field]) for field in fields}
    imports = bool(item.get("import-values"))
    return Dependency(str(item["name"]), **texts, vendored=str(item["name"]) in there, imports=imports)


def _vendored(files: Tree, said: str) -> tuple[Vendored, ...]:
    found: dict[str, dict[str, bytes | Path]] = {}
    for name, content in files.items():
        head, _, rest = name.partition("/")
        entry, _, inner = rest.partition("/")
        if head != "charts" or entry.startswith((".", "_")):
            continue
        if inner:
            found.setdefault(entry, {})[inner] = content
        elif entry.endswith(".tgz"):
            found[entry] = dict(unpacked(content_of(content), f"{said}: {name}"))
    parts = []
    for entry, part in sorted(found.items()):
        if CHART_FILE in part:
            about = _metadata(part, f"{said}: charts/{entry}")
            library = about.get("type") == "library"
            parts.append(Vendored(f"charts/{entry}", about["name"], about["version"], library, part))
    return tuple(parts)


def _parts(files: Tree, said: str, prefix: tuple[str, ...]) -> Iterator[Part]:
    inside = _vendored(files, said)
    named = _dependencies(files, said, {part.name for part in inside})
    yield Part(prefix, files, named)
    for part in inside:
        for key in [item.called for item in named if item.name == part.name] or [part.name]:
            yield from _parts(part.tree, f"{said}: {part.entry}", (*prefix, key))


def _values(files: Tree, said: str) -> dict[str, Any]:
    own = read_yaml(files, "values.yaml", said)
    if not isinstance(own, dict | None):
        raise UsageError(f"CHART={said}: values.yaml must be a mapping, not a {type(own).__name__}")
    parts = _vendored(files, said)
    named = _dependencies(files, said, {part.name for part in parts})
    below: dict[str, Any] = {}
    for part in parts:
        found = _values(part.tree, f"{said}: {part.entry}")
        for key in [item.called for item in named if item.name == part.name] or [part.name]:
            below[key] = found
    return merged(below, own or {})


def _near_chart(wanted: Path) -> Path:
    """A chart beside the given path, else the one that promdrill ships."""
    folder = wanted.parent
    beside = (
        [path.name for path in folder.iterdir() if path.suffix == ".tgz" or (path / CHART_FILE).is_file()]
        if folder.is_dir()
        else []
    )
    close = difflib.get_close_matches(wanted.name, beside, n=1)
    return folder / close[0] if close else paths.manifests_dir() / "charts" / "prometheus"
