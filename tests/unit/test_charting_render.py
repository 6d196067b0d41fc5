"""Helm's rendering, and what it says against values: real texts of Helm 3 and 4."""

from pathlib import Path

import pytest
from tests.unit.fake_shell import install

from promdrill.core.errors import CommandFailed, CommandTimeout, UsageError
from promdrill.helm.command import Helm, essential
from promdrill.helm.values.render import Renderer
from promdrill.helm.values.user import Own

OWN = """\
server:
  extraFlags: text
  image: text
kube-state-metrics:
  replicas: two
failing: true
"""
SCHEMA = """\
level=INFO msg="warning: cannot overwrite table with non table for prometheus.server.image (map[])"
Error: values don't meet the specifications of the schema(s) in the following chart(s):
prometheus:
- at '/server/extraFlags': got string, want null or array
- at '/server/persistentVolume': additional properties 'foo' not allowed
kube-state-metrics:
- at '/replicas': got string, want integer
"""
SCHEMA_3 = """\
Error: values don't meet the specifications of the schema(s) in the following chart(s):
prometheus:
- server.extraFlags: Invalid type. Expected: array, given: string
"""
MISSING_3 = (
    "Error: An error occurred while checking for chart dependencies. You may need to run `helm dependency build` to "
    "fetch missing dependencies: found in Chart.yaml, but missing in charts/ directory: alertmanager, x\n"
)
REFUSED = """\
Error: execution error at (prometheus/templates/cm.yaml:29:3): failing: set it to false

Use --debug flag to render out invalid YAML
"""
DEPLOY, CODE = "prometheus/templates/deploy.yaml", "<.Values.server.image.digest>"
WHY = "can't evaluate field digest in type interface {}"
BROKEN_3 = (
    "coalesce.go:303: warning: cannot overwrite table with non table for prometheus.server.image (map[tag:])\n"
    'Error: template: prometheus/templates/deploy.yaml:19:24: executing "prometheus/templates/deploy.yaml" at '
    "<.Values.server.image.digest>: can't evaluate field digest in type interface {}\n\nUse --debug flag to render\n"
)
BROKEN_4 = """\
Error: prometheus/templates/deploy.yaml:3:4
  executing "prometheus/templates/deploy.yaml" at <include "x" .>:
    error calling include:
prometheus/templates/deploy.yaml:19:24
  executing "prometheus/templates/deploy.yaml" at <.Values.server.image.digest>:
    can't evaluate field digest in type interface {}

Use --debug flag to render out invalid YAML
"""


@pytest.fixture
def renderer(tmp_path: Path) -> Renderer:
    file = tmp_path / "own.yaml"
    file.write_text(OWN, encoding="utf-8")
    called = {"kube-state-metrics": "kube-state-metrics"}
    return Renderer(Path("helm"), Path("chart"), "prometheus", Own.read(file), "1.36.3", called)


@pytest.mark.parametrize(
    ("output", "said"),
    [
        (
            SCHEMA,
            [
                "CHART=chart: server.persistentVolume: additional properties 'foo' not allowed",
                "VALUES=own.yaml:2: server.extraFlags: is of type string, Helm expects null or array",
                "VALUES=own.yaml:5: kube-state-metrics.replicas: is of type string, Helm expects integer",
            ],
        ),
        (SCHEMA_3, ["VALUES=own.yaml:2: server.extraFlags: is of type string, Helm expects array"]),
        (MISSING_3, ["CHART=chart: subcharts missing in its charts/: alertmanager, x"]),
        (
            REFUSED,
            ["VALUES=own.yaml:6: chart prometheus: prometheus/templates/cm.yaml:29: failing: set it to false"],
        ),
        *(
            (
                text,
                [
                    f"VALUES=own.yaml:3: chart prometheus: {DEPLOY}:19: {CODE}: {WHY}",
                ],
            )
            for text in (BROKEN_3, BROKEN_4)
        ),
        (
            "Error: chart dependencies processing failed: type mismatch on kube-state-metrics: %!t(string=text)\n",
            ["VALUES=own.yaml:4: chart prometheus: kube-state-metrics: Helm expects a mapping there"],
        ),
        (
            "Error: YAML parse error on p/templates/d.yaml: error converting YAML to JSON: yaml: line 12\n",
            ["CHART=chart: YAML parse error on p/templates/d.yaml: error converting YAML to JSON: yaml: line 12"],
        ),
        ("Error: " + "x" * 1000, ["CHART=chart: " + "x" * 400 + "..."]),
        ("", ["CHART=chart: "]),
    ],
)
def test_what_helm_says_becomes_one_error(renderer: Renderer, tmp_path: Path, output: str, said: list[str]) -> None:
    error = renderer.refusal(output)
    assert error.message.replace(f"{tmp_path}/", "").splitlines() == said


