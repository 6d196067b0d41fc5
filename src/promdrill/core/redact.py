"""Redaction: replaces credentials and leaves everything else as it was.

What a credential is, is known in four ways. By its key: what a key such as `DB_PASSWORD` has as its value, in YAML and
JSON (also escaped, also cut off), in ini and toml, in assignments, headers, flags, XML. By its place: a Secret's data,
the login of an address, what follows `curl -u`. By its form: private keys, JWTs, AWS keys, hashes of passwords, the
addresses of webhooks. Those that promdrill itself was given are known by themselves (`hide`). A text in which nothing
has to be replaced is kept to the letter.

Tools that search for secrets, such as detect-secrets, name lines for a person to judge. They do not rewrite a text, and
do not know Kubernetes' objects; hence this module.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import functools
import re
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

T = TypeVar("T")

REDACTED = "REDACTED"

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
"""Annotation with a copy of the whole object, a Secret's values included."""

# --- keys -----------------------------------------------------------------------------------------------------------

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_WORD = re.compile(
    "(passw(or)?d|passwords|passphrase|passcode|secrets?|tokens?|credentials?|basicauth|authorization|bearer|htpasswd"
    "|cookies?|apikeys?)$"
)
"""Ends of words that make a key a credential's wherever they stand: `adminPassword`, `PASSWORD_OLD`, `apitoken`."""

_LAST_WORD = frozenset({"pass", "pwd", "pw", "auth", "jwt"})
"""Last words of such keys after another one: `DB_PASS`; on its own, `PWD` is a folder, and `auth` says how."""

_JOINED = re.compile(
    "apikey|(access|private|service|routing|account|shared|tls|signing|encryption|master|integration|hmac)key|keydata"
    "|basicauth|connectionstring|sharedaccesssignature|^jwt$"
)
_SECRET_URL = re.compile("(webhook|slackapi)url$")
_NO_CREDENTIAL = re.compile(
    "(file|files|path|dir|names?|namespaces?|refs?|references?|seconds|type|types|class|provider|version|enabled"
    "|ur[il]|endpoint|issuer|audiences?|exp|expiry|expires|expiration|expired|ttl|lifetime|age|total|count|length|size"
    "|limit|period|interval|duration|timeout|review|reviews|request|requests|stdin|rotation|policy|format|mode|errors?"
    "|failures|status|info|created|controller|store|mount|volumes?|prefix|header|required|projection|manager|informer"
    "|resource|hits|misses|accepted)$"
)
"""Ends of keys that only say where a credential is, or something about it: secretName, password_file."""

_ALL_BELOW = re.compile("basicauth|credentials?$|^auths$")
"""Keys below which everything except file names is replaced: `basic_auth_users` maps users to password hashes."""

_PLACEHOLDER = re.compile(
    r"(?i:true|false|yes|no|on|off|null|nil|none|~|[|>][-+\d]*)|<.*|\*+|\{\{.*\}\}|\$[A-Z_][A-Z0-9_]*"
    rf"|\$\{{[A-Za-z_]\w*\}}|\$\(.*\)|%s|\[?{REDACTED}\]?"
)
"""Values that are not credentials: `<set to the key ...>` (kubectl), `<secret>` (Prometheus), a variable's name."""

# --- texts ----------------------------------------------------------------------------------------------------------
# Patterns that begin with a word have a look-behind: a megabyte of base64 is one word, and is read once.

_QUOTED = r"""(?:"(?:[^"\\\n]|\\.)*"|'[^'\n]*')"""
_KEY = r"(?P<key>[\w.-]++)"

