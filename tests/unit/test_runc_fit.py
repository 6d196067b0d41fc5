"""The runtime shim: what it takes away, what it leaves, and that it becomes runc."""

import json
import os
import subprocess  # noqa: TID251  the shim is a program of its own, tried as one
import sys
from pathlib import Path
from typing import Any

import pytest

from promdrill.artefacts import runc_fit
from promdrill.supply.engine import dockerd

ALL = frozenset(runc_fit.CAPABILITIES)


def test_a_bounding_set_is_read_bit_by_bit() -> None:
    status = "Name:\tx\nCapEff:\t0000000000000000\nCapBnd:\t000001fffeffffff\n"
    assert ALL - runc_fit.granted(status) == {"CAP_SYS_RESOURCE"}
    assert runc_fit.granted("CapBnd:\t0000000000000001\n") == {"CAP_CHOWN"}
    with pytest.raises(ValueError, match="CapBnd"):
        runc_fit.granted("CapEff:\t00\n")


@pytest.mark.parametrize(
    ("line", "document"),
    [
        ("--root /r --log /l --log-format json create --bundle /b --pid-file /p id", ("/b/config.json", True)),
        ("--systemd-cgroup run -b /b id", ("/b/config.json", True)),
        ("create --bundle=/b id", ("/b/config.json", True)),
        ("create id", ("./config.json", True)),
        ("--root=/r exec --process /p.json --detach id", ("/p.json", False)),
        ("exec -p /p.json id", ("/p.json", False)),
        ("exec id sh", None),
        ("--root create delete id", None),
        ("state create", None),
        ("--version", None),
        ("", None),
    ],
)
def test_only_commands_that_start_a_process_are_touched(line: str, document: tuple[str, bool] | None) -> None:
    assert runc_fit.document_of(line.split()) == document


def test_every_set_is_trimmed_and_unknown_names_stay() -> None:
    process: dict[str, Any] = {
        "capabilities": {"bounding": ["CAP_CHOWN", "CAP_SYS_RESOURCE"], "ambient": None, "permitted": ["CAP_FUTURE"]}
    }
    assert runc_fit.trim(process, ALL - {"CAP_SYS_RESOURCE"})
    assert process["capabilities"] == {"bounding": ["CAP_CHOWN"], "ambient": [], "permitted": ["CAP_FUTURE"]}
    assert not runc_fit.trim({"capabilities": {"bounding": ["CAP_CHOWN"]}}, ALL)
    assert not runc_fit.trim({"args": ["sh"]}, frozenset())
    assert not runc_fit.trim({"capabilities": None}, frozenset())


def test_a_file_in_which_nothing_is_taken_is_not_written(tmp_path: Path) -> None:
    file = tmp_path / "config.json"
    file.write_text('{"process":   {"capabilities": {"bounding": ["CAP_CHOWN"]}}}')
    before = file.read_text()
    runc_fit.fit(str(file), whole=True, allowed=ALL)
    assert file.read_text() == before
    runc_fit.fit(str(file), whole=True, allowed=frozenset())
    assert json.loads(file.read_text()) == {"process": {"capabilities": {"bounding": []}}}


def test_runc_is_looked_for_on_the_path_first(tmp_path: Path) -> None:
    fake = tmp_path / "runc"
    fake.write_text("#!/bin/sh\n")
    fake.chmod(0o755)
    assert runc_fit.runc(f"/nowhere:{tmp_path}") == str(fake)


def test_the_installed_shim_trims_and_becomes_runc(tmp_path: Path) -> None:
    shim = dockerd.install_shim(tmp_path)
    (tmp_path / "runc").write_text('#!/bin/sh\necho "$@"\nexit 7\n')
    (tmp_path / "runc").chmod(0o755)
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"process": {"capabilities": {"bounding": [*runc_fit.CAPABILITIES, "CAP_FUTURE"]}}}))
    argv: list[str | Path] = [shim, "--log", "/l", "create", "--bundle", tmp_path, "id"]
    done = subprocess.run(argv, env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False, timeout=20)
    assert (done.returncode, done.stdout.split()) == (7, ["--log", "/l", "create", "--bundle", str(tmp_path), "id"])
    kept = json.loads(config.read_text())["process"]["capabilities"]["bounding"]
    assert set(kept) == runc_fit.granted(Path("/proc/self/status").read_text()) | {"CAP_FUTURE"}


def test_the_shim_needs_the_standard_library_alone() -> None:
    code = (
        "import sys, runpy\n"
        "runpy.run_path(sys.argv[1], run_name='shim')\n"
        "print(*sorted(m for m in sys.modules if m.startswith(('promdrill', 'json', 'pathlib'))))"
    )
    argv = [sys.executable, "-IS", "-c", code, runc_fit.__file__]
    done = subprocess.run(argv, capture_output=True, text=True, check=True, env=dict(os.environ), timeout=20)
    assert done.stdout.split() == [m for m in done.stdout.split() if m == "pathlib"]
