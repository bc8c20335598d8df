"""The pieces a page is made of, as HTML: head, banners, cards, tiles, small tables. Text is escaped here and
nowhere else.

Not here: where a figure comes from (queries, figures, freshness) and what things are called (wording).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from html import escape
from typing import Any
from urllib.parse import quote

from dashboards.charts import sparkline
from dashboards.figures import RevenueFigure
from dashboards.freshness import Condition
from dashboards.wording import NOTHING, Wording, count, rupiah, share, signed_rupiah, signed_share

# A word of the data → how it looks. A word that is not here looks like "could not tell", never like "fine".
TONES: dict[str, str] = {
    **dict.fromkeys(
        (
            "healthy",
            "working",
            "perfect",
            "matched",
            "tracked",
            "complete",
            "fresh",
            "published",
            "unchanged",
        ),
        "good",
    ),
    **dict.fromkeys(
        ("degraded", "warning", "mismatched", "orphan", "not_due", "stale", "partial", "awaiting"), "warn"
    ),
    **dict.fromkeys(("down", "broken", "critical", "missing", "failed", "forbidden", "high", "error"), "bad"),
    **dict.fromkeys(("medium", "warn"), "warn"),
}


def tone(word: object) -> str:
    """good, warn, bad or none."""
    return TONES.get(str(word), "none")


def icon(kind: str) -> str:
    """The shape of a tone: it tells the state as well as the colour does (style.css draws it)."""
    return f'<i class="bw-icon bw-{kind}" aria-hidden="true"></i>'


def text(value: object) -> str:
    """Escaped, with `commands` between backticks set as code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(str(value)))


def money(amount: int | None, signed: bool = False) -> str:
    return f'<span class="bw-idr">{signed_rupiah(amount) if signed else rupiah(amount)}</span>'


def badge(kind: str, label: str) -> str:
    return f'<span class="bw-badge bw-{kind}">{icon(kind)}{text(label)}</span>'


def wrap(*parts: str) -> str:
    return f'<div class="bw">{"".join(parts)}</div>'


def grid(kind: str, *cards: str) -> str:
    return f'<div class="bw-grid bw-{kind}">{"".join(cards)}</div>'


def section(title: str, note: str = "") -> str:
    return wrap(
        f'<div class="bw-section"><h2>{text(title)}</h2>{f"<p>{text(note)}</p>" if note else ""}</div>'
    )


def note(kind: str, title: str, body: str = "") -> str:
    """A quiet card for "nothing here", with what that means."""
    inner = f"<p>{text(body)}</p>" if body else ""
    return f'<div class="bw-card bw-note bw-{kind}">{icon(kind)}<div><b>{text(title)}</b>{inner}</div></div>'


def banner(kind: str, title: str, *sentences: str) -> str:
    said = " ".join(text(sentence) for sentence in sentences if sentence)
    inner = f"{icon(kind)}<div><b>{text(title)}.</b> {said}</div>"
    return f'<div class="bw-banner bw-{kind}" role="status">{inner}</div>'


def head(title: str, subtitle: str, condition: Condition, now: datetime, say: Wording) -> str:
    """The head of a page with the age of its data at the right."""
    kind = tone(condition.state)
    read = (
        say("fresh.read", ago=say.ago(condition.read_at, now), time=say.time(condition.read_at, now))
        if condition.read_at
        else say("fresh.never")
    )
    return (
        f'<div class="bw-head"><div><h1>{text(title)}</h1><p>{text(subtitle)}</p></div>'
        f'<div class="bw-pulse bw-{kind}"><i class="bw-dot"></i>'
        f"<b>{text(say(f'fresh.{condition.state}'))}</b>"
        f"<span>{text(read)}</span></div></div>"
    )


def banners(condition: Condition, published_at: datetime | None, now: datetime, say: Wording) -> str:
    """What must be known before a figure is believed: a failed run, stale data, an unknown age."""
    shown: list[str] = []
    if condition.failed:
        shown.append(
            banner(
                "bad",
                say("fresh.failed_title"),
                say("fresh.failed_at", time=say.time(condition.failed_at, now))
                if condition.failed_at
                else "",
                condition.failure,
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
                "fresh.stale_text",
                collections=behind,
                ago=say.ago(condition.read_at, now),
                time=say.time(condition.read_at, now),
            )
        )
        shown.append(banner("warn", say("fresh.stale_title"), said))
    elif condition.state == "unknown":
        shown.append(banner("none", say("fresh.unknown_title"), say("fresh.unknown_text")))
    return "".join(shown)


def empty(home: str, say: Wording) -> str:
    """Nothing was published yet: what to run."""
    return wrap(
        '<div class="bw-card bw-empty"><i class="bw-radar" aria-hidden="true"></i>'
        f"<h2>{text(say('empty.title'))}</h2><p>{text(say('empty.text', home=home))}</p>"
        '<div class="bw-commands">'
        f'<code>bookwatch run</code><span class="bw-soft">{text(say("empty.run"))}</span>'
        f'<code>bookwatch demo</code><span class="bw-soft">{text(say("empty.demo"))}</span></div>'
        f"<p>{text(say('empty.after'))}</p></div>"
    )


