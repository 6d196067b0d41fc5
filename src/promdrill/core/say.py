"""The type of functions that tell an operator what happens, wherever that is shown."""

from collections.abc import Callable

Say = Callable[[str], None]
"""Called with one line of text, without a line end."""
