"""Choose where things come from: built from source, or pulled from registries. Once, before anything is fetched."""

from __future__ import annotations

import difflib
import queue
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import requests

from promdrill.artefacts.registries import PUBLIC, Registry, mirror
from promdrill.core.choices import SUPPLIES
from promdrill.core.clock import Deadline
from promdrill.core.errors import UsageError

ASK_S = (3.0, 6.0)
"""Seconds that registries have to answer at each try, including the DNS lookup; a healthy one takes 0.3."""

_ANSWERS = frozenset({requests.codes.ok, requests.codes.unauthorized, requests.codes.too_many_requests})


@dataclass(frozen=True, slots=True)
class Choice:
    """A supply, for the whole run.

    Attributes:
        name: `source` or `registry`.
        why: One sentence.
    """

    name: str
    why: str


def check(wanted: str) -> str:
    """A value of SUPPLY.

    Raises:
        UsageError: There is no such supply; the nearest one is named.
    """
    if wanted in SUPPLIES:
        return wanted
    near = difflib.get_close_matches(wanted.lower(), SUPPLIES, n=1, cutoff=0.4) or ["auto"]
    raise UsageError(f"SUPPLY={wanted}: not one of {', '.join(SUPPLIES)}", hint=f"SUPPLY={near[0]}")


def chosen(wanted: str, mirror_address: str | None = None) -> Choice:
    """The choice for a run, which keeps it: asking again may take seconds and give another answer.

    Args:
        wanted: The value of SUPPLY.
        mirror_address: The value of REGISTRY_MIRROR; None for what the environment names.

    Raises:
        UsageError: There is no such supply, or the registry's address is not valid.
    """
    return choose(wanted, registry=Registry.of(mirror_address) if mirror_address else None)


def choose(
    wanted: str,
    *,
    registry: Registry | None = None,
    get: Callable[..., requests.Response] = requests.get,
    tries_s: Sequence[float] = ASK_S,
) -> Choice:
    """Choose a supply; `auto` asks all registries at once, and again if none answered.

    Args:
        wanted: The value of SUPPLY.
        registry: The user's mirror, the only registry to ask; by default the one that the environment names.
        get: Sends the request, as ``requests.get``.
        tries_s: Seconds that the registries have at each try.

    Raises:
        UsageError: There is no such supply, or the registry's address is not valid.
    """
    check(wanted)
    registry = registry or mirror()
    if wanted != "auto":
        return Choice(wanted, f"SUPPLY={wanted} was requested.")
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
    """Ask all registries at once whether they answer; the first that answers as a registry ends the wait.

    Returns:
        For each registry None if it answers as registries do (asking for credentials is an answer), else what
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
            said.put((registry, None if status in _ANSWERS else f"answered {status}, which no registry does"))

    # threads, because a DNS lookup has no deadline; threads that hang are left behind
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
