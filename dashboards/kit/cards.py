"""The cards of our own figures: head and banners of a page, health, revenue, commission, a finding. Values in, Markup
out; asks nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote

from markupsafe import Markup

from dashboards.data_age import Condition
from dashboards.figures import RevenueFigure
from dashboards.kit.charts import sparkline
from dashboards.kit.markup import Child, element, joined, prose
from dashboards.kit.parts import (
    badge,
    banner,
    bar,
    below,
    counted,
    icon,
    loud,
    money,
    paragraph,
    soft,
    tag,
    terms,
    tone,
    tone_of_severity,
    verbatim,
)
from dashboards.lookback import Looked
from dashboards.period import LAST_MONTH, LAST_WEEK, MONTH, WEEK
from dashboards.wording import NOTHING, Wording, count, rupiah, share, signed_rupiah, signed_share
from marketplace.difference import Difference
from marketplace.health import HEALTH_POINTS
from messages.figures import counted_in

# Around a page ------------------------------------------------------------------------------------


def head(title: str, subtitle: str, condition: Condition, now: datetime, say: Wording) -> Markup:
    """The head of a page with the age of its data at the right."""
    read = (
        say("fresh.read", ago=say.ago(condition.read_at, now), time=say.time(condition.read_at, now))
        if condition.read_at
        else say("fresh.never")
    )
    pulse = element(
        "div",
        element("i", cls="bw-dot"),
        element("b", say(f"fresh.{condition.state}")),
        element("span", read),
        cls=f"bw-pulse bw-{tone(condition.state)}",
    )
    named = element("div", element("h1", title), element("p", subtitle))
    return element("div", named, pulse, cls="bw-head")


def looked(looked: Looked, published_at: datetime | None, to_newest: str, say: Wording) -> Markup:
    """That what is shown is not the newest snapshot, loudly; or that what was asked for is not there."""
    at = say.time(published_at)
    shown: list[Markup] = []
    if looked.past:
        way = element("a", say("past.to_newest"), href=to_newest, target="_self")
        shown.append(loud(say("past.title", time=at), say("past.text"), way))
    if looked.damaged:
        said = (
            say("past.damaged_none")
            if looked.snapshot_id in looked.damaged
            else say("past.damaged_text", time=at, damaged=", ".join(looked.damaged))
        )
        shown.append(banner("bad", say("past.damaged_title"), said))
    if looked.gone:
        shown.append(banner("warn", say("past.gone", snapshot=looked.gone)))
    return joined(*shown)


def banners(
    condition: Condition,
    published_at: datetime | None,
    now: datetime,
    say: Wording,
    *,
    store: str | None = None,
) -> Markup:
    """What must be known before a figure is believed: a failed run, stale data, an unknown age. ``store``: where the
    snapshot was fetched from, by a home without a pipeline of its own."""
    shown: list[Markup] = []
    if condition.failed:
        shown.append(
            banner(
                "bad",
                say("fresh.failed_title"),
                say("fresh.failed_at", time=say.time(condition.failed_at, now))
                if condition.failed_at
                else "",
                say.messages(condition.said, condition.failure),
                say("fresh.failed_exit", status=condition.exit_status)
                if condition.exit_status is not None
                else "",
                say("fresh.failed_nothing")
                if condition.state == "empty"
                else say("fresh.failed_still", time=say.time(published_at, now)),
            )
        )
    if condition.state == "stale":
        behind = ", ".join(condition.behind)
        said = (
            say("fresh.stale_never", collections=behind)
            if condition.read_at is None
            else say(
                "fresh.stale_text" if store is None else "fresh.stale_fetched",
                collections=behind,
                ago=say.ago(condition.read_at, now),
                time=say.time(condition.read_at, now),
                **({} if store is None else {"store": store}),
            )
        )
        shown.append(banner("warn", say("fresh.stale_title"), said))
    elif condition.state == "unknown":
        said = say("fresh.unknown_text") if store is None else say("fresh.unknown_fetched", store=store)
        shown.append(banner("none", say("fresh.unknown_title"), said))
    return joined(*shown)


def empty(home: str, say: Wording) -> Markup:
    """Nothing was published yet: what to run."""
    commands = [
        (verbatim("bookwatch run"), soft(say("empty.run"))),
        (verbatim("bookwatch demo"), soft(say("empty.demo"))),
    ]
    return element(
        "div",
        element("i", cls="bw-radar", aria_hidden="true"),
        element("h2", say("empty.title")),
        element("p", say("empty.text", home=home)),
        element("div", *(part for line in commands for part in line), cls="bw-commands"),
        element("p", say("empty.after")),
        cls="bw-card bw-empty",
    )


def foot(snapshot_id: str | None, rules_version: str | None, say: Wording) -> Markup:
    """Which snapshot is being looked at."""
    new_line = Markup("<br>")
    rules = (new_line, say("app.rules", version=rules_version)) if rules_version else ()
    named = element("b", snapshot_id or say("app.no_snapshot"))
    return element("p", say("app.snapshot"), new_line, named, *rules, cls="bw-foot")


def person(name: str, role: str, said: str = "") -> Markup:
    """As whom one is looking."""
    below = (Markup("<br>"), said) if said else ()
    return element("p", element("b", name), " · ", role, *below, cls="bw-foot")


def entrance(title: str, said: str) -> Markup:
    """What is to be read before one is let in."""
    return element(
        "div",
        element("p", "bookwatch", cls="bw-soft"),
        element("h1", title, style="font:600 1.6rem/1.25 var(--bw-serif);margin:.3rem 0 .5rem"),
        element("p", said),
        cls="bw-card",
        style="margin-top:12vh",
    )


# Health -------------------------------------------------------------------------------------------


def measured(value: float | None, unit: str, say: Wording) -> str:
    """A figure in its unit: minutes and seconds as a span of time, a share as a percentage, else a number."""
    if value is None:
        return NOTHING
    if unit == "seconds":
        return say.seconds(value)
    return say.span(value * 60) if unit == "minutes" else share(value) if unit == "share" else count(value)


def _measure(point: int, value: float, say: Wording) -> str:
    known = HEALTH_POINTS.get(point)
    return measured(value, counted_in(known.metric) if known else "", say)


def figure_of(row: dict[str, Any], say: Wording) -> str:
    """``12 bookings in 24 h``; a figure that is null was not measured."""
    point, value = int(row.get("point") or 0), row.get("figure")
    if value is None:
        return say("figure.none")
    return say.known(f"figure.{point}", "{figure}").format(figure=_measure(point, float(value), say))


def limit_of(row: dict[str, Any], say: Wording) -> str:
    point, value = int(row.get("point") or 0), row.get("limit_value")
    if value is None:
        return NOTHING
    return say.known(f"limit.{point}", "{limit}").format(limit=_measure(point, float(value), say))


def tone_of_member(health: object) -> str:
    """A member who is offline or was never seen is no alarm, and not fine either."""
    return {"healthy": "good", "warning": "warn", "critical": "bad"}.get(str(health), "none")


def tone_of_point(row: dict[str, Any]) -> str:
    """Broken is red where it is high or critical, amber below; neither working nor broken is unknown."""
    status = str(row.get("status"))
    if status == "broken":
        return tone_of_severity(row.get("severity"))
    return "good" if status == "working" else "none"


def name_of(row: dict[str, Any], say: Wording) -> str:
    return say.known(f"point.{row.get('point')}", str(row.get("name") or row.get("point")))


def system_line(
    system: str, points: Sequence[dict[str, Any]], judged: str, outdated: bool, say: Wording
) -> Markup:
    """The state of the whole in one line. Judged too long ago, it keeps its word and loses its colour."""
    working = sum(row.get("status") == "working" for row in points)
    broken = sum(row.get("status") == "broken" for row in points)
    unknown = len(points) - working - broken
    if broken:
        said = say("system.broken_text", broken=broken, working=working, unknown=unknown)
    elif not working:
        said = say("system.nothing_text")
    elif unknown:
        said = say("system.unknown_some", working=working, unknown=unknown)
    else:
        said = say("system.healthy_text")
    kind = "none" if outdated else tone(system)
    return element(
        "div",
        icon(kind),
        element("strong", say(f"system.{system}")),
        element("p", said, " ", judged),
        cls=f"bw-system bw-{kind}",
    )


def health_card(
    system: str, points: Sequence[dict[str, Any]], judged: str, outdated: bool, say: Wording
) -> Markup:
    tiles = [
        element(
            "div",
            element(
                "div", icon(tone_of_point(row)), say.word("status", row.get("status")), cls="bw-tile-top"
            ),
            element("h3", name_of(row, say)),
            element("p", figure_of(row, say)),
            cls=f"bw-tile bw-{tone_of_point(row)}",
            title=say.told(row, "message"),
        )
        for row in points
    ]
    return element(
        "div",
        system_line(system, points, judged, outdated, say),
        element("div", *tiles, cls="bw-tiles"),
        cls=f"bw-card{' bw-outdated' if outdated else ''}",
    )


def point_row(row: dict[str, Any], now: datetime, say: Wording) -> Markup:
    kind = tone_of_point(row)
    evidence, since = row.get("evidence_at"), row.get("since")
    message = say.told(row, "message") if row.get("status") != "working" else ""
    severe = row.get("severity") and row.get("status") == "broken"
    lasted = (
        say("health.since", time=say.time(since, now), span=say.span(passed))
        if (passed := say.elapsed(since, now)) is not None
        else ""
    )
    seen = (
        say("health.evidence", time=f"{say.time(evidence, now)}, {say.ago(evidence, now)}")
        if say.local(evidence)
        else say("health.no_evidence")
    )
    return element(
        "div",
        element("div", row.get("point"), cls="bw-point-no"),
        element("div", element("h3", name_of(row, say)), paragraph(message, "bw-message")),
        element(
            "div",
            element("p", figure_of(row, say), cls="bw-what"),
            element("p", say("health.limit", limit=limit_of(row, say))),
        ),
        element("div", paragraph(lasted, "bw-since"), element("p", seen)),
        element(
            "div",
            badge(kind, say.word("status", row.get("status") or "unknown")),
            tag(say.word("severity", row.get("severity"))) if severe else "",
            cls="bw-badges",
        ),
        cls=f"bw-point bw-{kind}",
    )


def points_card(points: Sequence[dict[str, Any]], outdated: bool, now: datetime, say: Wording) -> Markup:
    dim = " bw-outdated" if outdated else ""
    return element("div", *(point_row(row, now, say) for row in points), cls=f"bw-card bw-points{dim}")


# Revenue and commission ---------------------------------------------------------------------------


def revenue_card(figure: RevenueFigure, days: int, say: Wording) -> Markup:
    """One of the three figures: its name, what it is, the amount, the equal period before, and its course."""
    length = say("revenue.previous_days", n=days)
    change: Child
    if figure.previous_idr is None:
        change = say("revenue.no_previous")
    elif figure.change is None:
        change = say("revenue.from_zero")
    else:
        place = "\0"  # where the amount stands in the sentence
        said = (
            say(f"revenue.previous_{figure.kind}", amount=place)
            if figure.kind in (WEEK, LAST_WEEK, MONTH, LAST_MONTH)
            else say("revenue.previous_one", amount=place)
            if days == 1
            else say("revenue.previous", amount=place, days=length)
        )
        if figure.cut:
            said = say("revenue.same_time", before=said)
        before = prose(said).replace(place, money(figure.previous_idr))
        change = joined(element("b", signed_share(figure.change)), element("span", before))
    return element(
        "div",
        element("h3", say(f"metric.{figure.name}")),
        element("p", say(f"metric_is.{figure.name}"), cls="bw-is"),
        element("p", rupiah(figure.amount_idr), cls="bw-amount"),
        element("p", change, cls="bw-change"),
        _spark(figure.daily_idr),
        cls=f"bw-card bw-figure bw-{figure.name}",
    )


def _spark(values: Sequence[int]) -> Markup:
    image = f"data:image/svg+xml,{quote(sparkline(values))}"
    return element("i", cls="bw-spark", aria_hidden="true", style=f"mask-image:url({image})")


def commission_card(summary: dict[str, Any] | None, now: datetime, say: Wording) -> Markup:
    """Perfect, warning, critical or unknown, with the counts it rests on."""
    row = summary or {}
    state = str(row.get("state") or "unknown")
    kind = tone(state)
    counts = [
        ("tracked", "good", row.get("tracked")),
        ("missing", "bad", row.get("missing")),
        ("awaiting", "warn", row.get("awaiting")),
        ("not_judged", "none", row.get("unknown")),
    ]
    if row.get("free") is not None:  # an older snapshot knows none
        counts.append(("free", "good", row["free"]))
    difference = Difference.read(row)
    facts = [
        (say("metric.tracking_rate"), share(row.get("tracking_rate")) if state != "unknown" else NOTHING),
        (say("commission.expected"), rupiah(row.get("expected_idr"))),
        (say("commission.actual"), rupiah(row.get("actual_idr"))),
        (say("commission.variance"), signed_rupiah(difference.variance_idr if difference else None)),
    ]
    apart = ""
    if difference and difference.unknown_rows:
        apart = say("commission.not_in_variance", rows=count(difference.unknown_rows))
        known = _known_sides(difference, say)
        apart += f" ({known})" if known else ""
    said = say(f"commission.{state if kind != 'none' else 'unknown'}_text", missing=count(row.get("missing")))
    judged = (
        say("commission.asof", time=say.time(row.get("as_of"), now)) if say.local(row.get("as_of")) else ""
    )
    eligible = (
        say("commission.eligible", eligible=count(row.get("eligible")))
        if row.get("eligible") is not None
        else ""
    )
    beneath = " · ".join(part for part in (apart, eligible, judged) if part)
    return element(
        "div",
        element(
            "div",
            badge(kind, say.word("commission", state)),
            element("span", said),
            cls=f"bw-commission-head bw-{kind}",
        ),
        bar((part, number) for _, part, number in counts),
        counted((part, count(number), say(f"commission.{name}")) for name, part, number in counts),
        terms(facts),
        element("p", beneath, cls="bw-below"),
        cls="bw-card",
    )


def not_in_difference(row: dict[str, Any], say: Wording) -> Child:
    """A cell: how many rows the difference beside it leaves out, and what is known of them; empty for none."""
    difference = Difference.read({**row, "variance_idr": row["variance_idr"] or 0})
    if difference is None or not difference.unknown_rows:
        return ""
    return below(count(difference.unknown_rows), _known_sides(difference, say))


def _known_sides(difference: Difference, say: Wording) -> str:
    """What is known of the rows that are in no difference; of a side nothing is known of, nothing is said."""
    sides = {"expected": difference.unknown_expected_idr, "actual": difference.unknown_actual_idr}
    return ", ".join(
        say(f"commission.known_{side}", amount=rupiah(idr)) for side, idr in sides.items() if idr
    )


def finding_card(
    kind: str, name: str, state: str, code: str, sentences: Iterable[str], facts: Iterable[tuple[str, str]]
) -> Markup:
    """A finding: what it is called, how grave it is, what was found, what to do, the money it is about."""
    named = element(
        "div", element("strong", name), badge(kind, state), verbatim(code), cls="bw-commission-head"
    )
    said = [paragraph(sentence) for sentence in sentences]
    return element("div", named, *said, terms(facts), cls=f"bw-card bw-opened bw-{kind}")
