"""The rules of alerts as records: what each rests on, how long it must hold, whose fault mutes it. Decides nothing.

What a figure's limit is stands in marketplace/; here is only when people are told that it was crossed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import Final
from urllib.parse import quote

from marketplace.durations import minutes
from marketplace.error_rate import ERRORS_A_MINUTE, SLOW_IN_WINDOW
from marketplace.findings import FINDINGS, Severity
from marketplace.health import HEALTH_POINTS, SCAN_AGE
from marketplace.metrics import METRICS
from marketplace.registry import Registry
from marketplace.unusual import UNSEEN
from messages.figures import counted_in
from messages.message import Message
from messages.rules import look
from resources.ledger.alerts import Labels

#: What a check counts, where it counts nothing else.
FAILED_ROWS: Final = "failed_rows"
AT_ONCE: Final = timedelta(0)
#: Gatus' thresholds (fires after 3, resolves after 2) as durations at the default rhythm of one run a minute.
THREE_RUNS: Final = timedelta(minutes=2)
TWO_RUNS: Final = timedelta(minutes=2)
#: How long a series must be usual again before that is told.
KEEPS_UNUSUAL: Final = timedelta(minutes=30)

REMIND_EVERY: Final[Mapping[str, timedelta]] = MappingProxyType(
    {
        Severity.CRITICAL: timedelta(hours=4),
        Severity.HIGH: timedelta(hours=12),
        Severity.MEDIUM: timedelta(hours=24),
        Severity.LOW: timedelta(hours=24),
    }
)


@dataclass(frozen=True)
class AlertRule:
    """When one alert is told. ``source`` is what it rests on: ``check:NAME`` (an asset check; * and ? stand for any
    letters and one), ``point:N`` (a health point), or a ``figure:`` or ``run:`` that observe.py gives.

    ``name`` is the alert's; a rule for many checks has none, and its alerts are named as the checks. ``severity`` None:
    the check's own. ``labels`` names the labels that tell alerts of this name apart. ``page``: where more was shown by
    earlier versions, which keep their addresses; ``rows``: the address of the rows behind it now, with ``{name}`` and
    its labels.
    What it ``says`` of a finding, with the numbers of the policy in force, or of a check in the check's own words, is
    found when it is told (observe.py). ``metric``: the figure it tells (marketplace/metrics.py), in whose ``unit`` the
    ``limit`` is too; a check's is the number of rows that break it, where no other is named.
    ``inhibited_by``: alerts whose firing mutes this one; with ``equal``, only where these labels are the same.
    ``stays_with``: codes of what a check could not tell: where it found one of them and nothing that is wrong, its
    alert stays as it is.
    """

    name: str
    source: str
    page: str
    says: Message | None = None
    severity: Severity | None = None
    hold_for: timedelta = AT_ONCE
    keep_firing_for: timedelta = AT_ONCE
    limit: float = 0
    metric: str | None = None
    labels: tuple[str, ...] = ()
    inhibited_by: tuple[str, ...] = ()
    equal: tuple[str, ...] = ()
    stays_with: tuple[str, ...] = ()
    what_to_do: Message | None = None
    rows: str = ""

    def __post_init__(self) -> None:
        if self.figure is not None and self.figure not in METRICS:
            raise ValueError(f"{self.figure!r}, which {self.key!r} tells, is no metric")

    @property
    def key(self) -> str:
        return self.name or self.source

    @property
    def figure(self) -> str | None:
        """The metric it tells; None where it tells none."""
        return self.metric or (FAILED_ROWS if self.source.startswith("check:") else None)

    @property
    def unit(self) -> str:
        """What stands behind its figure and limit."""
        return counted_in(self.figure) if self.figure else ""

    def rows_of(self, name: str, labels: Labels) -> str:
        """The address of the rows behind an alert of this rule, from the dashboards' own on."""
        page, asked, choices = (self.rows or self.page).partition("?")
        said = {key: quote(value, safe="") for key, value in (("name", name), *labels)}
        return f"{page}{asked}{choices.format(**said)}"

    @property
    def severity_word(self) -> str | None:
        return self.severity.value if self.severity else None


