"""The engine's network for kind's nodes, which kind creates and never removes: promdrill does, if it was the reason.

`networks.json` in the state folder says in which engines there was none before promdrill had kind make a cluster, and
which one there was afterwards. The record outlives that cluster, because others may be on the network by then.
"""

from __future__ import annotations

from pathlib import Path

from promdrill.core import files, paths, records, shell

NAME = "kind"

_TIMEOUT_S = 30.0


def before_creation(engine: str) -> None:
    """Record that there is no network, if there is none, before kind makes a cluster in this engine."""
    if not _there():
        _write(engine, "")


def after_creation(engine: str) -> None:
    """Record which network kind has made; nothing, if there was one before."""
    if _read().get(engine) == "":
        _write(engine, _there())


def remove_unused(engine: str) -> None:
    """Remove the network that promdrill had kind make in this engine, unless a container is on it, running or not.

    Raises:
        CommandFailed: The engine does not answer.
    """
    recorded, there = _read().get(engine), _there()
    if recorded is None:
        return
    if there and recorded in ("", there):  # empty if a run was killed before kind was done
        argv = ["docker", "ps", "--all", "--quiet", "--filter", f"network={there}"]
        if shell.run(argv, timeout_s=_TIMEOUT_S).stdout.strip():
            return
        shell.run(["docker", "network", "rm", there], timeout_s=_TIMEOUT_S, ok=(0, 1))  # 1: in use or gone meanwhile
    _write(engine, None)


def _there() -> str:
    """Id of the network; empty if there is none."""
    argv = ["docker", "network", "ls", "--no-trunc", "--quiet", "--filter", f"name=^{NAME}$"]
    return shell.run(argv, timeout_s=_TIMEOUT_S).stdout.strip()


def _file() -> Path:
    return paths.state_dir() / "networks.json"


def _read() -> dict[str, str]:
    """The recorded networks by engine; none if the record is missing or damaged: then they count as somebody's."""
    try:
        return records.loads(dict[str, str], _file().read_bytes())
    except (OSError, records.Misfit):
        return {}


def _write(engine: str, network: str | None) -> None:
    known = {name: found for name, found in _read().items() if name != engine}
    if network is not None:
        known[engine] = network
    files.make_folder(_file().parent)
    files.write(_file(), records.dumps(known, indent=None))
