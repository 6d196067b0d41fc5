"""The images that drills need besides those of a chart, read from the manifests and markers that name them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from promdrill.artefacts.reference import Reference, named_in
from promdrill.cluster import storage
from promdrill.core import paths, reading, yaml_read
from promdrill.core.errors import UsageError
from promdrill.helm.values.edit import read
from promdrill.install import manifests
from promdrill.request.scenarios import ScenarioFolder, traits


def storage_images(provisioner: Path | None) -> tuple[str, ...]:
    """Images of every cluster's storage, by full name, each once: read from the manifests that are applied.

    Args:
        provisioner: local-path-provisioner's own manifest; None if it has not been fetched yet.

    Raises:
        SupplyError: A manifest names something that is not an image.
    """
    return tuple(dict.fromkeys(Reference.of(text).name for text in named_in(storage.objects(provisioner))))


def drilled_images(scenarios: Sequence[Path], app_version: str) -> tuple[str, ...]:
    """Images that drills need besides those of a chart, by full name, each once.

    They are read from the manifests that are applied: those of an install without a chart, and of the scenarios
    themselves.

    Args:
        scenarios: The folders of the scenarios to drill.
        app_version: Version of Prometheus that replaces the one in the manifests.

    Raises:
        UsageError: A scenario names a folder of manifests that does not exist.
        SupplyError: A manifest names something that is not an image.
    """
    found: list[str] = []
    for folder in scenarios:
        told = traits(_test_of(folder))
        values = read(folder / "values.yaml") if told.install else {}
        found += named_in(_objects(_install(told.install, values, folder)))
        found += told.images
        found += named_in(_objects(path for path in folder.glob("*.yaml") if path.name != "values.yaml"))
    theirs, ours = f"{manifests.PROMETHEUS}:v{manifests.APP_VERSION}", f"{manifests.PROMETHEUS}:v{app_version}"
    names = dict.fromkeys(Reference.of(text).name for text in found)
    return tuple(dict.fromkeys(ours if name == theirs else name for name in names))


def optional_images(scenarios: Sequence[Path]) -> tuple[str, ...]:
    """Optional images: of the software that some drills run beside Prometheus if it is available.

    Raises:
        UsageError: A scenario names a folder of manifests that does not exist.
        SupplyError: A manifest names something that is not an image.
    """
    folders = [(name, folder) for folder in scenarios for name in traits(_test_of(folder)).beside]
    found = [text for name, folder in folders for text in named_in(_objects(_shipped(name, folder)))]
    return tuple(dict.fromkeys(Reference.of(text).name for text in found))


def _test_of(folder: Path) -> Path:
    return ScenarioFolder(folder.name, folder).test


def _install(kind: str, values: Mapping[str, Any], scenario: Path) -> Iterator[Path]:
    """The manifests that are installed instead of a chart, including the folders that values.yaml lists."""
    if kind:
        for name in (kind, *(f"{kind}/{folder}" for folder in _folders(values, scenario))):
            yield from _shipped(name, scenario)


def _folders(values: Mapping[str, Any], scenario: Path) -> Sequence[str]:
    found = values.get("folders") or ()
    if not isinstance(found, list | tuple) or not all(isinstance(each, str) for each in found):
        raise UsageError(f"{scenario / 'values.yaml'}: folders is not a list of names", hint="folders: [name]")
    return found


def _shipped(name: str, scenario: Path) -> list[Path]:
    """The files of a folder in manifests/."""
    found = sorted((paths.manifests_dir() / name).glob("*.yaml"))
    if not found:
        raise UsageError(f"{scenario}: there are no manifests in manifests/{name}", hint=f"ls {paths.manifests_dir()}")
    return found


def _objects(files: Iterable[Path]) -> Iterator[Mapping[str, Any]]:
    """The Kubernetes objects in YAML files. A file that is not YAML has none; a drill that applies it says so."""
    for file in files:
        with contextlib.suppress(UsageError):
            found = yaml_read.values_of(reading.text_of(file, limit_bytes=reading.LARGEST_RECORD_BYTES), said=str(file))
            yield from (each for each in found if isinstance(each, Mapping) and "kind" in each)
