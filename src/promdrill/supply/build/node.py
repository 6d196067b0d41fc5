"""The node image: kind's own files on a Debian tree, the built binaries, and the images that every cluster runs.

kind's design document "Node Image" says what a node image must have. Ours is assembled in a container that is never
privileged: files are copied in, images/node/setup.sh adapts them, containerd imports the component images, and the
container is committed. Those images are Kubernetes' and storage's; what drills run is loaded from archives.
"""

from __future__ import annotations

import contextlib
import tarfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from promdrill.artefacts.cache import key_of, tree_digest
from promdrill.core import shell
from promdrill.core.errors import CommandFailed, SupplyError
from promdrill.supply.build import archive
from promdrill.supply.build.catalogue import Artefact

REPOSITORY = "promdrill/node"
LABEL = "promdrill.node"
"""Label on everything made here, with the node image's key, to recognise promdrill's leftovers."""

TIMEOUT_S = 900.0

_CHANGES = ('ENTRYPOINT ["/usr/local/bin/entrypoint", "/sbin/init"]', "CMD []")
"""Changes that go into the commit: kind's entry point."""

_OPTIONS = (
    *("--network", "none"),
    *("--security-opt", "seccomp=unconfined"),  # containerd's import makes system calls that the default profile denies
    *("--stop-signal", "SIGRTMIN+3"),  # tells systemd to shut down; the image inherits it
    *("--env", "container=docker"),  # tells systemd that it runs in a container; inherited likewise
)


def key(artefact: Artefact, inputs: Mapping[str, str], *, restricted: bool) -> str:
    """The key of a node image: its recipe, the keys and recipes of everything in it, and what the host lacks."""
    return key_of([artefact.version, str(artefact.node), tree_digest(artefact.folder), dict(inputs), restricted])


def reference(artefact: Artefact, image_key: str) -> str:
    """Name and tag of a node image in the engine."""
    return f"{REPOSITORY}:v{artefact.version}-{image_key[:12]}"


def present(image: str) -> bool:
    """Whether the engine has the image."""
    done = shell.run(["docker", "image", "inspect", "--format", "{{.Id}}", image], timeout_s=30, ok=(0, 1))
    return done.exit_code == 0


def assemble(
    artefact: Artefact,
    image: str,
    *,
    rootfs: Path,
    kind_files: Path,
    binaries: Mapping[str, Path],
    images: Sequence[archive.Built],
    restricted: bool,
    scratch: Path,
    stop: threading.Event | None = None,
) -> None:
    """Build the node image.

    Args:
        artefact: Its catalogue entry.
        image: Its reference.
        rootfs: Tar archive of the Debian tree.
        kind_files: Folder with kind's own files for a node.
        binaries: Absolute path in the image to the program on disk.
        images: The images it holds.
        restricted: Whether the host lacks CAP_SYS_RESOURCE.
        scratch: A folder for intermediate archives, about as large as the image.
        stop: Ends the work when set.

    Raises:
        SupplyError: A step failed; the unfinished container has been removed.
    """
    if artefact.node is None:
        raise SupplyError(f"{artefact.name} is not a node image")
    base = f"{REPOSITORY}-rootfs:{image.rpartition(':')[2]}"
    try:
        files, bundle = scratch / "files.tar", scratch / "images.tar"
        _write_files(files, artefact, kind_files, binaries)
        archive.write(bundle, images)
        _docker(["import", "--change", f"LABEL {LABEL}={image}", str(rootfs), base], stop)
        with _container(base, image, stop) as name:
            _docker(["cp", "-", f"{name}:/"], stop, stdin=files)
            variables = ["--env", f"PAUSE={artefact.node.pause}", "--env", f"RESTRICTED={int(restricted)}"]
            _docker(["exec", "-i", *variables, name, "sh", "-s"], stop, stdin=artefact.folder / "setup.sh")
            _docker(["cp", str(artefact.folder / "import.sh"), f"{name}:/kind/import.sh"], stop)
            _docker(["exec", "-i", name, "bash", "/kind/import.sh"], stop, stdin=bundle)
            _docker(["exec", name, "rm", "/kind/import.sh"], stop)
            changes = [part for change in _CHANGES for part in ("--change", change)]
            _docker(["commit", *changes, name, image], stop)
    except CommandFailed as error:
        raise SupplyError(f"cannot build the node image\n{error}") from error
    finally:
        shell.run(["docker", "image", "rm", "--force", base], timeout_s=60, ok=(0, 1))
    _remove_superseded(artefact, image)


def _docker(argv: list[str], stop: threading.Event | None, *, stdin: Path | None = None) -> str:
    with contextlib.ExitStack() as stack:
        source = stack.enter_context(stdin.open("rb")) if stdin else None
        return shell.run(["docker", *argv], timeout_s=TIMEOUT_S, stdin=source, stop=stop).stdout


@contextlib.contextmanager
def _container(base: str, image: str, stop: threading.Event | None) -> Iterator[str]:
    name = f"promdrill-assembly-{image.rpartition('-')[2]}"
    shell.run(["docker", "rm", "--force", "--volumes", name], timeout_s=60, ok=(0, 1))  # left by a killed run
    try:
        argv = ["run", "--detach", "--name", name, "--label", f"{LABEL}={image}", *_OPTIONS]
        _docker([*argv, "--entrypoint", "sleep", base, "infinity"], stop)
        yield name
    finally:
        shell.run(["docker", "rm", "--force", "--volumes", name], timeout_s=60, ok=(0, 1))


def _write_files(path: Path, artefact: Artefact, kind_files: Path, binaries: Mapping[str, Path]) -> None:
    own = artefact.folder / "files"
    with tarfile.open(path, "w") as tar:
        for folder in (kind_files, own):
            for source in sorted(p for p in folder.rglob("*") if p.is_file()):
                _add(tar, f"{source.relative_to(folder)}", source, 0o644)
        for target, source in sorted(binaries.items()):
            _add(tar, target.lstrip("/"), source, 0o755)
        archive.add_bytes(tar, "kind/version", f"v{artefact.version}\n".encode())


def _add(tar: tarfile.TarFile, target: str, source: Path, mode: int) -> None:
    member = tarfile.TarInfo(target)
    member.size, member.mode, member.mtime = source.stat().st_size, mode, archive.EPOCH
    with source.open("rb") as file:
        tar.addfile(member, file)


def _remove_superseded(artefact: Artefact, image: str) -> None:
    listed = shell.run(
        ["docker", "image", "ls", "--format", "{{.Repository}}:{{.Tag}}", REPOSITORY], timeout_s=30
    ).stdout.split()
    old = [name for name in listed if name.startswith(f"{REPOSITORY}:v{artefact.version}-") and name != image]
    if old:
        shell.run(["docker", "image", "rm", *old], timeout_s=120, ok=(0, 1))  # an image that a kept cluster uses stays
