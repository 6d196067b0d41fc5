"""The packet filter before a Docker was started, and the way back: what that Docker added goes, all else stays."""

from __future__ import annotations

import contextlib
import ipaddress
import re
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from promdrill.core import shell
from promdrill.core.errors import CommandFailed

FORWARDING = {
    "iptables": Path("/proc/sys/net/ipv4/ip_forward"),
    "ip6tables": Path("/proc/sys/net/ipv6/conf/all/forwarding"),
}
"""The families of rules, and where each says whether this machine forwards packets."""

_COMMAND_S = 30.0

_INTERFACE = re.compile(r"(?:-i|-o) (\S+)")
_TARGET = re.compile(r"-[jg] (\S+)")
_MASQUERADE = re.compile(r"^-A POSTROUTING -s (\S+) ! -o (\S+) -j MASQUERADE$")
_HAIRPIN = re.compile(r"^-A POSTROUTING -s (\S+) -d \1 .*-j MASQUERADE$")  # a container that reaches itself


@dataclass(frozen=True, slots=True)
class Before:
    """What was there before a Docker was started.

    Attributes:
        rules: The listing of ``iptables-save``, by family; none for a family that this machine does not have.
        forwards: The families whose packets were forwarded already. Docker switches that on, and only then sets the
            policy of FORWARD to DROP.
    """

    rules: Mapping[str, str] = field(default_factory=dict)
    forwards: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Table:
    """A table of a listing: its chains with their policies, and its rules in order."""

    chains: dict[str, str] = field(default_factory=dict)
    rules: list[str] = field(default_factory=list)


def examine() -> Before:
    """The packet filter as it is now."""
    return Before(_listings(), tuple(family for family in FORWARDING if _forwards(family)))


def take_back(before: Before, bridges: Collection[str], *, shared: bool) -> None:
    """Remove what a Docker that has ended added.

    Args:
        before: The packet filter before it was started.
        bridges: Its bridges.
        shared: Whether another Docker runs, which uses the same chains by now.

    Raises:
        CommandFailed: The packet filter refuses.
        OSError: Forwarding cannot be switched off again.
    """
    for family, now in _listings().items():
        was = before.rules.get(family)
        if was is None:
            continue
        shell_input = way_back(now, was, bridges, shared=shared)
        if shell_input:
            shell.run([f"{family}-restore", "--noflush"], timeout_s=_COMMAND_S, stdin=shell_input)
        if not shared and family not in before.forwards and closed(now, was):
            shell.run([f"{family}-restore", "--noflush"], timeout_s=_COMMAND_S, stdin=_OPEN)
            FORWARDING[family].write_text("0\n", encoding="ascii")


_OPEN = "*filter\n:FORWARD ACCEPT [0:0]\nCOMMIT\n"


def closed(now: str, before: str) -> bool:
    """Whether the policy of FORWARD has become DROP. Whether a Docker did that is not in a listing."""
    was, is_now = (_tables(listing).get("filter", _Table()).chains.get("FORWARD") for listing in (before, now))
    return (was or "ACCEPT", is_now) == ("ACCEPT", "DROP")


def way_back(now: str, before: str, bridges: Collection[str], *, shared: bool) -> str:
    """The input for ``iptables-restore --noflush`` that removes what a Docker added; empty if that is nothing.

    That is what names its bridges or the addresses behind them, and, unless another Docker uses them, its chains and
    what leads there. What was there before stays, whatever it names.
    """
    was = _tables(before)
    parts = []
    for name, table in _tables(now).items():
        old = was.get(name, _Table())
        chains = [] if shared else [chain for chain in table.chains if _is_dockers(chain) and chain not in old.chains]
        added = list((Counter(table.rules) - Counter(old.rules)).elements())
        networks = [found[1] for rule in added if (found := _MASQUERADE.match(rule)) and found[2] in bridges]
        rules = [
            rule
            for rule in added
            if _chain(rule) not in chains and (_leads_to(rule, chains) or _concerns(rule, bridges, networks))
        ]
        lines = [
            *(f"-D {rule.removeprefix('-A ')}" for rule in rules),
            *(f"-F {chain}" for chain in chains),
            *(f"-X {chain}" for chain in chains),
        ]
        parts += [f"*{name}", *lines, "COMMIT"] if lines else []
    return "".join(f"{line}\n" for line in parts)


def _tables(listing: str) -> dict[str, _Table]:
    tables: dict[str, _Table] = {}
    table = _Table()
    for line in map(str.strip, listing.splitlines()):
        if line.startswith("*"):
            table = tables.setdefault(line[1:], _Table())
        elif line.startswith(":"):
            name, policy, *_ = line[1:].split()
            table.chains[name] = policy
        elif line.startswith("-A "):
            table.rules.append(line)
    return tables


def _is_dockers(chain: str) -> bool:
    return chain == "DOCKER" or chain.startswith("DOCKER-")


def _chain(rule: str) -> str:
    return rule.split()[1]


def _leads_to(rule: str, chains: Collection[str]) -> bool:
    return any(target in chains for target in _TARGET.findall(rule))


def _concerns(rule: str, bridges: Collection[str], networks: Collection[str]) -> bool:
    if any(name in bridges for name in _INTERFACE.findall(rule)):
        return True
    hairpin = _HAIRPIN.match(rule)
    return hairpin is not None and any(_within(hairpin[1], network) for network in networks)


def _within(address: str, network: str) -> bool:
    inside, outside = ipaddress.ip_network(address, strict=False), ipaddress.ip_network(network, strict=False)
    return inside.version == outside.version and inside.subnet_of(outside)  # type: ignore[arg-type]


def _listings() -> dict[str, str]:
    listings = {}
    for family in FORWARDING:
        with contextlib.suppress(CommandFailed):  # not installed, or not in this kernel: then it has no rules
            listings[family] = shell.run([f"{family}-save"], timeout_s=_COMMAND_S).stdout
    return listings


def _forwards(family: str) -> bool:
    try:
        return FORWARDING[family].read_text(encoding="ascii").strip() != "0"
    except OSError:  # a kernel without it
        return True
