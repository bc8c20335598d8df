"""Health: the seven points in full, their uptime and history, each collection and its scan, quarantine, and the checks
that do not hold."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import polars as pl
import streamlit as st

from dashboards import blocks, freshness, parts, queries, service_queries
from dashboards.frame import open_screen
from dashboards.screen import ROWS_SHOWN, Screen
from dashboards.wording import NOTHING, count, share
from marketplace.health import UPTIME_WINDOWS

COURSE = timedelta(days=7)


def points(screen: Screen) -> None:
    say = screen.say
    st.html(blocks.section(say("health.points")))
    rows = freshness.points(screen.status, parts.marts_points(screen))
    if not rows:
        st.html(blocks.wrap(blocks.note("none", say("health.no_points"), say("health.no_points_text"))))
        return
    since = _since(screen)
    rows = [{"since": since.get((row.get("point"), row.get("status"))), **row} for row in rows]
    st.html(
        blocks.wrap(
            blocks.system_line(
                freshness.system_state(screen.status, rows),
                rows,
                parts.judged(screen),
                screen.condition.state != "fresh",
                say,
            ),
            '<div style="height:.9rem"></div>',
            blocks.points_card(rows, screen.condition.state != "fresh", screen.now, say),
        )
    )


def _since(screen: Screen) -> dict[tuple[Any, Any], Any]:
    """Since when each point is as it is, by the snapshot's history; nothing where it keeps none."""
    try:
        return service_queries.health_since(screen.snapshot)
    except queries.NotInSnapshot:
        return {}


def uptime(screen: Screen) -> None:
    """How much of the measured time each point worked, and its course; unknown and unmeasured time stand apart."""
    say, path = screen.say, screen.snapshot
    st.html(blocks.section(say("uptime.title"), say("uptime.note")))
    windows: dict[int, dict[str, dict[str, Any]]] = {}
    for row in service_queries.health_uptime(path):
        windows.setdefault(int(row["point"]), {})[str(row["time_window"])] = row
    if not windows:
        st.html(blocks.wrap(blocks.note("none", say("uptime.none"))))
        return
    legend = [("good", "working"), ("bad", "broken"), ("none", "unknown"), ("gap", "unmeasured")]
    known = {name for row in windows.values() for name in row}
    names = [name for name, _ in UPTIME_WINDOWS if name in known]
    end = screen.published_at or screen.now.replace(tzinfo=None)
    spells = service_queries.health_spells_since(path, end - COURSE)
    st.html(
        blocks.wrap(
            blocks.table(
                [
                    (say("health.point"), False),
                    (say("uptime.course", days=COURSE.days), False),
                    *(
                        (say("uptime.window", window=say.phrase("uptime_window", name)), False)
                        for name in names
                    ),
                ],
                [
                    (
                        blocks.below(f"{point} · {say(f'point.{point}')}", ""),
                        blocks.strip(_course(spells.filter(pl.col("point") == point), end, screen)),
                        *(_window(row.get(name), screen) for name in names),
                    )
                    for point, row in sorted(windows.items())
                ],
                top=blocks.legend([(kind, say(f"uptime.{name}")) for kind, name in legend]),
            )
        )
    )


def _window(row: dict[str, Any] | None, screen: Screen) -> str:
    """The share of the measured time, and a bar of the whole window."""
    say = screen.say
    if row is None:
        return NOTHING
    working = row["measured_seconds"] - row["broken_seconds"]
    untold = [
        say(f"uptime.{name}_for", span=say.span(row[f"{name}_seconds"]))
        for name in ("broken", "unknown", "unmeasured")
        if row[f"{name}_seconds"] >= 1
    ]
    bar = blocks.bar(
        [
            ("good", working),
            ("bad", row["broken_seconds"]),
            ("none", row["unknown_seconds"]),
            ("gap", row["unmeasured_seconds"]),
        ]
    )
    said = share(row["working_share"]) if row["working_share"] is not None else say("uptime.nothing_measured")
    return f"<b>{blocks.text(said)}</b>{bar}{blocks.small(', '.join(untold))}"


def _course(spells: pl.DataFrame, end: datetime, screen: Screen) -> list[tuple[str, float, str]]:
    """The spells of the last seven days, the oldest first, with gaps where nobody looked."""
    say, at = screen.say, end - COURSE
    drawn: list[tuple[str, float, str]] = []
    for row in spells.sort("since").iter_rows(named=True):
        since, until = max(row["since"], at), min(row["until"] or end, end)
        drawn.append(("gap", (since - at).total_seconds(), say("uptime.unmeasured")))
        kind = {"working": "good", "broken": "bad"}.get(row["status"], "none")
        said = f"{say.word('status', row['status'])} · {say.time(row['since'], screen.now)}"
        drawn.append((kind, (until - since).total_seconds(), said))
        at = max(at, until)
    drawn.append(("gap", (end - at).total_seconds(), say("uptime.unmeasured")))
    return drawn


