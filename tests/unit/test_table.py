"""Tables as plain text and as Markdown: aligned, folded, cut into blocks, and escaped."""

from __future__ import annotations

from promdrill.results.table import Strong, Table, escape, wrap

FRUIT = Table(("name", "n", "what it is"), [("fig", "1", "a fruit"), ("pear", "22", "a bigger fruit")], frozenset({1}))


def test_columns_are_aligned_and_nothing_trails() -> None:
    assert FRUIT.text() == [
        "name   n  what it is",
        "fig    1  a fruit",
        "pear  22  a bigger fruit",
    ]
    assert FRUIT.width == len("pear  22  a bigger fruit")


def test_where_it_is_too_wide_the_last_column_stands_below() -> None:
    assert FRUIT.text(FRUIT.width) == FRUIT.text()
    assert FRUIT.text(12) == [
        *("name   n", "  what it is"),
        *("fig    1", "  a fruit"),
        *("pear  22", "  a bigger", "  fruit"),
    ]


def test_texts_below_a_row_are_wrapped_and_left_out_of_markdown() -> None:
    table = Table(("a", "b"), [("1", "2"), ("3", "4")], under={0: ("one two", "three")}, indent=3, least={0: 4})
    assert table.text() == ["a     b", "1     2", "   one two", "   three", "3     4"]
    assert table.markdown() == ["| a | b |", "| --- | --- |", "| 1 | 2 |", "| 3 | 4 |"]


def test_a_head_is_broken_at_its_soft_hyphen_in_plain_text_alone() -> None:
    table = Table(("id", "base\N{SOFT HYPHEN}line"), [("x", "12")], frozenset({1}), gap=" ")
    assert table.text() == ["   base-", "id  line", "x     12"]
    assert table.markdown()[:2] == ["| id | baseline |", "| --- | --: |"]


def test_blocks_have_the_first_column_each_and_as_many_others_as_fit() -> None:
    table = Table(("id", "#1", "#2", "#3"), [("x", "aaaa", "bbbb", "cccc")], frozenset({3}))
    assert [block.text() for block in table.blocks(14)] == [
        ["id  #1    #2", "x   aaaa  bbbb"],
        ["id    #3", "x   cccc"],
    ]
    assert [block.text()[1] for block in table.blocks(3)] == ["x   aaaa", "x   bbbb", "x   cccc"]


def test_markdown_is_escaped_and_what_is_strong_is_bold() -> None:
    table = Table(("a|b",), [("x\n*y* <z>",), (Strong("no_result"),)])
    assert table.markdown() == [
        "| a\\|b |",
        "| --- |",
        "| x \\*y\\* &lt;z&gt; |",
        "| **no\\_result** |",
    ]
    assert table.text()[-1] == "no_result"
    assert escape("a &  b") == "a &amp; b"


def test_words_stay_whole() -> None:
    assert wrap("see a-path/that-is-long here", 12, first=1, rest=3) == [" see", "   a-path/that-is-long", "   here"]
    assert wrap("a b", 3, first=1) == [" a", " b"]
    assert wrap("") == []