_PRIVATE_KEY = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY(?: BLOCK)?-----.*?(?:-----END [A-Z ]*PRIVATE KEY(?: BLOCK)?-----|\Z)", re.DOTALL
)
_SHAPES = re.compile(
    r"(?<![A-Za-z0-9])(?:"
    r"eyJ[\w-]{6,}\.[\w-]{6,}\.[\w-]*"  # JWT
    r"|(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}(?![A-Za-z0-9])"  # AWS
    r"|gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|gl(?:pat|ptt|dt|rt)-[\w-]{16,}"
    r"|xox[a-z]-[\w-]{8,}|xapp-[\w-]{8,}|AIza[\w-]{30,}|npm_[A-Za-z0-9]{30,}|pypi-[\w-]{40,}|hf_[A-Za-z0-9]{30,}"
    r"|[sr]k_(?:live|test)_\w{10,}|hv[sbr]\.[\w-]{20,}|gls?[ac]_\w{20,}|do[opr]_v1_[a-f0-9]{40,}|dckr_pat_[\w-]{20,}"
    r"|AGE-SECRET-KEY-1[A-Z0-9]{20,}"
    r"|LS0tLS1CRUdJTi(?:BSU0Eg|BQUklW|BFQyBQ|BPUEVO|BFTkNS)[A-Za-z0-9+/=]*"  # a private key's first line in base64
    r")"
)
_HASH = re.compile(
    r"\${1,2}(?:2[abxy]?|apr1|1|5|6|7|y|gy|argon2\w*|pbkdf2[\w-]*|scrypt)\${1,2}[./\w$=,+-]{12,}"
    r"|\{(?:S?SHA\d*|S?MD5|CRYPT)\}[A-Za-z0-9+/=$.]{12,}"
)
"""Hashes of passwords, as in htpasswd: bcrypt, apr1, crypt, argon2, SHA."""

_WEB_LOGIN = re.compile(
    r"(?<![A-Za-z0-9+.-])((?:https?|oci|ftps?|git\+https?|wss?)://)(?!\$\w+@)[^\s/?#\"'<>\\]+@", re.IGNORECASE
)
"""The login of an address, unless it is a variable's name."""
_LOGIN = re.compile(r"(?<![A-Za-z0-9+.-])([A-Za-z][A-Za-z0-9+.-]*+://)[^\s/?#\"'<>@:\\]*+:[^\s/?#\"'<>\\]+@")
_ADDRESS_LOGIN = re.compile(r"^([a-z][a-z0-9+.-]*://)[^/?#]*@|^[^/:@]+:[^/@]*@(?!sha\d+:)", re.IGNORECASE)
_DSN = re.compile(r"(?<![^\s\"'=(])([\w.-]++:)[^\s@/\"']+(?=@(?:tcp|unix)\()")
_WEBHOOK = re.compile(
    r"(hooks\.slack\.com/(?:services|workflows|triggers)/|discord(?:app)?\.com/api/webhooks/|api\.telegram\.org/bot"
    r"|\.webhook\.office\.com/webhookb2/|outlook\.office\.com/webhook/|hooks\.zapier\.com/hooks/catch/"
    r"|events\.pagerduty\.com/(?:integration|generic)/|/hooks/(?=[a-z0-9]{20,}(?![a-z0-9])))[^\s\"'<>\\,;)}\]]+"
)
_SIGNED = re.compile(
    r"(?i)([?&](?:sig|signature|code|key|x-(?:amz|goog)-(?:signature|credential|security-token))=)[^\s&\"'<>#]{8,}"
)

_HEADER = re.compile(
    r"(?i)(\b(?:proxy-)?authorization\\*[\"']?\s*(?:[:=]|=>)\s*\\*[\"']?"
    r"(?:(?:basic|bearer|token|negotiate|ntlm|apikey|key)[ \t]+))(?P<value>[^\s\"'\\]+)"
)
_HEADER_LINE = re.compile(
    r"(?i)(\b(?:(?:proxy-)?authorization\\*[\"']?\s*[:=]\s*\\*[\"']?(?:digest|aws4-hmac-sha256|oauth)\b"
    r"|(?:set-)?cookie:)[ \t]*)(?P<value>[^\"'\n\\]+)"
)
_BEARER = re.compile(r"(?<!\w)([Bb](?:earer|EARER) )(?!auth|token|scheme|realm)[A-Za-z0-9._~+/=-]{8,}")
_BASIC = re.compile(r"(?<!\w)([Bb](?:asic|ASIC) )(?P<value>[A-Za-z0-9+/=_-]{4,})")

