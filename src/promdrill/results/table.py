"""Tables as plain text and as Markdown, and wrapped text: used by all reports and lists.

As JSON a table is its records: see `promdrill.core.records.dump`.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

WIDTH = 80
"""Width of plain text if there is no terminal: the narrowest that people still use."""

GAP = "  "
"""Separates two columns of plain text."""

NOTHING = "-"
"""Stands for an unknown figure."""

_ESCAPED = str.maketrans({c: f"\\{c}" for c in "\\`*_[]|~#"} | {"<": "&lt;", ">": "&gt;", "&": "&amp;"})
"""Cells contain output of Prometheus and kubectl: none of it may become markup, or a column of the table."""

_SOFT_HYPHEN = "\N{SOFT HYPHEN}"


class Strong(str):
    """A cell that stands out: bold in Markdown, plain in text."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Table:
    """A table.

    Attributes:
        head: Names of the columns. At a soft hyphen plain text breaks a name over two lines.
        rows: Cells, as many as `head` has.
        right: Columns that are aligned to the right, counted from 0.
        under: Texts below a row, by the row's number from 0, each on lines of its own; only in plain text.
        indent: Columns by which these texts are indented.
        gap: What separates two columns of plain text.
        least: Minimum widths of columns in plain text, by number.
    """

    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    right: frozenset[int] = frozenset()
    under: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    indent: int = len(GAP)
    gap: str = GAP
    least: Mapping[int, int] = field(default_factory=dict)

    @property
    def width(self) -> int:
        """The table's width as plain text."""
        return sum(self._widths()) + len(self.gap) * (len(self.head) - 1)

    def text(self, width: int | None = None) -> list[str]:
        """The table as lines of plain text.

        Args:
            width: If the table is wider, its last column goes below the others, wrapped to this width. None for no
                limit, as in a pipe.
        """
        heads, widths = self._heads(), self._widths()
        if width is not None and self.width > width:
            return self._folded(heads, widths, width)
        out = [self._line(head, widths) for head in heads]
        for number, row in enumerate(self.rows):
            out.append(self._line(row, widths))
            for text in self.under.get(number, ()):
                out += wrap(text, width or WIDTH, first=self.indent)
        return out

    def markdown(self) -> list[str]:
        """The table as lines of Markdown, every cell escaped."""
        rules = ["--:" if column in self.right else "---" for column in range(len(self.head))]
        heads = [escape(name.replace(_SOFT_HYPHEN, "")) for name in self.head]
        return [_row(heads), _row(rules), *(_row(list(map(_marked, row))) for row in self.rows)]

    def blocks(self, width: int = WIDTH) -> list[Table]:
        """The table split into several, each with the first column and as many of the others as fit beside it."""
        found, columns = [], list(range(1, len(self.head)))
        while columns:
            block = [0, columns.pop(0)]
            while columns and self._part([*block, columns[0]]).width <= width:
                block.append(columns.pop(0))
            found.append(self._part(block))
        return found

    def _part(self, columns: Sequence[int]) -> Table:
        right = frozenset(at for at, column in enumerate(columns) if column in self.right)
        rows = [[row[column] for column in columns] for row in self.rows]
        return Table([self.head[column] for column in columns], rows, right, gap=self.gap)

    def _heads(self) -> list[list[str]]:
        """The lines of the head: two if a name is broken."""
        broken = [name.replace(_SOFT_HYPHEN, f"-{_SOFT_HYPHEN}").split(_SOFT_HYPHEN) for name in self.head]
        if all(len(parts) == 1 for parts in broken):
            return [list(self.head)]
        above = [parts[0] if len(parts) > 1 else "" for parts in broken]
        return [above, [parts[-1] for parts in broken]]

    def _widths(self) -> list[int]:
        lines = [*self._heads(), *self.rows]
        columns = zip(*lines, strict=True)
        return [max(self.least.get(at, 0), *map(len, column)) for at, column in enumerate(columns)]

    def _line(self, cells: Sequence[str], widths: Sequence[int]) -> str:
        padded = [
            f"{cell:>{width}}" if at in self.right else f"{cell:<{width}}"
            for at, (cell, width) in enumerate(zip(cells, widths, strict=True))
        ]
        return self.gap.join(padded).rstrip()

    def _folded(self, heads: Sequence[Sequence[str]], widths: Sequence[int], width: int) -> list[str]:
        out = []
        for row in (*heads, *self.rows):
            out.append(self._line(row[:-1], widths[:-1]))
            out += wrap(row[-1], width, first=self.indent)
        return out


def wrap(text: str, width: int = WIDTH, *, first: int = 0, rest: int | None = None) -> list[str]:
    """Wrap text. Words stay whole, so that a path can be copied; a word that is too long gets its own line.

    Args:
        text: The text; line ends in it count as blanks.
        width: Columns.
        first: Columns by which the first line is indented.
        rest: Columns by which the others are indented; by default as `first`.
    """
    return textwrap.wrap(
        text,
        width,
        initial_indent=" " * first,
        subsequent_indent=" " * (first if rest is None else rest),
        break_on_hyphens=False,
        break_long_words=False,
    )


def escape(text: str) -> str:
    """The text on one line, escaped so that Markdown shows it as it is."""
    return " ".join(text.split()).translate(_ESCAPED)


def _marked(cell: str) -> str:
    return f"**{escape(cell)}**" if isinstance(cell, Strong) else escape(cell)


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