#: What every figure of the marketplace rests on: while one of these fires, the others' alarms would only repeat it.
RESTS_ON_DATA: Final = ("ingestion_stale", "source_unavailable")


class RuleBook:
    """The rules by the alert's name: the rule of that name, else the first rule for many that fits.

    Raises ValueError where two rules have one name, a rule is muted by a name that no rule has, or rules mute
    each other in a circle (then nobody would be told).
    """

    def __init__(self, rules: Iterable[AlertRule]) -> None:
        self._rules = Registry(rules, key=lambda rule: rule.key)
        self._many = [rule for rule in self._rules.values() if not rule.name]
        self._found: dict[str, AlertRule] = {}
        for rule in self._rules.values():
            for cause in rule.inhibited_by:
                if cause not in self._rules:
                    raise ValueError(f"{rule.key!r} is muted by {cause!r}, which is no rule")
            self._refuse_circles(rule, ())

    def _refuse_circles(self, rule: AlertRule, above: tuple[str, ...]) -> None:
        if rule.key in above:
            raise ValueError(f"rules mute each other in a circle: {' → '.join((*above, rule.key))}")
        for cause in rule.inhibited_by:
            self._refuse_circles(self.of(cause), (*above, rule.key))

    def __iter__(self) -> Iterator[AlertRule]:
        return iter(self._rules.values())

    def _named(self, name: str) -> AlertRule | None:
        found = self._rules.get(name)
        if found is None:
            found = next(
                (rule for rule in self._many if fnmatchcase(name, rule.source.partition(":")[2])), None
            )
        return found

    def of(self, name: str) -> AlertRule:
        """The rule of an alert. Raises KeyError where there is none."""
        if name not in self._found:
            rule = self._named(name)
            if rule is None:
                raise KeyError(name)
            self._found[name] = rule
        return self._found[name]

    @staticmethod
    def remind_every(severity: str) -> timedelta:
        """How long an alert of a severity that still fires stays untold again."""
        return REMIND_EVERY.get(severity, REMIND_EVERY[Severity.LOW])


def _snake(words: str) -> str:
    return words.replace(" ", "_").replace("-", "_")


#: What says the same as a point, and sooner: that a booking lacks its commission; that nobody books.
_SAME_AS_POINT: Final[Mapping[int, tuple[str, ...]]] = {
    1: ("bookings_silent",),
    4: ("bookings_silent",),
    5: ("bookings_silent",),
    7: ("zero_missing_commission",),
}


#: Where the rows of a point are: the bookings that came, or the hop that breaks.
_ROWS_OF_POINTS: Final[Mapping[int, str]] = {
    1: "/bookings",
    2: "/bookings?source=chatWindow",
    3: "/bookings?source=scheduled",
    4: "/bookings",
    5: "/data_quality?show=freshness",
    6: "/health?hop=3",
    7: "/findings?code=missing",
}
_A_CHECK: Final = "/data_quality?check={name}"


def _points() -> Iterable[AlertRule]:
    for number, point in HEALTH_POINTS.items():
        money = point.name == "payment tracking"
        yield AlertRule(
            name=f"health_point_{number}_{_snake(point.name)}",
            source=f"point:{number}",
            metric=point.metric,
            severity=point.severity,
            page="/health",
            rows=_ROWS_OF_POINTS[number],
            # Money is told at once; that a booking is missing it is the same cause as the check's.
            hold_for=AT_ONCE if money else THREE_RUNS,
            keep_firing_for=AT_ONCE if money else TWO_RUNS,
            labels=("asset",),
            inhibited_by=(*RESTS_ON_DATA, *_SAME_AS_POINT.get(number, ())),
            what_to_do=look(number),
        )


