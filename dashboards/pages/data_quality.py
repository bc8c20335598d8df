"""Data quality: rows that could not be taken, values that could not be trusted, checks that do not hold, the age and
volume of each collection, what came late. A check or a row opened by its id stands first."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import polars as pl

from dashboards import acts, data_age
from dashboards.kit import address, glance, glossary, links, parts
from dashboards.kit.address import Choice
from dashboards.kit.glance import Tile
from dashboards.kit.grid import grid
from dashboards.kit.markup import Child, element, joined
from dashboards.kit.page import Page
from dashboards.kit.parts import show
from dashboards.kit.screen import Screen
from dashboards.queries import data, reading
from dashboards.queries.query import Column, Held
from dashboards.sections import shared
from dashboards.wording import NOTHING, Wording, count
from marketplace.data_codes import DATA_FINDINGS
from marketplace.events import NOT_THERE, ScanOutcome
from marketplace.findings import FINDINGS
from messages.message import Message, message_in

PARTS = ("quarantine", "doubtful", "checks", "freshness", "volume", "late")
SHOW = Choice("show", PARTS, "quarantine")
KIND = Choice("kind", tuple(DATA_FINDINGS))
CHECK, ROW = address.of_id("check"), address.of_id("row")

#: The kind of record that a row of a collection is on these pages.
_RECORDS = {
    "bookings": "booking",
    "hotel_bookings": "booking",
    "commission_records": "commission",
    "chat_rooms": "room",
    "therapists": "provider",
    "places": "provider",
    "users": "customer",
}
_VOLUME_DAYS = 7


def opened(screen: Screen) -> None:
    """The check or the row that the address asks for."""
    if name := address.chosen(CHECK):
        _check(screen, name)
    if row_id := address.chosen(ROW):
        _row(screen, row_id)


def _check(screen: Screen, name: str) -> None:
    say = screen.text
    show(links.back(say("data_quality.back"), "check"))
    made = data.check(screen.snapshot, name)
    if not made:
        show(parts.note("none", say("data_quality.no_check", check=name)))
        return
    for row in made:
        kind = "good" if row["passed"] else "bad" if str(row["severity"]).lower() == "error" else "warn"
        title = say.called(name) if row["passed"] else say.broken(name)
        facts = [
            (say("col.failed_rows"), count(row["failed_rows"])),
            (say("data_quality.of"), parts.verbatim(row["asset"])),
            (say("data_quality.made_at"), say.time(row["evaluated_at"], screen.now)),
        ]
        state = say("data_quality.holds" if row["passed"] else "data_quality.broken")
        show(parts.opened(kind, title or name, state, name, facts))
    if all(row["passed"] for row in made):
        return
    code = name.removeprefix("no_")
    if name.startswith("no_") and code in FINDINGS:
        show(element("p", links.to_page("findings", say("data_quality.its_findings"), code=code)))
    elif name == "zero_missing_commission":
        show(element("p", links.to_page("findings", say("data_quality.its_findings"), code="missing")))
    elif name.startswith("health_point_"):
        show(element("p", links.to_page("health", say("data_quality.its_point"))))
    else:
        _breaking(screen, name)


def _breaking(screen: Screen, name: str) -> None:
    """The rows that break a check, by the check's own question."""
    say = screen.text
    try:
        rows = data.breaking(screen.snapshot, name)
    except reading.SnapshotUnreadable:
        rows = None
    if rows is None:
        show(parts.note("none", say("data_quality.no_rows"), say("data_quality.no_rows_text")))
        return
    frame = pl.DataFrame(
        [(say.message(rule) if isinstance(rule, Message) else rule, which) for rule, which in reversed(rows)],
        schema={"rule": pl.String, "which": pl.String},
        orient="row",
    )
    columns = (Column("rule", "data_quality.rule"), Column("which", "data_quality.which"))
    grid(screen, Held(f"check_{name}", frame, columns), say("data_quality.breaking"))


def _row(screen: Screen, row_id: str) -> None:
    say = screen.text
    show(
        links.back(say("data_quality.back"), "row"), parts.section(say("data_quality.row_title", row=row_id))
    )
    held, doubted = data.row(screen.snapshot, row_id)
    if not held and not doubted:
        show(parts.note("none", say("data_quality.no_row"), say("data_quality.no_row_text")))
        return
    for row in held:
        reasons = _reasons(row["reasons"], say)
        since = say.time(row["first_seen_at"], screen.now)
        show(
            parts.note(
                "warn",
                say("data_quality.not_taken", collection=row["collection"]),
                say("data_quality.not_taken_text", reasons=reasons, time=since),
            )
        )
    if doubted:
        show(
            parts.table(
                [
                    (say("col.collection"), False),
                    (say("data_quality.attribute"), False),
                    (say("col.detail"), False),
                ],
                [
                    (
                        _of_collection(row["collection"], row_id),
                        parts.verbatim(row["attribute"] or NOTHING),
                        parts.below(say.told(row, "detail"), _meaning(row["finding"], say)),
                    )
                    for row in doubted
                ],
            )
        )


