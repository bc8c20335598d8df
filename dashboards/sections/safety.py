"""What else stands beside actions: notifications that were given up, which can be sent again, and backups with whether
they were looked at and tried out. From the ledger as it is now."""

from __future__ import annotations

import sqlite3

import streamlit as st

from dashboards import acting, acts
from dashboards.kit import parts
from dashboards.kit.markup import Child
from dashboards.kit.parts import show
from dashboards.kit.screen import Screen
from dashboards.wording import NOTHING, count
from marketplace.backups import BackupState, DrillState
from marketplace.roles import Right
from resources.ledger import Ledger
from resources.ledger.backups import BackupEntry, DrillEntry
from resources.ledger.outbox import Letter, LetterState

LETTERS_SHOWN = 50
BACKUPS_SHOWN = 35
_LETTERS = {LetterState.WAITING: "warn", LetterState.DELIVERED: "good", LetterState.DEAD: "bad"}
_STATES = {BackupState.WHOLE: "good", BackupState.PARTIAL: "warn", BackupState.FAILED: "bad"}
_DRILLS = {DrillState.SAME: "good", DrillState.DIFFERENT: "bad", DrillState.FAILED: "bad"}


def letters(screen: Screen) -> None:
    """Notifications that were tried as often as they are tried, and the way to have them sent again."""
    say = screen.text
    show(parts.section(say("letters.title"), say("letters.note")))
    try:
        ledger = Ledger(screen.settings.home.ledger)
        dead = list(ledger.letters(state=LetterState.DEAD, limit=LETTERS_SHOWN).values())
        counted = ledger.letter_counts()
    except sqlite3.Error:
        acts.unread(screen)
        return
    if not counted:
        show(parts.note("none", say("letters.none_yet")))
        return
    told = [(tone, counted.get(state, 0), say(f"letters.{state.value}")) for state, tone in _LETTERS.items()]
    show(
        parts.counts_card(
            [(tone, count(number), name) for tone, number, name in told],
            [(tone, number) for tone, number, _ in told],
        )
    )
    if not dead:
        show(parts.note("good", say("letters.none_dead")))
        return
    headings = ("letters.notification", "letters.tries", "actions.answer", "letters.given_up")
    show(
        parts.gap(),
        parts.table([(say(name), False) for name in headings], [_letter(screen, one) for one in dead]),
    )
    if not screen.looked.past and screen.may(Right.OPERATE):
        _send_again(screen, counted.get(LetterState.DEAD, 0))


def _letter(screen: Screen, letter: Letter) -> tuple[Child, ...]:
    say = screen.text
    return (
        parts.verbatim(letter.notification_id),
        count(letter.tries),
        parts.verbatim(letter.answer) if letter.answer else NOTHING,
        say.time(letter.ended_at, screen.now),
    )


def _send_again(screen: Screen, number: int) -> None:
    """All of them wait again: a line in the ledger, no call. The operation sends them when it has its turn."""
    say = screen.text
    with st.form("send_again", border=False):
        by = acting.name_field(screen, "letters")
        typed = st.text_input(
            say("acts.reason"),
            max_chars=acts.LONGEST_TEXT,
            placeholder=say("actions.reason_hint"),
            key="letters_reason",
        )
        pressed = st.form_submit_button(
            say("letters.again", n=count(number)),
            type="primary",
            icon=":material/forward_to_inbox:",
            key="act_letters",
        )
    if not pressed or not screen.may(Right.OPERATE):
        return
    reason, given = acts.reason_of(screen, typed), dict[str, str]()
    if reason is None or not acting.named(screen, by, given):
        return
    who, at = given.get("by") or screen.viewer.name, acts.now(screen)
    acts.enter(
        screen, lambda: Ledger(screen.settings.home.ledger).send_again(None, by=who, reason=reason, at=at)
    )


def backups(screen: Screen) -> None:
    """Every backup that is kept, and what a restore of one showed."""
    say = screen.text
    show(parts.section(say("backups.title"), say("backups.note")))
    try:
        ledger = Ledger(screen.settings.home.ledger)
        kept, drills = ledger.backups()[:BACKUPS_SHOWN], ledger.drills()
    except sqlite3.Error:
        acts.unread(screen)
        return
    if not kept:
        show(parts.note("none", say("backups.none"), say("backups.none_text")))
        return
    tried = {drill.backup_id: drill for drill in reversed(drills)}
    headings = (("backups.begun", False), ("col.state", False), ("backups.rows", True), ("backups.size", True),
                ("backups.verified", False), ("backups.drill", False))  # fmt: skip
    show(
        parts.table(
            [(say(name), number) for name, number in headings],
            [_backup(screen, one, tried.get(one.backup_id)) for one in kept],
        )
    )


def _backup(screen: Screen, backup: BackupEntry, drill: DrillEntry | None) -> tuple[Child, ...]:
    say = screen.text
    looked: Child = NOTHING
    if backup.verified_at is not None:
        word = "backups.holds" if backup.verified else "backups.broken"
        looked = parts.word(
            "good" if backup.verified else "bad", say(word), say.time(backup.verified_at, screen.now)
        )
    return (
        parts.below(say.time(backup.started_at, screen.now), backup.backup_id),
        parts.word(
            _STATES.get(backup.state, "none"),
            say.word("backup_state", backup.state.value),
            "" if backup.why is None else say.message(backup.why),
        ),
        count(backup.rows),
        NOTHING if backup.bytes is None else say("backups.mb", n=count(round(backup.bytes / 1_000_000, 1))),
        looked,
        NOTHING
        if drill is None
        else parts.word(
            _DRILLS.get(drill.state, "none"),
            say.word("drill_state", drill.state.value),
            say.seconds(drill.seconds) if drill.seconds is not None else "",
        ),
    )
