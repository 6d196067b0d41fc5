"""Read a YAML file by what it may say: every key is known and there once, and every value is of its kind.

What a value says is its text, whatever YAML would make of it: where Alertmanager wants a text, ``yes`` and ``1`` are
texts (go-yaml does the same). A mapping may take over the pairs of others (``<<``).
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from yaml.error import Mark
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from promdrill.core import yaml_read
from promdrill.core.errors import UsageError, shortened

_NULL = "tag:yaml.org,2002:null"
_TRUE, _FALSE = frozenset({"true", "yes", "on", "y"}), frozenset({"false", "no", "off", "n"})
_TEMPLATE = re.compile(r"\{\{|\{%|<%|\$\{|\$\(")
"""How a template of Helm, Jinja or ERB begins, or a variable of a shell or of Kubernetes."""

_LONGEST = 60  # characters of a value that a message shows

RENDER = "render it first, such as with helm template"


@dataclass(frozen=True, slots=True)
class Part:
    """One value of a file.

    Attributes:
        node: The value.
        said: What messages call the file.
        name: What messages call the value.
        key: The key of the value; None for an item of a list.
    """

    node: Node
    said: str
    name: str
    key: Node | None = None

    @property
    def place(self) -> str:
        """``file:line``: of a text, else of its key, which a list or a mapping may follow in the next line."""
        return f"{self.said}:{self._mark.line + 1}"

    @property
    def is_null(self) -> bool:
        """Whether nothing is said."""
        return isinstance(self.node, ScalarNode) and self.node.tag == _NULL

    @property
    def is_mapping(self) -> bool:
        """Whether it has pairs of keys and values."""
        return isinstance(self.node, MappingNode)

    def wrong(self, what: str, hint: str) -> UsageError:
        """The error for this value: ``file:line:column: what``."""
        return UsageError(f"{self.place}:{self._mark.column + 1}: {what}", hint=hint)

    def below(self, node: Node, name: str, key: Node | None = None) -> Part:
        """A value in this one."""
        return Part(node, self.said, name, key)

    def pairs(self) -> dict[str, Part]:
        """The values of a mapping by their keys; of nothing, none.

        Raises:
            UsageError: It is not a mapping, a key is not a text, or is there twice.
        """
        if self.is_null:
            return {}
        if not isinstance(self.node, MappingNode):
            raise self.refused("a mapping", "key: value")
        found: dict[str, Part] = {}
        merged: list[Part] = []
        for key, child in self.node.value:
            if key.tag == yaml_read.MERGE:
                merged += self._merged(child)
                continue
            if not isinstance(key, ScalarNode):
                raise self.below(key, f"a key of {self.name}").refused("a text", "put it in quotes")
            if key.value in found:
                what = f"{_shown(key.value)} is twice in {self.name}"
                raise self.below(key, self.name).wrong(what, "remove one of them")
            found[key.value] = self.below(child, _shown(key.value), key)
        for each in merged:
            found = {**each.pairs(), **found}
        return found

    def fields(self, known: Collection[str]) -> dict[str, Part]:
        """The values of a mapping whose keys are these.

        Raises:
            UsageError: As `pairs`; or it has another key.
        """
        found = self.pairs()
        for key, part in found.items():
            if key not in known:
                near = difflib.get_close_matches(key, known, n=1)
                hint = RENDER if _TEMPLATE.search(key) else near[0] if near else f"known are {', '.join(sorted(known))}"
                raise self.below(part.key or part.node, key).wrong(f"{_shown(key)} is not a key of {self.name}", hint)
        return {key: part for key, part in found.items() if not part.is_null}

    def items(self, what: str) -> list[Part]:
        """The values of a list; of nothing, none.

        Args:
            what: What messages call one of them.

        Raises:
            UsageError: It is not a list.
        """
        if self.is_null:
            return []
        if not isinstance(self.node, SequenceNode):
            raise self.refused("a list", "- item")
        return [self.below(node, what) for node in self.node.value]

    def raw(self) -> str:
        """The text that it is, of any content; empty for nothing.

        Raises:
            UsageError: It is a list or a mapping.
        """
        if not isinstance(self.node, ScalarNode):
            raise self.refused("a text", "put it in quotes")
        return "" if self.is_null else str(self.node.value)

    def value(self) -> str:
        """The text that it is; empty for nothing.

        Raises:
            UsageError: As `raw`; or it has a template that nobody rendered, or half of a character.
        """
        value = self.raw()
        if "{{" in value or "{%" in value or "<%" in value:
            raise self.wrong(f"{self.name}: {_shown(value)} is a template that nobody rendered", RENDER)
        try:
            value.encode()
        except UnicodeEncodeError:
            raise self.wrong(f"{self.name} has half of a character (a surrogate)", "correct it") from None
        return value

    def text(self) -> str:
        """As `value`, and not empty.

        Raises:
            UsageError: As `value`; or it is empty.
        """
        value = self.value()
        if not value:
            raise self.wrong(f"{self.name} is empty", "say it, or remove it")
        return value

    def texts(self, what: str) -> list[str]:
        """The texts of a list. Errors are those of `items` and `text`."""
        return [each.text() for each in self.items(what)]

    def flag(self) -> bool:
        """Whether it is true.

        Raises:
            UsageError: It is neither true nor false.
        """
        said = self.text().lower()
        if said not in _TRUE | _FALSE:
            raise self.wrong(f"{self.name}: {_shown(said)} is neither true nor false", "true or false")
        return said in _TRUE

    def mistaken(self, what: str, hint: str) -> UsageError:
        """The error for a text that means nothing: with the text, and with another hint if it is a template."""
        said = self.raw()
        return self.wrong(f"{self.name}: {_shown(said)}: {what}", RENDER if _TEMPLATE.search(said) else hint)

    def refused(self, wanted: str, hint: str) -> UsageError:
        """The error for another kind of value than is wanted. To YAML, braces in braces are mappings."""
        node = self.node
        if isinstance(node, MappingNode) and node.value and isinstance(node.value[0][0], MappingNode):
            return self.wrong(f"{self.name} is a template that nobody rendered", RENDER)
        kind = (
            "a mapping" if isinstance(node, MappingNode) else "a list" if isinstance(node, SequenceNode) else "a text"
        )
        return self.wrong(f"{self.name} must be {wanted}, not {kind}", hint)

    @property
    def _mark(self) -> Mark:
        mark: Mark = (self.node if self.key is None or isinstance(self.node, ScalarNode) else self.key).start_mark
        return mark

    def _merged(self, node: Node) -> Iterator[Part]:
        for each in node.value if isinstance(node, SequenceNode) else [node]:
            yield self.below(each, self.name)


def _shown(text: str) -> str:
    return shortened(ascii(text)[1:-1] if not text.isprintable() else text, _LONGEST) or "an empty text"
