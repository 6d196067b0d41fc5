"""Images from a registry: pulled by digest through the engine, checked, and kept as archives that a cluster loads."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import re
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from promdrill.artefacts import fetch
from promdrill.artefacts.cache import Cache, key_of
from promdrill.artefacts.pins import IMAGES, PINS_VARIABLE, Pins
from promdrill.artefacts.reference import Reference, engine_name, source_of
from promdrill.artefacts.refusals import meaning
from promdrill.artefacts.registries import MIRROR_VARIABLE, Registry
from promdrill.core.errors import CommandFailed, CommandTimeout, SupplyError
from promdrill.core.say import Say
from promdrill.supply.engine.lifecycle import Engine

PULL_S = 900.0
"""Seconds to pull an image: a node image of 0.4 GB at 4 megabits per second."""

SAVE_S = 300.0
"""Seconds to write an image to a file: Prometheus, the largest, has 0.3 GB."""

FILE = "image.tar"

_MANIFESTS = (
    "application/vnd.oci.image.index.v1+json, application/vnd.docker.distribution.manifest.list.v2+json, "
    "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json"
)
_PARAMETER = re.compile(r'(\w+)="([^"]*)"')
_PLATFORM_SINCE = (1, 48)
"""First version of Docker's API whose ``docker save`` has ``--platform``; older ones save a single platform."""

_ASK_AS_USER = frozenset({requests.codes.unauthorized, requests.codes.forbidden, requests.codes.too_many_requests})
"""Answers to an anonymous request after which the engine asks with its user's login."""

_NAMES = ("io.containerd.image.name", "org.opencontainers.image.ref.name")
"""Annotations that name an image in the index of an archive; the second has only its tag."""


@dataclass(frozen=True, slots=True)
class Pulled:
    """An image that was pulled into the engine.

    Attributes:
        reference: The engine's name for it.
        digest: SHA-256 of the registry's manifest, in hexadecimal.
    """

    reference: str
    digest: str


def archive(reference: str, engine: Engine, cache: Cache, *, registry: Registry, pins: Pins, say: Say) -> Path:
    """A docker archive of an image, to load into a cluster; from the cache, or pulled by the host's engine.

    The pulled image is removed from the engine again, and no existing tag moves, with one exception: without a pin, and
    if the registry shows its manifests only after a login, the engine pulls the tag, as it would for its user.

    Args:
        reference: The image, as a manifest names it.
        engine: Pulls it, for its own platform.
        cache: Where the archive is kept.
        registry: A mirror, asked for the image's path without its host. With Docker Hub, the image's host is asked.
        pins: May pin its digest, see `IMAGES`.
        say: Called with where it comes from, and with the digest of an image that has no pin.

    Raises:
        SupplyError: It has a digest and no tag, is not available, or does not match its pin.
        UsageError: The pin is not a SHA-256.
    """
    wanted = Reference.of(reference)
    if wanted.digest:
        raise SupplyError(
            f"{reference}: a cluster can load an image by its tag only, not by a digest",
            hint=f'a tag in the chart\'s values, and [{IMAGES}."{wanted.name}"] digest = "{wanted.digest}" in the file '
            f"that {PINS_VARIABLE} names",
        )
    pinned = pins.digest(IMAGES, wanted.name)
    source = source_of(wanted, registry)
    api, platform = _versions(engine)
    place, key = f"pulled-{wanted.repository.replace('/', '-')}", key_of([wanted.name, pinned or source.api, platform])

    def make(folder: Path) -> dict[str, Any]:
        temporary = f"promdrill/pulled:{key}"
        for_one = ("--platform", platform) if api >= _PLATFORM_SINCE else ()
        with (
            cache.lock(place),  # another tag of it, pulled meanwhile, would share our image and remove it
            cache.scratch() as scratch,
            _brought(wanted, source, pinned, engine, name=temporary, say=say) as pulled,
        ):
            engine.docker("save", *for_one, "--output", scratch / FILE, temporary, timeout_s=SAVE_S)
            rename(scratch / FILE, folder / FILE, wanted.name)
        return {"reference": wanted.name, "from": pulled.reference, "digest": f"sha256:{pulled.digest}"}

    return cache.build(place, key, make).files / FILE


