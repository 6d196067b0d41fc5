"""An error that nobody expected: its traceback goes to a file, and one message says where to report it."""

from __future__ import annotations

import platform
import shlex
import sys
import tempfile
import traceback
from importlib import metadata

from promdrill import __version__
from promdrill.cli.parser import EXIT_FAILED, EXIT_SOFTWARE, complain
from promdrill.core import paths
from promdrill.core.errors import PromdrillError, no_room, shortened
from promdrill.core.redact import redact_lines

_SHOWN = 200  # characters of the error


def report(error: BaseException) -> int:
    """Keep the traceback of an error, without secrets, and say what happened, where it is and where to report it.

    A disk that is full is no error of promdrill's: that is only said.

    Returns:
        The exit code for it.
    """
    if full := no_room(error):
        folders = shlex.join(str(each) for each in (paths.cache_dir(), paths.state_dir(), paths.reports_dir()))
        complain(PromdrillError(full, hint=f"df -h {folders}; make room, then {paths.program()} clean"))
        return EXIT_FAILED
    said = traceback.format_exception_only(error)[-1]
    try:
        where = f"its traceback is in {_keep(error)}"
    except OSError:  # a full disk, say, which may be the error itself
        sys.stderr.write(_text(error))
        where = "its traceback is above"
    hint = f"report it at {_tracker()}, with that text; read it first, so that no secret is in it"
    complain(
        PromdrillError(f"an error in promdrill that nobody expected: {shortened(said, _SHOWN)}; {where}", hint=hint)
    )
    return EXIT_SOFTWARE


def _keep(error: BaseException) -> str:
    """Write the traceback to a file that only the user can read; returns its name."""
    descriptor, name = tempfile.mkstemp(prefix="promdrill-error-", suffix=".txt")
    with open(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:  # noqa: PTH123  it has no path
        file.write(_text(error))
    return name


def _text(error: BaseException) -> str:
    head = f"promdrill {__version__}, Python {platform.python_version()}, {platform.platform()}"
    told = "".join(traceback.format_exception(error))
    return redact_lines(f"{head}\n{shlex.join(sys.argv)}\n\n{told}")


def _tracker() -> str:
    """Where to report it, as the package says."""
    for entry in metadata.metadata("promdrill").get_all("Project-URL") or ():
        label, _, address = entry.partition(", ")
        if label == "Issues":
            return str(address)
    return "the place that you have it from"
