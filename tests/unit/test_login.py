"""The file of LOGIN, and what a runbook's steps do with the login."""

from __future__ import annotations

import re
import ssl
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from tests.unit.api_server import PEM

from promdrill.core import login, paths, redact
from promdrill.core.errors import UsageError
from promdrill.core.login import Login
from promdrill.core.model import Variant
from promdrill.drill import own_names
from promdrill.helm.compatibility import stack
from promdrill.observe.judges import status_words
from promdrill.observe.probes import ProbeAnswer
from promdrill.observe.server import Server
from promdrill.observe.snapshot import EPOCH
from promdrill.plugin.session import DrillSession
from promdrill.request import planning
from promdrill.request.request import make
from promdrill.request.scenarios import ScenarioFolder, applies, asks_plainly, find_all, traits
from promdrill.request.settings import Settings
from promdrill.runbook import unset
from promdrill.runbook.load import strictly
from promdrill.runbook.published import scan

USUAL = Server("n", "r", "f")
ADDRESS, GIVEN = "http://localhost:9090", "http://$PROMETHEUS_LOGIN@localhost:9090"
RUNBOOKS = sorted(paths.scenarios_dir().glob("*/runbook*.md"))
STEP = re.compile(r"(?ms)^ *```sh\b[^\n]*\n(.*?)^ *```")


