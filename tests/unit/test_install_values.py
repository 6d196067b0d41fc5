"""Values edited in place."""

import pytest
import yaml

from promdrill.core import yaml_edit
from promdrill.core.errors import UsageError
from promdrill.helm.values import edit

TEXT = """# who reads this
server:
  # flags
  extraFlags: [web.enable-lifecycle]  # keep
  global:
    scrape_interval: 1s
  persistentVolume:
    size: 300Mi
  hosts:
    - a
    - b: 1

  # after the list
  text: |
    hello
    there

  flow: {a: 1}
  empty:
other: 1
"""


@pytest.fixture(autouse=True, params=["CSafeLoader", "SafeLoader"])
def _each_parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both parsers have to give the same places in the text."""
    monkeypatch.setattr(yaml_edit, "LOADER", getattr(yaml, request.param))


def changed_lines(before: str, after: str) -> tuple[set[str], set[str]]:
    old, new = set(before.splitlines()), set(after.splitlines())
    return old - new, new - old


@pytest.mark.parametrize(
    ("path", "value", "gone", "come"),
    [
        ("server.extraFlags", [], "  extraFlags: [web.enable-lifecycle]  # keep", "  extraFlags: []  # keep"),
        ("server.persistentVolume.size", "450Mi", "    size: 300Mi", "    size: 450Mi"),
        ("server.flow.b", True, "  flow: {a: 1}", "  flow: {a: 1, b: true}"),
        ("server.empty.a", "b", "  empty:", "  empty: {a: b}"),
        ("other", None, "other: 1", "other: null"),
    ],
)
def test_one_line_changes(path: str, value: object, gone: str, come: str) -> None:
    assert changed_lines(TEXT, edit.set_value(TEXT, path.split("."), value)) == ({gone}, {come})


def test_a_block_becomes_one_line() -> None:
    after = edit.set_value(TEXT, ("server", "hosts"), [1])
    assert changed_lines(TEXT, after) == ({"  hosts:", "    - a", "    - b: 1"}, {"  hosts: [1]"})
    after = edit.set_value(TEXT, ("server", "text"), "word")
    assert changed_lines(TEXT, after) == ({"  text: |", "    hello", "    there"}, {"  text: word"})


def test_new_keys_are_added_beside_their_kind() -> None:
    after = edit.set_value(TEXT, ("server", "global", "external_labels", "drill"), "one")
    assert changed_lines(TEXT, after) == (set(), {"    external_labels:", "      drill: one"})


def test_merge_is_helms() -> None:
    added = {"server": {"image": {"tag": "v1"}, "hosts": [], "global": {"scrape_timeout": "1s"}}, "new": {"a": {}}}
    merged = yaml.safe_load(edit.merge(TEXT, added))
    assert merged["server"]["global"] == {"scrape_interval": "1s", "scrape_timeout": "1s"}
    assert merged["server"]["hosts"] == []
    assert merged["server"]["image"] == {"tag": "v1"}
    assert merged["new"] == {"a": {}}
    assert merged["other"] == 1


@pytest.mark.parametrize(
    "text",
    ["", "# only a comment\n", "# only a comment", "{}\n", "# only\n{}\n", "---\n", "---", "null\n", "a: {b: 0}\n"],
)
def test_any_beginning_will_do(text: str) -> None:
    after = edit.merge(text, {"a": {"b": 1}})
    assert yaml.safe_load(after) == {"a": {"b": 1}}
    assert ("# only" in after) == ("# only" in text)


def test_what_cannot_be_edited_in_place_is_refused() -> None:
    anchors = "base: &base {a: 1}\nserver: *base\n"
    with pytest.raises(
        UsageError, match=r"server.a cannot be set in place: line 1 has &base\nHint: .* without anchors"
    ):
        edit.set_value(anchors, ("server", "a"), 2)
    with pytest.raises(UsageError, match="not YAML"):
        edit.set_value("a: [", ("a",), 2)
    with pytest.raises(UsageError, match="not a mapping"):
        edit.load("- a\n")


def test_lookup() -> None:
    loaded = edit.load(TEXT)
    assert edit.lookup(loaded, "server.global.scrape_interval", "1m") == "1s"
    assert edit.lookup(loaded, "server.global.absent", "1m") == "1m"
    assert edit.lookup(loaded, "other.below", "1m") == "1m"


def test_new_keys_come_last_and_leave_comments_with_their_keys() -> None:
    text = "a:\n  # of b\n  b: 1  # one"
    assert edit.merge(text, {"a": {"c": 2}, "d": 3}) == "a:\n  # of b\n  b: 1  # one\n  c: 2\nd: 3\n"


def test_line_ends_stay() -> None:
    text = "a:\r\n  b: |\r\n    x\r\n  c: 1 # one\r\n"
    assert edit.merge(text, {"a": {"b": "y", "d": 2}}) == "a:\r\n  b: y\r\n  c: 1 # one\r\n  d: 2\r\n"


def test_nodes_and_values_of_one_document_are_edited_together() -> None:
    document = yaml_edit.Document("a: 'one' # first\nb: 2\n")
    first = yaml_edit.find(document.root, "a")
    assert first is not None
    document.put(first, "two")
    document.set_value(("b",), 3)
    document.set_value(("c", "d"), [])
    assert document.edited() == "a: 'two' # first\nb: 3\nc:\n  d: []\n"
    with pytest.raises(yaml_edit.Refused, match="a list, not a mapping"):
        yaml_edit.Document("- a\n").set_value(("a",), 1)
