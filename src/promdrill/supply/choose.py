"""Where things come from: built from source, or pulled from registries. Decided once, before anything is fetched."""

from __future__ import annotations

import difflib
import functools
import os
import queue
import re
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import requests

from promdrill.core.clock import Deadline
from promdrill.core.errors import UsageError

SUPPLIES = ("auto", "source", "registry")
"""Valid values of SUPPLY."""

MIRROR_VARIABLE = "REGISTRY_MIRROR"
"""Names the image registry to use in place of Docker Hub: `host`, `host:port`, with a path or a scheme if need be."""

ASK_S = (3.0, 6.0)
"""Seconds that the registries have to answer at each try, names looked up and all; a healthy one takes 0.3."""

HUB = "docker.io"
PUBLIC = {HUB: "Docker Hub", "quay.io": "Quay"}
"""The registries that are asked where no mirror is named: one that is down or slow says nothing about the network."""

_HUB_API = "https://registry-1.docker.io"
_LOOPBACK = re.compile(r"^(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?$")
_ANSWERS = frozenset({requests.codes.ok, requests.codes.unauthorized, requests.codes.too_many_requests})


@dataclass(frozen=True, slots=True)
class Registry:
    """The address of an image registry.

    Attributes:
        api: Root of its HTTP API, without ``/v2/``.
        prefix: What image references start with, with a slash at its end; empty for Docker Hub.
    """

    api: str
    prefix: str

    @classmethod
    def of(cls, address: str) -> Registry:
        """The registry at an address as a user types it.

        Without a scheme, https is meant, and http on loopback, as Docker takes it.

        Raises:
            UsageError: It is no address.
        """
        match = re.fullmatch(
            r"(?:(https?)://)?([A-Za-z0-9.-]+(?::\d+)?|\[[0-9a-fA-F:]+\](?::\d+)?)((?:/[\w.-]+)*)/?", address
        )
        if match is None:
            raise UsageError(
                f"{MIRROR_VARIABLE}={address} is no registry", hint=f"{MIRROR_VARIABLE}=mirror.example:5000"
            )
        scheme, host, path = match.groups()
        if (host, path) == (HUB, ""):
            return cls(_HUB_API, "")
        scheme = scheme or ("http" if _LOOPBACK.match(host) else "https")
        return cls(f"{scheme}://{host}", f"{host}{path}/")

    @property
    def title(self) -> str:
        """What a message calls it."""
        host = self.api.partition("://")[2]
        return PUBLIC.get(host if self.prefix else HUB, f"the image registry at {self.api}")

    @property
    def path(self) -> str:
        """What comes before a repository's name in its API; empty, or with a slash at its end."""
        return self.prefix.partition("/")[2]


@dataclass(frozen=True, slots=True)
class Choice:
    """A supply, for the whole run.

    Attributes:
        name: `source` or `registry`.
        why: One sentence.
    """

    name: str
    why: str


def mirror() -> Registry:
    """The registry that the user named, else Docker Hub.

    Raises:
        UsageError: What the user named is no address.
    """
    return Registry.of(os.environ.get(MIRROR_VARIABLE) or HUB)


def check(wanted: str) -> str:
    """A value of SUPPLY.

    Raises:
        UsageError: There is no such supply; the nearest one is named.
    """
    if wanted in SUPPLIES:
        return wanted
    near = difflib.get_close_matches(wanted.lower(), SUPPLIES, n=1, cutoff=0.4) or ["auto"]
    raise UsageError(f"SUPPLY={wanted}: not one of {', '.join(SUPPLIES)}", hint=f"SUPPLY={near[0]}")


@functools.cache
def chosen(wanted: str, mirror_address: str | None = None) -> Choice:
    """The choice for this process: whoever asks again gets the same answer, and no registry is asked again.

    Raises:
        UsageError: There is no such supply, or the registry's address is none.
    """
    return choose(wanted, registry=Registry.of(mirror_address) if mirror_address else None)


def choose(
    wanted: str,
    *,
    registry: Registry | None = None,
    get: Callable[..., requests.Response] = requests.get,
    tries_s: Sequence[float] = ASK_S,
) -> Choice:
    """Choose a supply; `auto` asks registries, all at once, and again when none has answered.

    Args:
        wanted: The value of SUPPLY.
        registry: The user's mirror, which then is the only one to ask; the one that the environment names by default.
        get: Sends the request, as ``requests.get``.
        tries_s: Seconds that the registries have at each try.

    Raises:
        UsageError: There is no such supply, or the registry's address is none.
    """
    check(wanted)
    registry = registry or mirror()
    if wanted != "auto":
        return Choice(wanted, f"SUPPLY={wanted} was asked for.")
    asked = [registry] if registry.prefix else [Registry.of(name) for name in PUBLIC]
    answers: dict[Registry, str | None] = {}
    for within_s in tries_s:
        answers = ask(asked, get=get, within_s=within_s)
        for each, answer in answers.items():
            if answer is None:
                return Choice("registry", f"{_sentence(each.title)} answers.")
    silence = ", ".join(f"{each.title} {answer}" for each, answer in answers.items())
    return Choice("source", f"{_sentence(silence)} (asked {len(tries_s)} times), so everything is built from source.")


def ask(
    registries: Sequence[Registry], *, get: Callable[..., requests.Response] = requests.get, within_s: float = ASK_S[0]
) -> dict[Registry, str | None]:
    """Ask registries, all at once, whether they are any; the first that answers as one ends it.

    Returns:
        For each registry None when it answers as registries do (asking for credentials is an answer), else what
        happened, in words.
    """
    silence = f"did not answer within {within_s:g} s"
    said: queue.Queue[tuple[Registry, str | None]] = queue.Queue()

    def send(registry: Registry) -> None:
        try:
            status = get(f"{registry.api}/v2/", timeout=within_s, allow_redirects=False).status_code
        except requests.Timeout:
            said.put((registry, silence))
        except requests.RequestException:
            said.put((registry, "cannot be reached"))
        else:
            said.put((registry, None if status in _ANSWERS else f"answered {status}, as no registry does"))

    # threads, because looking up a name knows no deadline; they are left behind where they hang
    for each in registries:
        threading.Thread(target=send, args=(each,), name="ask-registry", daemon=True).start()
    answers: dict[Registry, str | None] = dict.fromkeys(registries, silence)
    deadline = Deadline.after(within_s)
    for _ in registries:
        try:
            registry, answers[registry] = said.get(timeout=deadline.remaining_s)
        except queue.Empty:
            break
        if answers[registry] is None:
            break
    return answers


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