def test_without_values_of_the_user_the_chart_is_named() -> None:
    error = Renderer(Path("helm"), Path("chart"), "prometheus", None, "1.36.3", {}).refusal(SCHEMA_3)
    assert error.message == "CHART=chart: server.extraFlags: is of type string, Helm expects array"


def test_warnings_are_left_out() -> None:
    noise = "walk.go:74: found symbolic link\n2026/01/01 00:00:00 warning: x\nWARNING: y\n"
    assert essential(f"{noise}Error: one\ntwo\n\nUse --debug flag to render") == "one\ntwo"


def test_helm_is_given_homes_of_its_own_and_no_cluster(monkeypatch: pytest.MonkeyPatch, renderer: Renderer) -> None:
    shell = install(monkeypatch)
    shell.expect("helm", "template", "prom", "--namespace", "--kube-version", "1.36.3", "--skip-tests",
                 answer="kind: A\n---\n---\n- no object\n---\nkind: B\n")  # fmt: skip
    assert [each["kind"] for each in renderer.objects("prom", {"a": None})] == ["A", "B"]
    (argv, options), *_ = shell.calls
    env = options["env"]
    folder = Path(argv[argv.index("--values") + 1]).parent
    assert {Path(env[name]).parent for name in ("HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME")} == {folder}
    assert Path(env["KUBECONFIG"]).parent == folder
    assert not folder.exists()
    shell.done()


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (CommandFailed(["helm"], 1, SCHEMA_3), "server.extraFlags"),
        (CommandTimeout(["helm"], -15, ""), "not rendered within 60 s"),
        ("a: [", "it does not render to YAML"),
    ],
)
def test_failures_are_usage_errors(
    monkeypatch: pytest.MonkeyPatch, renderer: Renderer, answer: str | Exception, message: str
) -> None:
    shell = install(monkeypatch)
    shell.expect("helm", "template", answer=answer)
    with pytest.raises(UsageError, match=message):
        renderer.objects("prom", {})


def test_a_refusal_of_helm_is_its_own_sentence(tmp_path: Path) -> None:
    program = tmp_path / "helm"
    program.write_text(
        "#!/bin/sh\necho 'WARNING: old' >&2\nprintf 'Error: FAILED: x:\\n\\t* y is invalid\\n' >&2\nexit 1\n"
    )
    program.chmod(0o755)
    with pytest.raises(CommandFailed) as caught:
        Helm(program, tmp_path / "config", tmp_path).install("x", tmp_path, "n", [], timeout_s=10.0)
    assert caught.value.refusal == "FAILED: x: * y is invalid"


HOOKS = """\
---
# Source: stack/templates/role.yaml
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: x-admission}
---
# Source: stack/templates/empty.yaml
"""


@pytest.mark.parametrize(
    ("script", "found"),
    [
        (f"cat <<'END'\n{HOOKS}END\n", ["ClusterRole"]),
        ("exit 0\n", []),
        ("echo 'Error: release: not found' >&2\nexit 1\n", []),
    ],
)
def test_the_hooks_of_a_release(tmp_path: Path, script: str, found: list[str]) -> None:
    program = tmp_path / "helm"
    program.write_text(f'#!/bin/sh\n[ "$*" = "get hooks x --namespace n" ] || exit 9\n{script}')
    program.chmod(0o755)
    assert [each["kind"] for each in Helm(program, tmp_path / "config", tmp_path).hooks("x", "n")] == found


def test_hooks_that_nobody_tells_are_not_none(tmp_path: Path) -> None:
    program = tmp_path / "helm"
    program.write_text("#!/bin/sh\necho 'Error: Kubernetes cluster unreachable' >&2\nexit 1\n")
    program.chmod(0o755)
    with pytest.raises(CommandFailed):
        Helm(program, tmp_path / "config", tmp_path).hooks("x", "n")
