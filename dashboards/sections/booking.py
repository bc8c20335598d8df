"""One booking in full: how it stands, its commission and why, its times, what became of it, and all that hangs on it,
each with a link. Queries are queries/bookings.py's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

import streamlit as st
from markupsafe import Markup

from dashboards import reveal
from dashboards.kit import links, parts, record
from dashboards.kit.address import Choice, chosen
from dashboards.kit.markup import Child, joined
from dashboards.kit.parts import show
from dashboards.kit.screen import REFRESH_SECONDS, Screen, policy_or_stop
from dashboards.queries import bookings
from dashboards.sections import by_order, shared
from dashboards.sections.waived import is_waived
from dashboards.wording import NOTHING, count, rate, rupiah
from marketplace.answers import Answer, answer_of
from marketplace.chats import Chat
from marketplace.findings import FINDINGS
from marketplace.links import HOPS
from marketplace.statuses import BookingStatus
from messages import rules
from messages.message import Message
from pipelines.chains import expected_by

#: How its commission came about, step by step: asked for singly.
WHY: Final = Choice("why", ("steps",))
COUNTED_EVERY_S: Final = 3 * REFRESH_SECONDS
"""So often what is left of a deadline is counted anew."""

_TONES: Final[dict[str, str]] = {
    "accepted": "good",
    "confirmed": "good",
    "completed": "good",
    "pending": "warn",
    "declined": "bad",
    "expired": "bad",
    "cancelled": "none",
    "reassigned": "none",
}
_ANSWER_TONES: Final = {
    Answer.WAITING: "warn",
    Answer.OPEN: "warn",
    Answer.PAST: "bad",
    Answer.ANSWERED: "good",
    Answer.EXPIRED: "bad",
}
_CHAT_TONES: Final = {Chat.OPEN: "good", Chat.CLOSED: "none", Chat.NONE: "none"}
_STATE_TONES: Final = {
    "matched": "good",
    "free": "good",
    "awaiting": "warn",
    "mismatched": "warn",
    "missing": "bad",
    "orphan": "warn",
    "not_due": "warn",
}
#: The instants of a booking in the order of its life; of those that a rule told, the column that says which.
_TIMES: Final[tuple[tuple[str, str | None], ...]] = (
    ("created_at", "created_rule"),
    ("response_deadline", "deadline_rule"),
    ("responded_at", None),
    ("accepted_at", "accepted_rule"),
    ("starts_at", None),
    ("ends_at", None),
    ("completed_at", None),
    ("cancelled_at", None),
    ("deleted_at", None),
)


def as_of(screen: Screen) -> datetime:
    """The instant up to which ages and deadlines count, naive UTC: now; while the data is stale when it was read, for
    what was answered since is not known."""
    return shared.as_of(screen).astimezone(UTC).replace(tzinfo=None)


def stale_note(screen: Screen) -> str:
    """What is said beside what goes by the clock while the data is stale."""
    if screen.condition.state == "fresh":
        return ""
    return screen.text("bookings.as_of", time=screen.text.time(as_of(screen), screen.now))


def opened(screen: Screen, said: str, origin: str) -> bool:
    """The booking of this id or BK number; whether there is one."""
    say = screen.text
    found = bookings.named(screen.snapshot, said)
    if not found:
        show(parts.note("none", say("booking.gone", booking=said), say("booking.gone_text")))
        return False
    booking = next((row for row in found if row["origin"] == origin), found[0])
    if len(found) > 1:
        show(_namesakes(screen, booking, found))
    _head(screen, booking)
    screen.draw(lambda screen: _points(screen, booking))
    screen.draw(lambda screen: _commission(screen, booking))
    screen.beside(lambda screen: _times(screen, booking), lambda screen: _course(screen, booking))
    screen.draw(lambda screen: _handed(screen, booking))
    screen.draw(lambda screen: _odd(screen, booking))
    screen.draw(lambda screen: by_order.on_booking(screen, booking))
    show(parts.section(say("booking.contact"), say("booking.contact_note")))
    reveal.contact(screen, booking_id=booking["booking_id"], about=_to_write(booking))
    return True


#: How it stands → what a message to its customer begins with.
_WRITTEN: Final = {
    BookingStatus.PENDING: "told.whatsapp.pending",
    BookingStatus.EXPIRED: "told.whatsapp.pending",
    BookingStatus.ACCEPTED: "told.whatsapp.accepted",
    BookingStatus.CONFIRMED: "told.whatsapp.accepted",
    BookingStatus.CANCELLED: "told.whatsapp.cancelled",
}


def _to_write(b: dict[str, Any]) -> Message:
    """What a message to the customer of a booking begins with; it names the booking alone."""
    code = _WRITTEN.get(b["status"], "told.whatsapp.other")
    return Message(code, {"booking": str(b["business_id"] or b["booking_id"])})


def _namesakes(screen: Screen, booking: dict[str, Any], found: Sequence[dict[str, Any]]) -> Markup:
    """Other bookings that are called the same: which one is meant cannot be told."""
    say = screen.text
    others = [
        links.to_page(
            "bookings",
            f"{row['booking_id']} ({row['origin']})",
            booking=row["booking_id"],
            origin=row["origin"],
        )
        for row in found
        if row is not booking
    ]
    return parts.note("warn", say("booking.several", n=count(len(found))), joined(*others, by=", "))


def _head(screen: Screen, b: dict[str, Any]) -> None:
    say = screen.text
    marks = [parts.badge(_TONES.get(b["status"], "none"), say.word("booking_status", b["status"]))]
    if b["is_test"]:
        marks.append(parts.tag(say("booking.test")))
    if b["deleted_at"] is not None:
        marks.append(parts.tag(say("booking.deleted")))
    if b["origin"] != "bookings":
        marks.append(parts.tag(say("booking.hotel")))
    service = (
        NOTHING if b["service_minutes"] is None else say("booking.minutes", n=count(b["service_minutes"]))
    )
    facts: list[tuple[str, Child]] = [
        (
            say("col.provider_name"),
            record.to("provider", b["provider_id"], b["provider"] or b["provider_id"]),
        ),
        (say("booking.customer"), links.to_record("customer", b["customer_id"])),
        (say("col.city"), b["city"] or NOTHING),
        (say("booking.made"), say.ago(b["created_at"], shared.as_of(screen))),
        (say("col.source"), say.word("source", b["source"])),
        (say("booking.service"), service),
        (say("booking.amount"), parts.money(b["amount_idr"])),
    ]
    name = str(b["business_id"] or say("booking.one"))
    show(record.head(_TONES.get(b["status"], "none"), name, b["booking_id"], marks, facts))


# How it stands ------------------------------------------------------------------------------------


def _points(screen: Screen, b: dict[str, Any]) -> None:
    """Answer, chat and commission: the three questions a booking is opened with."""
    if answer_of(b, as_of(screen)) in (Answer.WAITING, Answer.PAST):
        _counting(screen, b)
    else:
        show(_three(screen, b))


@st.fragment(run_every=COUNTED_EVERY_S)
def _counting(screen: Screen, b: dict[str, Any]) -> None:
    """The same while a deadline runs: counted by the clock."""
    later = replace(screen, now=screen.settings.clock.now())
    later.draw(lambda screen: show(_three(screen, b)))


def _three(screen: Screen, b: dict[str, Any]) -> Markup:
    return parts.grid("three", _answer(screen, b), _chat(screen, b), _tracked(screen, b))


def _answer(screen: Screen, b: dict[str, Any]) -> Markup:
    say, at = screen.text, as_of(screen)
    answer = answer_of(b, at)
    deadline = b["response_deadline"]
    said = say(f"answer_is.{answer.value}")
    if answer in (Answer.WAITING, Answer.PAST):
        left = (deadline - at).total_seconds()
        said = say(f"answer_is.{answer.value}_for", span=say.span(abs(left)))
    elif answer is Answer.ANSWERED and b["responded_at"] is not None:
        took = (b["responded_at"] - b["created_at"]).total_seconds()
        if took >= 0:
            said = say("answer_is.answered_after", span=say.span(took))
    until = "" if deadline is None else say("booking.deadline_was", time=say.time(deadline, screen.now))
    return record.point(
        _ANSWER_TONES.get(answer, "none"), say("booking.answer"), said, until, stale_note(screen)
    )


def _chat(screen: Screen, b: dict[str, Any]) -> Markup:
    say = screen.text
    chat, rooms = bookings.chat_now(screen.snapshot, b, as_of(screen))
    shown = [
        joined(
            record.to("room", room["room_id"], say("booking.to_chat")),
            "" if room["sure"] else f" ({say('booking.unsure')})",
            ""
            if chat is not Chat.OPEN or room["expires_at"] is None
            else f" · {say('booking.until', time=say.time(room['expires_at'], screen.now))}",
        )
        for room in rooms[:3]
    ]
    return record.point(
        _CHAT_TONES.get(chat, "none"), say("booking.chat"), say(f"chat_is.{chat.value}"), *shown
    )


def _tracked(screen: Screen, b: dict[str, Any]) -> Markup:
    say = screen.text
    row = bookings.reconciled(screen.snapshot, b["booking_id"], b["origin"])
    if row is None:
        counted = b["deleted_at"] is None and not b["is_test"]
        said = say("booking.earns_not" if counted else "booking.in_no_figure")
        return record.point("none", say("booking.commission"), said)
    own = (
        record.to("commission", row["commission_id"], say("booking.to_commission"))
        if row["commission_id"]
        else ""
    )
    said = say.word("state", row["state"])
    if row["expected_idr"] is not None:
        said = f"{said} · {rupiah(row['expected_idr'])}"
    return record.point(
        _STATE_TONES.get(row["state"], "none"),
        say("booking.commission"),
        said,
        say.word("state_is", row["state"]),
        own,
    )


# Money --------------------------------------------------------------------------------------------


def _commission(screen: Screen, b: dict[str, Any]) -> None:
    """Why its commission stands as it does, what to do, and the money with the rule that made each amount."""
    say, path = screen.text, screen.snapshot
    found = sorted(
        (
            {**one, "waived": is_waived(screen, one["finding_id"], one["waived"])}
            for one in bookings.findings(path, b["booking_id"], b["origin"])
        ),
        key=lambda one: one["waived"],
    )
    row = bookings.reconciled(path, b["booking_id"], b["origin"])
    show(parts.section(say("booking.money"), anchor="commission"))
    for finding in found:
        show(_finding(screen, finding))
    if found:
        show(parts.gap())
    show(_money(screen, b, row))
    further = bookings.further_records(path, b["booking_id"], b["origin"])
    if further:
        show(
            parts.gap(),
            parts.table(
                [
                    (say("booking.further"), False),
                    (say("col.status"), False),
                    ("", False),
                    (say("col.actual"), True),
                ],
                [
                    (
                        links.to_record("commission", other["commission_id"]),
                        say.word("commission_status", other["status"]),
                        say.word("further_is", other["reason"]),
                        parts.money(other["commission_idr"]),
                    )
                    for other in further
                ],
            ),
        )
    _steps(screen, b)


def _finding(screen: Screen, finding: dict[str, Any]) -> Markup:
    say, code = screen.text, str(finding["finding"])
    todo = say.message(rules.what_to_do(code) if code in FINDINGS else None)
    kind = "none" if finding["waived"] else parts.tone_of_severity(finding["severity"])
    mark = say("col.waived") if finding["waived"] else say.word("severity", finding["severity"])
    return record.point(
        kind,
        f"{say.word('finding', code)} · {mark}",
        say.told(finding, "detail"),
        say("booking.todo", todo=todo) if todo else "",
        record.to("finding", finding["finding_id"], say("booking.to_finding")),
    )


def _money(screen: Screen, b: dict[str, Any], row: dict[str, Any] | None) -> Markup:
    say = screen.text
    lines: list[tuple[Child, Child, Child]] = [
        (say("booking.amount"), parts.money(b["amount_idr"]), _amount_rule(screen, b)),
    ]
    if b["amount_before_idr"] is not None:
        lines.append((say("booking.before"), parts.money(b["amount_before_idr"]), say("booking.discounted")))
    if row is not None:
        policy = say(
            "booking.policy_line", policy=row["policy_version"] or NOTHING, rate=rate(row["policy_rate_ppm"])
        )
        read = say.time(row["paid_at"], screen.now) if row["paid_at"] else ""
        lines += [
            (
                say("col.expected"),
                parts.money(row["expected_idr"]),
                parts.below(say.message(expected_by(row["state"])), policy),
            ),
            (
                say("col.actual"),
                parts.money(row["actual_idr"]) if row["commission_id"] else NOTHING,
                joined(
                    links.to_record("commission", row["commission_id"]),
                    " ",
                    say.word("commission_status", row["commission_status"]),
                    f" {read}",
                )
                if row["commission_id"]
                else say("booking.no_record"),
            ),
            (say("col.variance"), parts.money(row["variance_idr"], signed=True), ""),
            (
                say("booking.pay_until"),
                parts.unbroken(say.time(row["deadline_at"], screen.now)),
                say("booking.pay_until_is"),
            ),
        ]
    return parts.table(
        [(say("booking.what"), False), (say("booking.value"), True), (say("booking.rule"), False)], lines
    )


def _amount_rule(screen: Screen, b: dict[str, Any]) -> Child:
    """Where its amount is from, in plain words; the rule's own name below."""
    say = screen.text
    if b["amount_idr"] is None:
        return say("booking.no_amount")
    return parts.below(say.word("amount_rule_is", b["amount_rule"]), b["amount_rule"])


