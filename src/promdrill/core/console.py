"""Rich's console, as promdrill uses it: whatever it shows is printable; only Rich's own colours act on the terminal."""

from __future__ import annotations

from collections.abc import Iterable

import rich.console
from rich.console import ConsoleOptions, RenderableType
from rich.segment import Segment

from promdrill.core.terminal import shown


class Console(rich.console.Console):
    """A console that cleans each piece of text as it is drawn, wherever it comes from."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """The pieces of what is shown, each of them cleaned."""
        for piece in super().render(renderable, options):
            yield piece if piece.control else Segment(shown(piece.text), piece.style)
