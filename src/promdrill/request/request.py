"""The request for one run: read and checked once, wherever it comes from, and then passed on as an object.

make's variables, the options of `promdrill run` and those of pytest all use one table (`options`). The function `make`
turns their values into a `Request`. A process that runs drills for another reads it from a file and checks nothing
again.
"""

from __future__ import annotations

import difflib
import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from promdrill import doctor
from promdrill.cluster import lease
from promdrill.cluster.address import Address
from promdrill.core import choices, files, login, paths, reading, records
from promdrill.core.choices import (
    CONTROLS,
    EVIDENCE,
    IMAGES,
    PROFILES,
    SCRAPES,
    SUBCHARTS,
    SUPPLIES,
    VARIANTS,
    VERSION,
    one_of,
)
from promdrill.core.errors import UsageError, shortened
from promdrill.helm.compatibility import stack
from promdrill.helm.source import find
from promdrill.helm.source.files import metadata
from promdrill.helm.values.user import Own
from promdrill.observe import quantity
from promdrill.request import adopting, built, options, scenarios
from promdrill.request.options import OPTIONS, Given, Option
from promdrill.request.scenarios import ScenarioFolder
from promdrill.request.settings import DURATIONS, Settings
from promdrill.runbook.load import load
from promdrill.supply import choose, kubernetes
from promdrill.supply.build import catalogue
from promdrill.supply.bundle.read import Listed
from promdrill.supply.choose import Choice
from promdrill.supply.supplied import SupplyRequest

_FILES = ("runbook", "bundle", "login", "alertmanager", "expectations")
"""Fields of `Settings` that are paths of files."""

_INSTEAD = {
    "controls": "runs every control",
    "ablate": "leaves out one step at a time",
    "repairs": "carries out each of the other repairs",
}
_OF_ITS_OWN = {"controls": "runs no runbook", "repairs": "runs those of the scenario"}
"""Why a variant takes no runbook of the user's."""


@dataclass(frozen=True, slots=True)
class KindOptions:
    """pytest-kind's options for the cluster that a run makes.

    Attributes:
        name: The cluster's name; None for any free name.
        keep: Whether to keep the cluster when the session ends.
        kubeconfig: Where to write a copy of the cluster's kubeconfig; None for nowhere.
        image: Node image instead of the supplied one.
        kind: Path of kind instead of the supplied one.
        kubectl: Path of kubectl instead of the supplied one.
        adopt: Whether the cluster of that name is one that promdrill did not make.
    """

    name: str | None = None
    keep: bool = False
    kubeconfig: Path | None = None
    image: str | None = None
    kind: Path | None = None
    kubectl: Path | None = None
    adopt: bool = False

    def __post_init__(self) -> None:
        """Raise UsageError for a name that kind would not take."""
        if self.name is not None:
            lease.require_name(self.name)