def pull(wanted: Reference, source: Registry, digest: str | None, engine: Engine, *, what: str, say: Say) -> Pulled:
    """Let the engine pull an image, by digest if the registry tells it.

    Args:
        wanted: The image; its host is ignored.
        source: The registry.
        digest: SHA-256 that its manifest must have, in hexadecimal; None for whatever the tag names.
        engine: Pulls it.
        what: Its name in messages.
        say: Called with where it comes from, and whether its digest is not pinned.

    Raises:
        SupplyError: The registry hangs, refuses, does not have it, or has something else under that name.
    """
    known = check_manifest(source, wanted, digest, what=what) or digest
    name = engine_name(wanted, source)
    target = f"{name}@sha256:{known}" if known else f"{name}:{wanted.tag}"
    say(f"{what[:1].upper()}{what[1:]} comes from {target}{'' if digest else '; no digest is pinned for it'}.")
    host = source.prefix.partition("/")[0]
    hint = f"docker login{f' {host}' if host else ''}, or {MIRROR_VARIABLE}=mirror.example:5000, or SUPPLY=source"
    try:
        engine.docker("pull", "--quiet", target, timeout_s=PULL_S)
    except CommandTimeout as error:
        raise SupplyError(f"{what}: {target} was not pulled within {PULL_S:.0f} s", hint=hint) from error
    except CommandFailed as error:
        why = meaning(source.api, error)
        raise SupplyError(f"{what}: {target} could not be pulled: {why}", hint=hint) from error
    return Pulled(target, known or _digest(engine, target, name))


def check_manifest(
    source: Registry, wanted: Reference, digest: str | None, *, what: str, silence_s: float = fetch.SILENCE_S
) -> str | None:
    """Ask a registry for a manifest before the engine does: it answers at once and says what is wrong.

    Args:
        source: The registry.
        wanted: The image; its host is ignored.
        digest: SHA-256 that the manifest must have, in hexadecimal; None for whatever the tag names.
        what: Its name in messages.
        silence_s: Seconds without a byte after which the registry counts as hanging.

    Returns:
        SHA-256 of the manifest; None if the registry shows it only after a login, or had too many anonymous requests:
        the engine has the user's credentials.

    Raises:
        SupplyError: It hangs, does not have the image, or has something else under that name.
    """
    hint = f"set another {MIRROR_VARIABLE}, or SUPPLY=source"

    def ask(by: str) -> requests.Response:
        address = f"{source.api}/v2/{source.path}{wanted.repository}/manifests/{by}"
        try:
            return _manifest(address, silence_s)
        except requests.RequestException as error:
            raise SupplyError(f"{what}: {fetch.trouble(source.api, error, silence_s)}", hint=hint) from error

    answer = ask(f"sha256:{digest}" if digest else wanted.tag)
    if answer.status_code in _ASK_AS_USER:
        return None
    address = answer.url
    if answer.status_code == requests.codes.not_found and digest:
        by_tag = ask(wanted.tag)
        if by_tag.status_code == requests.codes.ok:  # it has the image, so it is the digest that is wrong
            answer, address = by_tag, by_tag.url
    if answer.status_code == requests.codes.not_found and source.prefix:
        hint = f"docker push {engine_name(wanted, source)}:{wanted.tag}, or {hint}"
    if answer.status_code != requests.codes.ok:
        raise SupplyError(f"{what}: {fetch.refusal(address, answer.status_code)}", hint=hint)
    seen = hashlib.sha256(answer.content).hexdigest()
    if digest and seen != digest:
        raise SupplyError(
            f"{what}: {address} has SHA-256 {seen}, but {digest} is pinned; refusing to use it",
            hint=f"correct the pin if it is yours (see {PINS_VARIABLE}), or {hint}",
        )
    return seen


