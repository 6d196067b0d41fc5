"""Fire drills for Prometheus on Kubernetes."""

import sys
from typing import TYPE_CHECKING

if sys.platform in {"win32", "cygwin"}:  # half of what is imported next does not exist there
    sys.stderr.write("promdrill: it does not run on Windows itself, but in WSL 2, where Docker runs too\n")
    sys.stderr.write("Hint: wsl --install, and install promdrill in there\n")
    raise SystemExit(2)

if TYPE_CHECKING:
    __version__: str
    """As it was installed, from the tag; in a checkout, as of the last time that its environment was made."""
else:

    def __getattr__(name: str) -> str:
        """Look the version up when it is asked for: importing promdrill costs nothing for it."""
        if name != "__version__":
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib.metadata import version  # noqa: PLC0415  only who asks pays for it

        return version(__name__)
