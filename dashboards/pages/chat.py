"""Chat: who waits for an answer, what was said in a room, searching in what was written, and the figures by day."""

from __future__ import annotations

from dashboards.kit import behind, glossary, parts
from dashboards.kit.address import chosen
from dashboards.kit.grid import grid
from dashboards.kit.page import Page
from dashboards.kit.parts import show
from dashboards.kit.screen import Screen
from dashboards.queries import talks
from dashboards.queries.behind import Behind
from dashboards.sections import talk
from dashboards.wording import NOTHING, count, share
from marketplace.chats import REPLY_WITHIN


def waiting(screen: Screen) -> None:
    """The rooms in which somebody waits, the longest first, where none is opened."""
    if chosen(talk.ROOM):
        return
    say = screen.text
    waits = talks.waits(screen.snapshot, REPLY_WITHIN)
    within = say.span(REPLY_WITHIN.total_seconds())
    told = (
        say("chat.waiting_text", n=count(waits.rooms), long=count(waits.long), within=within)
        if waits.rooms
        else ""
    )
    show(parts.section(say("chat.waiting"), told))
    if waits.rooms:
        grid(screen, talks.WAITING, say("chat.waiting"), opens=("room", "room_id"))
    elif talks.was_read(screen.snapshot):
        kind = "good" if screen.condition.state == "fresh" else "none"
        show(parts.note(kind, say("chat.nobody"), say("chat.nobody_text")))
    else:
        show(parts.note("none", say("chat.unread_rooms"), say("chat.unread_rooms_text")))


def days(screen: Screen) -> None:
    """The figures of the chosen days, where no room is opened."""
    if chosen(talk.ROOM):
        return
    say, period = screen.text, screen.period
    within = say.span(REPLY_WITHIN.total_seconds())
    show(parts.section(say("chat.by_day"), say("chat.by_day_text", within=within)))
    rows = talks.by_day(period.first, period.last)
    if rows.count(screen.snapshot):
        total = talks.opened(screen.snapshot, period.first, period.last)
        part = total.unanswered / total.spoken if total.unanswered is not None and total.spoken else None
        left = NOTHING if total.unanswered is None else f"{count(total.unanswered)} ({share(part)})"
        facts = [
            (say("chat.rooms"), behind.to("chat_rooms", count(total.rooms))),
            (say("chat.rooms_spoken"), count(total.spoken)),
            (say("chat.unanswered"), behind.to("chat_unanswered", left)),
        ]
        show(parts.terms_card(facts))
        grid(screen, rows, say("chat.by_day"))
    else:
        show(parts.note("none", say("chat.no_days"), say("chat.no_days_text")))


def figures(screen: Screen) -> tuple[Behind, ...]:
    """The figures of the chosen days."""
    days = f"local_date BETWEEN DATE '{screen.period.first}' AND DATE '{screen.period.last}'"
    return (
        Behind("chat_rooms", "marts.chat_rooms_daily.rooms", days),
        Behind("chat_unanswered", "marts.chat_rooms_daily.unanswered", days),
    )


PAGE = Page(
    "chat",
    "business",
    ":material/forum:",
    "admin",
    sections=(
        talk.conversation,
        waiting,
        talk.search,
        days,
        glossary.words("room", "waiting_room"),
    ),
    periodic=True,
    place=50,
    choices=talk.CHOICES,
    figures=figures,
)

if __name__ == "__main__":  # Streamlit runs the file; the frame reads its record
    from dashboards import frame

    frame.draw(PAGE)