@pytest.fixture(autouse=True)
def forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is registered during a test is not registered after it."""
    monkeypatch.setattr(redact, "_KNOWN", {})


@pytest.mark.parametrize("text", ["drill:a:b c", "drill:a:b c\n", "drill:a:b c\r\n", "\ufeffdrill:a:b c\n"])
def test_the_only_line_is_the_login(tmp_path: Path, text: str) -> None:
    (tmp_path / "f").write_bytes(text.encode())
    assert login.read(tmp_path / "f") == Login("drill", "a:b c")


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize("line", ["ca = {}", "ca={}", "ca =  {}  "])
def test_whom_to_trust_is_another_line_or_the_only_one(tmp_path: Path, line: str, order: int) -> None:
    """A file beside it, or anywhere."""
    pem = PEM.read_text()[PEM.read_text().index("-----BEGIN C") :].partition("-----BEGIN PRIVATE")[0].strip()
    (tmp_path / "my ca.crt").write_text(f"A Kröpke's\n{PEM.read_text()}")
    lines = [line.format("my ca.crt"), "drill:a=b"]
    (tmp_path / "f").write_text("\n".join(lines[::order]))
    assert login.read(tmp_path / "f") == Login("drill", "a=b", pem)
    (tmp_path / "f").write_text(f"{line.format(PEM)}\n")
    found = login.read(tmp_path / "f")
    assert (found, found.variables) == (Login(authority=pem), {})
    assert found.tls is not None
    assert found.tls.verify_mode is ssl.CERT_REQUIRED


def test_without_an_authority_nothing_speaks_tls() -> None:
    assert Login("a", "b").tls is None


WRONG_CA = {
    "ca = none.crt": r":1: ca: .*none\.crt",
    "drill:hunter2\nca = text": r":2: ca: .*text has no certificate in PEM",
    "ca = empty": r":1: ca: .*empty has no certificate in PEM",
    "ca = strange": r":1: ca: .*strange has no certificate in PEM",
    "ca = ok\nca = ok": ":2: a second ca",
    "ca = ok\n\n": ":2: empty",
    "ca = broken": r":1: ca: .*broken has no certificate in PEM",
    "ca =": ":1: no colon between user and password",
}


@pytest.mark.parametrize("text", WRONG_CA)
def test_an_authority_that_is_none(tmp_path: Path, text: str) -> None:
    broken = "-----BEGIN CERTIFICATE-----\nhunter2=\n-----END CERTIFICATE-----\n"
    files = {"text": "hunter2", "empty": "\n", "strange": "é", "ok": PEM.read_text(), "broken": broken}
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    (tmp_path / "login.txt").write_text(text)
    with pytest.raises(UsageError, match=WRONG_CA[text]) as caught:
        login.read(tmp_path / "login.txt")
    assert "hunter2" not in f"{caught.value.message}{caught.value.hint}"


def test_it_is_sent_in_base64_and_stands_in_addresses_percent_encoded() -> None:
    found = Login("drill", "å/@:p")
    assert found.header == "Basic ZHJpbGw6w6UvQDpw"
    assert found.in_address == "drill:%C3%A5%2F%40%3Ap"
    assert "å" not in repr(found)


WRONG = {
    b"": ":1: empty",
    b"\n": ":1: empty",
    b"hunter2": ":1: no colon between user and password",
    b":hunter2": ":1: no user",
    b"drill:": ":1: no password",
    b"drill:hunter2\nother:x\n": ":2: a second line",
    b"drill:hunter2\n\n": ":2: a second line",
    b"drill:hunt\ter2": r":1:11: '\t', a character that does not show",
    b"drill:hunter2\x1b": r":1:14: '\x1b', a character that does not show",
    b"drill:hunter2\rx": r":1:14: '\r', a character that does not show",
    b"drill:\xff": ":1:7: not UTF-8",
    b"drill:hunter2\x00": ":1:14: a NUL character",
    b"x" * 5000: "it is larger than 4 KiB",
}


@pytest.mark.parametrize("content", WRONG)
def test_anything_else_is_one_error_that_does_not_repeat_it(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "login.txt"
    file.write_bytes(content)
    with pytest.raises(UsageError) as caught:
        make({"LOGIN": str(file)})
    assert WRONG[content] in caught.value.message
    assert str(file) in caught.value.message
    assert "hunter" not in f"{caught.value.message}{caught.value.hint}".lower()
    assert caught.value.hint


def test_a_file_that_there_is_not_and_a_folder(tmp_path: Path) -> None:
    (tmp_path / "login.txt").write_text("a:b")
    with pytest.raises(UsageError, match=r"LOGIN=.*/logn\.txt: no such file") as caught:
        make({"LOGIN": "logn.txt"}, folder=tmp_path)
    assert caught.value.hint == f"LOGIN={tmp_path}/login.txt"
    with pytest.raises(UsageError, match="it is a folder, not a file"):
        make({"LOGIN": str(tmp_path)})


def test_the_settings_have_the_files_name_whole_and_nothing_of_what_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "login.txt").write_text("drill:hunter2")
    monkeypatch.chdir(tmp_path)
    request = make({"LOGIN": "login.txt"})
    assert request.changed() == {"LOGIN": f"{tmp_path}/login.txt"}
    assert "hunter2" not in request.write(tmp_path / "request.json").read_text()


def words(status: int, text: str) -> str:
    return status_words(ProbeAnswer(0, 1, EPOCH, status, text))


def test_a_condition_says_that_a_login_is_asked_for_and_how_to_give_it() -> None:
    assert words(401, "Unauthorized\n") == (
        "HTTP 401 Unauthorized; it asks for a login, and LOGIN=FILE names none, or a wrong one"
    )
    own = '{"kind": "Status", "apiVersion": "v1", "message": "Unauthorized", "code": 401}'
    assert words(401, own) == "HTTP 401 Unauthorized", "of promdrill's own credentials"
    assert "LOGIN" not in words(403, "Forbidden")


def given(text: str, server: Server = USUAL) -> str:
    return own_names.with_login(f"{ADDRESS}\n\n   ```sh timeout=3\n{text}\n   ```\n", server).split("\n")[3]


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        (f"wget {ADDRESS}/metrics | grep x", f"wget {GIVEN}/metrics | grep x"),
        (f'wget "{ADDRESS}/?a"; wget {ADDRESS}', f'wget "{GIVEN}/?a"; wget {GIVEN}'),
        (f"sh -c 'wget {ADDRESS}'", f"sh -c 'wget {ADDRESS}'"),
        (f"promtool query {ADDRESS} 'up' {ADDRESS}", f"promtool query {GIVEN} 'up' {GIVEN}"),
        (f"wget {ADDRESS}1 https://localhost:9090", f"wget {ADDRESS}1 https://localhost:9090"),
    ],
)
def test_an_address_has_the_login_where_a_shell_puts_it(line: str, wanted: str) -> None:
    assert given(line) == wanted


def test_only_steps_are_changed_and_only_the_servers_own_address() -> None:
    text = f"{ADDRESS}\n```console\n{ADDRESS}\n```\n```yaml\n{ADDRESS}\n```\n"
    assert own_names.with_login(text, USUAL) == text
    server = Server("n", "r", "f", pod_port=99, prefix="/p")
    assert given(f"wget http://localhost:99/p/x {ADDRESS}", server) == (
        f"wget http://$PROMETHEUS_LOGIN@localhost:99/p/x {ADDRESS}"
    )


@pytest.mark.parametrize("file", RUNBOOKS, ids=lambda file: f"{file.parent.name}/{file.name}")
def test_every_address_of_a_shipped_runbook_gets_the_login_where_a_shell_puts_it(file: Path, tmp_path: Path) -> None:
    text = file.read_text()
    changed = own_names.with_login(text, USUAL)
    assert changed.count(GIVEN) == text.count(ADDRESS)
    assert changed.replace(GIVEN, ADDRESS) == text
    for step in STEP.findall(changed):
        quotes = list(scan.quoting(step))
        assert {quotes[found.start()] for found in re.finditer(re.escape(GIVEN), step)} <= {"", '"'}
    (tmp_path / "values.yaml").write_text("")
    copy = tmp_path / file.name
    copy.write_text(changed)
    unset.check(strictly(copy))


def test_what_cannot_give_a_login_is_named_where_people_look() -> None:
    """The API server's proxy removes it; the Prometheus of a scenario with another install is promdrill's own."""
    guide = (paths.project_dir() / "docs/how-to/your-own-chart-and-values.md").read_text()
    (said,) = re.findall(r"(?ms)^Not with a login: (.*?), whose runbook", guide)
    shipped = [ScenarioFolder(file.parent.name, file.parent) for file in RUNBOOKS if file.name == "runbook.md"]
    by_chart = [each for each in shipped if not traits(each.test).install]
    found = [each.id for each in by_chart if re.search(r":9090/proxy/", each.runbook.read_text())]
    assert re.findall(r"`([a-z-]+)`", said) == found
    assert found


@pytest.mark.parametrize("chart", ["prometheus", "kube-prometheus-stack"])
def test_scenarios_whose_runbooks_ask_without_tls_are_skipped_and_all_others_named(chart: str) -> None:
    guide = (paths.project_dir() / "docs/how-to/your-own-chart-and-values.md").read_text()
    (said,) = re.findall(rf"(?ms)^- on {chart}: (.*?)[;.]$", guide)
    version = "57.1.0" if chart == stack.CHART else "25.8.0"
    found = []
    for each in find_all():
        if not traits(each.test).install and applies(each.folder, chart, version, "2.51.0") is None:
            why = asks_plainly(each.test, chart)
            assert why == asks_plainly(each.folder, chart)
            assert why in {None, "LOGIN has a ca: its runbook asks Prometheus without TLS"}
            found += [each.id] if why is None else []
        elif traits(each.test).install:
            assert asks_plainly(each.test, chart) is None, "its Prometheus is promdrill's own"
    assert re.findall(r"`([a-z-]+)`", said) == found
    assert found


@pytest.mark.parametrize(
    ("text", "runbook", "skipped"),
    [("ca = ca.crt", None, True), ("a:b", None, False), ("a:b\nca = ca.crt", Path("mine.md"), False)],
    ids=["TLS", "no TLS", "the user's own runbook"],
)
def test_they_are_skipped_where_a_login_has_an_authority(
    tmp_path: Path, text: str, runbook: Path | None, *, skipped: bool
) -> None:
    (tmp_path / "ca.crt").write_text(PEM.read_text())
    (tmp_path / "login.txt").write_text(text)
    settings = Settings(login=tmp_path / "login.txt", runbook=runbook)
    scenario = paths.scenarios_dir() / "target-typo"
    why = planning._skipped(scenario, ("prometheus", "25.8.0"), settings)
    session = object.__new__(DrillSession)
    session.request = cast(Any, SimpleNamespace(settings=settings))
    test = ScenarioFolder("target-typo", scenario).test
    item: Any = SimpleNamespace(path=test, callspec=SimpleNamespace(params={"drill": Variant()}))
    assert session._skip_reason(item, cast(Any, SimpleNamespace(chart=paths.own_chart(), app_version="2.48.0"))) == why
    assert (why is not None) == skipped


def test_some_runbooks_ask_prometheus_itself() -> None:
    assert sum(ADDRESS in file.read_text() for file in RUNBOOKS) > 15