def _of_collection(collection: str, row_id: str) -> Child:
    """The name of a collection, leading to the record where its rows have a page."""
    kind = _RECORDS.get(collection)
    return collection if kind is None else links.to_record(kind, row_id, collection)


def _reasons(written: object, say: Wording) -> str:
    codes = [part.strip(" \"'") for part in str(written or "").strip("[]").split(",")]
    return "; ".join(say.known(f"quarantined_for.{code}", code) for code in codes if code) or NOTHING


def _meaning(kind: str, say: Wording) -> str:
    numbers = DATA_FINDINGS.get(kind)
    return kind if numbers is None else say.message(Message(f"data.{kind}", numbers), kind)


# The parts ---------------------------------------------------------------------------------------


def overall(screen: Screen) -> None:
    """What each part found, and which is shown below."""
    shown = address.chosen(SHOW)
    show(glance.tiles(_tile(screen, name, shown) for name in PARTS))


def _tile(screen: Screen, name: str, shown: str) -> Tile:
    label = screen.text(f"data_quality.{name}")
    link = None if name == shown else links.to_page("data_quality", label, show=name)
    try:
        tone, number, beneath = _FOUND[name](screen)
    except reading.SnapshotUnreadable:
        tone, number, beneath = "none", NOTHING, screen.text("fresh.absent")
    return Tile(tone, number, label, link, beneath)


Found = tuple[str, str, str]


def _of_quarantine(screen: Screen) -> Found:
    held = shared.quarantine(screen)
    oldest = say_ago(screen, held.get("oldest_first_seen_at")) if held["count"] else ""
    return ("warn" if held["count"] else "good"), count(held["count"]), oldest


def say_ago(screen: Screen, value: object) -> str:
    """How old, counted to when the data was last read."""
    passed = screen.text.elapsed(value, shared.as_of(screen))
    return "" if passed is None else screen.text("data_quality.oldest", span=screen.text.span(passed))


def _of_doubtful(screen: Screen) -> Found:
    values = data.doubtful_values(screen.snapshot)
    kinds = len(data.kinds(screen.snapshot))
    beneath = screen.text("data_quality.kinds", n=count(kinds)) if values else ""
    return ("warn" if values else "good"), count(values), beneath


def _of_checks(screen: Screen) -> Found:
    held, failed, _ = shared.check_results(screen)
    if held + failed == 0:
        return "none", NOTHING, screen.text("health.checks_unknown")
    return (
        ("warn" if failed else "good"),
        count(failed),
        screen.text("data_quality.of_all", n=count(held + failed)),
    )


def _of_freshness(screen: Screen) -> Found:
    rows = data_age.collections(screen.status, screen.scans)
    if not rows:
        return "none", NOTHING, screen.text("health.no_collections")
    unread = sum(row.get("outcome") in NOT_THERE for row in rows)
    read = sum(row.get("outcome") == ScanOutcome.COMPLETE for row in rows)
    said = screen.text("overview.read_of", read=count(read), all=count(len(rows)))
    late = len(screen.condition.behind)
    return ("bad" if late else "warn" if unread else "good"), count(unread + late), said


def _of_volume(screen: Screen) -> Found:
    frame = _volume(screen)
    today = screen.now.astimezone(screen.text.zone).date()
    rows = int(frame.filter(pl.col("local_date") == today)["inserted"].sum() or 0)
    odd = data.unusual_rows(screen.snapshot)
    said = (
        screen.text("data_quality.unusual_in", n=count(len(odd)))
        if odd
        else screen.text("data_quality.usual")
    )
    return ("warn" if odd else "good"), count(rows), said


def _of_late(screen: Screen) -> Found:
    found, swept = data.late(screen.snapshot)
    if swept is None:
        return "none", NOTHING, screen.text("data_quality.never_swept")
    return (
        ("warn" if found else "good"),
        count(found),
        screen.text("data_quality.in_days", days=data.DAYS_SHOWN),
    )


_FOUND: dict[str, Callable[[Screen], Found]] = {
    "quarantine": _of_quarantine,
    "doubtful": _of_doubtful,
    "checks": _of_checks,
    "freshness": _of_freshness,
    "volume": _of_volume,
    "late": _of_late,
}


