"""File trees from Debian's packages, by mmdebstrap: signed by the archive's keys, listed package by package."""

from __future__ import annotations

import os
import shutil
import threading
from pathlib import Path
from typing import Any

from promdrill.artefacts.cache import key_of, tree_digest
from promdrill.core import shell
from promdrill.core.errors import CommandFailed, SupplyError
from promdrill.core.say import Say
from promdrill.supply import host_changes
from promdrill.supply import packages as host_packages
from promdrill.supply.build.catalogue import Artefact

SUITE = "trixie"
"""systemd 258 and newer, as later suites have it, no longer run on a host with cgroup v1."""

TREE = "tree.tar"
"""Name of the one file of a Debian artefact: the tree, as a tar archive."""

TIMEOUT_S = 1200.0

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"

HOST_PACKAGES = {"mmdebstrap": "mmdebstrap", KEYRING: "debian-archive-keyring"}
"""What a build needs on the host: a program or file, and the Debian package that contains it."""

_LISTING = {
    "extract": """ls "$1/var/cache/apt/archives" | sed -n 's/_[^_]*[.]deb$//p'""",
    "minbase": """dpkg-query --admindir="$1/var/lib/dpkg" -W -f '${Package}_${Version}\\n'""",
}
"""How to list the packages in a tree with their versions, by variant."""

_FINISH = """
mkdir -p "$1/usr/bin" "$1/usr/sbin" "$1/usr/lib" "$1/usr/lib64"
for folder in bin sbin lib lib64; do
  [ -e "$1/$folder" ] || ln -s "usr/$folder" "$1/$folder"
done
rm -rf "$1/usr/share/doc"
"""
"""The extract variant has no base-files and so lacks the links of a merged /usr; no dynamic program starts without."""

_LEFT_OUT = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/info/*", "/usr/share/locale/*", "/usr/share/lintian/*")


def missing_host_packages() -> list[str]:
    """Debian packages that a build needs and this host lacks."""
    return [package for what, package in HOST_PACKAGES.items() if not (Path(what).exists() or shutil.which(what))]


def ensure_host_packages(say: Say) -> None:
    """Install what a build needs on the host, if promdrill runs as root.

    Args:
        say: Told before something is installed.

    Raises:
        SupplyError: Something is missing and promdrill does not run as root, or the installation failed.
    """
    missing = missing_host_packages()
    if not missing:
        return
    if os.geteuid() != 0:
        raise SupplyError(
            f"building from source needs {', '.join(missing)}", hint=f"sudo {host_packages.by_hand(missing)}"
        )
    why = "Debian trees are built"
    host_packages.install(missing, change=host_changes.BUILD_PACKAGES, why=why, say=say)


def packages(artefact: Artefact) -> list[str]:
    """The packages in the artefact's packages.txt, one per line; ``#`` starts a comment."""
    lines = (artefact.folder / "packages.txt").read_text(encoding="utf-8").splitlines()
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def key(artefact: Artefact) -> str:
    """The cache key of a Debian artefact."""
    return key_of([artefact.version, artefact.debian, tree_digest(artefact.folder), SUITE, _LEFT_OUT, _FINISH])


def build(artefact: Artefact, into: Path, *, stop: threading.Event | None = None) -> dict[str, Any]:
    """Write the tree as a tar archive into a folder.

    Returns:
        Notes for the cache's manifest: each package with its version.

    Raises:
        SupplyError: A package could not be downloaded, or its signature is not the archive's.
    """
    listing = into / "packages.txt"
    script = into / "finish.sh"
    customize = artefact.folder / "customize.sh"
    own = customize.read_text(encoding="utf-8") if customize.exists() else ""
    script.write_text(f"set -eu\n{_LISTING[artefact.debian]} >{listing}\n{own}\n{_FINISH}", encoding="utf-8")
    hook = "--extract-hook" if artefact.debian == "extract" else "--customize-hook"
    argv = [
        "mmdebstrap",
        "--quiet",
        f"--variant={artefact.debian}",
        "--mode=root" if os.geteuid() == 0 else "--mode=unshare",
        "--architectures=amd64",
        "--skip=output/dev",
        f"--include={','.join(packages(artefact))}",
        *(f"--dpkgopt=path-exclude={pattern}" for pattern in _LEFT_OUT),
        f'{hook}=sh {script} "$1"',
        SUITE,
        str(into / TREE),
    ]
    try:
        shell.run(argv, timeout_s=TIMEOUT_S, stop=stop)
    except CommandFailed as error:
        raise SupplyError(f"cannot make the Debian tree of {artefact.name}\n{error}") from error
    names = listing.read_text(encoding="utf-8").split()
    listing.unlink()
    script.unlink()
    return {"version": artefact.version, "suite": SUITE, "packages": sorted(names)}
