"""Pods of promdrill's clusters reach nothing outside: the unit in each node, and the packet filter's rules it makes."""

import os
from pathlib import Path
from typing import Any

import pytest
from tests.unit.cluster_world import Engine, engine
from tests.unit.test_lifecycle import _cluster, _kept

from promdrill.cluster import egress
from promdrill.core import paths, shell
from promdrill.core.errors import ClusterError

__all__ = ["engine"]

NODE = paths.manifests_dir() / "egress" / "node"

IPTABLES = """#!/bin/sh
# As iptables behaves: exit code 1 for a chain that is there, and for a rule that is not.
echo "$@" >>"$LOG"
case "$*" in
*"-N "*) [ ! -f chain ] && touch chain ;;
*"-D FORWARD"*) [ -f rule ] && rm rule ;;
*"-I FORWARD"*) touch rule ;;
esac
"""


def _on_node(folder: Path, route: str = "default via 172.18.0.1 dev eth7 \\n") -> tuple[int, list[str], str]:
    """Run the program as a node does; its exit code, the rules, and what it said."""
    programs = folder / "bin"
    programs.mkdir(exist_ok=True)
    for name, text in {"iptables": IPTABLES, "ip": f"#!/bin/sh\nprintf '{route}'\n"}.items():
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    log = folder / "log"
    log.write_text("")
    env = {"PATH": f"{programs}:{os.environ['PATH']}", "LOG": str(log)}
    done = shell.run(["sh", NODE / "close-egress.sh"], timeout_s=30, ok=(0, 1), cwd=folder, env=env)
    return done.exit_code, log.read_text().splitlines(), done.stderr


def test_only_dns_and_answers_leave_a_node(tmp_path: Path) -> None:
    code, rules, _ = _on_node(tmp_path)
    added = [rule.split(" -A PROMDRILL-EGRESS ")[1] for rule in rules if " -A " in rule]
    assert code == 0
    assert added == [
        "-m conntrack --ctstate RELATED,ESTABLISHED -j RETURN",
        "-p udp --dport 53 -j RETURN",
        "-p tcp --dport 53 -j RETURN",
        "-j REJECT",
    ]
    assert rules[-1] == "-w -I FORWARD 1 ! -i eth7 -o eth7 -j PROMDRILL-EGRESS", "it comes first, before kube-proxy's"
    assert all(rule.startswith("-w ") for rule in rules), "kube-proxy may hold the lock"


def test_it_may_run_any_number_of_times(tmp_path: Path) -> None:
    """A second time the chain is emptied and its one place is taken anew; there are never two."""
    _on_node(tmp_path)
    code, rules, _ = _on_node(tmp_path)
    assert code == 0
    assert "-w -F PROMDRILL-EGRESS" in rules
    assert sum("-I FORWARD" in rule for rule in rules) == 1
    assert sum("-D FORWARD" in rule for rule in rules) == 2, "once for the rule, once to see that none is left"


def test_a_node_without_a_route_fails_and_no_pod_starts(tmp_path: Path) -> None:
    code, rules, said = _on_node(tmp_path, route="")
    assert (code, rules) == (1, [])
    assert said == "this node has no default route\n"
    unit = (NODE / "promdrill-egress.service").read_text()
    assert "RequiredBy=kubelet.service" in unit
    assert "Before=kubelet.service" in unit


def test_each_cluster_is_closed_before_it_is_used(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new one once kube-proxy runs, whose rules ours must precede; a kept one again: an older promdrill made it."""
    seen: list[str] = []

    def run(argv: Any, **options: Any) -> Any:
        text = " ".join(map(str, argv))
        if "promdrill-egress" in text or "close-egress" in text:
            assert argv[:2] == ["docker", "exec"]
            seen.append(text.rpartition(" -c ")[2] if " -c " in text else text.partition("systemctl ")[2])
        elif "daemonset/volume-agent" in text:
            seen.append("ready")
        return engine.run(argv, **options)

    monkeypatch.setattr(shell, "run", run)
    program, unit = "/usr/local/lib/promdrill/close-egress.sh", "/etc/systemd/system/promdrill-egress.service"
    closed = [
        "ready",
        f"mkdir -p /usr/local/lib/promdrill && cat >{program} && chmod 755 {program}",
        f"mkdir -p /etc/systemd/system && cat >{unit} && chmod 644 {unit}",
        "enable --quiet --now promdrill-egress.service",
    ]
    with _cluster(tmp_path, keep=True):
        assert seen == closed
    seen.clear()
    with _cluster(tmp_path, reuse=True):
        assert seen == closed


def test_a_node_that_cannot_be_closed_is_no_cluster(engine: Engine, tmp_path: Path) -> None:
    engine.refuses["systemctl --now"] = "Job for promdrill-egress.service failed"
    with pytest.raises(ClusterError, match=r"promdrill-egress\.service failed"), _cluster(tmp_path):
        pass
    assert engine.clusters() == set()


def test_a_kept_cluster_is_closed_in_every_node(engine: Engine, tmp_path: Path) -> None:
    made = _kept(engine, tmp_path)
    egress.close(made)
    assert engine.done == ["exec in promdrill-control-plane"] * 3
