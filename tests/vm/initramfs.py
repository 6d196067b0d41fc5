"""The root file system of the small machine: an initramfs (cpio "newc") of a Debian tree and some files of ours."""

from __future__ import annotations

import gzip
import lzma
import re
import stat
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath

from promdrill.core.errors import PromdrillError

_LEFT_OUT = re.compile(r"^(boot|dev|proc|run|sys|tmp|var|usr/share|usr/lib/(modules|firmware|udev|systemd))(/|$)")
"""What the tests do without."""

_MERGED = ("bin", "sbin", "lib", "lib64")
"""Links of a merged /usr, which a tree without base-files lacks."""

_EMPTY = ("dev", "proc", "sys", "tmp", "var", "run", "root")
"""Folders to mount on."""


class NotInTree(PromdrillError):
    """The Debian tree lacks something."""


def kernel(tree: Path) -> bytes:
    """The tree's kernel.

    Raises:
        NotInTree: It has none, or several.
    """
    with tarfile.open(tree) as tar:
        found = [member for member in tar if re.fullmatch(r"(\./)?boot/vmlinuz-[^/]+", member.name)]
        if len(found) != 1:
            raise NotInTree(f"{tree} has {len(found)} kernels, one is needed: {[each.name for each in found]}")
        return _content(tar, found[0])


def modules(tree: Path, wanted: Iterable[str]) -> list[tuple[str, bytes]]:
    """Kernel modules in the order in which they can be loaded, each after those that it needs, unpacked.

    Args:
        tree: The Debian tree, as a tar archive.
        wanted: Names of modules, such as `xfs`. One that the tree does not have is built into its kernel.
    """
    with tarfile.open(tree) as tar:
        files = {_module_name(member.name): member for member in tar if _module_name(member.name)}
        ordered: dict[str, bytes] = {}

        def add(name: str) -> None:
            if name in ordered or name not in files:
                return
            packed = _content(tar, files[name])
            unpacked = lzma.decompress(packed) if files[name].name.endswith(".xz") else packed
            for needed in needs(unpacked):
                add(needed)
            ordered[name] = unpacked

        for name in wanted:
            add(name)
    return list(ordered.items())


def needs(module: bytes) -> list[str]:
    """The modules that a kernel module names in its `depends`."""
    match = re.search(rb"(?:^|\0)depends=([^\0]*)\0", module)
    return [name.replace("-", "_") for name in match[1].decode().split(",") if name] if match else []


def write(path: Path, tree: Path, files: Mapping[str, bytes]) -> None:
    """Write the initramfs, compressed.

    Args:
        path: Where it goes.
        tree: The Debian tree, as a tar archive; only what programs need of it is taken.
        files: Path without a leading slash to content, laid over the tree, all of them executable.
    """
    with gzip.open(path, "wb", compresslevel=1) as out, tarfile.open(tree) as tar:
        for number, (name, mode, content) in enumerate(_entries(tar, files), 1):
            out.write(_entry(name, mode, content, number))
        out.write(_entry("TRAILER!!!", 0, b"", 0))


def _entries(tar: tarfile.TarFile, files: Mapping[str, bytes]) -> Iterator[tuple[str, int, bytes]]:
    """Name, mode and content of everything, folders before what is in them."""
    seen: set[str] = set()
    for name, mode, content in _of_tree(tar):
        seen.add(name)
        yield name, mode, content
    for name in _MERGED:
        if name not in seen:
            yield name, stat.S_IFLNK | 0o777, f"usr/{name}".encode()
    for name in _EMPTY:
        yield name, stat.S_IFDIR | 0o755, b""
    for folder in sorted({str(parent) for name in files for parent in PurePosixPath(name).parents} - {"."} - seen):
        yield folder, stat.S_IFDIR | 0o755, b""
    for name, content in files.items():
        yield name, stat.S_IFREG | 0o755, content


def _of_tree(tar: tarfile.TarFile) -> Iterator[tuple[str, int, bytes]]:
    for member in tar:
        name = str(PurePosixPath(member.name))
        if name == "." or _LEFT_OUT.search(name):
            continue
        if member.isdir():
            yield name, stat.S_IFDIR | member.mode, b""
        elif member.issym():
            yield name, stat.S_IFLNK | 0o777, member.linkname.encode()
        elif member.isfile() or member.islnk():
            yield name, stat.S_IFREG | member.mode, _content(tar, member)


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = tar.extractfile(member)
    if file is None:
        raise NotInTree(f"{member.name} in {tar.name!s} is no file")
    return file.read()


def _module_name(path: str) -> str:
    match = re.search(r"usr/lib/modules/.*/([^/]+)\.ko(?:\.xz)?$", path)
    return match[1].replace("-", "_") if match else ""


def _entry(name: str, mode: int, content: bytes, number: int) -> bytes:
    """One entry as the kernel's Documentation/driver-api/early-userspace/buffer-format.rst has it."""
    path = name.encode() + b"\0"
    links = 2 if stat.S_ISDIR(mode) else 1
    fields = (number, mode, 0, 0, links, 0, len(content), 0, 0, 0, 0, len(path), 0)
    head = b"070701" + b"".join(b"%08x" % field for field in fields) + path
    return _padded(head) + _padded(content)


def _padded(raw: bytes) -> bytes:
    return raw + b"\0" * (-len(raw) % 4)