# Health -------------------------------------------------------------------------------------------

UNITS: dict[int, str] = {1: "count", 2: "count", 3: "count", 4: "count", 5: "minutes", 6: "share", 7: "count"}


def _measure(point: int, value: float | None, say: Wording) -> str:
    if value is None:
        return NOTHING
    unit = UNITS.get(point, "count")
    return say.span(value * 60) if unit == "minutes" else share(value) if unit == "share" else count(value)


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


def tone_of_point(row: dict[str, Any]) -> str:
    """Broken is red where it is high or critical, amber below; neither working nor broken is unknown."""
    status = str(row.get("status"))
    if status == "broken":
        return "warn" if row.get("severity") in ("low", "medium") else "bad"
    return "good" if status == "working" else "none"


def name_of(row: dict[str, Any], say: Wording) -> str:
    return say.known(f"point.{row.get('point')}", str(row.get("name") or row.get("point")))


def system_line(
    system: str, points: Sequence[dict[str, Any]], judged: str, outdated: bool, say: Wording
) -> str:
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
    return (
        f'<div class="bw-system bw-{kind}">{icon(kind)}<strong>{text(say(f"system.{system}"))}</strong>'
        f"<p>{text(said)} {text(judged)}</p></div>"
    )


def health_card(
    system: str, points: Sequence[dict[str, Any]], judged: str, outdated: bool, say: Wording
) -> str:
    tiles = "".join(
        f'<div class="bw-tile bw-{tone_of_point(row)}" title="{escape(str(row.get("message") or ""))}">'
        f'<div class="bw-tile-top">{icon(tone_of_point(row))}'
        f"{text(say.word('status', row.get('status')))}</div>"
        f"<h3>{text(name_of(row, say))}</h3><p>{text(figure_of(row, say))}</p></div>"
        for row in points
    )
    return (
        f'<div class="bw-card{" bw-outdated" if outdated else ""}">'
        f"{system_line(system, points, judged, outdated, say)}"
        f'<div class="bw-tiles">{tiles}</div></div>'
    )


def point_row(row: dict[str, Any], now: datetime, say: Wording) -> str:
    kind = tone_of_point(row)
    evidence = row.get("evidence_at")
    message = row.get("message") if row.get("status") != "working" else ""
    severity = (
        f'<span class="bw-tag">{text(say.word("severity", row.get("severity")))}</span>'
        if row.get("severity") and row.get("status") == "broken"
        else ""
    )
    seen = (
        say("health.evidence", time=f"{say.time(evidence, now)}, {say.ago(evidence, now)}")
        if say.local(evidence)
        else say("health.no_evidence")
    )
    label = text(say.word("status", row.get("status") or "unknown"))
    said = f'<p class="bw-message">{text(message)}</p>' if message else ""
    limit = text(say("health.limit", limit=limit_of(row, say)))
    return (
        f'<div class="bw-point bw-{kind}"><div class="bw-point-no">{text(row.get("point"))}</div>'
        f"<div><h3>{text(name_of(row, say))}</h3>{said}</div>"
        f'<div><p class="bw-what">{text(figure_of(row, say))}</p><p>{limit}</p></div>'
        f"<div><p>{text(seen)}</p></div>"
        f'<div class="bw-badges"><span class="bw-badge bw-{kind}">{icon(kind)}{label}</span>{severity}</div>'
        "</div>"
    )


def points_card(points: Sequence[dict[str, Any]], outdated: bool, now: datetime, say: Wording) -> str:
    dim = " bw-outdated" if outdated else ""
    return f'<div class="bw-card bw-points{dim}">{"".join(point_row(row, now, say) for row in points)}</div>'


# Revenue and commission ---------------------------------------------------------------------------


def revenue_card(figure: RevenueFigure, days: int, say: Wording) -> str:
    """One of the three figures: its name, what it is, the amount, the equal period before, and its course."""
    length = say("revenue.previous_days", n=days)
    if figure.previous_idr is None:
        change = text(say("revenue.no_previous"))
    elif figure.change is None:
        change = text(say("revenue.from_zero"))
    else:
        before = money(figure.previous_idr)
        said = (
            say("revenue.previous_one", amount="\0")
            if days == 1
            else say("revenue.previous", amount="\0", days=length)
        )
        change = f"<b>{signed_share(figure.change)}</b><span>{text(said).replace(chr(0), before)}</span>"
    name = say(f"revenue.{figure.name}")
    return (
        f'<div class="bw-card bw-figure bw-{figure.name}"><h3>{text(name)}</h3>'
        f'<p class="bw-is">{text(say(f"revenue.{figure.name}_is"))}</p>'
        f'<p class="bw-amount">{rupiah(figure.amount_idr)}</p><p class="bw-change">{change}</p>'
        f"{_spark(figure.daily_idr)}</div>"
    )


def _spark(values: Sequence[int]) -> str:
    image = f"data:image/svg+xml,{quote(sparkline(values))}"
    return f'<i class="bw-spark" aria-hidden="true" style="mask-image:url({image})"></i>'


