"""What a process used: processor time since a moment, and its most memory."""

import resource
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from promdrill.core import usage
from promdrill.core.model import ProcessFigures
from promdrill.core.usage import Meter, peak_bytes


def test_a_meter_has_what_was_used_since_then_and_before(monkeypatch: pytest.MonkeyPatch) -> None:
    spent = {resource.RUSAGE_SELF: (1.0, 0.5), resource.RUSAGE_CHILDREN: (10.0, 0.0)}

    def getrusage(who: int) -> SimpleNamespace:
        user_s, system_s = spent[who]
        return SimpleNamespace(ru_utime=user_s, ru_stime=system_s, ru_maxrss=0)

    monkeypatch.setattr(resource, "getrusage", getrusage)
    monkeypatch.setattr(usage, "peak_bytes", lambda: 4096)
    meter = Meter()
    spent.update({resource.RUSAGE_SELF: (1.25, 0.75), resource.RUSAGE_CHILDREN: (12.0, 1.0)})
    assert meter.figures() == ProcessFigures(cpu_s=0.5, commands_cpu_s=3.0, start_cpu_s=1.5, peak_bytes=4096)


def test_the_peak_is_the_processs_own_where_linux_tells_it(tmp_path: Path) -> None:
    status = tmp_path / "status"
    status.write_text("VmPeak:\t  9 kB\nVmHWM:\t   79724 kB\nVmRSS:\t  5 kB\n", encoding="utf-8")
    assert peak_bytes(status) == 79724 * 1024


@pytest.mark.parametrize("text", ["VmRSS:\t  5 kB\n", None], ids=["no such line", "no such file"])
def test_elsewhere_the_peak_is_what_getrusage_has(tmp_path: Path, text: str | None) -> None:
    status = tmp_path / "status"
    if text is not None:
        status.write_text(text, encoding="utf-8")
    unit = 1 if sys.platform == "darwin" else 1024
    assert peak_bytes(status) == resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
