"""Charts with removed API versions: which they are, and the helm that they get."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest
import yaml

from promdrill.core import shell
from promdrill.core.errors import CommandFailed, UsageError
from promdrill.helm.chart import ChartRef
from promdrill.helm.post_renderer.rewrite import SAID_VARIABLE
from promdrill.helm.post_renderer.wrapper import NAME, wrapped
from promdrill.install import legacy

FIXTURE = Path(__file__).parents[1] / "charts/legacy"

OLD = "apiVersion: policy/v1beta1\nkind: PodDisruptionBudget\nmetadata:\n  name: x\n"
CRD = "apiVersion: apiextensions.k8s.io/v1beta1\nkind: CustomResourceDefinition\nmetadata:\n  name: x\n"

# Keeps what the post-renderer says to itself, as Helm does: what it was typed, then what the post-renderer made of $IN.
HELM = r"""#!/bin/sh
if [ "$1" = version ]; then echo VERSION; exit; fi
printf '%s\n' "$@" >"$TYPED"
while [ $# -gt 1 ]; do shift; [ "$1" = --post-renderer ] && renderer=$2; done
[ -n "$renderer" ] || exit 0
case $renderer in
  /*) program=$renderer ;;
  *) [ "${HELM_PLUGINS#*:}" = /of/others ] && program=${HELM_PLUGINS%%:*}/$renderer/rewrite ;;
esac
"$program" <"$IN" 2>/dev/null || exit 3
"""


class World:
    """A helm of some version, wrapped; `type` types a command and gives what came of it."""

    def __init__(self, folder: Path, version: str) -> None:
        self.folder, self.plugin = folder, folder / "a folder $HOME" / "plugins" / NAME
        helm = folder / "helm it's"
        helm.write_text(HELM.replace("VERSION", version), encoding="utf-8")
        helm.chmod(0o755)
        self.helm = wrapped(helm, folder / "a folder $HOME")

    def run(self, *words: str, manifests: str = OLD, ok: int = 0) -> shell.Completed:
        (self.folder / "in").write_text(manifests, encoding="utf-8")
        env = {"IN": str(self.folder / "in"), "TYPED": str(self.folder / "typed"), "HELM_PLUGINS": "/of/others"}
        return shell.run([self.helm, *words], timeout_s=30, env=env, ok=(ok,))

    @property
    def typed(self) -> list[str]:
        return (self.folder / "typed").read_text(encoding="utf-8").splitlines()


def chart(name: str, version: str) -> ChartRef:
    return ChartRef(Path("chart"), name, version, "2.9.2")


@pytest.mark.parametrize(
    ("name", "version", "old"),
    [
        ("prometheus", "8.11.4", True),
        ("prometheus", "v8.11.4-of-ours+1", True),
        ("prometheus", "10.6.0", True),
        ("prometheus", "11.0.0", False),
        ("prometheus", "25.8.0", False),
        ("prometheus", "newest", False),
        ("kube-prometheus-stack", "8.11.4", False),
    ],
)
def test_the_table_says_which_charts_need_it(name: str, version: str, old: bool) -> None:
    assert (legacy.row_of(chart(name, version)) is not None) is old
    assert bool(legacy.remarks(chart(name, version))) is old


def test_other_charts_keep_their_helm_and_nothing_is_written(tmp_path: Path) -> None:
    assert legacy.helm_for(chart("prometheus", "25.8.0"), Path("/no/helm"), tmp_path) == Path("/no/helm")
    assert not list(tmp_path.iterdir())


def test_the_fixture_is_a_chart_that_needs_it(tmp_path: Path) -> None:
    metadata = yaml.safe_load((FIXTURE / "Chart.yaml").read_text(encoding="utf-8"))
    ref = chart(str(metadata["name"]), str(metadata["version"]))
    assert "prometheus 8.11.4 renders extensions/v1beta1" in legacy.remarks(ref)[0]
    with pytest.raises(CommandFailed, match="cannot start"):
        legacy.helm_for(ref, tmp_path / "nowhere", tmp_path)


@pytest.mark.parametrize("version", ["v3.19.5", "v4.3.1"])
@pytest.mark.parametrize(
    "words",
    [
        ["upgrade", "prometheus", "./chart"],
        ["install", "x y", "./chart", "--values", "a b.yaml"],
        ["template", "x", "./chart"],
        ["--namespace", "upgrade", "--debug", "template", "x"],
        ["-n", "install", "--kube-context=list", "-nlist", "upgrade", "x"],
    ],
)
def test_commands_that_render_a_chart_get_it(tmp_path: Path, version: str, words: list[str]) -> None:
    world = World(tmp_path, version)
    renderer = NAME if version.startswith("v4") else str(world.plugin / "rewrite")
    ended = world.run(*words)
    assert world.typed == [*words, "--post-renderer", renderer]
    assert ended.stdout == OLD.replace("v1beta1", "v1")
    assert ended.stderr == "promdrill: PodDisruptionBudget x: policy/v1beta1 becomes policy/v1\n"
    assert not list(world.helm.parent.glob("said*")), "nothing is left behind"


@pytest.mark.parametrize(
    "words",
    [
        ["list", "upgrade"],
        ["uninstall", "install"],
        ["--namespace", "install", "rollback", "template"],
        ["get", "manifest", "template"],
        ["diff", "upgrade", "x"],
        ["--help"],
        [],
    ],
)
def test_other_commands_are_as_they_were_typed(tmp_path: Path, words: list[str]) -> None:
    world = World(tmp_path, "v4.3.1")
    assert (world.run(*words).stdout, world.typed) == ("", words or [""])


@pytest.mark.parametrize("version", ["v3.19.5", "v4.3.1"])
def test_a_refusal_is_said_although_helm_keeps_it_to_itself(tmp_path: Path, version: str) -> None:
    ended = World(tmp_path, version).run("upgrade", "x", manifests=f"{CRD}---\n{OLD}", ok=3)
    assert ended.stdout == ""
    assert ended.stderr.count("\n") == 1
    assert (
        "promdrill: CustomResourceDefinition x: apiextensions.k8s.io/v1beta1 was removed in Kubernetes 1.22"
        in ended.stderr
    )


def test_the_plugin_is_what_helm_4_asks_for(tmp_path: Path) -> None:
    world = World(tmp_path, "v4.3.1")
    described = json.loads((world.plugin / "plugin.yaml").read_text(encoding="utf-8"))
    # Helm refuses fields that it does not know (internal/plugin/metadata_v1.go).
    assert set(described) == {"apiVersion", "name", "version", "type", "runtime", "runtimeConfig"}
    assert (described["name"], described["type"], described["apiVersion"]) == (NAME, "postrenderer/v1", "v1")
    assert os.access(world.plugin / "rewrite", os.X_OK)
    assert SAID_VARIABLE in world.helm.read_text(encoding="utf-8")


@pytest.mark.parametrize("said", ["v2.17.0", "", "helm"])
def test_another_helm_is_refused(tmp_path: Path, said: str) -> None:
    with pytest.raises(UsageError, match="works with Helm 3 and 4"):
        World(tmp_path, said)


def test_a_chart_is_old_by_what_it_follows(tmp_path: Path) -> None:
    ours = ChartRef(tmp_path, "prometheus", "0.1.0", "2.48.0", ("prometheus", "25.8.0"))
    assert legacy.row_of(ours) is None
    assert legacy.row_of(ChartRef(tmp_path, "mine", "1.0.0", "2.9.2", ("prometheus", "8.11.4"))) is not None


def test_helm_4_takes_the_plugins_version(tmp_path: Path) -> None:
    """It warns of one that is no semantic version, ignores the plugin, and refuses the post-renderer by its name."""
    described = json.loads((World(tmp_path, "v4.3.1").plugin / "plugin.yaml").read_text(encoding="utf-8"))
    assert re.fullmatch(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)", described["version"])
