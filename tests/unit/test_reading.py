"""Files that a user names, and the YAML and TOML in them: read, or refused at once with the place."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from promdrill.core import reading, toml_read, yaml_read
from promdrill.core.errors import UsageError
from promdrill.core.reading import Unreadable


def test_a_home_folder_is_expanded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert reading.path_of("~/x") == tmp_path / "x"
    assert reading.path_of("x/~") == Path("x/~")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("~nouser/x", "there is no user nouser"),
        ("a" * 300, "File name too long"),
        ("a/" * 3000, "File name too long"),
        ("x\0y", "its name has a NUL character"),
        ("\udcff", "its name is not UTF-8"),
    ],
)
def test_a_path_that_can_be_none_is_refused(text: str, why: str) -> None:
    with pytest.raises(Unreadable, match=f"cannot read .*: {why}") as caught:
        reading.path_of(text)
    assert caught.value.hint
    str(caught.value).encode()


def test_a_folder_that_may_not_be_entered_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refuse(path: Path, **_: object) -> os.stat_result:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "stat", refuse)
    with pytest.raises(Unreadable, match="cannot read VALUES=x: Permission denied"):
        reading.path_of("x", said="VALUES=x")
    monkeypatch.setattr(Path, "lstat", refuse)
    (tmp_path / "x").touch()
    with pytest.raises(Unreadable, match="Permission denied"):
        reading.listed(tmp_path)


def test_a_file_is_not_read_beyond_its_limit(tmp_path: Path) -> None:
    file = tmp_path / "x"
    file.write_bytes(b"x" * 1025)
    assert reading.bytes_of(file, limit_bytes=1025) == b"x" * 1025
    with pytest.raises(Unreadable, match="it is larger than 1 KiB"):
        reading.bytes_of(file, limit_bytes=1024)


@pytest.mark.parametrize(("content", "at"), [(b"\xff", "1:1"), (b"a\r\nb\rc\xff", "3:2"), (b"\xef\xbb\xbf\xff", "1:1")])
def test_bytes_that_are_no_text_are_refused_with_their_place(tmp_path: Path, content: bytes, at: str) -> None:
    file = tmp_path / "x"
    file.write_bytes(content)
    with pytest.raises(Unreadable, match=f"x:{at}: not UTF-8"):
        reading.text_of(file)
    file.write_bytes(content.replace(b"\xff", b"\0"))
    with pytest.raises(Unreadable, match=f"x:{at}: a NUL character"):
        reading.text_of(file)


def test_a_byte_order_mark_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"\xef\xbb\xbfa")
    assert reading.text_of(tmp_path / "x") == "a"


@pytest.mark.parametrize(
    "tag", ["int", "bool", "float", "timestamp", "binary", "omap", "pairs", "set", "map", "seq", "null", "value", "str"]
)
@pytest.mark.parametrize("text", ["é", "''", "[]", "{}", "x", "1", "9" * 5000, "2024-02-30"])
def test_every_tag_takes_its_text_or_says_where_it_does_not(tag: str, text: str) -> None:
    refusal = None
    try:
        yaml_read.value_of(f"a: !!{tag} {text}", said="f")
    except UsageError as error:
        refusal = error
    if refusal is not None:
        assert refusal.message.startswith("f:1:4: not YAML: ")
        assert refusal.hint
        assert len(refusal.message) < 200


def test_values_of_a_chart_may_repeat_a_key_and_hold_any_number() -> None:
    text = f"a: 1\na: {2**62}\nb: ="
    assert yaml_read.value_of(text, said="f", loader=yaml_read.Lenient) == {"a": 2**62, "b": "="}
    with pytest.raises(UsageError, match=r"f:2:1: .*appears twice"):
        yaml_read.value_of(text, said="f")


def test_an_alias_may_be_used_often_if_it_is_small() -> None:
    text = f"a: &a [1, 2]\nb: [{', '.join(['*a'] * 1000)}]\n"
    assert len(yaml_read.value_of(text, said="f")["b"]) == 1000


@pytest.mark.parametrize("levels", [yaml_read.DEEPEST, yaml_read.DEEPEST + 1])
def test_levels_are_counted_before_anything_recurses(levels: int) -> None:
    text = "[" * levels + "]" * levels
    if levels == yaml_read.DEEPEST:
        assert yaml_read.value_of(text, said="f")
        return
    with pytest.raises(UsageError, match=f"f:1:{levels}: .*nested more than"):
        yaml_read.value_of(text, said="f")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a = [\n1", ":2: not TOML: "),
        ("a = 1\nb = 2024-02-30", ":2: not TOML: "),
        ("a = 1\nb = " + "9" * 5000, ":2: a number that needs more than 64 bits"),
        ("a = 1\nb = 0x" + "f" * 5000, ":2: a number that needs more than 64 bits"),
        ("a = 1\nb = " + "[" * 5000, ":2: nested more than"),
        ("a = 1\nb = " + "[" * 150 + "]" * 150, ":2: nested more than"),
        ("a = 1\n" + "b." * 40_000 + "b = 1", ":2: nested more than"),
        ('a = 1\nb."b"' + '."b"' * 20_000 + " = 1", ":2: nested more than"),
        ("a = {" * 5000, ":1: nested more than"),
    ],
)
def test_toml_that_is_none_is_refused_with_its_line(text: str, words: str) -> None:
    with pytest.raises(UsageError, match=f"^f{words}") as caught:
        toml_read.value_of(text, said="f")
    assert caught.value.hint