_QUOTED_PAIR = re.compile(rf"""((?<!\\)["'](?P<key>[\w.-]+)["']\s*(?::|=>?)\s*)(?P<value>{_QUOTED}|\[[^\[\]]*\]|\d+)""")
_ESCAPED_PAIR = re.compile(
    r"""((?P<quote>(?<!\\)\\{1,8}["'])(?P<key>[\w.-]+)(?P=quote)\s*:\s*)(?P<value>(?P=quote)(?:(?!(?P=quote)).)*(?P=quote)|\d+)"""
)
_BLOCK = re.compile(
    rf"(?m)^((?P<indent>[ \t]*)(?:- )?[\"']?{_KEY}[\"']?:[ \t]+[|>][-+\d]*[ \t]*\n)"
    r"(?P<value>(?:(?P=indent)[ \t]+\S.*(?:\n|\Z)|[ \t]*\n)+)"
)
_WHOLE_LINE = re.compile(
    rf"(?m)^([ \t]*(?:- )?[\"']?{_KEY}[\"']?(?::[ \t]+|[ \t]+:?=[ \t]*|[ \t]*:?=[ \t]+))(?P<value>[^\s=~].*)$"
)
_WHOLE_WORD = re.compile(rf"(?m)^([ \t]*(?:export[ \t]+|set[ \t]+|-[ \t]+)?{_KEY}=)(?P<value>[^\s=~\"'&]\S*)$")
_VARIABLE = r"\$\{\w+\}|\{\{.*?\}\}"
_ASSIGNED = re.compile(
    rf"""(?<![\w.-])({_KEY}(?:[ \t]*:?=>?[ \t]*))(?P<value>{_QUOTED}|{_VARIABLE}|(?![=~>])[^\s,;&"')}}\]]+)"""
)
_SAID = re.compile(
    rf"""(?<![\w.-])({_KEY}:[ \t]*)(?![\w.-]+:[ \t])"""
    rf"""(?P<value>{_QUOTED}|{_VARIABLE}|[^\s,;"'(){{}}\[\]/][^\s,;"')}}\]]*)"""
)
_FLAGGED = re.compile(
    rf"""(?<![\w-])(--?{_KEY}(?:[ \t]+|["'],?[ \t]*(?=["'])))(?P<value>{_QUOTED}|[^\s\-|;&<>"'][^\s"']*)"""
)
_LITERAL = re.compile(rf"""(--from-literal[= ]["']?[\w.-]+=)(?P<value>{_QUOTED}|[^\s"']+)""")
_TAG = re.compile(rf"(<{_KEY}(?:\s[^<>]*)?>)(?P<value>[^<>\s][^<>]*)(?=</)")
_NETRC = re.compile(r"(\blogin[ \t]+\S+[ \t]+password[ \t]+)(?P<value>\S+)")
_SQL = re.compile(r"(?i)(\b(?:identified by|password)[ \t]+)(?P<value>'[^'\n]+')")

_STRONG = re.compile("passw(or)?d|passphrase|passcode|apikey", re.IGNORECASE)
"""In prose, these words before a colon announce a credential; after `token:` or `secret:` the value has to look it."""

_FILE, _LINE = re.compile(r"\.[A-Za-z]\w{0,4}$"), re.compile(r"\d{1,6}(?::\d{1,6})?:?")
"""A file's name, and what follows it in a message: `my-secrets.yaml:12:3:`."""

_RANDOM = re.compile(r"(?=[^\d\n]{0,99}\d)(?=[^A-Za-z\n]{0,99}[A-Za-z])[\w.+/=~-]{16,}")

_AT, _NEXT = r"""(?<![^\s"'\[(,])""", r"""["']?,?=?[ \t]*"""
_WORD_OF = rf"(?P<value>{_QUOTED}|[^\s\"',-][^\s\"',]*)"
_SHORT = (
    (
        re.compile(r"(?<![\w-])curl(?![\w-])"),
        re.compile(
            rf"""({_AT}(?:-u|-U|--user|--proxy-user){_NEXT}["']?(?P<user>[^\s:"'=-][^\s:"']*):)(?P<value>[^\s"']+)"""
        ),
    ),
    (
        re.compile(r"(?<![\w-])(?:login|sshpass|mongo\w*|htpasswd|smbclient|ldap\w+)(?![\w-])"),
        re.compile(rf"({_AT}-[pw]{_NEXT}){_WORD_OF}"),
    ),
    (re.compile(r"(?<![\w-])(?:mysql|mariadb)[\w-]*"), re.compile(rf"({_AT}-p){_WORD_OF}")),
    (re.compile(r"(?<![\w-])redis-cli"), re.compile(rf"({_AT}-a{_NEXT}){_WORD_OF}")),
)
"""Programs with short flags that take a password, each with the flag; of others `-p` and `-u` mean something else."""
_PROGRAM = re.compile("|".join(program.pattern for program, _ in _SHORT))
"""Any of them."""

