"""promtool checks promdrill's own alerts: ``python -m tests.rules.prove``, from the checkout.

Its linter reads rules/promdrill.yaml, and it runs the unit tests beside this file, and those with a scrape that fails
(`tests.rules.failed_scrapes`). promtool is taken out of the image
of the Prometheus that drills run, which the supply builds or pulls once and keeps. SUPPLY and REGISTRY_MIRROR are
respected.
"""

from __future__ import annotations

import json
import os
import sys
import tarfile
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import IO

import yaml
from tests.rules import failed_scrapes

from promdrill import supply
from promdrill.core import paths, scratch, shell
from promdrill.core.errors import PromdrillError, SupplyError
from promdrill.install import manifests
from promdrill.supply.supplied import SupplyRequest

IMAGE = f"{manifests.PROMETHEUS}:v{manifests.APP_VERSION}"
"""The image of the Prometheus that drills run where nobody asks for another one."""

OWN = Path(__file__).resolve().parent / "own.yaml"
"""The unit tests of our alerts."""

CHECK_S = 300.0
"""Seconds for a command of promtool, which needs ten."""


def say(text: str) -> None:
    """A line for whoever watches."""
    print(text, flush=True)  # noqa: T201


def main() -> int:
    """Have everything checked; 0 when promtool found nothing wrong."""
    request = SupplyRequest(supply=os.environ.get("SUPPLY") or "auto", mirror=os.environ.get("REGISTRY_MIRROR") or None)
    try:
        (archive,) = supply.archives(request, [IMAGE], on_event=say)
        with scratch.folder("promtool") as folder:
            check(unpacked(archive, folder), paths.rules_file(), [OWN, with_failed_scrapes(folder)])
    except PromdrillError as error:
        say(f"FAILED: {error}")
        return 1
    return 0


def with_failed_scrapes(folder: Path) -> Path:
    """A file of the unit tests in which a scrape fails.

    Args:
        folder: Where it goes.
    """
    made = folder / "failed-scrapes.yaml"
    given = yaml.safe_load(OWN.read_text(encoding="utf-8"))
    made.write_text(yaml.safe_dump(failed_scrapes.unit_tests(given, str(paths.rules_file()))), encoding="utf-8")
    return made


def unpacked(archive: Path, folder: Path) -> Path:
    """The program promtool of an image, executable.

    Args:
        archive: The image as a docker archive.
        folder: Where the program goes.

    Raises:
        SupplyError: It has none.
    """
    with tarfile.open(archive) as image:
        (described,) = json.load(_file(image, "manifest.json"))
        for name in described["Layers"]:
            with tarfile.open(fileobj=_file(image, name)) as layer:
                for member in layer:
                    if member.isreg() and PurePosixPath(member.name).parts[-2:] == ("bin", "promtool"):
                        made = folder / "promtool"
                        made.write_bytes(_file(layer, member.name).read())
                        made.chmod(0o700)
                        return made
    raise SupplyError(f"{IMAGE} has no promtool")


def _file(archive: tarfile.TarFile, name: str) -> IO[bytes]:
    found = archive.extractfile(name)
    if found is None:
        raise SupplyError(f"the archive of {IMAGE}: {name} is not a file")
    return found


def check(promtool: Path, rules: Path, tests: Sequence[Path]) -> None:
    """Have rules linted and their unit tests run; what promtool says is shown.

    Raises:
        CommandFailed: promtool found something wrong.
    """
    shell.run([promtool, "check", "rules", "--lint=all", "--lint-fatal", rules], timeout_s=CHECK_S, on_line=say)
    shell.run([promtool, "test", "rules", *tests], timeout_s=CHECK_S, on_line=say)


if __name__ == "__main__":
    sys.exit(main())