def _steps(screen: Screen, b: dict[str, Any]) -> None:
    """Every fact with its rule, asked for by a click: it is a page of its own."""
    say = screen.text
    if not chosen(WHY):
        show(record.here(say("booking.why"), why=WHY.allowed[0]))
        return
    policy = policy_or_stop(say)
    steps = bookings.chain(screen.snapshot, b["booking_id"], b["origin"], policy)
    show(
        parts.section(say("booking.steps"), say("booking.steps_note")),
        parts.table(
            [(say("booking.rule"), False), (say("booking.fact"), False)],
            [(say.message(step.rule), parts.below(parts.verbatim(step.fact), step.source)) for step in steps],
        ),
        record.here(say("booking.fewer"), why=None),
    )


# Times and course ---------------------------------------------------------------------------------


def _times(screen: Screen, b: dict[str, Any]) -> None:
    say = screen.text
    lines = [
        (
            parts.below(say(f"booking_time.{column}"), _meaning(screen, b, column, rule)),
            parts.unbroken(say.time(b[column], screen.now)),
        )
        for column, rule in _TIMES
        if b[column] is not None or column in ("response_deadline", "accepted_at", "starts_at", "ends_at")
    ]
    show(
        parts.section(say("booking.times")),
        parts.table([(say("booking.what"), False), (say("booking.when"), False)], lines),
    )


