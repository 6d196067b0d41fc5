"""Container images as docker archives, written without a container engine.

One archive holds any number of images; a layer that several of them share is in it once. The layout is what
``docker save`` writes and ``ctr images import`` and ``docker load`` read (manifest.json, one JSON configuration per
image, uncompressed layers). Times and owners are fixed, so the same files always give the same bytes.
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

EPOCH = 1767225600
"""Modification time of every file that promdrill adds: 2026-01-01T00:00:00Z."""


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer: an uncompressed tar archive on disk and the digest of its bytes."""

    path: Path
    digest: str

    @classmethod
    def of(cls, path: Path) -> Layer:
        """The layer in a tar file."""
        with path.open("rb") as file:
            return cls(path, hashlib.file_digest(file, "sha256").hexdigest())


@dataclass(frozen=True, slots=True)
class Built:
    """An image ready to be archived: its reference, its configuration and its layers, lowest first."""

    reference: str
    config: bytes
    layers: tuple[Layer, ...]


def write_layer(path: Path, files: Mapping[str, Path], links: Mapping[str, str] | None = None) -> Layer:
    """Write a layer with files and symbolic links.

    Args:
        path: Where the tar file goes.
        files: Absolute path in the image to the file on disk; its mode is kept, its owner is root.
        links: Absolute path in the image to the target of a symbolic link.
    """
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as tar:
        for folder in _folders([*files, *(links or {})]):
            tar.addfile(_member(folder, tarfile.DIRTYPE, 0o755))
        for target, source in sorted(files.items()):
            member = _member(target, tarfile.REGTYPE, 0o755 if source.stat().st_mode & 0o100 else 0o644)
            member.size = source.stat().st_size
            with source.open("rb") as file:
                tar.addfile(member, file)
        for target, points_to in sorted((links or {}).items()):
            member = _member(target, tarfile.SYMTYPE, 0o777)
            member.linkname = points_to
            tar.addfile(member)
    return Layer.of(path)


def image(
    reference: str,
    layers: Iterable[Layer],
    *,
    architecture: str,
    entrypoint: Iterable[str] = (),
    user: str = "",
    workdir: str = "/",
) -> Built:
    """An image made of layers, with what its containers run by default.

    Args:
        reference: Its name and tag.
        layers: Its layers, lowest first.
        architecture: The architecture of its programs, `amd64` or `arm64`.
        entrypoint: Argv.
        user: User and group that it runs as; empty for root.
        workdir: Working folder.
    """
    stacked = tuple(layers)
    config: dict[str, Any] = {
        "architecture": architecture,
        "os": "linux",
        "created": "2026-01-01T00:00:00Z",
        "config": {
            "Entrypoint": list(entrypoint) or None,
            "User": user,
            "WorkingDir": workdir,
            "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
        },
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{layer.digest}" for layer in stacked]},
        "history": [{"created": "2026-01-01T00:00:00Z", "created_by": "promdrill"} for _ in stacked],
    }
    return Built(reference, json.dumps(config, sort_keys=True).encode(), stacked)


def write(path: Path, images: Iterable[Built]) -> None:
    """Write one docker archive with all the images."""
    built = list(images)
    manifest = [
        {
            "Config": f"{hashlib.sha256(item.config).hexdigest()}.json",
            "RepoTags": [item.reference],
            "Layers": [f"{layer.digest}.tar" for layer in item.layers],
        }
        for item in built
    ]
    layers = {layer.digest: layer for item in built for layer in item.layers}
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as tar:
        for layer in layers.values():
            member = _member(f"{layer.digest}.tar", tarfile.REGTYPE, 0o644)
            member.size = layer.path.stat().st_size
            with layer.path.open("rb") as file:
                tar.addfile(member, file)
        for item in built:
            add_bytes(tar, f"{hashlib.sha256(item.config).hexdigest()}.json", item.config)
        add_bytes(tar, "manifest.json", json.dumps(manifest).encode())


def add_bytes(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    """Add a file with the given content, owned by root, to an open tar archive."""
    member = _member(name, tarfile.REGTYPE, 0o644)
    member.size = len(content)
    tar.addfile(member, io.BytesIO(content))


def _member(name: str, kind: bytes, mode: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name.lstrip("/"))
    member.type, member.mode, member.mtime = kind, mode, EPOCH
    return member


def _folders(targets: Iterable[str]) -> list[str]:
    found = {str(parent) for target in targets for parent in Path(target).parents}
    return sorted(found - {"/", "."})
