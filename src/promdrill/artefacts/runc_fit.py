"""An OCI runtime for hosts that cannot grant every capability: removes those from a container, then becomes runc.

Docker asks runc for all capabilities that the kernel knows when a container is privileged. A host whose bounding set
lacks one (often CAP_SYS_RESOURCE, in a sandbox) makes runc fail: "unable to apply caps". promdrill names a copy of
this file as the default runtime of a Docker that it starts itself, on such a host only.

The file is standalone: only the standard library, no import of promdrill, Python 3.8 or newer. It runs at every start
of a container and every exec, so it imports as little as possible and writes only what it changed.
"""
# pathlib alone would double this file's run time
# ruff: noqa: PTH118, PTH123

from __future__ import annotations

import os
import sys

CAPABILITIES = (
    "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_SETGID",
    "CAP_SETUID", "CAP_SETPCAP", "CAP_LINUX_IMMUTABLE", "CAP_NET_BIND_SERVICE", "CAP_NET_BROADCAST", "CAP_NET_ADMIN",
    "CAP_NET_RAW", "CAP_IPC_LOCK", "CAP_IPC_OWNER", "CAP_SYS_MODULE", "CAP_SYS_RAWIO", "CAP_SYS_CHROOT",
    "CAP_SYS_PTRACE", "CAP_SYS_PACCT", "CAP_SYS_ADMIN", "CAP_SYS_BOOT", "CAP_SYS_NICE", "CAP_SYS_RESOURCE",
    "CAP_SYS_TIME", "CAP_SYS_TTY_CONFIG", "CAP_MKNOD", "CAP_LEASE", "CAP_AUDIT_WRITE", "CAP_AUDIT_CONTROL",
    "CAP_SETFCAP", "CAP_MAC_OVERRIDE", "CAP_MAC_ADMIN", "CAP_SYSLOG", "CAP_WAKE_ALARM", "CAP_BLOCK_SUSPEND",
    "CAP_AUDIT_READ", "CAP_PERFMON", "CAP_BPF", "CAP_CHECKPOINT_RESTORE",
)  # fmt: skip
"""Names by bit number, as in linux/capability.h."""

_VALUED = frozenset({"--root", "--log", "--log-format", "--criu", "--rootless"})  # runc's global options with a value
_PLACES = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")


def granted(status: str) -> frozenset[str]:
    """The capabilities of a bounding set.

    Args:
        status: Content of a ``/proc/<pid>/status``.

    Raises:
        ValueError: It has no CapBnd line.
    """
    for line in status.splitlines():
        if line.startswith("CapBnd:"):
            mask = int(line.split()[1], 16)
            return frozenset(name for bit, name in enumerate(CAPABILITIES) if mask >> bit & 1)
    raise ValueError("no CapBnd line")


def document_of(arguments: list[str]) -> tuple[str, bool] | None:
    """The file from which runc will read a process's capabilities, for a command line without the program's name.

    Returns:
        Its path, and whether it is a whole container configuration (else a process alone); None when the command
        starts no process or reads none from a file.
    """
    index = 0
    while index < len(arguments) and arguments[index].startswith("-"):
        index += 2 if arguments[index] in _VALUED else 1
    command, rest = (arguments[index], arguments[index + 1 :]) if index < len(arguments) else ("", [])
    if command in {"create", "run"}:
        return os.path.join(_option(rest, "--bundle", "-b") or ".", "config.json"), True
    if command == "exec":
        path = _option(rest, "--process", "-p")
        return (path, False) if path else None
    return None


def trim(process: dict[str, object], allowed: frozenset[str]) -> bool:
    """Remove capabilities that are not allowed from a process; a capability with an unknown name stays.

    Returns:
        Whether any was removed.
    """
    sets = process.get("capabilities")
    if not isinstance(sets, dict):
        return False
    denied = frozenset(CAPABILITIES) - allowed
    changed = False
    for kind, names in sets.items():
        kept = [name for name in names or [] if name not in denied]
        changed = changed or len(kept) != len(names or [])
        sets[kind] = kept
    return changed


def fit(path: str, *, whole: bool, allowed: frozenset[str]) -> None:
    """Trim the process of a configuration file in place; the file is not touched if nothing has to change."""
    import json  # noqa: PLC0415  two thirds of the start-up time, and most commands do not need it

    with open(path, encoding="utf-8") as file:
        document = json.load(file)
    process = document.get("process") if whole else document
    if process and trim(process, allowed):
        with open(path, "w", encoding="utf-8") as file:
            json.dump(document, file)


def runc(search: str) -> str:
    """Path of runc.

    Args:
        search: A PATH, looked through before the usual places.

    Raises:
        FileNotFoundError: runc is not installed.
    """
    for folder in (*search.split(os.pathsep), *_PLACES):
        path = os.path.join(folder, "runc")
        if folder and os.access(path, os.X_OK):
            return path
    raise FileNotFoundError("runc is not installed")


def main(arguments: list[str]) -> None:
    """Trim what the command will start, and become runc."""
    found = document_of(arguments)
    if found is not None:
        with open("/proc/self/status", encoding="ascii", errors="replace") as file:
            allowed = granted(file.read())
        fit(found[0], whole=found[1], allowed=allowed)
    program = runc(os.environ.get("PATH", ""))
    os.execv(program, [program, *arguments])  # noqa: S606  this is the purpose of the file


def _option(arguments: list[str], long: str, short: str) -> str:
    for index, argument in enumerate(arguments):
        if argument in {long, short}:
            return arguments[index + 1] if index + 1 < len(arguments) else ""
        if argument.startswith(long + "="):
            return argument[len(long) + 1 :]
    return ""


if __name__ == "__main__":
    main(sys.argv[1:])