def part(screen: Screen) -> None:
    """The chosen part, with its rows."""
    _DRAWN[address.chosen(SHOW)](screen)


def quarantine(screen: Screen) -> None:
    say = screen.text
    show(parts.section(say("health.quarantine"), say("data_quality.quarantine_note")))
    held = shared.quarantine(screen)
    if not held["count"]:
        show(parts.note("good", say("health.quarantine_none"), say("health.quarantine_none_text")))
        return
    oldest, reasons = held.get("oldest_first_seen_at"), held.get("reasons")
    facts = sorted(reasons.items(), key=lambda pair: -int(pair[1])) if isinstance(reasons, dict) else []
    label = say("health.quarantine_one") if held["count"] == 1 else say("health.quarantine_some")
    at = shared.as_of(screen)
    since = (
        say("health.quarantine_oldest", time=say.time(oldest, screen.now), ago=say.ago(oldest, at))
        if say.local(oldest)
        else ""
    )
    named = [
        (parts.coded(say.known(f"quarantined_for.{code}", code), code), count(number))
        for code, number in facts
    ]
    show(parts.tally("warn", count(held["count"]), label, since, named))
    grid(screen, data.QUARANTINED, say("health.quarantine"), opens=("row", "row_id"))


def doubtful(screen: Screen) -> None:
    say = screen.text
    show(parts.section(say("data_quality.doubtful"), say("data_quality.doubtful_note")))
    kinds = data.kinds(screen.snapshot)
    if not kinds:
        show(parts.note("good", say("data_quality.no_doubt")))
        return
    chosen = address.chosen(KIND)
    show(
        parts.table(
            [
                (say("data_quality.kind"), False),
                (say("data_quality.where"), False),
                (say("col.rows"), True),
                (say("data_quality.values"), True),
            ],
            [
                (
                    parts.below(
                        links.to_page(
                            "data_quality",
                            _meaning(row["finding"], say),
                            show="doubtful",
                            kind=row["finding"],
                        ),
                        row["finding"],
                    ),
                    ", ".join(row["collections"]),
                    count(row["rows"]),
                    count(row["values"]),
                )
                for row in kinds
                if not chosen or row["finding"] == chosen
            ],
        )
    )
    if chosen:
        show(links.back(say("data_quality.all_kinds"), "kind"))
        grid(screen, data.of_kind(chosen), say("data_quality.doubtful"), opens=("row", "row_id"))


def checks(screen: Screen) -> None:
    say = screen.text
    show(parts.section(say("health.checks"), say("data_quality.checks_note")))
    held, failed, failing = shared.check_results(screen)
    sentence = shared.checks_sentence(screen, held, failed)
    if not failed:
        show(parts.note("good" if held else "none", sentence))
        return
    show(
        parts.table(
            [(say("col.check"), False), (say("col.severity"), False), (say("col.failed_rows"), True)],
            [
                (
                    parts.below(
                        _linked(row.get("check_name"), say), f"{row.get('check_name')} · {row.get('asset')}"
                    ),
                    say.word("severity", str(row.get("severity")).lower()),
                    count(row.get("failed_rows")),
                )
                for row in failing
            ],
            top=parts.above(parts.badge("warn", sentence)),
        )
    )


def _linked(technical: object, say: Wording) -> Child:
    return links.to_page(
        "data_quality", say.broken(technical) or str(technical), show="checks", check=str(technical)
    )


def freshness(screen: Screen) -> None:
    say = screen.text
    rows = data_age.collections(screen.status, screen.scans)
    show(parts.section(say("health.collections")))
    if not rows:
        show(parts.note("none", say("health.no_collections"), say("health.no_collections_text")))
        return
    unread = [row for row in rows if row.get("outcome") in NOT_THERE]
    warning = (
        parts.note(
            "bad" if any(row.get("required") for row in unread) else "warn",
            say("health.unread", n=count(len(unread)), all=count(len(rows))),
            say("health.unread_text", collections=", ".join(str(row.get("collection")) for row in unread)),
        )
        if unread
        else ""
    )
    show(
        warning,
        parts.table(
            [
                (say("col.collection"), False),
                (say("col.outcome"), False),
                (say("col.completed"), True),
                (say("col.watermark"), True),
            ],
            [_collection(row, screen) for row in rows],
        ),
    )


