"""flag-repeated: one flag in server.extraFlags and in server.extraArgs; the server refuses its command line.

The usual victim is web.enable-lifecycle, but a bare flag in extraArgs depends on the chart: before 25.20.2 an empty
value becomes `--flag=`. A flag with a value is the same in all of them.
"""

import pytest

from promdrill.drill import Drill, Persistence, Stage
from promdrill.faults import ValuesEdit
from promdrill.observe import flag_given

FLAG = "storage.tsdb.retention.size"
NEW_SIZE = "250M"  # Prometheus shows it as 250MB or 250MiB, depending on its version


@pytest.mark.charts(">=15")
@pytest.mark.touches("release", "flags")
@pytest.mark.looks_like("config-typo")
def test_flag_repeated(drill: Drill) -> None:
    """The flag is set a second time; the runbook keeps one of the two."""
    server = drill.server
    repeated = drill.wording("flag-repeated")
    drill.run(
        fault=ValuesEdit("server.extraArgs", {FLAG: f"{NEW_SIZE}B"}, proof=(flag_given(server, FLAG, times=2),)),
        signature=(
            Stage(
                "1/2, it refuses its command line",
                (server.crash_looping(), server.logs(repeated), server.http("GET", "/-/healthy", 503)),
            ),
        ),
        persistence=Persistence(more_restarts=2),
        recovery=lambda at: (
            server.json(
                "/api/v1/status/flags",
                lambda body: body["data"][FLAG].startswith(NEW_SIZE),
                f"{FLAG} is {NEW_SIZE}...",
                show=lambda body: f"{FLAG} is {body['data'][FLAG]}",
            ),
            server.no_logs(repeated, since=at.remediated),
        ),
    )
