"""Fire drills for Prometheus on Kubernetes."""

from typing import TYPE_CHECKING

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
