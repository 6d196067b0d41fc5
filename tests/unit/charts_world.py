"""Charts written for a test, and a Helm made up here that refuses every command it was not told of."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Mapping
from pathlib import Path

_HELM = """#!/bin/sh
echo "$*" >> {folder}/calls
echo "$HELM_CACHE_HOME $HELM_CONFIG_HOME $HELM_DATA_HOME" >> {folder}/homes
case "$1 $2" in
{cases}
*) echo "unexpected: $*" >> {folder}/refused; exit 9 ;;
esac
"""


def chart(folder: Path, name: str = "prometheus", version: str = "25.8.0", *, more: str = "", values: str = "") -> Path:
    """A chart's folder; `more` goes to the end of its Chart.yaml."""
    write(folder, {"Chart.yaml": f"apiVersion: v2\nname: {name}\nversion: {version}\n{more}", "values.yaml": values})
    return folder


def write(folder: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


def packed(folder: Path, target: Path, root: str = "chart") -> Path:
    """A chart's folder as `helm package` writes it."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(target, "w:gz") as tar:
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                tar.add(file, f"{root}/{file.relative_to(folder)}")
    return target


def archive(target: Path, members: Mapping[str, str]) -> Path:
    """An archive with exactly these members."""
    with tarfile.open(target, "w:gz") as tar:
        for name, text in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(text)
            tar.addfile(member, io.BytesIO(text.encode()))
    return target


def helm(folder: Path, cases: Mapping[str, str]) -> Path:
    """A Helm of these cases: a pattern of its first two words, and what it does then."""
    folder.mkdir(exist_ok=True)
    program = folder / "helm"
    text = "\n".join(f"{pattern}) {script} ;;" for pattern, script in cases.items())
    program.write_text(_HELM.format(folder=folder, cases=text))
    program.chmod(0o755)
    return program


def listing(charts: Mapping[str, list[str]]) -> str:
    """A script that answers `helm search repo`."""
    found = [{"name": f"it/{name}", "version": version} for name, there in charts.items() for version in there]
    return f"echo '{json.dumps(found)}'"


def calls(program: Path) -> list[str]:
    """What this Helm was called with; none of it may have been refused."""
    refused = program.with_name("refused")
    assert not refused.exists(), refused.read_text()
    log = program.with_name("calls")
    return log.read_text().splitlines() if log.exists() else []
