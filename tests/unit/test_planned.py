"""The plan of a run on each platform names artefacts for that platform alone."""

from __future__ import annotations

import io
import json
import re

import pytest
from rich.console import Console

from promdrill.artefacts.pins import Pins
from promdrill.artefacts.platforms import PLATFORMS, Platform
from promdrill.cli import planned
from promdrill.request.request import Request
from promdrill.request.scenarios import find_all
from promdrill.request.settings import Settings

FOLDERS = tuple(each.folder for each in find_all())


@pytest.mark.parametrize("platform", PLATFORMS)
def test_a_plan_names_only_artefacts_for_its_platform(platform: Platform) -> None:
    rows = [*planned.rows(Request(scenarios=FOLDERS), platform, Pins.load())]
    text = json.dumps(planned.to_json(rows))
    others = {each for each in PLATFORMS if each not in {platform, platform.node}}
    for other in others:
        assert str(other) not in text
        assert other.key not in text
    tools = [row for row in rows if row.platform == str(platform) and row.source.startswith("https://")]
    assert [row.what.split()[0] for row in tools] == ["kind", "kubectl", "helm"]
    images = [row for row in rows if "image" in row.what]
    assert {row.platform for row in images} == {f"linux/{platform.architecture}"}
    assert {row.what for row in images} == {"node image", "image", "own image"}


def test_everything_that_is_fetched_is_pinned() -> None:
    rows = [*planned.rows(Request(scenarios=FOLDERS), PLATFORMS[0], Pins.load())]
    assert len(rows) > 15
    for row in rows:
        assert row.what == "own image" or re.fullmatch(r"[0-9a-f]{64}", row.sha256), row


def test_a_chart_of_ones_own_is_named_as_it_was_typed() -> None:
    settings = Settings(chart="my/chart", chart_version="1.2.3", kubernetes="1.35.8")
    rows = [*planned.rows(Request(settings), PLATFORMS[0], Pins.load())]
    assert rows[-1] == planned.Fetched("chart", "any", "my/chart 1.2.3")
    assert next(row for row in rows if row.what == "node image").source == "docker.io/kindest/node:v1.35.8"


def test_it_is_shown_as_a_table() -> None:
    text = io.StringIO()
    rows = [*planned.rows(Request(), PLATFORMS[3], Pins.load())]
    planned.render(rows, Console(file=text, width=160))
    assert "kind-darwin-arm64" in text.getvalue()
    assert "linux/arm64" in text.getvalue()
