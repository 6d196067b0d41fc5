"""Where a character of a YAML scalar stands in its file."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from yaml.nodes import ScalarNode

from promdrill.core import yaml_read
from promdrill.core.yaml_place import indexes

STYLES = {
    "plain": "key: one two\n",
    "plain over lines": "key: one\n  two\n\n  three\n",
    "single": "key: 'it''s ''one'' two'\n",
    "single over lines": "key: 'it''s\n  one\n\n  two'\n",
    "double": 'key: "a\\"b\\\\c\\x41\\u00e9\\U0001F525\\n\\t d\\/e"\n',
    "double over lines": 'key: "one \\\n  two\n  three"\n',
    "literal": "key: |\n  one\n    two\n\n  three\nother: 1\n",
    "literal with a header": "key: |2-  # a remark\n    one\n   two\n",
    "folded": "key: >-\n  one\n  two\n\n  three\n# a remark\n",
    "anchor and tag": "key: &name !!str 'one two'\n",
    "anchor of a block": "key: &name |\n  one\n",
    "flow": "{key: one two, other: 1}\n",
    "crlf": "key: |\r\n  one\r\n  two\r\n",
    "beyond the first plane": "key: '🔥 one' # 🔥\n",
}


def scalar(text: str) -> ScalarNode:
    (root,) = yaml_read.nodes_of(text, said="x")
    node = root.value[0][1]
    assert isinstance(node, ScalarNode)
    return node


@pytest.mark.parametrize("style", STYLES)
def test_each_character_is_found_where_it_is_written(style: str) -> None:
    text = STYLES[style]
    node = scalar(text)
    place = indexes(node, text)
    for at, char in enumerate(node.value):
        if not char.isspace() and text[place(at)] != char:
            assert text[place(at)] == "\\", (at, char)
    places = [place(at) for at, char in enumerate(node.value) if not char.isspace()]
    assert places == sorted(set(places))
    assert place(len(node.value)) == places[-1] + 1


def test_an_escape_is_where_its_backslash_is() -> None:
    text = 'key: "a\\x41b"'
    place = indexes(scalar(text), text)
    assert [text[place(at)] for at in range(3)] == ["a", "\\", "b"]


def test_what_is_blank_is_where_the_next_is_that_is_not() -> None:
    text = "key: |\n  a\n\n  b\n"
    place = indexes(scalar(text), text)
    assert [place(at) for at in range(4)] == [9, 14, 14, 14]


def test_an_empty_text_is_where_it_begins() -> None:
    text = "key: ''"
    assert indexes(scalar(text), text)(0) == 5


@settings(max_examples=100, deadline=None, derandomize=True, database=None)
@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]) | st.just("\n"), min_size=1), st.sampled_from("|>'\""))
def test_any_text_in_any_style(value: str, style: str) -> None:
    text = yaml.dump({"key": value}, default_style=style, allow_unicode=True)
    (root,) = yaml_read.nodes_of(text, said="x")
    node = root.value[0][1]
    place = indexes(node, text)
    for at, char in enumerate(node.value):
        if not char.isspace():
            assert text[place(at)] in {char, "\\"}
