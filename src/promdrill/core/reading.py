"""Read a file that a user names, in one way: whatever is wrong with it is one error with a place and a hint.

A path may begin with ``~``, be too long, or lie where nobody may look; what lies there may be a pipe that never ends,
be too large, or hold bytes that are no text. What the text means is for `promdrill.core.yaml_read`, `toml_read` and
`records`.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import BinaryIO

from promdrill.core.errors import UsageError

LARGEST_TEXT_BYTES = 1 << 19
"""Size limit of a file that a person writes: twice the largest values.yaml of a chart, read in a second."""

LARGEST_RECORD_BYTES = 64 << 20
"""Size limit of a file that promdrill writes: a hundred times the longest drill's journal."""

_SHOWN = 120  # characters of a path that a message shows
_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


class Unreadable(UsageError):
    """A file whose content cannot be had, so that nothing is known of what it says.

    Args:
        name: What the file is called.
        why: What is wrong with it, without a final period.
        hint: What to do next.
        at: Line and column, if it is wrong at one place.
    """

    def __init__(self, name: str, why: str, *, hint: str, at: str = "") -> None:
        super().__init__(f"{name}:{at}: {why}" if at else f"cannot read {name}: {why}", hint=hint)
        self.why = why


def path_of(text: str | Path, *, said: str = "") -> Path:
    """The path that a user means, with ``~`` expanded. It need not exist.

    Args:
        text: The path as typed.
        said: What it is called in messages, such as ``VALUES=~/values.yaml``; by default the path itself.

    Raises:
        Unreadable: No file can have this path, or nobody may look whether one does.
    """
    typed = str(text)
    name = said or shown(typed)
    try:
        typed.encode()
    except UnicodeEncodeError as error:
        raise Unreadable(_printable(name), "its name is not UTF-8", hint="rename it") from error
    if "\0" in typed:
        raise Unreadable(_printable(name), "its name has a NUL character", hint="name a path without it")
    try:
        path = Path(typed).expanduser()
    except RuntimeError as error:
        user = typed.partition("/")[0].removeprefix("~")
        what = f"there is no user {user}" if user else "no home folder is known"
        raise Unreadable(name, what, hint=f"./{typed} for a path that begins with ~") from error
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        pass
    except OSError as error:
        raise _unreadable(name, path, error) from error
    return path


def shown(path: str | Path) -> str:
    """A path as messages show it: whole unless it is absurdly long."""
    text = str(path)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN // 2]}...{text[-_SHOWN // 2 :]}"


def opened(file: Path, *, said: str = "") -> BinaryIO:
    """A regular file, open for reading; the caller closes it. Nothing else is waited for.

    Args:
        file: The file.
        said: As for `path_of`.

    Raises:
        Unreadable: It cannot be opened, or is a folder, a pipe, a socket or a device.
    """
    name = said or shown(file)
    try:
        stream: BinaryIO = open(file, "rb", opener=_at_once)  # noqa: SIM115  the caller's
    except IsADirectoryError as error:
        raise Unreadable(name, "it is a folder, not a file", hint=f"ls {shown(file)}") from error
    except (OSError, ValueError) as error:
        raise _unreadable(name, file, error) from error
    kind = stat.S_IFMT(os.fstat(stream.fileno()).st_mode)
    if kind != stat.S_IFREG:
        stream.close()
        what = _KINDS.get(kind, "something else")
        raise Unreadable(name, f"it is {what}, not a file", hint="name a regular file")
    return stream


def bytes_of(file: Path, *, limit_bytes: int, said: str = "") -> bytes:
    """The content of a regular file.

    Args:
        file: The file.
        limit_bytes: The largest size that it may have.
        said: As for `path_of`.

    Raises:
        Unreadable: As `opened`, or it is larger.
    """
    name = said or shown(file)
    try:
        with opened(file, said=said) as stream:
            content = stream.read(limit_bytes + 1)
    except OSError as error:
        raise _unreadable(name, file, error) from error
    if len(content) > limit_bytes:
        limit = f"{limit_bytes >> 20} MiB" if limit_bytes >= 1 << 20 else f"{limit_bytes >> 10} KiB"
        raise Unreadable(name, f"it is larger than {limit}", hint=f"ls -l {shown(file)}")
    return content


def listed(folder: Path, *, said: str = "") -> list[Path]:
    """What a folder holds, by name.

    Raises:
        Unreadable: It is no folder, or nobody may look into it.
    """
    try:
        found = sorted(folder.iterdir())
        if found:
            found[0].lstat()  # a folder that may be listed and not entered
    except OSError as error:
        raise _unreadable(said or shown(folder), folder, error) from error
    return found


def text_of(file: Path, *, limit_bytes: int = LARGEST_TEXT_BYTES, said: str = "") -> str:
    """The text of a file, in UTF-8; a byte order mark is not part of it.

    Args:
        file: The file.
        limit_bytes: As for `bytes_of`.
        said: As for `path_of`.

    Raises:
        Unreadable: As `bytes_of`; or it is not UTF-8, or has a NUL character, with the line and the column.
    """
    content = bytes_of(file, limit_bytes=limit_bytes, said=said)
    name = said or shown(file)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start].decode("utf-8-sig", "replace")
        raise Unreadable(name, "not UTF-8", hint="save it as UTF-8", at=place(before)) from error
    if "\0" in text:
        at = place(text[: text.index("\0")])
        why = "a NUL character, which no text has"
        raise Unreadable(name, why, hint="remove it, or save the file as UTF-8", at=at)
    return text


def place(before: str) -> str:
    """``line:column``, counted from 1, of what follows this part of a text; CRLF and CR count as LF."""
    lines = before.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return f"{len(lines)}:{len(lines[-1]) + 1}"


def _at_once(path: str, flags: int) -> int:
    """Open a file and wait for nothing: a pipe without a writer would keep us for ever."""
    return os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)


def _printable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\0")


def _unreadable(name: str, path: Path, error: OSError | ValueError) -> Unreadable:
    why = (error.strerror if isinstance(error, OSError) else None) or str(error)
    hint = f"ls -ld {shown(_printable(str(path.parent)))}"
    return Unreadable(_printable(name), why, hint=hint)
