"""Health: the seven points in full, each collection and its scan, quarantine, and the checks that do not
hold."""

from __future__ import annotations

from typing import Any

import streamlit as st

from dashboards import blocks, freshness, parts
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
            blocks.points_card(rows, screen.condition.state != "fresh", screen.now, say),
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


def beside(screen: Screen) -> None:
    left, right = st.columns(2, gap="medium")
    with left:
        quarantine(screen)
    with right:
        checks(screen)


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
    [points, collections, beside],
)
