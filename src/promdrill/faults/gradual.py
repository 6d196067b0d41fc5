"""The slow growth of a fault that fills a volume: most of it at once, the rest evenly over time.

A volume that is full at once leaves no alert the time to come before. What is far from full is filled at once all the
same, so that only the end of it takes long.

Each step uses up what is too much for its moment. So whatever Prometheus writes or deletes meanwhile, and however slow
the disk is, the volume is full when it is to be. The clock is the container's.
"""

from __future__ import annotations

import math
import shlex
from dataclasses import dataclass

from promdrill.core.errors import ClusterError
from promdrill.core.events import FaultGrows, VolumeMeasured
from promdrill.faults.base import FaultNotTaken, Ground
from promdrill.faults.pods import untouched
from promdrill.observe import df
from promdrill.observe.conditions import Condition
from promdrill.observe.snapshot import container_status

FIRST_SHARE = 0.8
"""Share of what is free at the beginning that is used up at once. Of an empty volume less than what the usual alerts
wait for: KubePersistentVolumeFillingUp begins at 85 % (kube-prometheus-stack 88.5)."""

FILL_TIMEOUT_S = 120.0
"""Seconds for the whole fill: 1 GiB of zeros at 10 MB/s, the slowest disk worth drilling on."""

SLICE_S = 30
"""The most seconds of the growth that one command does. What is between us and the container may cut a connection on
which nothing is said for long, and what broke meanwhile is noticed with the next one."""

REPORTS = 10
"""How many times at most a growth tells how far it has come."""

# The same for bytes and inodes. `date` counts whole seconds; a step each second is as fine as a drill scrapes. Once the
# drill has been undone, what was made is gone, and nothing may be written any more. The last line says what time it
# was, how much there is, and how much is left.
_BEGIN = """
{make} || exit
set -- $({df} | tail -n 1)
echo "$(date +%s) $2 $4"
"""
_SLICE = """
stop=$(($(date +%s) + {slice_s}))
while [ -e {made} ]; do
  now=$(date +%s)
  [ "$now" -lt {end} ] || now={end}
  set -- $({df} | tail -n 1)
  more=$(($4 - {keep} - ({first} - {keep}) * ({end} - now) / {lasts_s}))
  if [ "$more" -gt 0 ]; then {use}; fi
  [ "$now" -lt {end} ] && [ "$now" -lt "$stop" ] || break
  sleep 1
done
[ -e {made} ] || {{ echo {made} is gone; exit; }}
set -- $({df} | tail -n 1)
echo "$now $2 $4"
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filling:
    """What is used up little by little.

    Attributes:
        fault: The fault's name.
        mount: Where the volume is mounted.
        df: The command that shows how much of `mount` is left, in the columns that POSIX gives ``df -P``.
        made: Path of what takes it.
        make: Shell commands that create `made`.
        use: Shell commands that use up as much as ``$more`` says; ``$now`` differs from one call to the next.
        keep: How much is left when the growth is over.
    """

    fault: str
    mount: str
    df: tuple[str, ...]
    made: str
    make: str
    use: str
    keep: int = 0

    def grow(self, ground: Ground) -> None:
        """Use up `FIRST_SHARE` of what is free at once, and the rest but for `keep` within `Ground.growth_s` seconds.

        Raises:
            FaultNotTaken: The server was restarted meanwhile, or a command failed.
            ClusterError: A command could not be started, or did not end in time.
        """
        lasts_s = max(1, round(ground.growth_s))
        slice_s = min(SLICE_S, math.ceil(lasts_s / REPORTS))
        same = _as_it_is(ground)
        shown = shlex.join((*self.df, self.mount))
        now, _, left = self._run(ground, same, _BEGIN.format(make=self.make, df=shown), 0)
        end, told = now + lasts_s, now
        script = _SLICE.format(
            df=shown,
            made=shlex.quote(self.made),
            use=self.use,
            keep=self.keep,
            first=max(self.keep, round(left * (1 - FIRST_SHARE))),
            end=end,
            lasts_s=lasts_s,
            slice_s=slice_s,
        )
        for _ in range(math.ceil(lasts_s / slice_s) + 1):  # a clock that stands still must not keep the drill for ever
            now, whole, left = self._run(ground, same, script, slice_s)
            self._measured(ground, whole, left)
            if now >= end:
                return
            if now - told >= lasts_s / REPORTS:
                told = now
                ground.journal.write(FaultGrows(fault=self.fault, used=1 - left / whole, left_s=end - now))
        raise FaultNotTaken(f"{self.fault}: not done within {lasts_s} s by the container's clock")

    def _run(self, ground: Ground, same: Condition, script: str, lasts_s: int) -> tuple[int, int, int]:
        """Run a script of so many seconds: what time it was at its end, how much there is, and how much is left."""
        try:
            code, output = ground.run(script, timeout_s=lasts_s + FILL_TIMEOUT_S)
        except ClusterError as error:
            self._require(ground, same, error)
            raise
        self._require(ground, same)
        figures = output.strip().rpartition("\n")[2].split()
        if len(figures) != _FIGURES or not all(each.isdecimal() for each in figures):
            raise FaultNotTaken(f"{self.fault}: cut short: {output.strip()[-300:] or f'exit code {code}'}")
        now, whole, left = map(int, figures)
        if not whole:
            raise FaultNotTaken(f"{self.fault}: {self.df[0]} shows nothing that could be used up")
        return now, whole, left

    def _measured(self, ground: Ground, whole: int, left: int) -> None:
        """Note how full the volume is: nobody else looks while it fills."""
        if self.df == df.BYTES:
            size, used = whole * df.BLOCK_BYTES, (whole - left) * df.BLOCK_BYTES
            ground.journal.write(VolumeMeasured(path=self.mount, size_bytes=size, used_bytes=used))

    def _require(self, ground: Ground, same: Condition, error: ClusterError | None = None) -> None:
        """Refuse to go on in another container than before: what follows would not be this growth's doing."""
        seen = same.judge(ground.observer.snapshot())
        if not seen.holds:
            raise FaultNotTaken(f"{self.fault}: the server was restarted before its end: {seen.text}") from error


_FIGURES = 3
"""How many figures the last line of a script has."""


def _as_it_is(ground: Ground) -> Condition:
    """The server's pod is the one that it is now, and its container is not restarted."""
    pod = ground.pod()
    status = container_status(pod, ground.server.container)
    return untouched(ground.server, str(pod["metadata"]["uid"]), int(status["restartCount"]) if status else 0)
