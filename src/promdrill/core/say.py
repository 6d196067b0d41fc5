"""How code tells an operator what happens, without knowing where the line is shown."""

from collections.abc import Callable

Say = Callable[[str], None]
"""Takes one line of text, without its line end."""
