"""The bill of materials of a release, as CycloneDX 1.6.

It names the Python packages that promdrill was tested with (uv.lock's, without those for development), and each of the
programs that the wheel carries with the Go modules that are linked into it, as Go itself wrote them there.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL

from promdrill.core.errors import PromdrillError

SCHEMA = SchemaVersion.V1_6


@dataclass(frozen=True, slots=True)
class Program:
    """A Go program in the wheel.

    Attributes:
        place: Its path in the wheel.
        version: Of the program.
        sha256: Of the file, in hexadecimal.
        build_info: What ``go version -m -json`` says of it.
    """

    place: str
    version: str
    sha256: str
    build_info: Mapping[str, Any]


def bill(exported: Mapping[str, Any], version: str, programs: Iterable[Program], *, made_s: int) -> str:
    """The bill of materials as JSON text: the same text for the same input.

    The addresses of packages are left out: there is one for each platform, and uv.lock has them with their hashes.

    Args:
        exported: What uv exports of uv.lock as CycloneDX, with promdrill as its root.
        version: Of the release.
        programs: In the wheel.
        made_s: Seconds since 1970, for the time stamp.

    Raises:
        PromdrillError: `exported` has no root.
    """
    known = [{**each, "externalReferences": []} for each in exported["components"]]
    bom: Bom = Bom.from_json({**exported, "components": known})  # type: ignore[attr-defined]  # made by a decorator
    root = bom.metadata.component
    if root is None or root.name != "promdrill":
        raise PromdrillError("uv's export of uv.lock does not have promdrill as its root")
    root.type, root.version, root.purl = (
        ComponentType.APPLICATION,
        version,
        PackageURL("pypi", None, root.name, version),
    )
    modules: dict[str, Component] = {}
    for program in programs:
        info = program.build_info
        linked = [_module(modules, dep["Path"], dep["Version"], dep["Sum"]) for dep in info.get("Deps", ())]
        linked.append(_module(modules, "stdlib", info["GoVersion"].removeprefix("go"), ""))
        component = Component(
            name=program.place.rpartition("/")[2],
            version=program.version,
            type=ComponentType.APPLICATION,
            bom_ref=program.place,
            hashes=[HashType(alg=HashAlgorithm.SHA_256, content=program.sha256)],
            properties=[Property(name="promdrill:wheel:path", value=program.place)],
        )
        bom.components.add(component)
        bom.register_dependency(root, [component])
        bom.register_dependency(component, linked)
    bom.components.update(modules.values())
    bom.metadata.timestamp = datetime.fromtimestamp(made_s, UTC)
    bom.serial_number = uuid.uuid5(uuid.NAMESPACE_URL, str(root.purl))
    return make_outputter(bom, OutputFormat.JSON, SCHEMA).output_as_string(indent=1) + "\n"


def check(text: str, programs: int) -> int:
    """Validate a bill of materials, and that all programs and both kinds of packages are in it.

    Returns:
        Number of components.

    Raises:
        PromdrillError: It is not what CycloneDX says, or something is missing.
    """
    wrong = JsonStrictValidator(SCHEMA).validate_str(text)
    if wrong is not None:
        raise PromdrillError(f"the bill of materials is no CycloneDX 1.6: {wrong}")
    components = json.loads(text)["components"]
    purls = [each.get("purl", "") for each in components]
    kinds = {kind: sum(purl.startswith(f"pkg:{kind}/") for purl in purls) for kind in ("pypi", "golang")}
    inside = sum(each["type"] == "application" for each in components)
    if inside != programs or not all(kinds.values()):
        raise PromdrillError(f"the bill of materials has {inside} programs of {programs}, and packages {kinds}")
    return len(components)


def _module(modules: dict[str, Component], path: str, version: str, go_sum: str) -> Component:
    namespace, _, name = path.rpartition("/")
    purl = PackageURL("golang", namespace or None, name, version)
    return modules.setdefault(
        str(purl),
        Component(
            name=path,
            version=version,
            type=ComponentType.LIBRARY,
            bom_ref=str(purl),
            purl=purl,
            properties=[Property(name="go:sum", value=go_sum)] if go_sum else [],
        ),
    )
