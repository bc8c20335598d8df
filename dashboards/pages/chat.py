"""Chat: who waits for an answer, what was said in a room, searching in what was written, and the figures by day."""

from __future__ import annotations

from dashboards.kit import parts
from dashboards.kit.address import chosen
from dashboards.kit.grid import grid
from dashboards.kit.page import Page
from dashboards.kit.parts import show
from dashboards.kit.screen import Screen
from dashboards.queries import talks
from dashboards.sections import talk
from dashboards.wording import count
from marketplace.chats import REPLY_WITHIN


def waiting(screen: Screen) -> None:
    """The rooms in which somebody waits, the longest first."""
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
        show(parts.note("good", say("chat.nobody"), say("chat.nobody_text")))
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
        grid(screen, rows, say("chat.by_day"))
    else:
        show(parts.note("none", say("chat.no_days"), say("chat.no_days_text")))


PAGE = Page(
    "chat",
    "business",
    ":material/forum:",
    "admin",
    sections=(talk.conversation, waiting, talk.search, days),
    periodic=True,
    place=50,
    choices=talk.CHOICES,
)

if __name__ == "__main__":  # Streamlit runs the file; the frame reads its record
    from dashboards import frame

    frame.draw(PAGE)