def _meaning(screen: Screen, b: dict[str, Any], column: str, rule: str | None) -> str:
    say = screen.text
    told = b[rule] if rule is not None else None
    by = say.known(f"time_rule.{told}", "") if told is not None and b[column] is not None else ""
    return f"{say(f'booking_time_is.{column}')} {by}".strip()


def _course(screen: Screen, b: dict[str, Any]) -> None:
    say, path = screen.text, screen.snapshot
    seen = bookings.events(path, b["booking_id"], b["origin"])
    show(parts.section(say("booking.course")))
    if not seen:
        show(parts.note("none", say("booking.no_events"), say("booking.no_events_text")))
    else:
        lines = [
            (
                parts.unbroken(say.time(event["observed_at"], screen.now)),
                say("booking.first_seen", status=say.word("booking_status", event["to_status"]))
                if event["from_status"] is None
                else say(
                    "booking.turned",
                    before=say.word("booking_status", event["from_status"]),
                    after=say.word("booking_status", event["to_status"]),
                ),
            )
            for event in seen
        ]
        show(parts.table([(say("booking.seen"), False), (say("booking.happened"), False)], lines))
    screen.draw(lambda screen: _hops(screen, b))


def _handed(screen: Screen, b: dict[str, Any]) -> None:
    """Who was reassigned, by whom to whom."""
    say = screen.text
    overs = bookings.hand_overs(screen.snapshot, b["booking_id"], b["origin"])
    if not overs:
        return
    lines = [
        (
            parts.unbroken(say.time(over["reassigned_at"], screen.now)),
            _whose(screen, over["from_provider_id"], over["from_name"]),
            parts.below(
                _whose(screen, over["to_provider_id"], over["to_name"]),
                say.word("told_by", over["told_by"]),
            ),
            _heir(screen, b, over),
        )
        for over in overs
    ]
    show(
        parts.section(say("booking.hand_overs")),
        parts.table(
            [
                (say("booking.handed"), False),
                (say("booking.from"), False),
                (say("booking.to"), False),
                (say("booking.became"), False),
            ],
            lines,
        ),
    )


