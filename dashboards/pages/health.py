"""Health: the seven points in full, each collection and its scan, quarantine, and the checks that do not hold."""

from __future__ import annotations

from typing import Any

import streamlit as st

from dashboards import blocks, freshness, parts, queries
from dashboards.frame import open_screen
from dashboards.screen import Screen
from dashboards.wording import count


def points(screen: Screen) -> None:
    say = screen.say
    st.html(blocks.section(say("health.points")))
    rows = freshness.points(screen.status, parts.marts_points(screen))
    if not rows:
        st.html(blocks.wrap(blocks.note("none", say("health.no_points"), say("health.no_points_text"))))
        return
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
            blocks.points_card(rows, screen.now, say),
        )
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
    st.html(
        blocks.wrap(
            blocks.table(
                [
                    (say("col.collection"), False),
                    (say("col.outcome"), False),
                    (say("col.completed"), True),
                    (say("col.watermark"), True),
                ],
                [_collection(row, screen) for row in rows],
            )
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
        f"{blocks.text(say.time(completed, screen.now))}<small>{blocks.text(say.ago(completed, screen.now))}</small>"
        if say.local(completed)
        else blocks.text(say("health.never"))
    )
    return (
        f'{blocks.text(row.get("collection"))} <span class="bw-tag">{blocks.text(need)}</span>',
        blocks.word(kind, say.word("outcome", outcome), str(row.get("detail") or "")),
        when,
        blocks.text(say.time(row.get("watermark"), screen.now)),
    )


def beside(screen: Screen) -> None:
    left, right = st.columns(2, gap="medium")
    with left:
        quarantine(screen)
    with right:
        checks(screen)


def quarantine(screen: Screen) -> None:
    say = screen.say
    st.html(blocks.section(say("health.quarantine")))
    said = freshness.part(screen.status, "quarantine")
    held = said if isinstance(said.get("count"), int) else queries.quarantine(screen.snapshot)
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
    said = freshness.part(screen.status, "checks")
    if isinstance(said.get("passed"), int) and isinstance(said.get("failed"), int):
        held, failed, failing = said["passed"], said["failed"], freshness.rows(said.get("failing"))
    else:
        (held, failed), failing = (
            queries.check_counts(screen.snapshot),
            queries.failing_checks(screen.snapshot),
        )
    if held + failed == 0:
        st.html(blocks.wrap(blocks.note("none", say("health.checks_unknown"))))
        return
    if not failed:
        st.html(blocks.wrap(blocks.note("good", say("health.checks_all", n=count(held)))))
        return
    st.html(
        blocks.wrap(
            blocks.table(
                [(say("col.check"), False), (say("col.severity"), False), (say("col.failed_rows"), True)],
                [
                    (
                        f"{blocks.text(row.get('check_name'))}<small>{blocks.text(row.get('asset') or '')}</small>",
                        blocks.text(say.word("severity", str(row.get("severity")).lower())),
                        count(row.get("failed_rows")),
                    )
                    for row in failing
                ],
                top=f'<p style="margin-bottom:.8rem">'
                f"{blocks.badge('warn', say('health.checks_some', failed=count(failed), n=count(held + failed)))}</p>",
            )
        )
    )


screen = open_screen()
screen.show(
    screen.say("health.title"),
    parts.subtitle_now(screen),
    [points, collections, beside],
)
