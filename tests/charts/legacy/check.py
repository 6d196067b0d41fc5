"""Checks of the legacy fixture that need Helm: through the post-renderer no removed API version is left.

    .venv/bin/python tests/charts/legacy/check.py HELM...

Each HELM is the path of a helm binary, 3 or 4; no cluster is asked.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import yaml

from promdrill.core import shell
from promdrill.core.errors import PromdrillError
from promdrill.helm.post_renderer.apis import OLD
from promdrill.helm.post_renderer.wrapper import wrapped

CHART = Path(__file__).resolve().parent
VALUES = {
    "server": {
        "ingress": {"enabled": True},
        "podDisruptionBudget": {"enabled": True},
        "podSecurityPolicy": {"enabled": True},
    }
}
HOOK = """\
apiVersion: batch/v1beta1
kind: CronJob
metadata: {name: hook, annotations: {helm.sh/hook: post-install}}
"""
CRD = "apiVersion: apiextensions.k8s.io/v1beta1\nkind: CustomResourceDefinition\nmetadata: {name: x}\n"


def require(holds: object, what: str) -> None:
    """Raise PromdrillError with `what` unless `holds`."""
    if not holds:
        raise PromdrillError(f"the legacy fixture does not hold: {what}")


def render(helm: Path, chart: Path, folder: Path, *, ok: int = 0) -> shell.Completed:
    """``helm template`` with everything turned on; raises CommandFailed."""
    values = folder / "values.yaml"
    values.write_text(yaml.safe_dump(VALUES), encoding="utf-8")
    env = {f"HELM_{part}_HOME": str(folder / part.lower()) for part in ("CACHE", "CONFIG", "DATA")}
    argv: list[str | Path] = [helm, "template", "prometheus", chart, "--values", values]
    return shell.run(argv, timeout_s=60, env=env, ok=(ok,))


def versions(text: str) -> dict[tuple[str, str], str]:
    """API versions by kind and name."""
    return {(each["kind"], each["metadata"]["name"]): each["apiVersion"] for each in yaml.safe_load_all(text) if each}


def check(helm: Path, folder: Path) -> None:
    """One helm: the fixture, a hook beside it, and a definition that is refused; raises PromdrillError."""
    rewriting = wrapped(helm, folder / "rewriting")
    before = versions(render(helm, CHART, folder).stdout)
    ended = render(rewriting, CHART, folder)
    after = versions(ended.stdout)
    old = {key: version for key, version in before.items() if version in OLD}
    policy = ("PodSecurityPolicy", "prometheus-server")
    require(len(old) == 7, f"seven objects with removed API versions: {old}")
    require(before.keys() - after.keys() == {policy}, f"all but {policy} is there: {list(after)}")
    require(not OLD & set(after.values()), f"no removed API version is left: {after}")
    require(ended.stderr.count("promdrill: ") == len(old), f"each is told once: {ended.stderr}")
    for name, text in (("hook", HOOK), ("crd", CRD)):
        chart = folder / name
        (chart / "templates").mkdir(parents=True)
        (chart / "Chart.yaml").write_text(f"apiVersion: v1\nname: {name}\nversion: 1.0.0\n", encoding="utf-8")
        (chart / "templates/a.yaml").write_text(text, encoding="utf-8")
        (chart / "templates/b.yaml").write_text("apiVersion: v1\nkind: Secret\nmetadata: {name: x}\n", encoding="utf-8")
    hook = versions(render(rewriting, folder / "hook", folder).stdout)["CronJob", "hook"]
    gives_hooks = "HELM_PLUGINS" in rewriting.read_text(encoding="utf-8")  # Helm 4 does, Helm 3 does not
    require(hook == ("batch/v1" if gives_hooks else "batch/v1beta1"), f"a hook of batch/v1beta1 comes out as {hook}")
    said = render(rewriting, folder / "crd", folder, ok=1).stderr
    require("CustomResourceDefinition x: apiextensions.k8s.io/v1beta1 left" in said, f"the refusal is said: {said}")


def main(binaries: list[str]) -> None:
    """Check with every helm; raises PromdrillError on the first that does not hold."""
    if not binaries:
        raise PromdrillError(f"usage: {os.path.relpath(__file__)} HELM...")
    for binary in binaries:
        with tempfile.TemporaryDirectory(prefix="promdrill-legacy-") as folder:
            check(Path(binary), Path(folder))


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except PromdrillError as error:
        sys.exit(str(error))