_OF_SECRET = re.compile(r"""(?:\bkind\\*["']?[ \t]*:[ \t]*\\*["']?Secret(?:List)?\b)""")
_INLINE_DATA = re.compile(r"""((?P<quote>(?<!\\)\\{0,8}")(?:data|stringData)(?P=quote)\s*:\s*)\{[^{}]*(?:\}|\Z)""")
_DATA_BLOCK = re.compile(
    r"(?m)^(?P<indent>[ \t]*)(?P<dash>- )?(?:data|stringData):[ \t]*\n"
    r"(?P<value>(?:(?P=indent)(?(dash)[ \t]{3,}|[ \t]+)\S.*(?:\n|\Z)|[ \t]*\n)+)"
)
_APPLIED_LINE = re.compile(
    r"(last-applied-configuration\\*[\"']?\s*[:=]\s*)"
    r"(?P<value>\"(?:[^\"\\\n]|\\.)*\"|[^\s{'\\].*|['{\\].*)"
)


_REMEMBERED, _REMEMBERED_CHARS = 512, 20_000
"""How many redacted texts are remembered, and the characters of the longest: 10 MB at most."""

_KNOWN: dict[str, re.Pattern[str]] = {}
"""Credentials that promdrill was given, see `hide`."""

_DOCUMENT_END = re.compile(r"(?m)^(---[ \t]*\n)")
_FLAG = re.compile(r"--?(?P<key>[\w.-]+)")
_ANCHOR, _ALIAS = re.compile(r"(?m)(?:^|[\s\[{,])&[\w-]+"), re.compile(r"(?m)(?:^|[\s\[{,])\*[\w-]+")
_SECRET_TYPES = re.compile(r"Opaque|kubernetes\.io/.+|bootstrap\.kubernetes\.io/token|helm\.sh/release\.v1")


@functools.lru_cache(maxsize=4096)  # a log has the same few keys in each line
def is_credential(key: str) -> bool:
    """Whether a value under this key is likely to be a credential: `adminPassword`, but not `secretName`."""
    words = [word.lower() for word in _WORDS.findall(key)]
    joined = "".join(words)
    if _SECRET_URL.search(joined):
        return True
    if not words or _NO_CREDENTIAL.search(joined):
        return False
    last = len(words) > 1 or not key[0].isalpha()
    return any(map(_WORD.search, words)) or bool(_JOINED.search(joined)) or (last and words[-1] in _LAST_WORD)


def hide(*texts: str) -> None:
    """Replace these too, from now on in this process, wherever they stand apart from letters and digits.

    Args:
        texts: Credentials; each is long enough to be told from other text.
    """
    _KNOWN.update({text: re.compile(rf"(?<![A-Za-z0-9]){re.escape(text)}(?![A-Za-z0-9])") for text in texts})
    _redacted.cache_clear()


def without_login(address: str) -> str:
    """An address as it may be shown and recorded: without user, password or token. Anything else stays as it is."""
    return _ADDRESS_LOGIN.sub(lambda found: found[1] or "", address)


def redact(value: Any) -> Any:
    """A copy of a structure (of JSON or YAML) without credentials."""
    return _copy(value, hidden=False, all_below=False)


def redact_record(record: T) -> T:
    """A record of dataclasses with each of its texts redacted, wherever it is."""
    made: Any = record
    if type(made) is str:
        made = redact_text(made)
    elif isinstance(made, tuple):
        made = tuple(map(redact_record, made))
    elif isinstance(made, Mapping):
        made = {key: REDACTED if _hides(str(key), item) else redact_record(item) for key, item in made.items()}
    elif is_dataclass(made) and not isinstance(made, type):
        made = replace(made, **{item.name: redact_record(getattr(made, item.name)) for item in fields(made)})
    return made  # type: ignore[no-any-return]


def redact_yaml(text: str) -> str:
    """YAML without credentials; a document in which none was found is kept to the letter, with its comments.

    Raises:
        ValueError: It is not YAML, so it is not known what has to be replaced.
    """
    parts = _DOCUMENT_END.split(_without_known(text))
    return "".join(part if index % 2 else _document(part) for index, part in enumerate(parts))


def redact_text(text: str) -> str:
    """Any text without credentials: YAML and JSON by structure, other text by its patterns."""
    if "\n" in text.strip() or text.lstrip().startswith(("{", "[")):
        with contextlib.suppress(ValueError):  # not YAML: the patterns below have to do
            text = redact_yaml(text)
    return redact_lines(text)


def redact_lines(text: str) -> str:
    """Unstructured text, such as a log or kubectl's description, without credentials."""
    return _redacted(text) if len(text) <= _REMEMBERED_CHARS else _redacted.__wrapped__(text)