def commission_card(summary: dict[str, Any] | None, now: datetime, say: Wording) -> str:
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
    bar = "".join(
        f'<i class="bw-{part}" style="flex:{number} 1 0"></i>' for _, part, number in counts if number
    )
    figures = "".join(
        f'<div class="bw-{part}"><i class="bw-{part}"></i><b>{count(number)}</b>'
        f'<span class="bw-soft">{text(say(f"commission.{name}"))}</span></div>'
        for name, part, number in counts
    )
    expected, actual = row.get("expected_idr"), row.get("actual_idr")
    variance = actual - expected if expected is not None and actual is not None else None
    facts = [
        (say("commission.rate"), share(row.get("tracking_rate")) if state != "unknown" else NOTHING),
        (say("commission.expected"), rupiah(expected)),
        (say("commission.actual"), rupiah(actual)),
        (say("commission.variance"), signed_rupiah(variance)),
    ]
    said = say(f"commission.{state if kind != 'none' else 'unknown'}_text", missing=count(row.get("missing")))
    judged = (
        say("commission.asof", time=say.time(row.get("as_of"), now)) if say.local(row.get("as_of")) else ""
    )
    eligible = (
        say("commission.eligible", eligible=count(row.get("eligible")))
        if row.get("eligible") is not None
        else ""
    )
    terms = "".join(f"<div><dt>{text(term)}</dt><dd>{text(value)}</dd></div>" for term, value in facts)
    below = text(" · ".join(part for part in (eligible, judged) if part))
    return (
        f'<div class="bw-card"><div class="bw-commission-head bw-{kind}">'
        f"{badge(kind, say.word('commission', state))}"
        f"<span>{text(said)}</span></div>"
        f'<div class="bw-bar" aria-hidden="true">{bar}</div><div class="bw-counts">{figures}</div>'
        f'<dl class="bw-facts">{terms}</dl><p class="bw-below">{below}</p></div>'
    )


# Lists and tables ---------------------------------------------------------------------------------


def facts_card(facts: Iterable[tuple[str, str]]) -> str:
    items = "".join(
        f'<li><span class="bw-soft">{text(term)}</span><span>{said}</span></li>' for term, said in facts
    )
    return f'<div class="bw-card"><ul class="bw-list">{items}</ul></div>'


def table(headings: Sequence[tuple[str, bool]], rows: Iterable[Sequence[str]], top: str = "") -> str:
    """A small table in a card. ``headings``: name and whether it is a number; cells are HTML made by this
    module."""
    cells = [' class="bw-n"' if number else "" for _, number in headings]
    first = "".join(f"<th{kind}>{text(name)}</th>" for (name, _), kind in zip(headings, cells, strict=True))
    body = "".join(
        f"<tr>{''.join(f'<td{kind}>{cell}</td>' for cell, kind in zip(row, cells, strict=True))}</tr>"
        for row in rows
    )
    return (
        f'<div class="bw-card">{top}<div class="bw-scroll"><table class="bw-table">'
        f"<thead><tr>{first}</tr></thead>"
        f"<tbody>{body}</tbody></table></div></div>"
    )


def word(kind: str, label: str, below: str = "") -> str:
    """A state in a table cell: shape, name, and what it means below."""
    small = f"<small>{text(below)}</small>" if below else ""
    return f'<span class="bw-word bw-{kind}">{icon(kind)}<span>{text(label)}{small}</span></span>'


def meter(whole: float, inner: float) -> str:
    """A bar of two lengths (0 to 1): ``inner`` as a part of what ``whole`` shows."""
    within = 0 if whole <= 0 else min(1.0, inner / whole)
    inside = f'<i style="width:{100 * within:.1f}%"></i>'
    return f'<span class="bw-meter"><i style="width:{100 * whole:.1f}%">{inside}</i></span>'


def foot(snapshot_id: str | None, rules_version: str | None, say: Wording) -> str:
    """Which snapshot is being looked at."""
    rules = f"<br>{text(say('app.rules', version=rules_version))}" if rules_version else ""
    return wrap(
        f'<p class="bw-foot">{text(say("app.snapshot"))}<br>'
        f"<b>{text(snapshot_id or say('app.no_snapshot'))}</b>{rules}</p>"
    )


def tally(kind: str, number: str, label: str, below: str, facts: Iterable[tuple[str, str]]) -> str:
    """One number that matters, and what it is made of."""
    items = "".join(f"<li><span>{text(term)}</span><b>{text(said)}</b></li>" for term, said in facts)
    return (
        f'<div class="bw-card bw-{kind}"><p><span class="bw-big">{text(number)}</span> {text(label)}</p>'
        f'<p class="bw-soft" style="font-size:.88rem;margin:.15rem 0 .9rem">{text(below)}</p>'
        f'<ul class="bw-list">{items}</ul></div>'
    )


def coded(label: str, code: str) -> str:
    """A name with the code it stands for."""
    return f"{text(label)} <code>{text(code)}</code>"


def below(said: object, beneath: object) -> str:
    """Two lines of a table cell, the second one smaller."""
    return f"{text(said)}<small>{text(beneath)}</small>"