def _unusual() -> Iterable[AlertRule]:
    """A cause is told once: where nobody books nothing else of the marketplace comes either, and an entry point that is
    silent is missing in the sum, in its collection's rows and in the chats."""
    silent, fewer = ("bookings_silent",), ("bookings_silent", "unusual_entry_points", "unusual_bookings")
    causes: Mapping[str, tuple[str, ...]] = {
        "bookings_silent": (),
        "unusual_entry_points": silent,
        "unusual_bookings": (*silent, "unusual_entry_points"),
        "unusual_acceptance": silent,
        "unusual_cancellation": silent,
        "unusual_response_time": silent,
        "unusual_messages": fewer,
        "unusual_delivery": silent,
        "unusual_payments": silent,
        "unusual_rows": (*fewer, "unusual_messages", "unusual_payments"),
    }
    for name, by in causes.items():
        yield AlertRule(
            name=name,
            source=f"check:{name}",
            page="/health",
            rows="/demand?view=odd",
            metric="unusual_series",
            # A single booking ends a silence, an hour that is not low a low day: both may be chance.
            keep_firing_for=KEEPS_UNUSUAL,
            labels=("asset",),
            inhibited_by=(*RESTS_ON_DATA, *by),
            stays_with=(UNSEEN,),
        )


def _findings() -> Iterable[AlertRule]:
    for code, finding in FINDINGS.items():
        yield AlertRule(
            name=f"no_{code}",
            source=f"check:no_{code}",
            severity=finding.severity,
            page="/revenue",
            rows=f"/findings?code={code}",
            labels=("asset",),
            inhibited_by=(*RESTS_ON_DATA, "zero_missing_commission") if code == "missing" else RESTS_ON_DATA,
        )