def rename(archive: Path, target: Path, name: str) -> None:
    """Copy a docker archive of one image, and give the image another name.

    Raises:
        SupplyError: It cannot be read, or does not hold one image.
    """
    found = 0
    try:
        with tarfile.open(archive) as old, tarfile.open(target, "w", format=tarfile.PAX_FORMAT) as new:
            for member in old:
                if member.name == "repositories":
                    continue  # the same again, for old versions of Docker
                source = old.extractfile(member) if member.isfile() else None
                if source is not None and member.name in {"manifest.json", "index.json"}:
                    content = json.loads(source.read())
                    found += len(content) if member.name == "manifest.json" else 0
                    changed = json.dumps(_renamed(content, name)).encode()
                    member.size, source = len(changed), io.BytesIO(changed)
                new.addfile(member, source)
    except (tarfile.TarError, ValueError, KeyError, TypeError) as error:
        raise SupplyError(f"{archive} is not a docker archive: {error}") from error
    if found != 1:
        raise SupplyError(f"{archive} holds {found} images, expected one")


def _renamed(content: Any, name: str) -> Any:
    if isinstance(content, list):  # manifest.json
        return [{**image, "RepoTags": [name]} for image in content]
    given = dict(zip(_NAMES, (name, name.rpartition(":")[2]), strict=True))
    images = [{**image, "annotations": {**image.get("annotations", {}), **given}} for image in content["manifests"]]
    return {**content, "manifests": images}


@contextlib.contextmanager
def _brought(
    wanted: Reference, source: Registry, digest: str | None, engine: Engine, *, name: str, say: Say
) -> Iterator[Pulled]:
    """The image in the engine under a name of promdrill's own, as long as the block lasts."""
    before = _references(engine, engine_name(wanted, source))
    pulled = pull(wanted, source, digest, engine, what=f"image {wanted.name}", say=say)
    try:
        engine.docker("tag", pulled.reference, name, timeout_s=60)
        yield pulled
    finally:
        ours = [name, *([] if pulled.reference in before else [pulled.reference])]
        with contextlib.suppress(CommandFailed):  # somebody else's container may run it by now
            engine.docker("image", "rm", *ours, timeout_s=60)


def _references(engine: Engine, name: str) -> set[str]:
    """All of a repository's images in the engine, by tag and by digest."""
    shape = "{{.Repository}}:{{.Tag}} {{.Repository}}@{{.Digest}}"
    return set(engine.docker("image", "ls", "--digests", "--format", shape, name, timeout_s=30).stdout.split())


def _manifest(address: str, silence_s: float) -> requests.Response:
    """A registry's answer to a request for a manifest, with its anonymous token if it wants one."""
    headers = {"Accept": _MANIFESTS}
    answer = requests.get(address, headers=headers, timeout=silence_s)
    scheme, _, rest = answer.headers.get("WWW-Authenticate", "").partition(" ")
    asked = dict(_PARAMETER.findall(rest))
    if answer.status_code != requests.codes.unauthorized or scheme.lower() != "bearer" or "realm" not in asked:
        return answer
    given = requests.get(asked.pop("realm"), params=asked, timeout=silence_s)
    if given.status_code != requests.codes.ok:
        return answer
    told = given.json()
    token = told.get("token") or told.get("access_token")
    return requests.get(address, headers={**headers, "Authorization": f"Bearer {token}"}, timeout=silence_s)


def _versions(engine: Engine) -> tuple[tuple[int, ...], str]:
    """Version of the API that client and server have in common, and the server's platform."""
    shape = "{{.Client.APIVersion}} {{.Server.Os}}/{{.Server.Arch}}"
    api, platform = engine.docker("version", "--format", shape, timeout_s=30).stdout.split()
    return tuple(map(int, api.split("."))), platform


def _digest(engine: Engine, target: str, name: str) -> str:
    shape = "{{range .RepoDigests}}{{println .}}{{end}}"
    for line in engine.docker("image", "inspect", "--format", shape, target, timeout_s=30).stdout.split():
        repository, _, digest = line.partition("@sha256:")
        if digest and repository == name:
            return digest
    raise SupplyError(f"the engine does not know the digest of {target}")
