"""A container engine with kind and kubectl, in the place of the gateway for subprocesses.

It keeps containers, the network and the clusters that kind makes in it. What they do not know is refused; any other
program is run.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import pytest
import yaml

from promdrill.cluster import owners, storage
from promdrill.cluster.identity import Identity
from promdrill.core import paths, shell
from promdrill.core.errors import CommandFailed
from promdrill.core.shell import Completed
from promdrill.kube import client
from promdrill.kube.expected import Expected

RUN = shell.run
"""The real gateway: what is no docker, kind or kubectl is run."""

CLASSES: dict[str, Any] = {
    "items": [{"metadata": {"name": "standard", "annotations": {storage.DEFAULT_CLASS: "true"}}}]
}
IDENTITY = Identity("engine-1", "feed", {"promdrill-control-plane": "c" * 64}, "https://127.0.0.1:6443", "uid-1")


def kubeconfig_of(name: str, server: str, *, further: str = "") -> str:
    """What kind writes; with `further`, after somebody has added that context and made it the current one."""
    names = [f"kind-{name}", *([further] if further else [])]
    return yaml.safe_dump({
        "current-context": names[-1],
        "contexts": [{"name": each, "context": {"cluster": each, "user": each}} for each in names],
        "clusters": [{"name": each, "cluster": {"server": server}} for each in names],
        "users": [{"name": each, "user": {}} for each in names],
    })  # fmt: skip


@dataclass
class Container:
    """A container, of a cluster or not."""

    name: str
    cluster: str = ""
    binds: tuple[str, ...] = ()
    network: str = ""
    volume: str = ""


@dataclass
class Engine:
    """The engine.

    Attributes:
        id: Its id.
        containers: What it has, by id.
        volumes: The volumes that it has, one for each node.
        network: Id of the network kind; empty if there is none.
        uids: UIDs of kube-system by the addresses of API servers.
        done: Every command that changed something, in words.
        refuses: Words of a command that fails, with what it says.
        classes: The storage classes of every cluster.
        ending: Containers that were killed and have not ended yet.
        servers: Addresses of the API servers of clusters that somebody else made, by the clusters' names.
    """

    id: str = "engine-1"
    containers: dict[str, Container] = field(default_factory=dict)
    volumes: set[str] = field(default_factory=set)
    network: str = ""
    uids: dict[str, str] = field(default_factory=dict)
    done: list[str] = field(default_factory=list)
    ending: set[str] = field(default_factory=set)
    refuses: dict[str, str] = field(default_factory=dict)
    classes: dict[str, Any] = field(default_factory=lambda: CLASSES)
    inputs: list[str] = field(default_factory=list)
    servers: dict[str, str] = field(default_factory=dict)
    numbers: Any = field(default_factory=lambda: itertools.count(1))

    def clusters(self) -> set[str]:
        """Names of the clusters in it."""
        return {each.cluster for each in self.containers.values() if each.cluster}

    def add(self, cluster: str, *, binds: Sequence[str] = ()) -> str:
        """A node of a cluster that somebody made; returns its id."""
        container = f"{next(self.numbers):064x}"
        self.network = self.network or f"network-{next(self.numbers)}"
        name = f"{cluster}-control-plane"
        self.containers[container] = Container(name, cluster, tuple(binds), self.network, f"volume-of-{container[-2:]}")
        self.volumes.add(self.containers[container].volume)
        return container

    def run(self, argv: Sequence[Any], *, timeout_s: float, ok: Sequence[int] = (0,), **options: Any) -> Completed:
        """The gateway."""
        args = [str(part) for part in argv]
        assert timeout_s > 0, "every command has a deadline"
        for words, said in self.refuses.items():
            if set(words.split()) <= set(args):
                raise CommandFailed(args, 1, said)
        tools = {"docker": self._docker, "/kind": self._kind, "/kubectl": self._kubectl}
        if args[0] not in tools:
            return RUN(args, timeout_s=timeout_s, ok=ok, **options)
        code, out = tools[args[0]](args[1:], options)
        if code not in ok:
            raise CommandFailed(args, code, out)
        return Completed(tuple(args), code, out, "", 0.0)

    def _docker(self, args: list[str], options: dict[str, Any]) -> tuple[int, str]:  # noqa: C901, PLR0911, PLR0912  one a command
        match args:
            case ["info", "--format", "{{.ID}}"]:
                return 0, f"{self.id}\n"
            case ["ps", "--all", "--no-trunc", "--filter", "label=io.x-k8s.kind.cluster", *_]:
                found = self.containers.items()
                return 0, "".join(f"{id_} {each.name} {each.cluster}\n" for id_, each in found if each.cluster)
            case ["ps", "--all", "--quiet", "--filter", which] if which.startswith("network="):
                network = which.removeprefix("network=")
                return 0, "".join(f"{id_[:12]}\n" for id_, each in self.containers.items() if each.network == network)
            case ["inspect", "--format", "{{.Id}} {{json .HostConfig.Binds}}", *ids]:
                return 0, "".join(f"{each} {json.dumps(list(self.containers[each].binds))}\n" for each in ids)
            case ["inspect", "--format", what, *ids] if '"volume"' in what:
                return 0, "".join(f"{self.containers[each].volume}\n\n" for each in ids)
            case ["volume", "rm", "--force", *names]:
                assert not {each.volume for each in self.containers.values()} & set(names), "volumes in use"
                self.done += [f"removed {name}" for name in sorted(self.volumes & set(names))]
                self.volumes -= set(names)
                return 0, ""
            case ["kill", *ids]:
                assert set(ids) <= set(self.containers)
                self.ending |= set(ids)
                return 1, "tried to kill container, but did not receive an exit event"
            case ["wait", *ids]:
                assert set(ids) <= self.ending, "it would wait for ever"
                self.ending -= set(ids)
                return 0, "137\n" * len(ids)
            case ["rm", "--force", "--volumes", *ids]:
                assert not self.ending, "the engine gives up on what is still ending"
                for each in ids:
                    removed = self.containers.pop(each)
                    self.volumes.discard(removed.volume)
                    self.done.append(f"removed {removed.name}")
                return 0, ""
            case ["network", "ls", "--no-trunc", "--quiet", "--filter", "name=^kind$"]:
                return 0, f"{self.network}\n" if self.network else ""
            case ["network", "rm", network]:
                assert network == self.network
                self.done.append(f"removed {network}")
                self.network = ""
                return 0, ""
            case ["exec", *rest]:
                container = next(part for part in rest if part != "-i")
                assert container in self.containers, f"it is named by its id, not by its name: {args}"
                self.done.append(f"exec in {self.containers[container].name}")
                return 0, ""
        raise AssertionError(f"docker {args}, {options}")

    def _kind(self, args: list[str], options: dict[str, Any]) -> tuple[int, str]:
        assert options["env"]["KUBECONFIG"].startswith(str(paths.state_dir())), "never the user's"
        given = {part.partition("=")[0]: part.partition("=")[2] for part in args if part.startswith("--")}
        match args[:2]:
            case ["get", "clusters"]:
                return 0, "\n".join(sorted(self.clusters()))
            case ["create", "cluster"]:
                return self._create(given["--name"], Path(given["--kubeconfig"]), Path(given["--config"]))
            case ["load", _]:
                self.done.append(f"loaded {Path(args[-1]).name}")
                return 0, ""
            case ["get", "kubeconfig"]:
                name = given["--name"]
                return 0, kubeconfig_of(name, self.servers[name])
        raise AssertionError(f"kind {args}")

    def _create(self, name: str, kubeconfig: Path, config: Path) -> tuple[int, str]:
        owner = owners.of(paths.clusters_dir() / name)
        assert owner is not None, "it is recorded before it is made"
        assert owner.identity is not None
        assert owner.identity.engine == self.id
        (node,) = yaml.safe_load(config.read_text())["nodes"]
        binds = [f"{each['hostPath']}:{each['containerPath']}:ro" for each in node["extraMounts"]]
        self.add(name, binds=["/lib/modules:/lib/modules:ro", *binds])
        if "killed" in self.refuses:
            raise KeyboardInterrupt
        server = f"https://127.0.0.1:{40000 + next(self.numbers)}"
        self.uids[server] = f"uid-of-{server}"
        kubeconfig.write_text(kubeconfig_of(name, server))
        self.done.append(f"created {name}")
        return 0, ""

    def _kubectl(self, args: list[str], options: dict[str, Any]) -> tuple[int, str]:
        file = Path(options["env"]["KUBECONFIG"])
        assert file.is_relative_to(paths.clusters_dir()), "never the user's"
        server = yaml.safe_load(file.read_text())["clusters"][0]["cluster"]["server"]
        match args:
            case ["get", "namespace", "kube-system", "--output=jsonpath={.metadata.uid}"]:
                return 0, self.uids[server]
            case ["get", "storageclass", "--output", "json"]:
                return 0, json.dumps(self.classes)
            case ["apply", "--server-side", "--force-conflicts", "-f", "-"]:
                self.inputs.append(options["stdin"])
                self.done.append("applied")
                return 0, ""
        assert {"wait", "rollout", "get"} & set(args), f"kubectl {args}"
        return 0, ""

    def kube(self, kubeconfig: Path, *, expected: Expected | None = None) -> Any:
        """In the place of `promdrill.kube.client.Kube`."""
        uids = self.uids

        class Asked:
            def __enter__(self) -> Self:
                return self

            def __exit__(self, *_: object) -> None: ...

            def get(self, _path: str, *, timeout_s: float) -> dict[str, Any]:
                assert timeout_s > 0
                server = yaml.safe_load(kubeconfig.read_text())["clusters"][0]["cluster"]["server"]
                return {"metadata": {"uid": uids.get(server, "")}}

            def require_expected(self) -> None:
                assert expected is not None
                expected.require(kubeconfig, self.get)

        return Asked()

    def record(self, name: str, *, kept: bool = True, alive: bool = False) -> str:
        """A cluster that promdrill made earlier, whose process has ended unless `alive`; returns its container's id."""
        container = self.add(name)
        server = f"https://127.0.0.1:{40000 + next(self.numbers)}"
        self.uids[server] = f"uid-of-{server}"
        made = Identity(self.id, "feed", {f"{name}-control-plane": container}, server, self.uids[server])
        folder = paths.clusters_dir() / name
        owners.claim(folder, kept=kept, identity=made)
        if not alive:
            recorded = owners.of(folder)
            assert recorded is not None
            owners.write(folder, owners.Owner(999999999, "1", kept, "fast", "node:1", made))
        (folder / "kubeconfig").write_text(kubeconfig_of(name, server))
        return container


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Engine:
    """An engine without containers, and an empty state folder."""
    monkeypatch.setenv(paths.STATE_VARIABLE, str(tmp_path / "state"))
    made = Engine()
    monkeypatch.setattr(shell, "run", made.run)
    monkeypatch.setattr(client, "Kube", made.kube)
    return made