RULES: Final = RuleBook(
    (
        AlertRule(
            name="run_died",
            source="run:died",
            severity=Severity.CRITICAL,
            says=Message("alert.run_died"),
            page="/alerts",
            rows="/performance?show=runs",
            keep_firing_for=timedelta(minutes=10),
            what_to_do=Message("alert.run_died_do"),
        ),
        AlertRule(
            name="run_failed",
            source="run:failed",
            severity=Severity.CRITICAL,
            says=Message("alert.run_failed"),
            page="/overview",
            rows="/performance?show=runs",
            keep_firing_for=TWO_RUNS,
        ),
        AlertRule(
            name="schedule_stopped",
            source="run:schedules",
            severity=Severity.CRITICAL,
            says=Message("alert.schedule_stopped"),
            page="/alerts",
            rows="/performance?show=runs",
            what_to_do=Message("alert.schedule_stopped_do"),
        ),
        AlertRule(
            name="after_publishing",
            source="run:warnings",
            severity=Severity.HIGH,
            says=Message("alert.after_publishing"),
            page="/overview",
            rows="/performance?show=runs",
            keep_firing_for=TWO_RUNS,
            what_to_do=Message("alert.after_publishing_do"),
        ),
        AlertRule(
            name="ledger_unreadable",
            source="run:ledger",
            severity=Severity.CRITICAL,
            says=Message("alert.ledger_unreadable"),
            page="/alerts",
            rows="/performance?show=runs",
            what_to_do=Message("alert.ledger_unreadable_do"),
        ),
        AlertRule(
            name="source_unavailable",
            source="run:unreachable",
            severity=Severity.CRITICAL,
            says=Message("alert.source_unavailable"),
            page="/overview",
            rows="/performance?show=errors",
            hold_for=THREE_RUNS,
            keep_firing_for=TWO_RUNS,
            inhibited_by=("ingestion_stale",),
        ),
        AlertRule(
            name="ingestion_stale",
            source="figure:scan_age",
            metric="last_read_age",
            severity=Severity.CRITICAL,
            says=Message("alert.ingestion_stale", {"n": minutes(SCAN_AGE)}),
            page="/overview",
            rows="/data_quality?show=freshness",
            what_to_do=Message("alert.ingestion_stale_do"),
        ),
        AlertRule(
            name="collection_unreadable",
            source="figure:unread_collections",
            says=Message("alert.collection_unreadable"),
            page="/overview",
            rows="/data_quality?show=freshness",
            hold_for=THREE_RUNS,
            keep_firing_for=TWO_RUNS,
            labels=("collection",),
            inhibited_by=RESTS_ON_DATA,
            what_to_do=Message("alert.collection_unreadable_do"),
        ),
        AlertRule(
            name="error_rate",
            source="check:error_rate",
            limit=ERRORS_A_MINUTE,
            metric="errors_a_minute",
            page="/errors",
            rows="/performance?show=errors",
            keep_firing_for=timedelta(minutes=5),
            inhibited_by=RESTS_ON_DATA,
        ),
        AlertRule(
            name="slow_operations",
            source="check:slow_operations",
            limit=SLOW_IN_WINDOW,
            page="/errors",
            rows="/performance?show=timings",
            keep_firing_for=timedelta(minutes=5),
            inhibited_by=RESTS_ON_DATA,
        ),
        AlertRule(
            name="quarantine",
            source="figure:quarantine",
            metric="quarantined_rows",
            severity=Severity.MEDIUM,
            says=Message("alert.quarantine"),
            page="/health",
            rows="/data_quality?show=quarantine",
            inhibited_by=RESTS_ON_DATA,
            what_to_do=Message("alert.quarantine_do"),
        ),
        AlertRule(
            name="monitoring_report",
            source="run:monitoring_report",
            severity=Severity.MEDIUM,
            says=Message("alert.monitoring_report"),
            page="/overview",
            rows="/overview",
            what_to_do=Message("alert.monitoring_report_do"),
        ),
        # A backup is looked for when everything else is gone: nothing mutes these.
        *(
            AlertRule(
                name=name,
                source=f"figure:{name}",
                severity=Severity.HIGH,
                says=Message(f"alert.{name}"),
                page="/actions",
                rows="/actions?view=backups",
                what_to_do=Message(f"alert.{name}_do"),
            )
            for name in ("backup_failed", "backup_old", "drill_failed")
        ),
        AlertRule(
            name="operations_failed",
            source="run:operations_failed",
            severity=Severity.HIGH,
            says=Message("alert.operations_failed"),
            page="/actions",
            rows="/actions?operation={operation}&state=failed",
            labels=("operation",),
            inhibited_by=("dead_letters",),
            equal=("operation",),
            what_to_do=Message("alert.operations_failed_do"),
        ),
        AlertRule(
            name="dead_letters",
            source="run:dead_letters",
            severity=Severity.HIGH,
            says=Message("alert.dead_letters"),
            page="/actions",
            rows="/actions?view=letters",
            labels=("operation",),
            what_to_do=Message("alert.dead_letters_do"),
        ),
        AlertRule(
            name="operations_growing",
            source="run:operations_growing",
            severity=Severity.MEDIUM,
            says=Message("alert.operations_growing"),
            page="/actions",
            rows="/actions?operation={operation}&state=planned",
            labels=("operation",),
            what_to_do=Message("alert.operations_growing_do"),
        ),
        AlertRule(
            name="check_not_made",
            source="figure:checks_not_made",
            severity=Severity.HIGH,
            says=Message("alert.check_not_made"),
            page="/overview",
            rows="/data_quality?check={check}",
            hold_for=THREE_RUNS,
            keep_firing_for=TWO_RUNS,
            labels=("check",),
            what_to_do=Message("alert.check_not_made_do"),
        ),
        AlertRule(
            name="zero_missing_commission",
            source="check:zero_missing_commission",
            severity=Severity.CRITICAL,
            says=Message("alert.zero_missing_commission"),
            page="/revenue",
            rows="/findings?code=missing",
            labels=("asset",),
            inhibited_by=RESTS_ON_DATA,
        ),
        *_points(),
        *_unusual(),
        *_findings(),
        # An error of bookwatch itself: muted by nothing.
        AlertRule(name="", source="check:*_schema", page="/overview", rows=_A_CHECK, labels=("asset",)),
        AlertRule(
            name="",
            source="check:raw_*_counts",
            page="/overview",
            rows=_A_CHECK,
            labels=("asset",),
        ),
        AlertRule(
            name="",
            source="check:raw_*_rows_match_source",
            page="/overview",
            rows=_A_CHECK,
            labels=("asset",),
            inhibited_by=RESTS_ON_DATA,
        ),
        # Money is told at once, and so is every check that nobody wrote a rule for.
        AlertRule(
            name="",
            source="check:*",
            page="/revenue",
            rows=_A_CHECK,
            labels=("asset",),
            inhibited_by=RESTS_ON_DATA,
        ),
    )
)