def history(screen: Screen) -> None:
    """Every state a point was in, the newest first."""
    say, path = screen.say, screen.snapshot
    total = service_queries.health_spells(path)
    if not total:
        return
    with st.expander(say("uptime.history", n=count(total))):
        zone = say.zone_name(screen.now)
        screen.table(
            service_queries.health_history(path, ROWS_SHOWN).with_columns(
                pl.col("point")
                .map_elements(lambda point: say(f"point.{point}"), return_dtype=pl.String)
                .alias("name"),
                pl.col("status").map_elements(lambda word: say.word("status", word), return_dtype=pl.String),
                pl.col("message").map_elements(say.sentence, return_dtype=pl.String),
            ),
            {
                "name": say("health.point"),
                "status": say("col.state"),
                "since": say("uptime.since", zone=zone),
                "until": say("uptime.until", zone=zone),
                "seconds": say("uptime.lasted"),
                "message": say("uptime.message"),
            },
            "health_history",
            say("uptime.title"),
            total=total,
            complete=lambda: service_queries.all_health_history(path),
        )


def collections(screen: Screen) -> None:
    say = screen.say
    rows = freshness.collections(screen.status, screen.scans)
    st.html(blocks.section(say("health.collections")))
    if not rows:
        st.html(
            blocks.wrap(blocks.note("none", say("health.no_collections"), say("health.no_collections_text")))
        )
        return
    unread = [row for row in rows if row.get("outcome") in ("forbidden", "missing")]
    warning = (
        blocks.note(
            "bad" if any(row.get("required") for row in unread) else "warn",
            say("health.unread", n=count(len(unread)), all=count(len(rows))),
            say("health.unread_text", collections=", ".join(str(row.get("collection")) for row in unread)),
        )
        if unread
        else ""
    )
    st.html(
        blocks.wrap(
            warning,
            blocks.table(
                [
                    (say("col.collection"), False),
                    (say("col.outcome"), False),
                    (say("col.completed"), True),
                    (say("col.watermark"), True),
                ],
                [_collection(row, screen) for row in rows],
            ),
        )
    )


def _collection(row: dict[str, Any], screen: Screen) -> tuple[str, str, str, str]:
    say = screen.say
    outcome = str(row.get("outcome") or "unknown")
    late = str(row.get("collection")) in screen.condition.behind
    kind = blocks.tone(outcome)
    if kind == "bad" and not row.get("required"):
        kind = "warn"
    if kind == "good" and late:
        kind = "warn"
    need = say("health.required") if row.get("required") else say("health.optional")
    completed = row.get("completed_at")
    when = (
        blocks.below(say.time(completed, screen.now), say.ago(completed, screen.now))
        if say.local(completed)
        else blocks.text(say("health.never"))
    )
    return (
        f'{blocks.text(row.get("collection"))} <span class="bw-tag">{blocks.text(need)}</span>',
        blocks.word(kind, say.word("outcome", outcome), str(row.get("detail") or "")),
        when,
        blocks.text(say.time(row.get("watermark"), screen.now)),
    )


def quarantine(screen: Screen) -> None:
    say = screen.say
    st.html(blocks.section(say("health.quarantine")))
    held = parts.quarantine(screen)
    if not held["count"]:
        st.html(
            blocks.wrap(
                blocks.note("good", say("health.quarantine_none"), say("health.quarantine_none_text"))
            )
        )
        return
    oldest, reasons = held.get("oldest_first_seen_at"), held.get("reasons")
    facts = sorted(reasons.items(), key=lambda pair: -int(pair[1])) if isinstance(reasons, dict) else []
    label = say("health.quarantine_one") if held["count"] == 1 else say("health.quarantine_some")
    since = (
        say("health.quarantine_oldest", time=say.time(oldest, screen.now), ago=say.ago(oldest, screen.now))
        if say.local(oldest)
        else ""
    )
    st.html(
        blocks.wrap(
            blocks.tally("warn", count(held["count"]), label, since, [(k, count(v)) for k, v in facts])
        )
    )


def checks(screen: Screen) -> None:
    say = screen.say
    st.html(blocks.section(say("health.checks")))
    held, failed, failing = parts.check_results(screen)
    sentence = parts.checks_sentence(screen, held, failed)
    if not failed:
        st.html(blocks.wrap(blocks.note("good" if held else "none", sentence)))
        return
    st.html(
        blocks.wrap(
            blocks.table(
                [(say("col.check"), False), (say("col.severity"), False), (say("col.failed_rows"), True)],
                [
                    (
                        blocks.below(row.get("check_name"), row.get("asset") or ""),
                        blocks.text(say.word("severity", str(row.get("severity")).lower())),
                        count(row.get("failed_rows")),
                    )
                    for row in failing
                ],
                top=f'<p style="margin-bottom:.8rem">{blocks.badge("warn", sentence)}</p>',
            )
        )
    )


screen = open_screen()
screen.show(
    screen.say("health.title"),
    parts.subtitle_now(screen),
    [points, uptime, history, collections, lambda shown: shown.beside(quarantine, checks)],
)
