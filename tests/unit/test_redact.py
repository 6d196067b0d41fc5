"""Redaction: credentials go, everything else stays to the letter."""

from __future__ import annotations

import base64
import string
import textwrap
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.redact_probes import FORMS, HARMLESS, IN_TEXT, SHAPED, documents, filled, hidden

from promdrill.core import redact as redaction
from promdrill.core.redact import hide, is_credential, redact, redact_lines, redact_text, redact_yaml, without_login

SHOWN = "hunter2-Xy"


def lines(text: str) -> str:
    return textwrap.dedent(text).lstrip("\n")


CREDENTIALS = """
    password adminPassword DB_PASSWORD bearer_token apiKey api-key basic_auth client_secret aws_secret_access_key
    private_key tls.key client-key-data slack_api_url Authorization tokens
"""
OTHERS = """
    secretName password_file bearerTokenFile secretKeyRef expirationSeconds tokenExpirationSeconds username key name
    storage.tsdb.path secretNamespace auth keepalive
"""


@pytest.mark.parametrize("key", CREDENTIALS.split())
def test_keys_of_credentials(key: str) -> None:
    assert is_credential(key)


@pytest.mark.parametrize("key", OTHERS.split())
def test_keys_of_nothing_secret(key: str) -> None:
    assert not is_credential(key)


def test_a_secret_keeps_metadata_and_key_names_only() -> None:
    secret = {
        "kind": "Secret",
        "metadata": {
            "name": "s",
            "labels": {"a": "b"},
            "annotations": {"kubectl.kubernetes.io/last-applied-configuration": f'{{"data": "{SHOWN}"}}'},
        },
        "type": "Opaque",
        "data": {"anything": SHOWN, "user": "YWRtaW4="},
        "stringData": {"other": SHOWN},
    }
    cleaned = redact({"items": [secret]})["items"][0]
    assert SHOWN not in str(cleaned)
    assert cleaned["data"] == {"anything": "REDACTED", "user": "REDACTED"}
    assert cleaned["stringData"] == {"other": "REDACTED"}
    assert (cleaned["type"], cleaned["metadata"]["labels"]) == ("Opaque", {"a": "b"})


@pytest.mark.parametrize(
    "value",
    [
        {"password": SHOWN},
        {"remote_write": [{"basic_auth": {"username": "u", "password": SHOWN}}]},
        {"basic_auth_users": {"admin": SHOWN}},
        {"tokens": [SHOWN]},
        {"env": [{"name": "DB_PASSWORD", "value": SHOWN}]},
        {"args": ["--password", SHOWN]},
        {"args": [f"--web.api-token={SHOWN}"]},
        {"data": {"prometheus.yml": f"a: 1\nbasic_auth:\n  password: {SHOWN}\n"}},
        {"data": {"key.pem": f"-----BEGIN RSA PRIVATE KEY-----\n{SHOWN}\n-----END RSA PRIVATE KEY-----\n"}},
        {"data": {"notes.tpl": f"{{{{ if .x }}}}\npassword: {SHOWN} and more\n"}},
        {"url": f"https://user:{SHOWN}@example.org/x"},
        {"header": f"Bearer {SHOWN}"},
        {"annotation": f'{{"password":"{SHOWN}"}}'},
        {"labels": {"__param_token": SHOWN}, "scrapeUrl": f"http://x/metrics?token={SHOWN}"},
    ],
)
def test_credentials_go_wherever_they_are(value: Any) -> None:
    before = str(value)
    assert SHOWN not in str(redact(value))
    assert str(value) == before, "the original is left alone"