@functools.lru_cache(maxsize=_REMEMBERED)  # a page of many runs says the same again and again
def _redacted(text: str) -> str:
    text = _PRIVATE_KEY.sub(REDACTED, _without_known(text))
    text = _APPLIED_LINE.sub(_replaced, text)
    if _OF_SECRET.search(text):
        text = "".join(_secret(part) for part in _DOCUMENT_END.split(text))
    text = _SHAPES.sub(REDACTED, _HASH.sub(REDACTED, text))
    text = _LOGIN.sub(rf"\1{REDACTED}@", _WEB_LOGIN.sub(rf"\1{REDACTED}@", text))
    for pattern in (_DSN, _WEBHOOK, _SIGNED, _BEARER):
        text = pattern.sub(rf"\1{REDACTED}", text)
    text = _BASIC.sub(_if_login, text)
    for pattern in (_HEADER, _HEADER_LINE, _LITERAL, _NETRC, _SQL):
        text = pattern.sub(_replaced, text)
    for pattern in (_BLOCK, _ESCAPED_PAIR, _QUOTED_PAIR, _WHOLE_LINE, _WHOLE_WORD, _ASSIGNED, _FLAGGED, _TAG):
        text = pattern.sub(_if_credential, text)
    text = _SAID.sub(_if_said, text)
    if _PROGRAM.search(text):
        text = "".join(map(_short_flags, text.splitlines(keepends=True)))
    return text


def _without_known(text: str) -> str:
    for pattern in _KNOWN.values():
        text = pattern.sub(REDACTED, text)
    return text


def _if_credential(found: re.Match[str]) -> str:
    return _replaced(found) if _hides(found["key"], found["value"]) else found[0]


def _if_said(found: re.Match[str]) -> str:
    key = found["key"]
    if _FILE.search(key) and _LINE.fullmatch(found["value"]):
        return found[0]
    sure = _STRONG.search(key) or len(_WORDS.findall(key)) > 1 or _RANDOM.fullmatch(found["value"])
    return _if_credential(found) if sure else found[0]


def _if_login(found: re.Match[str]) -> str:
    """`Basic` and what follows it, if that is a login in base64: in prose, other words follow."""
    padded = found["value"] + "=" * (-len(found["value"]) % 4)
    try:
        plain = base64.b64decode(padded, validate=True)
    except (binascii.Error, ValueError):
        return found[0]
    return _replaced(found) if b":" in plain and plain.isascii() else found[0]


def _hides(key: str, value: Any) -> bool:
    """Whether the value of this key has to be replaced."""
    if not isinstance(value, str) or not is_credential(key):
        return False
    bare = value.strip("\"'\\ \t\n")
    return bool(bare) and not _PLACEHOLDER.fullmatch(bare)


def _replaced(found: re.Match[str]) -> str:
    value = found["value"]
    bare = value.rstrip()
    opening = re.match(r"\\*[\"']", value)
    quote = opening[0] if opening and bare.endswith(opening[0]) and len(bare) > len(opening[0]) else ""
    if value.endswith("\n"):  # a block of lines
        return f"{found[1]}{found['indent']}  {REDACTED}\n"
    return f"{found[1]}{quote}{REDACTED}{quote}"


def _short_flags(line: str) -> str:
    for program, flag in _SHORT:
        named = program.search(line)
        if named:
            line = line[: named.end()] + flag.sub(_if_password, line[named.end() :])
    return line


def _if_password(found: re.Match[str]) -> str:
    bare = found["value"].strip("\"'")
    numbers = bare.isdigit() and (found.groupdict().get("user") or "").isdigit()  # ids of a user and a group
    return found[0] if numbers or not bare or _PLACEHOLDER.fullmatch(bare) else _replaced(found)


def _secret(text: str) -> str:
    """A text in which a Secret is, as one document, without its data; it may be cut off, or among other things."""
    if not _OF_SECRET.search(text):
        return text
    text = _INLINE_DATA.sub(rf"\1\g<quote>{REDACTED}\g<quote>", text)
    return _DATA_BLOCK.sub(_without_data, text)


def _without_data(found: re.Match[str]) -> str:
    head = found[0][: found.start("value") - found.start()]
    indent = re.match(r"[ \t]*", found["value"].lstrip("\n"))
    names = re.findall(rf"(?m)^{indent[0] if indent else ''}([\w.\"'-]+):", found["value"])
    return head + "".join(f"{indent[0] if indent else ''}{name}: {REDACTED}\n" for name in names)


# --- structures -----------------------------------------------------------------------------------------------------