def _collection(row: dict[str, Any], screen: Screen) -> tuple[Child, ...]:
    say = screen.text
    outcome = str(row.get("outcome") or "unknown")
    late = str(row.get("collection")) in screen.condition.behind
    kind = parts.tone(outcome)
    if kind == "bad" and not row.get("required"):
        kind = "warn"
    if kind == "good" and late:
        kind = "warn"
    need = say("health.required") if row.get("required") else say("health.optional")
    completed = row.get("completed_at")
    # This one age goes on: how long ago Appwrite was read is known at any time.
    when = (
        parts.below(say.time(completed, screen.now), say.ago(completed, screen.now))
        if say.local(completed)
        else say("health.never")
    )
    return (
        joined(row.get("collection"), parts.tag(need), by=" "),
        parts.word(
            kind, say.word("outcome", outcome), say.message(message_in(row.get("said")), row.get("detail"))
        ),
        when,
        say.time(row.get("watermark"), screen.now),
    )


def _volume(screen: Screen) -> pl.DataFrame:
    offset = screen.now.astimezone(screen.text.zone).utcoffset() or timedelta()
    return data.volume(screen.snapshot, int(offset.total_seconds() // 60))


def volume(screen: Screen) -> None:
    """New rows of each collection by the day, its rows in all, and what is unusual in them."""
    say = screen.text
    show(
        parts.section(say("data_quality.volume_title"), say("data_quality.volume_note", days=data.DAYS_SHOWN))
    )
    frame = _volume(screen)
    if frame.is_empty():
        show(parts.note("none", say("data_quality.no_volume")))
        return
    today = screen.now.astimezone(say.zone).date()
    days, shown = data.last_days(today, data.DAYS_SHOWN), data.last_days(today, _VOLUME_DAYS)
    inserted = {(row[0], row[1]): row[2] for row in frame.iter_rows()}
    rejected = dict(frame.group_by("collection").agg(pl.col("rejected").sum()).rows())
    odd, mirrored = data.unusual_rows(screen.snapshot), _mirrored(screen)
    first = min(frame["local_date"].to_list())
    show(
        parts.table(
            [
                (say("col.collection"), False),
                (say("data_quality.course", days=data.DAYS_SHOWN), False),
                *((say.short_day(day), True) for day in shown),
                (say("data_quality.in_all"), True),
                (say("data_quality.rejected"), True),
                (say("data_quality.unusual"), False),
            ],
            [
                (
                    name,
                    glance.course(
                        [None if day < first else inserted.get((name, day), 0) for day in days],
                        say("data_quality.course_of", collection=name, days=data.DAYS_SHOWN),
                    ),
                    *(count(None if day < first else inserted.get((name, day), 0)) for day in shown),
                    count(mirrored.get(name)),
                    count(rejected.get(name)),
                    _unusual(odd.get(name), screen),
                )
                for name in sorted(rejected)
            ],
        )
    )


def _mirrored(screen: Screen) -> dict[str, int]:
    try:
        return data.mirrored(screen.snapshot)
    except reading.NotInSnapshot:
        return {}  # an older snapshot does not say; a dash stands for it


def _unusual(row: dict[str, Any] | None, screen: Screen) -> Child:
    if row is None:
        return ""
    said = screen.text(
        "data_quality.unusual_hour",
        time=screen.text.time(row["hour_start"], screen.now),
        figure=count(row["figure"]),
        expected=count(None if row["expected"] is None else round(row["expected"], 1)),
    )
    return parts.word("warn", screen.text("data_quality.is_unusual"), said)


def late(screen: Screen) -> None:
    say = screen.text
    show(parts.section(say("data_quality.late"), say("data_quality.late_note")))
    found, swept = data.late(screen.snapshot)
    if swept is None:
        show(parts.note("none", say("data_quality.never_swept"), say("data_quality.never_swept_text")))
        return
    when = say("data_quality.swept", time=say.time(swept, screen.now))
    if not found and not data.LATE.count(screen.snapshot):
        show(parts.note("good", say("data_quality.none_late"), when))
        return
    grid(screen, data.LATE, say("data_quality.late"))


_DRAWN: dict[str, Callable[[Screen], None]] = {
    "quarantine": quarantine,
    "doubtful": doubtful,
    "checks": checks,
    "freshness": freshness,
    "volume": volume,
    "late": late,
}

PAGE = Page(
    name="data_quality",
    group="system",
    icon=":material/fact_check:",
    role="engineer",
    place=4,
    choices=(SHOW, KIND, CHECK, ROW),
    sections=(
        opened,
        overall,
        part,
        acts.sweep,
        glossary.words(
            "quarantine", "data_finding", "check", "snapshot", "sweep", "stale", "unusual", "unknown", "run"
        ),
    ),
)

if __name__ == "__main__":  # Streamlit runs the file; the frame reads its record
    from dashboards import frame

    frame.draw(PAGE)