@dataclass(frozen=True, slots=True)
class Request:
    """The request for one run.

    Attributes:
        settings: How its drills go.
        scenarios: Folders of the scenarios to drill; empty when pytest collects them.
        variants: Which variants of each drill to run, one of `promdrill.core.choices.VARIANTS`; None for the drill
            itself.
        jobs: Number of drills that run in parallel.
        cluster: Options of the cluster to make.
        joins: A running cluster to use instead of making one; it is left running.
        reports: Folder of the run's report; None for a new one.
        values: What `Settings.values` and `Settings.assigned` say; None for nothing.
        bundle: Manifest of the bundle `Settings.bundle`.
        choice: The supply that was chosen; None until it is needed, and for a bundle.
    """

    settings: Settings = field(default_factory=Settings)
    scenarios: tuple[Path, ...] = ()
    variants: str | None = None
    jobs: int = 1
    cluster: KindOptions = field(default_factory=KindOptions)
    joins: Address | None = None
    reports: Path | None = None
    values: Own | None = None
    bundle: Listed | None = None
    choice: Choice | None = None

    def write(self, file: Path) -> Path:
        """Write the request to a file for another process, and return the file."""
        return files.write(file, records.dumps(self))

    @classmethod
    def read(cls, file: Path) -> Self:
        """Read a file written by `write`; nothing is checked again.

        Raises:
            UsageError: The file does not exist, or was not written by `write`.
        """
        return records.read(cls, file, wrong=f"--request={file}: not a request that promdrill wrote")

    def changed(self) -> dict[str, str]:
        """The settings that differ from the defaults, by make's variables."""
        return self.settings.changed() | ({"JOBS": str(self.jobs)} if self.jobs != 1 else {})

    @property
    def ahead(self) -> int:
        """How many drills may get ready, be ready or recover beside those at their incident: as many as those.

        Half as many where a drill takes more of the machine, and where there is no core for each. Drills that wait for
        a processor miss their deadlines.

        Raises:
            UsageError: There is no such chart.
        """
        heavy = bool(self.settings.rules) or chart_named(self.settings) == stack.CHART
        return math.ceil(self.jobs / 2) if heavy or self.jobs > (os.cpu_count() or 1) else self.jobs

    def with_supply(self) -> Request:
        """The same request with its supply chosen. This may query a registry, once.

        Raises:
            UsageError: The registry's address is not valid.
        """
        if self.choice is not None or self.settings.bundle is not None:
            return self
        return replace(self, choice=choose.chosen(self.settings.supply, self.settings.mirror))

    def supply_name(self) -> str:
        """`source`, `registry` or `bundle`; without an earlier `with_supply`, this may query a registry."""
        chosen = self.with_supply().choice
        return chosen.name if chosen is not None else "bundle"

    def require_machine(self, drilled: Sequence[Path] | None = None) -> None:
        """Refuse a machine on which this cannot be run.

        Args:
            drilled: The folders of the scenarios to drill; by default, those of the request.

        Raises:
            UsageError: What is wrong with it, and how to fix it. Also as in `needed`.
        """
        doctor.require(supply=self.supply_name(), cached=self.cached(drilled))

    def cached(self, drilled: Sequence[Path] | None = None) -> doctor.Cached:
        """How much of what this needs is in the cache, as far as that can be told before anything is started.

        Args:
            drilled: As in `require_machine`.

        Raises:
            UsageError: As in `needed`.
        """
        folders = self.needed(self.scenarios if drilled is None else drilled)
        return built.level(self.settings, folders, self.supply_name())

    def needed(self, drilled: Sequence[Path]) -> tuple[Path, ...]:
        """The folders whose images and values a session needs: also those of look-alikes, if they are to be drilled.

        Args:
            drilled: The folders of the scenarios to drill.

        Raises:
            UsageError: A scenario names another one that does not exist.
        """
        if self.variants != "controls" and self.settings.control != choices.OTHER_FAULT:
            return tuple(drilled)
        others = (scenarios.look_alike(folder) for folder in drilled)
        return tuple(dict.fromkeys([*drilled, *(other.folder for other in others if other is not None)]))

    def settled(self, *, say: Callable[[str], None]) -> Request:
        """The same request with the exact version of Kubernetes that the chosen supply has.

        Args:
            say: Called with one sentence when that is not the version asked for.

        Raises:
            UsageError: The supply has no such version.
        """
        supply, wanted = self.supply_name(), self.settings.kubernetes
        if supply == "bundle":
            return self
        true = kubernetes.offer(supply).true(wanted)
        if true != wanted:
            say(kubernetes.remark(wanted, true))
        return replace(self, settings=replace(self.settings, kubernetes=true))

    def of_supply(self) -> SupplyRequest:
        """The request to the supply."""
        settings = self.settings
        return SupplyRequest(
            supply=settings.supply,
            kubernetes=settings.kubernetes,
            helm=settings.helm,
            chart=chart_of(settings),
            subcharts=settings.subcharts,
            mirror=settings.mirror,
            bundle=settings.bundle,
            choice=self.choice,
        )


def make(
    given: Given,
    *,
    folder: Path = Path(),
    drilled: tuple[ScenarioFolder, ...] = (),
    variants: str | None = None,
    cluster: KindOptions = KindOptions(),
    joins: Path | None = None,
    reports: Path | None = None,
    choice: Choice | None = None,
) -> Request:
    """Make a request from the given values, and check everything that can be checked before anything is started.

    Args:
        given: The variables of `options`; of SESSION, only KEEP, CLUSTER, ADOPT and JOBS.
        folder: The folder that relative paths of files are relative to.
        drilled: The scenarios to drill, as from `scenarios_of`.
        variants: As in `Request`.
        cluster: As in `Request`; KEEP and CLUSTER are added.
        joins: File with the address of a running cluster.
        reports: As in `Request`.
        choice: As in `Request`.

    Raises:
        UsageError: One setting is wrong: its name, what is wrong with it, and the nearest valid choice.
    """
    options.check(given)
    keep, adopt = given.get("KEEP") or "0", given.get("ADOPT") or "0"
    one_of("KEEP", keep, ("0", "1"))
    one_of("ADOPT", adopt, ("0", "1"))
    fields = {option.field: _value(option, text, folder) for option in OPTIONS if (text := given.get(option.variable))}
    listed = None
    if "bundle" in fields:
        _check_file("BUNDLE", fields["bundle"])
        listed = Listed.read(fields["bundle"])
        # the bundle sets the defaults
        fields = {"kubernetes": listed.manifest.kubernetes, "helm": listed.manifest.helm, **fields}
    if adopt == "1":
        fields.setdefault("profile", adopting.PROFILE)
    settings = Settings(**fields)
    values = _check(settings, variants)
    request = Request(
        settings,
        scenarios=tuple(each.folder for each in drilled),
        variants=variants,
        jobs=choices.jobs(given.get("JOBS") or "1"),
        cluster=replace(
            cluster,
            keep=cluster.keep or keep == "1",
            name=given.get("CLUSTER") or cluster.name,
            adopt=adopt == "1",
        ),
        joins=Address.read(joins) if joins is not None else None,
        reports=reports,
        values=values,
        bundle=listed,
        choice=choice,
    )
    _check_adopting(request, given)
    return _check_chart(request)


