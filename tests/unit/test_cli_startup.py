"""What a command imports: only what it needs. Counted in modules, never in seconds."""

from __future__ import annotations

import importlib
import json
import pkgutil
import sys
import tempfile
from typing import Any

import pytest

from promdrill import cli
from promdrill.cli import main
from promdrill.cli.parser import Parser
from promdrill.core import paths, shell

NAMES = [command.name for command in main.COMMANDS]

HEAVY = frozenset(
    {
        *("_pytest", "pytest", "pytest_kind", "pykube", "kubernetes", "requests", "urllib3", "websocket", "rich"),
        *("jinja2", "markdown_it", "prometheus_client", "tenacity", "filelock", "psutil"),
    }
)
"""Packages that no light command needs."""

OURS = (
    "promdrill.supply",
    "promdrill.drill",
    "promdrill.faults",
    "promdrill.install",
    "promdrill.cluster",
    "promdrill.kube",
)
"""The same of our own."""

LOADED = """
import contextlib, io, json, sys
from promdrill.cli.main import main
with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
    main(sys.argv[1:])
print(json.dumps(list(sys.modules)))
"""


def loaded(*words: str) -> set[str]:
    """The modules that a command has loaded when it ends."""
    with tempfile.TemporaryDirectory() as state:  # the user's own may hold incidents, which `list` looks at
        env = {paths.STATE_VARIABLE: state}
        done = shell.run([sys.executable, "-c", LOADED, *words], timeout_s=60, env=env)
    return set(json.loads(done.stdout))


def heavy(modules: set[str]) -> set[str]:
    return {name for name in modules if name.partition(".")[0] in HEAVY or name.startswith(OURS)}


def commands_of(modules: set[str]) -> set[str]:
    """The modules of commands among them."""
    prefix = "promdrill.cli."
    return {name.removeprefix(prefix) for name in modules if name.startswith(prefix)} & {
        command.module for command in main.COMMANDS
    }


class Recorder:
    """Takes what a command's module adds: name and summary."""

    def __init__(self) -> None:
        self.added: list[tuple[str, str]] = []
        self._commands: Any = Parser(prog="promdrill").add_subparsers(parser_class=Parser)

    def add_parser(self, name: str, **options: Any) -> Parser:
        self.added.append((name, options["help"]))
        parser: Parser = self._commands.add_parser(name, **options)
        return parser


@pytest.mark.parametrize("command", main.COMMANDS, ids=NAMES)
def test_the_table_says_what_the_module_says(command: main.Command) -> None:
    recorder = Recorder()
    importlib.import_module(f"promdrill.cli.{command.module}").add(recorder)
    assert recorder.added == [(command.name, command.summary)]


def test_every_command_is_in_the_table() -> None:
    modules = [importlib.import_module(f"promdrill.cli.{found.name}") for found in pkgutil.iter_modules(cli.__path__)]
    having = {module.__name__.rpartition(".")[2] for module in modules if hasattr(module, "add")}
    assert having == {command.module for command in main.COMMANDS}
    assert len(NAMES) == len(set(NAMES))


def test_help_imports_no_command() -> None:
    modules = loaded("--help")
    assert not heavy(modules)
    assert not commands_of(modules)


def test_help_of_a_command_imports_no_other() -> None:
    assert commands_of(loaded("runbook", "check", "--help")) == {"run", "runbook"}, "its `try` has the options of run"
    assert commands_of(loaded("compare", "--help")) == {"compare"}


def test_list_is_light() -> None:
    modules = loaded("list")
    assert not heavy(modules)
    assert "promdrill.results.junit" not in modules, "results are read, not written"
    assert commands_of(modules) == {"listing"}


def test_the_kubernetes_package_is_loaded_by_the_first_connection_only() -> None:
    code = "import promdrill.kube.client, promdrill.request.fulfil, sys; sys.exit('kubernetes' in sys.modules)"
    shell.run([sys.executable, "-c", code], timeout_s=60)


def test_list_starts_no_process(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(shell, "spawn", lambda *_, **__: pytest.fail("a process was started"))
    assert main.main(["list"]) == 0
    assert "disk-full" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("typed", "meant"), [("lst", "list"), ("reprodcue", "reproduce"), ("cleancache", "clean-cache")]
)
def test_a_misspelt_command_has_a_nearest_one(typed: str, meant: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main([typed, "--help"]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"promdrill: {typed}: no such command; the commands are run, watch, ")
    assert said.endswith(f"Hint: promdrill {meant}\n")


def test_help_names_every_command_with_its_summary(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main.main(["--help"])
    assert caught.value.code == 0
    said = " ".join(capsys.readouterr().out.split())
    assert all(f" {command.name} {command.summary} " in said for command in main.COMMANDS)


def test_errors_of_a_command_name_it(capsys: pytest.CaptureFixture[str]) -> None:
    for words, program in ((["list", "--jsn"], "promdrill list"), (["runbook", "check"], "promdrill runbook check")):
        with pytest.raises(SystemExit) as caught:
            main.main(words)
        assert caught.value.code == 2
        assert capsys.readouterr().err.endswith(f"Hint: {program} --help\n")


def test_no_command_at_all(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main.main([])
    assert caught.value.code == 2
    assert "COMMAND" in capsys.readouterr().err