@pytest.mark.parametrize(
    "value",
    [
        {"volumes": [{"name": "v", "secret": {"secretName": "s", "optional": False}}]},
        {"sources": [{"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}}]},
        {"automountServiceAccountToken": True, "password": "", "token": None},
        {"env": [{"name": "DB_PASSWORD", "valueFrom": {"secretKeyRef": {"name": "s", "key": "password"}}}]},
        {"basic_auth": {"password_file": "/etc/p"}, "bearer_token_file": "/var/run/secrets/token"},
        {"basicAuthPlaceholder": "<secret>"},
        {"args": ["--storage.tsdb.path=/data", "--web.enable-lifecycle"], "n": 1.5, "yes": True},
        {"message": 'MountVolume.SetUp failed for volume "my-secret" : secret "my-secret" not found'},
        {"text": "a: 1   # a comment\nb:    2\n"},
    ],
)
def test_what_is_no_credential_stays(value: Any) -> None:
    assert redact(value) == value


def test_yaml_documents_without_credentials_stay_to_the_letter() -> None:
    text = lines(
        f"""
        ---
        # Source: a comment
        kind: ConfigMap
        data:   {{a: b}}
        ---
        # Source: the secret
        kind: Secret
        metadata: {{name: s}}
        stringData: {{x: {SHOWN}}}
        ---
        server:
          # kept
          name: x
        """
    )
    cleaned = redact_yaml(text)
    assert SHOWN not in cleaned
    first, _, last = text.split("---\n", 1)[1].split("---\n")
    assert first in cleaned
    assert last in cleaned
    assert [d["kind"] for d in yaml.safe_load_all(cleaned) if d and "kind" in d] == ["ConfigMap", "Secret"]


@pytest.mark.parametrize("text", ["a: b: c\n", "only words\n", "x: 2024-02-31\n"])
def test_what_is_not_yaml_cannot_be_redacted_as_such(text: str) -> None:
    with pytest.raises(ValueError, match="cannot be redacted"):
        redact_yaml(text)


def test_long_texts_stay_readable() -> None:
    cleaned = redact_text(f"password: {SHOWN}\nscript: |\n  one\n  two\n")
    assert cleaned == "password: REDACTED\nscript: |\n  one\n  two\n"


def test_described_environment_is_redacted_to_the_end_of_the_line() -> None:
    described = lines(
        """
            Environment:
              DB_PASSWORD:  correct horse battery
              API_TOKEN:    <set to the key 'token' in secret 's'>  Optional: false
              NAME:         value
            Args:
              --admin-password=abc
        Volumes:
          my-secret:
            Type:        Secret (a volume populated by a Secret)
            SecretName:  s
        """
    )
    assert redact_lines(described) == described.replace("correct horse battery", "REDACTED").replace(
        "password=abc", "password=REDACTED"
    )


def test_a_log_line_is_kept_but_for_what_is_assigned() -> None:
    line = 'ts=1 level=error err="parse error: unexpected token: foo" url=http://a:b@c/ token="x y" password=abc'
    assert redact_lines(line) == (
        'ts=1 level=error err="parse error: unexpected token: foo" url=http://REDACTED@c/ token="REDACTED"'
        " password=REDACTED"
    )


@pytest.mark.parametrize("word", ["a", "a.b-", "\\", "eyJ", "$2y ", "x: ", "-u ", " ", "data:\n", "<a "])
def test_a_long_text_without_an_end_is_read_once(word: str) -> None:
    """A pattern that began anew at each character would take hours."""
    text = f"x\n{word * 100_000}"
    assert redact_text(text) == text


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_a_credential_goes_in_every_form_in_which_one_is_written(form: str) -> None:
    left = redact_text(filled(form, SHOWN))
    assert not [value for value in hidden(form, SHOWN) if value in left], left
    assert "REDACTED" in left


@pytest.mark.parametrize("text", HARMLESS)
def test_what_has_no_credential_stays_to_the_letter(text: str) -> None:
    assert redact_text(text) == text
    assert redact_text(f"before\n{text}\nafter") == f"before\n{text}\nafter"


@pytest.mark.parametrize("place", IN_TEXT)
@pytest.mark.parametrize("secret", SHAPED)
def test_a_credential_goes_by_its_form_wherever_it_stands(secret: str, place: str) -> None:
    assert secret not in redact_text(place.format(secret))


@pytest.mark.parametrize("number", range(len(documents(SHOWN))))
def test_a_secret_as_kubectl_prints_it_goes_whole_or_cut_off(number: int) -> None:
    text, data = documents(SHOWN)[number], base64.b64encode(SHOWN.encode()).decode()
    for shown in (text, f"$ kubectl get secret\n{text}", f"{text}{text[: text.index(data) + len(data)]}"):
        assert data not in redact_text(shown)


_SECRETS = st.text(string.ascii_letters + string.digits + "-._~+", min_size=8, max_size=40).filter(
    lambda text: text[0].isalnum() and text.lower()[:4] not in {"auth", "toke", "sche", "real"}
)


@given(form=st.sampled_from(sorted(FORMS.values())), secret=_SECRETS)
def test_no_secret_survives_in_any_form(form: str, secret: str) -> None:
    left = redact_text(filled(form, f"Zq{secret}"))
    assert not [value for value in hidden(form, f"Zq{secret}") if value in left], left


@given(text=st.text())
def test_any_text_can_be_redacted_and_then_stays_as_it_is(text: str) -> None:
    once = redact_text(text)
    assert redact_text(once) == once


def test_aliases_that_would_make_a_text_endless_are_not_followed() -> None:
    bomb = "a: &a [x, x]\n" + "".join(
        f"{name}: &{name} [*{before}, *{before}, *{before}, *{before}, *{before}, *{before}, *{before}]\n"
        for before, name in zip("abcdefghijklmnop", "bcdefghijklmnopq", strict=True)
    )
    assert redact_text(f"{bomb}password: {SHOWN}\n") == f"{bomb}password: REDACTED\n"


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        (f"https://u:{SHOWN}@host:5000/x", "https://host:5000/x"),
        (f"https://{SHOWN}@host", "https://host"),
        (f"oci://u:{SHOWN}@host/charts/x:1.0", "oci://host/charts/x:1.0"),
        (f"u:{SHOWN}@mirror:5000", "mirror:5000"),
        (f"https://u:p@{SHOWN}@host/x", "https://host/x"),
        ("https://host/a@b", "https://host/a@b"),
        ("prometheus-community/prometheus", "prometheus-community/prometheus"),
        ("/home/me/chart@2", "/home/me/chart@2"),
        ("", ""),
    ],
)
def test_an_address_is_shown_without_its_login(address: str, shown: str) -> None:
    assert without_login(address) == shown


def test_the_line_of_a_file_whose_name_says_secret_stays() -> None:
    for said in ("my-secrets.yaml:12", "VALUES=/x/db-passwords.yml:12:3: not YAML: why", "where: app-secret.json:7"):
        assert redact_lines(said) == said
    assert redact_lines("db-password: 123456") == "db-password: REDACTED"


def test_what_is_hidden_later_is_hidden_in_texts_that_were_seen_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redaction, "_KNOWN", {})
    text = "the word is Xylophone-7, as it was before"
    assert redact_lines(text) == text
    hide("Xylophone-7")
    assert redact_lines(text) == f"the word is {redaction.REDACTED}, as it was before"
    redaction._redacted.cache_clear()


def test_only_short_texts_are_remembered() -> None:
    redaction._redacted.cache_clear()
    redact_lines("x" * redaction._REMEMBERED_CHARS)
    assert redaction._redacted.cache_info().currsize == 1
    redact_lines("x" * (redaction._REMEMBERED_CHARS + 1))
    assert redaction._redacted.cache_info().currsize == 1