def scenarios_of(given: Given) -> tuple[ScenarioFolder, ...]:
    """The scenarios that SCENARIO and SCENARIOS name; all of them without SCENARIO.

    Raises:
        UsageError: A scenario or folder does not exist.
    """
    options.check(given)
    further = scenarios.folders(given.get("SCENARIOS"))
    by_option = given.get("SCENARIO") != (os.environ.get("SCENARIO") or None)
    return scenarios.select(ids_of(given), further=further, typed=_as_option if by_option else scenarios.typed_in_make)


def _as_option(variable: str, value: str) -> str:
    return f"{options.flag(variable)} {value}"


def ids_of(given: Given) -> list[str]:
    """The ids that SCENARIO names."""
    return [name.strip() for name in (given.get("SCENARIO") or "").split(",") if name.strip()]


def chart_of(settings: Settings) -> find.ChartRequest:
    """The requested chart."""
    return find.ChartRequest(settings.chart, settings.chart_version, settings.repo)


def chart_named(settings: Settings) -> str:
    """Name of the requested chart, before it is pulled; empty for the supply's own.

    Raises:
        UsageError: There is no such path.
    """
    found = find.local(chart_of(settings))
    return str(metadata(found)["name"]) if found is not None else (settings.chart or "").rpartition("/")[2]


def _value(option: Option, text: str, folder: Path) -> Any:
    if option.field in _FILES:
        path = _path(option.variable, text, folder)
        return path.absolute() if option.field == "login" else path  # `verify` reads it later, from anywhere
    if option.field == "values":
        return tuple(_path(option.variable, each.strip(), folder) for each in text.split(",") if each.strip())
    if option.field == "rules":
        return ",".join(_rules_of(each.strip(), folder) for each in text.split(",") if each.strip())
    if option.field == "alert_speed":
        return _speed(text)
    if option.field in DURATIONS:
        return quantity.duration_s(text, f"{option.variable}={shortened(text, 80)}")
    return choices.repeats(text) if option.field == "repeat" else text


def _rules_of(name: str, folder: Path) -> str:
    """One of RULES: a path relative to the folder, or one of the words that name rules."""
    return name if name in choices.RULES else str(_path("RULES", name, folder))


def _speed(text: str) -> float:
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if not 1 <= speed <= choices.FASTEST_ALERTS:
        what = f"ALERT_SPEED={shortened(text, 80)}: not a number from 1 to {choices.FASTEST_ALERTS:.0f}"
        raise UsageError(what, hint="ALERT_SPEED=30: a second of the drill stands for half a minute")
    return speed


def _path(variable: str, text: str, folder: Path) -> Path:
    return folder / reading.path_of(text, said=f"{variable}={reading.shown(text)}")


def _check(settings: Settings, variants: str | None) -> Own | None:
    """Refuse settings that cannot work. Returns what VALUES and SET say, which has to be read for that."""
    built = catalogue.load(paths.images_dir())
    one_of("SUPPLY", settings.supply, SUPPLIES)
    if settings.bundle is None:  # a bundle holds exactly one version
        kubernetes.offered_anywhere().true(settings.kubernetes)
    one_of("HELM_VERSION", settings.helm, built.helm_versions())
    words: Mapping[str, tuple[str, tuple[str, ...]]] = {
        "PROFILE": (settings.profile, PROFILES),
        "EVIDENCE": (settings.evidence, EVIDENCE),
        "SUBCHARTS": (settings.subcharts, SUBCHARTS),
        "IMAGES": (settings.images, IMAGES),
        "SCRAPES": (settings.scrapes, SCRAPES),
    }
    for name, (value, valid) in words.items():
        one_of(name, value, valid)
    if settings.control is not None:
        one_of("CONTROL", settings.control, CONTROLS)
    if settings.app_version is not None and not VERSION.fullmatch(settings.app_version):
        text = f"APP_VERSION={shortened(settings.app_version, 80)}: not a version of Prometheus"
        raise UsageError(text, hint="APP_VERSION=3.14.0")
    _check_variants(settings, variants)
    for file in settings.values:
        _check_file("VALUES", file)
    own = Own.read(*settings.values, assigned=settings.assigned or "")
    if settings.login is not None:
        _check_file("LOGIN", settings.login)
        login.read(settings.login)
    _check_alerts(settings)
    if settings.runbook is not None:
        _check_file("RUNBOOK", settings.runbook)
        load(settings.runbook, settings.bound)
    elif settings.bind is not None:
        raise UsageError(
            f"BIND={settings.bind}: there is no RUNBOOK whose placeholders it could fill", hint="RUNBOOK=any.md"
        )
    return own if own.files or own.assigned else None


