"""What promdrill changes on this machine outside its own folders: only as root, each said before it is made.

SECURITY.md has the same list, word for word.
"""

from __future__ import annotations

from dataclasses import dataclass

from promdrill.core.say import Say


@dataclass(frozen=True, slots=True)
class Change:
    """A change of the machine.

    Attributes:
        what: What is changed.
        when: When, and why.
        after: What becomes of it, or how to take it back.
    """

    what: str
    when: str
    after: str

    def announce(self, say: Say, doing: str) -> None:
        """Say it, before it is made.

        Args:
            say: Told the line.
            doing: What is done now, and why, as the beginning of a sentence.
        """
        say(f"{doing}: {self.after}.")


ENGINE_PACKAGES = Change(
    "`apt-get install docker.io`, `runc`, `iptables`",
    "no container engine answers, and one of them is missing",
    "it stays installed; `apt-get remove` takes it back",
)

BUILD_PACKAGES = Change(
    "`apt-get install mmdebstrap`, `debian-archive-keyring`",
    "one of them is missing, and a Debian tree is built",
    "it stays installed; `apt-get remove` takes it back",
)

PACKAGE_LISTS = Change(
    "`apt-get update`",
    "an installation fails for want of a fresh list of packages",
    "the lists stay updated",
)

SERVICES = Change(
    "`/usr/sbin/policy-rc.d`",
    "while packages are installed, so that no service starts; one that is there is used instead",
    "it is removed afterwards; after a kill, by the next run or `promdrill clean`",
)

DOCKERD = Change(
    "starts `dockerd`, on a socket in the state folder",
    "no container engine answers, and none was chosen",
    "it keeps running; `promdrill clean` stops it",
)

NETWORK = Change(
    "packet filter rules, bridges, IP forwarding",
    "that `dockerd` makes and switches on, when it starts and for each cluster",
    "`promdrill clean` takes back what was not there before",
)

KERNEL_MODULES = Change(
    "kernel modules (overlay, bridge, netfilter)",
    "that `dockerd` loads when it starts",
    "they stay until the machine restarts",
)

MODULES_FOLDER = Change(
    "`mkdir /lib/modules`",
    "it is missing, and kind mounts it into every node",
    "it stays, empty; `rmdir` takes it back",
)

CHANGES = (
    ENGINE_PACKAGES,
    BUILD_PACKAGES,
    PACKAGE_LISTS,
    SERVICES,
    DOCKERD,
    NETWORK,
    KERNEL_MODULES,
    MODULES_FOLDER,
)
"""All of them."""
