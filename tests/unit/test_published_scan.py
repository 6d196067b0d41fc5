"""Shell text read as far as it takes to know what it starts: words, redirections, functions, and where it could end."""

from __future__ import annotations

import pytest

from promdrill.runbook.published import scan


def programs(text: str) -> list[str]:
    return [each.program for each in scan.simples(text) if each.program]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("aa||bb&&cc;dd|&ee", ["aa", "bb", "cc", "dd", "ee"]),
        ("! aa", ["aa"]),
        ("{ aa; }", ["aa"]),
        ("aa;)bb", ["aa", "bb"]),
        ("aa >; bb", ["aa", "bb"]),
        ("aa >", ["aa"]),
        ("aa # bb\ncc", ["aa", "cc"]),
        ("aa; case x in a) bb;; esac; cc", ["aa", "case", "cc"]),
        ("echo case; bb", ["echo", "bb"]),
        ("for x in done; do bb; done; cc", ["bb", "cc"]),
        ("select x in a b; do cc; done", ["cc"]),
        ("function f { aa; }; bb", ["aa", "bb"]),
        ("function f() { aa; }; bb", ["aa", "bb"]),
        ("[[ aa =~ (bb cc) ]]; dd", ["[[", "dd"]),
        ('echo "$((1 + 2))"', ["echo"]),
        ('echo "`aa` $(bb "$(cc)")"', ["aa", "cc", "bb", "echo"]),
        ("`aa $(bb)` cc", ["bb", "aa", "`aa $(bb)`"]),
        ("aa <<A <<B\nxx\nA\nyy\nB\nbb", ["aa", "bb"]),
        ("aa <<A\nxx\nA\nbb\ncc", ["aa", "bb", "cc"]),
        ("aa <<-A\n\txx\n\tA\nbb", ["aa", "bb"]),
        ("aa <<A\n\tA\nA\nbb", ["aa", "bb"]),
        ("aa <<'A'\nxx\nA\nbb", ["aa", "bb"]),
    ],
)
def test_what_a_text_starts(text: str, found: list[str]) -> None:
    assert programs(text) == found


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a b\tc\r", ["a", "b", "c"]),
        ("a \\\n b", ["a", "b"]),
        ("a\\ b c", ["a\\ b", "c"]),
        ("a#b 'c d' e", ["a#b", "'c d'", "e"]),
        ('a "b \\" c" d', ["a", '"b \\" c"', "d"]),
        ('a "$(b ")")" d', ["a", '"$(b ")")"', "d"]),
        ("a $((1 + (2))) d", ["a", "$((1 + (2)))", "d"]),
        ("a ${b c} d", ["a", "${b c}", "d"]),
        ("a <(b c) d", ["a", "<(b c)", "d"]),
        ("a >b c 2>&1 d", ["a", "c", "d"]),
        ("a \\", ["a", "\\"]),
    ],
)
def test_the_words_of_a_command(text: str, words: list[str]) -> None:
    found = scan.simples(text)[-1]
    assert [word.raw for word in found.words] == words
    assert [text[word.start : word.end] for word in found.words] == words
    assert found.words[-1].end <= len(text)


def test_words_without_their_quotes() -> None:
    (found,) = scan.simples("""a 'b c' "d"\\ e""")
    assert found.arguments == ("b c", "d e")
    assert scan.Word("\\\n", 0, 2).plain == "\n"


def test_what_is_assigned() -> None:
    first, second = scan.simples("A=1 B[0]=2 C+=3 a D=4; E=5")
    assert (first.assigned, first.program, first.arguments) == (("A", "B", "C"), "a", ("D=4",))
    assert (second.assigned, second.program, second.arguments) == (("E",), "", ())


@pytest.mark.parametrize(
    ("text", "fed"),
    [
        ("a | b", [False, True]),
        ("a |& b", [False, True]),
        ("a || b", [False, False]),
        ("a && b; c", [False, False, False]),
        ("a <x >y", [True]),
        ("a >y <x", [True]),
        ("a <<<x | b", [True, True]),
        ("a <<A\nx\nA\nb", [True, False]),
        ("a >x 2>&1", [False]),
        ("a | b >x", [False, True]),
    ],
)
def test_what_is_fed(text: str, fed: list[bool]) -> None:
    assert [each.fed for each in scan.simples(text)] == fed