def _check_alerts(settings: Settings) -> None:
    """Refuse rules, and what goes with them, that cannot be read."""
    from promdrill.alerts import alertmanager, rules  # noqa: PLC0415  few runs have RULES
    from promdrill.results.alerts import expectations  # noqa: PLC0415  as above

    given = {
        "ALERTMANAGER": settings.alertmanager is not None,
        "ALERT_SPEED": settings.alert_speed is not None,
        "HOLD": settings.hold_s > 0,
        "GROWTH": settings.growth_s > 0,
        "ALERTS": settings.expectations is not None,
    }
    for name, is_given in given.items():
        if is_given and not settings.rules:
            raise UsageError(f"{name}: there are no RULES that it could be for", hint="RULES=own")
    for name in (settings.rules or "").split(","):
        if name and name not in choices.RULES:
            _check_file("RULES", Path(name))
            rules.read(Path(name))
    if settings.alertmanager is not None:
        _check_file("ALERTMANAGER", settings.alertmanager)
        alertmanager.read(settings.alertmanager, speed=1)
    if settings.expectations is not None:
        _check_file("ALERTS", settings.expectations)
        expectations.read(settings.expectations)


def _check_variants(settings: Settings, variants: str | None) -> None:
    if variants is None:
        return
    one_of("VARIANTS", variants, VARIANTS)
    if settings.control is not None:
        raise UsageError(
            f"CONTROL={settings.control}: not allowed with {variants}, which {_INSTEAD[variants]}",
            hint="leave CONTROL out",
        )
    if variants in _OF_ITS_OWN and settings.runbook is not None:
        raise UsageError(
            f"RUNBOOK={settings.runbook}: not allowed with {variants}, which {_OF_ITS_OWN[variants]}",
            hint="leave RUNBOOK out",
        )


def _check_adopting(request: Request, given: Given) -> None:
    """Refuse settings that cannot be kept in a cluster that promdrill did not make."""
    options_of, settings = request.cluster, request.settings
    if not options_of.adopt:
        return
    if options_of.name is None:
        raise UsageError("ADOPT=1: CLUSTER is not set; a cluster is adopted by its name", hint="CLUSTER=NAME ADOPT=1")
    wrong = {
        "KEEP=1": (options_of.keep, "the namespaces are removed at the end"),
        f"JOBS={request.jobs}": (request.jobs > 1, "there drills run one at a time"),
        "--in-cluster": (request.joins is not None, "it names a cluster that promdrill made"),
        "--kubeconfig": (options_of.kubeconfig is not None, "a copy would be one of somebody's credentials"),
        "--kind-image": (options_of.image is not None, "the cluster has its nodes"),
        "KUBE_VERSION": (bool(given.get("KUBE_VERSION")), "the cluster has its version"),
        "RULES": (settings.rules is not None, "the witness is outside the namespaces of drills"),
        f"PROFILE={settings.profile}": (settings.profile != adopting.PROFILE, "promdrill did not set up its kubelet"),
    }
    for said, (is_so, why) in wrong.items():
        if is_so:
            raise UsageError(f"{said}: not with ADOPT=1: {why}", hint=f"leave {said.partition('=')[0]} out")


def _check_chart(request: Request) -> Request:
    """Refuse a chart that does not exist. Returns the request, with its supply if that had to be chosen."""
    asked = chart_of(request.settings)
    if find.local(asked) is not None or not asked.version or (asked.chart, asked.repo) != (None, None):
        return request
    request = request.with_supply()
    if request.supply_name() == "source":
        find.local(find.ChartRequest(str(paths.own_chart()), asked.version, None))  # the supply's own default
    return request


def _check_file(name: str, path: Path) -> None:
    """Refuse a path that names nothing; whether what is there can be read, who reads it says."""
    if path.exists():
        return
    try:
        beside = [entry.name for entry in path.parent.iterdir() if entry.is_file()]
    except OSError:  # no such folder, or not for us
        beside = []
    close = difflib.get_close_matches(path.name, beside, n=1)
    hint = f"{name}={path.parent / close[0]}" if close else f"ls {reading.shown(path.parent)}"
    raise UsageError(f"{name}={path}: no such file", hint=hint)