def _whose(screen: Screen, provider_id: str | None, name: str | None) -> Child:
    if provider_id is None:
        return screen.text("booking.nobody")
    return record.to("provider", provider_id, name or provider_id)


def _heir(screen: Screen, b: dict[str, Any], over: dict[str, Any]) -> Child:
    """What the hand-over came to, in the booking that followed where there is one."""
    became = screen.text.word("booking_status", over["outcome"])
    other = over["to_booking_id"] if over["booking_id"] == b["booking_id"] else over["booking_id"]
    return became if other is None else parts.below(links.to_record("booking", other), became)


def _hops(screen: Screen, b: dict[str, Any]) -> None:
    """The way from booking to payment, hop by hop."""
    say = screen.text
    taken = bookings.hops(screen.snapshot, b["booking_id"], b["origin"])
    if not taken:
        show(parts.paragraph(say("booking.no_hops"), "bw-below"))
        return
    lines = [
        (
            joined(say.word("step", hop.from_step.value), " → ", say.word("step", hop.to_step.value)),
            parts.word(_HOP_TONES.get(verdict, "none"), say(f"hop_is.{verdict}")),
        )
        for number, hop in HOPS.items()
        if number in taken
        for verdict in (taken[number]["verdict"],)
    ]
    show(parts.gap(), parts.table([(say("booking.hop"), False), (say("booking.taken"), False)], lines))


_HOP_TONES: Final = {"passed": "good", "broken": "bad"}


def _odd(screen: Screen, b: dict[str, Any]) -> None:
    """What is odd about it, and which of its values were not believed; nothing where nothing is."""
    say, path = screen.text, screen.snapshot
    odd = bookings.anomalies(path, b["booking_id"])
    doubts = bookings.doubts(path, b["booking_id"], b["origin"])
    if not odd and not doubts:
        return
    lines: list[tuple[Child, Child, Child]] = []
    for row in odd:
        other = row["other_booking_id"] if row["booking_id"] == b["booking_id"] else row["booking_id"]
        lines.append(
            (
                say.word("anomaly", row["anomaly"]),
                say.told(row, "detail"),
                links.to_record("booking", other) if other else "",
            )
        )
    for row in doubts:
        lines.append(
            (
                parts.below(say("booking.doubt"), row["attribute"]),
                say.told(row, "detail"),
                record.to("row", b["booking_id"], say("booking.to_row")),
            )
        )
    show(
        parts.section(say("booking.odd")),
        parts.table([(say("booking.what"), False), (say("booking.found"), False), ("", False)], lines),
    )