def test_what_is_written() -> None:
    (found,) = scan.simples("a >b 2>>c &>d >|'e f' <g")
    assert found.written == ("b", "c", "d", "e f")
    assert found.words[1:] == ()


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("see() { a; }", {"see"}),
        ("see ( ) { a; }; f() { b; }", {"see", "f"}),
        ("function see { a; }", {"see"}),
        ("function see() { a; }", {"see"}),
        ("a b; (c)", set()),
    ],
)
def test_the_functions_of_a_text(text: str, names: set[str]) -> None:
    assert scan.functions(text) == names


@pytest.mark.parametrize(
    "text",
    [
        "a",
        "fi",
        "a \\\\",
        "a \\\nb",
        "if a; then b; fi",
        "case x in a) b;; esac",
        "cat <<A\nx\nA",
        "a | b",
        "(a; b)",
        "echo $((1)) ${x} 'y' \"z\"",
        "f() {\n  a\n}",
    ],
)
def test_what_could_end_here(text: str) -> None:
    assert scan.whole(text)


@pytest.mark.parametrize(
    "text",
    [
        "a \\",
        "a \\\\\\",
        "a |\n",
        "a |& # why",
        "a &&",
        "if a; then b",
        "while a; do if b; then c; fi",
        "for x in done; do b",
        "a; case x in a) b",
        "case x in (esac_) b",
        "cat <<A\nx",
        "cat <<A\nx\nB",
        "(a; b",
        "echo $((1",
        "echo `a",
        'echo "a',
        'echo "$(a "',
    ],
)
def test_what_must_go_on(text: str) -> None:
    assert not scan.whole(text)


def test_how_each_character_is_quoted() -> None:
    text = 'a\'b"\\\'"c\'d"e\\"f" \\'
    shown = "".join({"'": "s", '"': "d"}.get(each, ".") for each in scan.quoting(text))
    assert shown == "..ssss.dddd.....dd"


@pytest.mark.parametrize(
    ("text", "behind"),
    [
        ("aa & bb", "aa"),
        ("aa && bb", ""),
        ("aa && bb &", "aa bb"),
        ("aa || bb & cc", "aa bb"),
        ("aa | bb & cc", "aa bb"),
        ("aa |& bb & cc", "aa bb"),
        ("aa; bb &", "bb"),
        ("aa\nbb &", "bb"),
        ("aa &&\n bb & cc", "aa bb"),
        ("aa |\n bb & cc", "aa bb"),
        ("{ aa; bb; } & cc", "aa bb"),
        ("( aa; bb ) & cc", "aa bb"),
        ("aa; { bb; } & cc", "bb"),
        ("{ aa & bb; }", "aa"),
        ("for x in a b; do aa; done & bb", "aa"),
        ("if aa; then bb; fi & cc", "aa bb"),
        ("if aa; then bb & fi; cc", "bb"),
        ("while aa; do { bb; }; done & cc", "aa bb"),
        ("aa $(bb &) cc", "bb"),
        ("aa $(bb) & cc", "bb aa"),
        ("aa >x 2>&1 & bb", "aa"),
        ("aa &>x", ""),
        ("aa '&'", ""),
        ("aa \\& bb", ""),
        ("aa # &", ""),
        ("aa <<A &\nx\nA\nbb", "aa"),
        ("fi & aa", ""),
    ],
)
def test_what_runs_in_the_background(text: str, behind: str) -> None:
    assert " ".join(each.program.partition(" ")[0] for each in scan.simples(text) if each.background) == behind


def test_what_a_pipe_feeds_may_begin_in_the_next_line() -> None:
    assert [each.fed for each in scan.simples("aa |\n bb\ncc")] == [False, True, False]
    assert [each.fed for each in scan.simples("aa &&\n bb")] == [False, False]
