"""What a loopback registry and web server are filled with: what the public ones have, made of what we build here."""

from __future__ import annotations

import json
import re
import shutil
import tarfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from tests.registry.servers import Registry, Web

from promdrill.artefacts.cache import digest_of
from promdrill.artefacts.platforms import Platform
from promdrill.artefacts.reference import Reference
from promdrill.core import shell
from promdrill.core.errors import SupplyError
from promdrill.supply.pull.images import rename
from promdrill.supply.supplied import Supplied, Tools

COPY_S = 600.0
"""Seconds for each docker command that moves a whole image: 60 for a node image's push on one core."""

STOCK = r"^registry[.]k8s[.]io/(kube-(apiserver|controller-manager|scheduler|proxy)|etcd|coredns/coredns|pause):"
"""Images in a stock node image; those of promdrill's storage are not."""

CNI = """\
# A stock node image has kindnet here. Ours has a static CNI configuration instead; kind wants a manifest to apply.
apiVersion: v1
kind: ConfigMap
metadata: {name: static-cni, namespace: kube-system}
"""

_DIGEST = re.compile(r"digest: sha256:([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class Stock:
    """What lies where.

    Attributes:
        kubernetes: Version of the node image.
        node: SHA-256 of the node image's manifest in the registry.
        images: Each image's name in full, to the SHA-256 of its manifest.
        chart: Name and version of the chart, in both places.
        chart_digest: Its SHA-256.
        tools: Versions of kind, kubectl and helm.
        files: SHA-256 of each file on the web server, by its path.
    """

    kubernetes: str
    node: str
    images: Mapping[str, str]
    chart: tuple[str, str]
    chart_digest: str
    tools: Mapping[str, str]
    files: Mapping[str, str]

    @property
    def prometheus(self) -> str:
        """The name of Prometheus' own image."""
        return next(name for name in self.images if Reference.of(name).repository == "prometheus/prometheus")


def docker(*arguments: str | Path, timeout_s: float = 60.0, stdin: Path | None = None, ok: Iterable[int] = (0,)) -> str:
    """Run docker and return what it says."""
    if stdin is None:
        return shell.run(["docker", *arguments], timeout_s=timeout_s, ok=ok).stdout
    with stdin.open("rb") as source:
        return shell.run(["docker", *arguments], timeout_s=timeout_s, stdin=source, ok=ok).stdout


def push_node(supplied: Supplied, registry: Registry, folder: Path) -> str:
    """Push a node image like a stock one: with Kubernetes' images alone, and storage and network of its own.

    Returns:
        SHA-256 of its manifest.
    """
    name, target = f"promdrill-stock-{folder.name}", f"{registry.address}/kindest/node:v{supplied.kubernetes}"
    config = json.loads(docker("image", "inspect", "--format", "{{json .Config}}", supplied.node_image))
    (folder / "default-cni.yaml").write_text(CNI, encoding="utf-8")
    (folder / "default-storage.yaml").write_text(_default_storage(supplied.provisioner), encoding="utf-8")
    options = ["--network=none", "--security-opt=seccomp=unconfined", "--entrypoint=sleep"]
    try:
        docker("run", "--detach", "--name", name, *options, supplied.node_image, "infinity", timeout_s=COPY_S)
        script = Path(__file__).with_name("strip.sh")
        left = docker("exec", "-i", "--env", f"KEEP={STOCK}", name, "bash", "-s", stdin=script, timeout_s=COPY_S)
        strange = [image for image in left.split() if "sha256:" not in image and not re.match(STOCK, image)]
        if strange or "kube-apiserver" not in left:
            raise SupplyError(f"the node image still holds {strange or left}")
        for file in ("default-cni.yaml", "default-storage.yaml"):
            docker("cp", folder / file, f"{name}:/kind/manifests/{file}")
        docker("export", "--output", folder / "node.tar", name, timeout_s=COPY_S)
    finally:
        docker("rm", "--force", "--volumes", name, timeout_s=COPY_S, ok=(0, 1))
    changes = [f"ENTRYPOINT {json.dumps(config['Entrypoint'])}", *(f"ENV {variable}" for variable in config["Env"])]
    flags = [part for change in changes for part in ("--change", change)]
    docker("import", *flags, folder / "node.tar", target, timeout_s=COPY_S)
    (folder / "node.tar").unlink()
    try:  # what docker import cannot be told, a container of the image can
        docker("create", "--name", name, f"--stop-signal={config['StopSignal']}", target)
        docker("commit", name, target, timeout_s=COPY_S)
    finally:
        docker("rm", "--force", name, ok=(0, 1))
    return push(target)


def push_image(archive: Path, name: str, registry: Registry, folder: Path) -> str:
    """Push an image from its archive, to where a mirror has it; nothing of it stays in the engine.

    Returns:
        SHA-256 of its manifest.
    """
    wanted = Reference.of(name)
    target = f"{registry.address}/{wanted.repository}:{wanted.tag}"
    rename(archive, folder / "image.tar", target)  # so that no tag of the user's is moved
    docker("load", "--input", folder / "image.tar", timeout_s=COPY_S)
    return push(target)


def push(target: str) -> str:
    """Push an image and take it out of the engine, so that whoever wants it has to pull it.

    Returns:
        SHA-256 of its manifest.
    """
    told = _DIGEST.search(docker("push", target, timeout_s=COPY_S))
    docker("image", "rm", target, timeout_s=COPY_S)
    if told is None:
        raise SupplyError(f"docker push of {target} told no digest")
    return told[1]


def push_chart(tools: Tools, chart: Path, registry: Registry, web: Path, address: str) -> tuple[str, str, str]:
    """Put a chart into the registry, below `charts`, and into a repository with an index.yaml on the web server.

    Args:
        tools: Helm.
        chart: The chart's folder.
        registry: The registry.
        web: The web server's folder.
        address: The web server's address.

    Returns:
        Name, version and SHA-256 of the packed chart.
    """
    metadata = yaml.safe_load((chart / "Chart.yaml").read_text(encoding="utf-8"))
    name, version = str(metadata["name"]), str(metadata["version"])
    shell.run([tools.helm, "package", chart, "--destination", web], timeout_s=60)
    packed = web / f"{name}-{version}.tgz"
    argv: list[str | Path] = [tools.helm, "push", packed, f"oci://{registry.address}/charts", "--plain-http"]
    shell.run(argv, timeout_s=60, env={"HELM_REGISTRY_CONFIG": str(web / "no-credentials.json")})
    shell.run([tools.helm, "repo", "index", web, "--url", address], timeout_s=60)
    return name, version, digest_of(packed)


def lay_out(supplied: Supplied, folder: Path, version_of: Mapping[str, str]) -> dict[str, str]:
    """Put the tools and the manifests where the web server has them, in the form of their publishers.

    Returns:
        SHA-256 of each file by its path.
    """
    tools = supplied.tools
    shutil.copyfile(tools.kind, folder / f"kind-{version_of['kind']}")
    shutil.copyfile(tools.kubectl, folder / f"kubectl-{version_of['kubectl']}")
    shutil.copyfile(supplied.crds, folder / "bundle.yaml")
    shutil.copyfile(supplied.provisioner, folder / "local-path-storage.yaml")
    with tarfile.open(folder / f"helm-{version_of['helm']}.tar.gz", "w:gz", compresslevel=1) as packed:
        packed.add(tools.helm, f"{Platform.here().key}/helm")
    return {path.name: digest_of(path) for path in folder.iterdir() if path.suffix != ".tgz"}


def pins(
    stock: Stock, web: Web, *, operator: str, provisioner: str, tools: str = "", **changed: Mapping[str, Any]
) -> str:
    """A file for PROMDRILL_PINS that fits what lies there.

    Args:
        stock: What lies there.
        web: Where tools and manifests are.
        operator: Version of the operator's manifest.
        provisioner: Version of the provisioner's manifest.
        tools: A folder on the web server for the tools; one that is not there makes every download fail.
        changed: Tables by name, whose entries replace those that fit; each entry is a version to its fields.
    """
    at = f"{web.address}/{tools}"
    name, version = stock.chart
    here = Platform.here().key
    tables: dict[str, dict[str, Any]] = {
        "address": {
            "kind": f"{at}kind-{{version}}",
            "kubectl": f"{at}kubectl-{{version}}",
            "helm": f"{at}helm-{{version}}.tar.gz",
            "operator-bundle": f"{web.address}/bundle.yaml",
            "local-path-provisioner": f"{web.address}/local-path-storage.yaml",
        },
        "kind": {stock.tools["kind"]: {here: stock.files[f"kind-{stock.tools['kind']}"]}},
        "kubectl": {stock.tools["kubectl"]: {here: stock.files[f"kubectl-{stock.tools['kubectl']}"]}},
        "helm": {stock.tools["helm"]: {here: stock.files[f"helm-{stock.tools['helm']}.tar.gz"]}},
        "operator-bundle": {operator: {"digest": stock.files["bundle.yaml"]}},
        "local-path-provisioner": {provisioner: {"digest": stock.files["local-path-storage.yaml"]}},
        "node": {stock.kubernetes: {"digest": stock.node}},
        "image": {image: {"digest": digest} for image, digest in stock.images.items()},
        name: {version: {"digest": stock.chart_digest}},
    }
    for table, entries in changed.items():
        tables[table.replace("_", "-")] = {**tables.get(table.replace("_", "-"), {}), **entries}
    return "".join(
        f"[{table}]\n" + "".join(f"{json.dumps(key)} = {_inline(value)}\n" for key, value in entries.items())
        for table, entries in tables.items()
    )


def forget(addresses: Iterable[str], tags: Iterable[str]) -> None:
    """Take out of the engine what came from registries of ours, and tags by name."""
    prefixes = tuple(f"{address}/" for address in addresses)
    shape = "{{.Repository}}:{{.Tag}} {{.Repository}}@{{.Digest}}"
    listed = docker("image", "ls", "--all", "--digests", "--format", shape).split()
    ours = [name for name in listed if name.startswith(prefixes) and "<none>" not in name]
    for name in [*ours, *tags]:
        docker("image", "rm", name, timeout_s=COPY_S, ok=(0, 1))


def _inline(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key} = {json.dumps(entry)}" for key, entry in value.items()) + " }"
    return json.dumps(value)


def _default_storage(provisioner: Path) -> str:
    """What a stock node image brings: the provisioner, and a class named standard that is the default.

    A stock image has the provisioner's image and its helper's, of other names than those that promdrill then puts
    there. Ours has none, so nothing is started before; and no volume is made where the helper's name stays.
    """
    objects = [item for item in yaml.safe_load_all(provisioner.read_text(encoding="utf-8")) if item]
    for item in objects:
        if item["kind"] == "Deployment":
            item["spec"]["replicas"] = 0
            pod = item["spec"]["template"]["spec"]
            pod["containers"][0]["command"] += ["--helper-image", "docker.io/kindest/local-path-helper:none"]
            pod["tolerations"] = [{"key": "node-role.kubernetes.io/control-plane", "operator": "Exists"}]
        if item["kind"] == "StorageClass":
            item["metadata"] = {
                "name": "standard",
                "annotations": {"storageclass.kubernetes.io/is-default-class": "true"},
            }
    return yaml.safe_dump_all(objects, sort_keys=False)