def _document(text: str) -> str:
    """One YAML document; anything but a mapping or a list is text."""
    import yaml  # noqa: PLC0415  an eighth of a second, and a line for the terminal needs none of it

    if _ANCHOR.search(text) and _ALIAS.search(text):
        raise ValueError("it has aliases, which can make a few lines endless, so it cannot be redacted by its keys")
    try:
        documents = list(yaml.load_all(text, Loader=yaml.CSafeLoader))
        if not all(document is None or isinstance(document, Mapping | list) for document in documents):
            raise ValueError("neither a mapping nor a list, so it cannot be redacted by its keys")  # noqa: TRY301
        cleaned = [redact(document) for document in documents]
        return text if cleaned == documents else dump(cleaned)
    except yaml.YAMLError as error:
        raise ValueError(f"not YAML, so it cannot be redacted: {' '.join(str(error).split())}") from error
    except (TypeError, RecursionError) as error:  # an unhashable key; nested too deeply
        raise ValueError(f"not YAML that can be read, so it cannot be redacted: {error}") from error
    except ValueError as error:  # an impossible date, such as 2024-02-31
        raise ValueError(f"it cannot be redacted: {error}") from error


def _copy(value: Any, *, hidden: bool, all_below: bool, secret: bool = False) -> Any:
    if isinstance(value, Mapping):
        return _mapping(value, all_below=all_below, secret=secret)
    if isinstance(value, list):
        return _list(value, hidden=hidden, all_below=all_below, secret=secret)
    if hidden and value and isinstance(value, str | int | float | bytes) and not isinstance(value, bool):
        return value if isinstance(value, str) and _PLACEHOLDER.fullmatch(value) else REDACTED
    return redact_text(value) if isinstance(value, str) else value


def _mapping(value: Mapping[Any, Any], *, all_below: bool, secret: bool) -> dict[Any, Any]:
    kind = value.get("kind")
    secret = secret or kind == "Secret" or bool(_SECRET_TYPES.fullmatch(str(value.get("type", ""))))
    variable = is_credential(str(value.get("name", "")))  # of a container's environment: {name: ..., value: ...}
    copy: dict[Any, Any] = {}
    for key, item in value.items():
        if key == LAST_APPLIED:
            copy[key] = REDACTED
        elif secret and key in {"data", "stringData"}:
            copy[key] = dict.fromkeys(item, REDACTED) if isinstance(item, Mapping) else item and REDACTED
        else:
            below = all_below or bool(_ALL_BELOW.search(re.sub("[^a-z]", "", str(key).lower())))
            here = below and not str(key).lower().endswith("file")
            hidden = here or is_credential(str(key)) or (variable and key == "value")
            copy[key] = _copy(item, hidden=hidden, all_below=below, secret=kind == "SecretList" and key == "items")
    return copy


def _list(value: Sequence[Any], *, hidden: bool, all_below: bool, secret: bool) -> list[Any]:
    """A list; its texts may be the words of a command, where what follows a flag is the flag's."""
    copy: list[Any] = []
    said = ""
    for item in value:
        flag = _FLAG.fullmatch(value[len(copy) - 1]) if copy and isinstance(value[len(copy) - 1], str) else None
        if flag is not None and isinstance(item, str) and not is_credential(flag["key"]):
            cleaned = _short_flags(f"{said}{flag[0]} {item}")  # as in ["curl", "-u", "..."]
            copy.append(_copy(cleaned.removeprefix(f"{said}{flag[0]} "), hidden=hidden, all_below=all_below))
        else:
            copy.append(_copy(item, hidden=hidden or flag is not None, all_below=all_below, secret=secret))
        said += f"{item} " if isinstance(item, str) else ""
    return copy


@functools.cache
def _dumper() -> Any:
    """Text of several lines as a block, so that a person can read it."""
    import yaml  # noqa: PLC0415  as in _document

    class Dumper(yaml.CSafeDumper):
        pass

    def string(dumper: yaml.CSafeDumper, text: str) -> yaml.Node:
        return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)

    Dumper.add_representer(str, string)
    return Dumper


def dump(documents: Sequence[Any]) -> str:
    """YAML documents as text, keys in their own order."""
    import yaml  # noqa: PLC0415  as in _document

    return "".join(
        ("---\n" if index else "")
        + yaml.dump(
            document, Dumper=_dumper(), sort_keys=False, allow_unicode=True, width=120, default_flow_style=False
        )
        for index, document in enumerate(documents)
    )
