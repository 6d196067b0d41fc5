"""Redaction: replaces credentials and leaves everything else as it was.

Three rules. A Secret keeps its metadata and the names of its keys. A value whose key looks like a credential's is
replaced, in structures and in YAML or JSON inside strings. In any other text private keys, passwords in URLs, bearer
tokens and what is assigned to such a key are replaced. A text in which nothing has to be replaced is kept to the
letter.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

REDACTED = "REDACTED"

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
"""Annotation with a copy of the whole object, a Secret's values included."""

_CREDENTIAL = re.compile(
    "passw(or)?d|passphrase|secret|token|apikey|(access|private|service|routing|account|shared|tls)key|keydata"
    "|credential|basicauth|authorization|bearer|htpasswd|cookie|connectionstring|webhookurl|slackapiurl"
)
_NO_CREDENTIAL = re.compile("(file|path|names?|namespace|refs?|seconds|type|class|provider|version|enabled)$")
"""Ends of keys that only say where a credential is, or something about it: secretName, password_file."""

_ALL_BELOW = re.compile("basicauth|credentials?$")
"""Keys below which everything except file names is replaced: `basic_auth_users` maps users to password hashes."""

_PLACEHOLDER = re.compile(r"(?i:true|false|null|nil|none|~|[|>][-+\d]*)|<.*|" + REDACTED)
"""Values that are not credentials, such as `<set to the key ...>` in kubectl's words and `<secret>` in Prometheus'."""

# Patterns below that begin with a word have a look-behind: a megabyte of base64 is one word, and is read once.
_PRIVATE_KEY = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL)
_URL_USER = re.compile(r"(?<![A-Za-z0-9+.-])([A-Za-z][A-Za-z0-9+.-]*+://)[^\s/@:\"']*+:[^\s/@\"']+@")
_BEARER = re.compile(r"\b([Bb]earer )[A-Za-z0-9._~+/=-]{8,}")
_QUOTED_PAIR = re.compile(r"""(["'](?P<key>[\w.-]+)["']\s*:\s*)(?P<value>"(?:[^"\\\n]|\\.)*"|'[^'\n]*'|\d+)""")
_ASSIGNED = re.compile(r"""(?<![\w.-])((?P<key>[\w.-]++)=)(?P<value>"(?:[^"\\\n]|\\.)*"|'[^'\n]*'|[^\s,;&"')}\]]+)""")
_WHOLE_LINE = re.compile(r"(?m)^([ \t]*(?:- )?[\"']?(?P<key>[\w.-]+)[\"']?:[ \t]+)(?P<value>\S.*)$")
_DOCUMENT_END = re.compile(r"(?m)^(---[ \t]*\n)")
_FLAG = re.compile(r"--?(?P<key>[\w.-]+)")


def is_credential(key: str) -> bool:
    """Whether a value under this key is likely to be a credential: `adminPassword`, but not `secretName`."""
    plain = re.sub("[^a-z0-9]", "", key.lower())
    return bool(_CREDENTIAL.search(plain)) and not _NO_CREDENTIAL.search(plain)


def redact(value: Any) -> Any:
    """A copy of a structure (of JSON or YAML) without credentials."""
    return _copy(value, hidden=False, all_below=False)


def redact_yaml(text: str) -> str:
    """YAML without credentials; a document in which none was found is kept to the letter, with its comments.

    Raises:
        ValueError: It is not YAML, so it is not known what has to be replaced.
    """
    parts = _DOCUMENT_END.split(text)
    return "".join(part if index % 2 else _document(part) for index, part in enumerate(parts))


def redact_text(text: str) -> str:
    """Any text without credentials: YAML and JSON by structure, other text by its patterns."""
    if "\n" in text.strip():
        with contextlib.suppress(ValueError):  # not YAML: the patterns below have to do
            text = redact_yaml(text)
    return redact_lines(text)


def redact_lines(text: str) -> str:
    """Unstructured text, such as a log or kubectl's description, without credentials."""
    text = _PRIVATE_KEY.sub(REDACTED, text)
    text = _URL_USER.sub(rf"\1{REDACTED}@", text)
    text = _BEARER.sub(rf"\1{REDACTED}", text)
    for pattern in (_QUOTED_PAIR, _WHOLE_LINE, _ASSIGNED):
        text = pattern.sub(_replace, text)
    return text


def _replace(found: re.Match[str]) -> str:
    value = found["value"]
    bare = value.strip("\"' \t")
    if not is_credential(found["key"]) or not bare or _PLACEHOLDER.fullmatch(bare):
        return found[0]
    quote = value[0] if value[0] in "\"'" and value.rstrip().endswith(value[0]) else ""
    return f"{found[1]}{quote}{REDACTED}{quote}"


def _document(text: str) -> str:
    """One YAML document; anything but a mapping or a list is text."""
    try:
        documents = list(yaml.load_all(text, Loader=yaml.CSafeLoader))
    except (yaml.YAMLError, ValueError) as error:  # ValueError: an impossible date, such as 2024-02-31
        raise ValueError(f"not YAML, so it cannot be redacted: {' '.join(str(error).split())}") from error
    if not all(document is None or isinstance(document, Mapping | list) for document in documents):
        raise ValueError("neither a mapping nor a list, so it cannot be redacted by its keys")
    cleaned = [redact(document) for document in documents]
    return text if cleaned == documents else dump(cleaned)


def _copy(value: Any, *, hidden: bool, all_below: bool) -> Any:
    if isinstance(value, Mapping):
        return _mapping(value, all_below=all_below)
    if isinstance(value, list):
        return _list(value, hidden=hidden, all_below=all_below)
    if hidden and value and isinstance(value, str | int | float | bytes) and not isinstance(value, bool):
        return value if isinstance(value, str) and _PLACEHOLDER.fullmatch(value) else REDACTED
    return redact_text(value) if isinstance(value, str) else value


def _mapping(value: Mapping[Any, Any], *, all_below: bool) -> dict[Any, Any]:
    secret = value.get("kind") == "Secret" and isinstance(value.get("metadata"), Mapping)
    variable = is_credential(str(value.get("name", "")))  # of a container's environment: {name: ..., value: ...}
    copy: dict[Any, Any] = {}
    for key, item in value.items():
        if key == LAST_APPLIED:
            copy[key] = REDACTED
        elif secret and key in {"data", "stringData"}:
            copy[key] = dict.fromkeys(item or {}, REDACTED)
        else:
            below = all_below or bool(_ALL_BELOW.search(re.sub("[^a-z]", "", str(key).lower())))
            here = below and not str(key).lower().endswith("file")
            hidden = here or is_credential(str(key)) or (variable and key == "value")
            copy[key] = _copy(item, hidden=hidden, all_below=below)
    return copy


def _list(value: Sequence[Any], *, hidden: bool, all_below: bool) -> list[Any]:
    copy = []
    after_flag = False  # as in ["--password", "..."]
    for item in value:
        copy.append(_copy(item, hidden=hidden or after_flag, all_below=all_below))
        flag = _FLAG.fullmatch(item) if isinstance(item, str) else None
        after_flag = flag is not None and is_credential(flag["key"])
    return copy


class _Dumper(yaml.CSafeDumper):
    """Text of several lines as a block, so that a person can read it."""


def _string(dumper: yaml.CSafeDumper, text: str) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _string)


def dump(documents: Sequence[Any]) -> str:
    """YAML documents as text, keys in their own order."""
    return "".join(
        ("---\n" if index else "")
        + yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120, default_flow_style=False)
        for index, document in enumerate(documents)
    )
