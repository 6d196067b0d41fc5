"""What the settings of a run may say, and the nearest choice to a word that is none of them."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest(value: str, choices: Iterable[str]) -> str:
    """The choice that looks most like the value; the first one when none looks like it."""
    options = list(choices)
    return (difflib.get_close_matches(value, options, n=1, cutoff=0.0) or options[:1])[0]
