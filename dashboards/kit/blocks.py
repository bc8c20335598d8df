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

from dashboards.figures import RevenueFigure
from dashboards.freshness import Condition
from dashboards.kit.charts import sparkline
from dashboards.wording import NOTHING, Wording, count, rupiah, share, signed_rupiah, signed_share
from marketplace.difference import Difference

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
            "free",
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


def section(title: str, note: str = "", anchor: str = "") -> str:
    place = f' id="{escape(anchor)}"' if anchor else ""
    return wrap(
        f'<div class="bw-section"{place}><h2>{text(title)}</h2>{f"<p>{text(note)}</p>" if note else ""}</div>'
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

UNITS: dict[int, str] = {5: "minutes", 6: "share"}  # of a point's figure; the others are counts


def measured(value: float | None, unit: str, say: Wording) -> str:
    """A figure in its unit: minutes and seconds as a span of time, a share as a percentage, else a number."""
    if value is None:
        return NOTHING
    if unit == "seconds":
        return say.seconds(value)
    return say.span(value * 60) if unit == "minutes" else share(value) if unit == "share" else count(value)


def _measure(point: int, value: float, say: Wording) -> str:
    return measured(value, UNITS.get(point, ""), say)


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


def tone_of_severity(severity: object) -> str:
    """Of something that is wrong: red where it is high or critical, amber below; one that is not known is red."""
    return "warn" if severity in ("low", "medium", "warning", "info") else "bad"


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
        f'<div class="bw-tile bw-{tone_of_point(row)}" title="{escape(say.sentence(row.get("message")))}">'
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
    message = say.sentence(row.get("message")) if row.get("status") != "working" else ""
    severity = (
        f'<span class="bw-tag">{text(say.word("severity", row.get("severity")))}</span>'
        if row.get("severity") and row.get("status") == "broken"
        else ""
    )
    since = row.get("since")
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
    label = text(say.word("status", row.get("status") or "unknown"))
    said = f'<p class="bw-message">{text(message)}</p>' if message else ""
    limit = text(say("health.limit", limit=limit_of(row, say)))
    return (
        f'<div class="bw-point bw-{kind}"><div class="bw-point-no">{text(row.get("point"))}</div>'
        f"<div><h3>{text(name_of(row, say))}</h3>{said}</div>"
        f'<div><p class="bw-what">{text(figure_of(row, say))}</p><p>{limit}</p></div>'
        f"<div>{f'<p class=bw-since>{text(lasted)}</p>' if lasted else ''}<p>{text(seen)}</p></div>"
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
    if row.get("free") is not None:  # an older snapshot knows none
        counts.append(("free", "good", row["free"]))
    difference = Difference.read(row)
    facts = [
        (say("commission.rate"), share(row.get("tracking_rate")) if state != "unknown" else NOTHING),
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
    below = text(" · ".join(part for part in (apart, eligible, judged) if part))
    numbers = [(part, count(number), say(f"commission.{name}")) for name, part, number in counts]
    return (
        f'<div class="bw-card"><div class="bw-commission-head bw-{kind}">'
        f"{badge(kind, say.word('commission', state))}"
        f"<span>{text(said)}</span></div>"
        f"{bar([(part, number) for _, part, number in counts])}{counted(numbers)}"
        f'{terms(facts)}<p class="bw-below">{below}</p></div>'
    )


def not_in_difference(row: dict[str, Any], say: Wording) -> str:
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


# Lists and tables ---------------------------------------------------------------------------------


def bar(parts: Iterable[tuple[str, float | None]]) -> str:
    """One bar made of parts, each as long as its number; ``gap`` is a part nothing is known of."""
    shown = "".join(
        f'<i class="bw-{kind}" style="flex:{number:g} 1 0"></i>' for kind, number in parts if number
    )
    return f'<div class="bw-bar" aria-hidden="true">{shown}</div>'


def counted(numbers: Iterable[tuple[str, str, str]]) -> str:
    """Numbers side by side, each with the tone that marks it in a bar, and its name."""
    shown = "".join(
        f'<div class="bw-{kind}"><i class="bw-{kind}"></i><b>{text(number)}</b>'
        f'<span class="bw-soft">{text(name)}</span></div>'
        for kind, number, name in numbers
    )
    return f'<div class="bw-counts">{shown}</div>'


def terms(facts: Iterable[tuple[str, str]]) -> str:
    """Named values side by side."""
    shown = "".join(f"<div><dt>{text(term)}</dt><dd>{text(value)}</dd></div>" for term, value in facts)
    return f'<dl class="bw-facts">{shown}</dl>'


def counts_card(
    numbers: Sequence[tuple[str, str, str]], parts: Iterable[tuple[str, float | None]], below: str = ""
) -> str:
    """A whole and its parts."""
    said = f'<p class="bw-below">{text(below)}</p>' if below else ""
    return f'<div class="bw-card bw-whole">{counted(numbers)}{bar(parts)}{said}</div>'


def terms_card(facts: Iterable[tuple[str, str]], below: str = "") -> str:
    said = f'<p class="bw-below">{text(below)}</p>' if below else ""
    return f'<div class="bw-card bw-terms">{terms(facts)}{said}</div>'


def differs(cell: str) -> str:
    """A cell that is not what stands beside it: told by its shape as well."""
    return f'<mark class="bw-warn">{icon("warn")}{cell}</mark>'


def link(page: str, label: str, language: str) -> str:
    """To another page of these dashboards, in the same language."""
    where = "" if language == "en" else f"?lang={language}"
    return f'<a href="{escape(quote(page))}{where}" target="_self">{text(label)}</a>'


def tag(label: str) -> str:
    return f'<span class="bw-tag">{text(label)}</span>'


def hint(label: str, command: str) -> str:
    """What can be done about it, as a command to copy."""
    return f'<p class="bw-below bw-hint">{text(label)} <code>{escape(command)}</code></p>'


def finding_card(
    kind: str, name: str, state: str, code: str, sentences: Iterable[str], facts: Iterable[tuple[str, str]]
) -> str:
    """A finding: what it is called, how grave it is, what was found, what to do, the money it is about."""
    said = "".join(f"<p>{text(sentence)}</p>" for sentence in sentences if sentence)
    return (
        f'<div class="bw-card bw-opened bw-{kind}"><div class="bw-commission-head"><strong>{text(name)}</strong>'
        f"{badge(kind, state)}<code>{escape(code)}</code></div>{said}{terms(facts)}</div>"
    )


def side_by_side(
    titles: tuple[str, str], lines: Iterable[tuple[str, str, str, bool]], below: str = ""
) -> str:
    """Two records field by field: (field, left, right, whether they differ)."""
    body = "".join(
        f'<tr{" class=bw-apart" if apart else ""}><th scope="row">{text(name)}</th>'
        f"<td>{differs(text(left)) if apart else text(left)}</td>"
        f"<td>{differs(text(right)) if apart else text(right)}</td></tr>"
        for name, left, right, apart in lines
    )
    heads = "".join(f'<th scope="col">{text(title)}</th>' for title in titles)
    said = f'<p class="bw-below">{text(below)}</p>' if below else ""
    return (
        '<div class="bw-card bw-sides"><div class="bw-scroll"><table class="bw-table">'
        f"<thead><tr><th></th>{heads}</tr></thead><tbody>{body}</tbody></table></div>{said}</div>"
    )


def jumps(places: Iterable[tuple[str, str]]) -> str:
    """Where on a long page things are: (anchor, name)."""
    return wrap(
        '<nav class="bw-jumps">'
        + "".join(f'<a href="#{escape(anchor)}" target="_self">{text(name)}</a>' for anchor, name in places)
        + "</nav>"
    )


def legend(names: Iterable[tuple[str, str]]) -> str:
    """What the tones of a bar mean."""
    shown = "".join(
        f'<span class="bw-{kind}"><i class="bw-{kind}"></i>{text(name)}</span>' for kind, name in names
    )
    return f'<div class="bw-legend">{shown}</div>'


def strip(spells: Iterable[tuple[str, float, str]]) -> str:
    """A course of time: (tone, seconds, what is said under the pointer), the oldest at the left."""
    shown = "".join(
        f'<i class="bw-{kind}" style="flex:{seconds:g} 1 0" title="{escape(said)}"></i>'
        for kind, seconds, said in spells
        if seconds > 0
    )
    return f'<div class="bw-strip">{shown}</div>'


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
    return f'<span class="bw-word bw-{kind}">{icon(kind)}<span>{text(label)}{small(below)}</span></span>'


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
    return text(said) + small(beneath)


def small(said: object) -> str:
    """The second, smaller line of a table cell."""
    return f"<small>{text(said)}</small>" if said else ""
