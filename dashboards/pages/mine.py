"""Mine: what one provider has: open requests with the time that is left, what was taken, the days to come, what was
earned and is owed, what they were told. Of nobody else anything: whose page it is says ``Screen.whose``, never an
address alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any, Final

import streamlit as st
from markupsafe import Markup

from dashboards.kit import parts
from dashboards.kit.address import Choice, chosen, of_id, widget
from dashboards.kit.grid import grid
from dashboards.kit.markup import Child, element, joined
from dashboards.kit.page import Page
from dashboards.kit.parts import show
from dashboards.kit.screen import Screen
from dashboards.kit.views import switch
from dashboards.queries import mine
from dashboards.sections import shared
from dashboards.wording import NOTHING, count, instant, rupiah
from marketplace.roles import Right
from marketplace.statuses import ProviderStatus

PROVIDER: Final = of_id("provider", Right.SEE)
REQUESTS, DAYS, EARNINGS, NEWS = "requests", "days", "earnings", "news"
VIEW: Final = Choice("view", (REQUESTS, DAYS, EARNINGS, NEWS), REQUESTS)
LIST: Final = Choice("list", mine.LISTS, "accepted")
MONTH: Final = Choice("month", form=r"2[0-9]{3}-(0[1-9]|1[0-2])")
COUNTED_EVERY_S: Final = 15
SOON_S: Final = 120
DAYS_SHOWN: Final = 14
MONTHS_OFFERED: Final = 12
_TONES: Final = {
    ProviderStatus.AVAILABLE.value: "good",
    ProviderStatus.BUSY.value: "warn",
    ProviderStatus.OFFLINE.value: "none",
    ProviderStatus.RESTRICTED.value: "bad",
}


def account(screen: Screen) -> None:
    """Who it is, whether they show as being there, and whether they are told of requests."""
    say, path = screen.text, screen.snapshot
    if screen.may(Right.SEE):
        names = mine.providers(path)
        said = chosen(PROVIDER)
        st.selectbox(
            say("mine.whose"),
            [*names, *([said] if said and said not in names else [])],
            index=None,
            format_func=lambda one: names.get(str(one), str(one)),
            placeholder=say("mine.choose"),
            **widget(PROVIDER),
        )
    provider = _whose(screen)
    if provider is None:
        show(parts.note("none", say("mine.nobody"), say("mine.nobody_text")))
        return
    found = mine.accounts(provider).all(path).to_dicts()
    if not found:
        show(parts.note("none", say("mine.gone"), say("mine.gone_text")))
        return
    for row in found:
        where = " · ".join(filter(None, (say.word("provider_type", row["provider_type"]), row["city"])))
        show(parts.section(row["provider_name"] or provider, where), parts.terms_card(_standing(screen, row)))
    show(_acts(screen))


def _standing(screen: Screen, row: dict[str, Any]) -> list[tuple[str, Child]]:
    say = screen.text
    status = row["status"]
    return [
        (
            say("mine.status"),
            parts.badge("none", say("mine.unknown"))
            if status is None
            else parts.badge(_TONES.get(status, "none"), say.word("provider_status", status)),
        ),
        (say("providers.seen"), say.ago(row["last_seen_at"], shared.as_of(screen))),
        (say("members.notifications"), _switch(screen, row["notifications_enabled"])),
        (say("members.sound"), _switch(screen, row["sound_enabled"])),
    ]


def _switch(screen: Screen, on: bool | None) -> Child:
    """A switch that is off loses requests; one of which nothing is known may."""
    say = screen.text
    if on is None:
        return parts.badge("none", say("mine.unknown"))
    return parts.badge("good" if on else "bad", say("mine.on" if on else "mine.off"))


def _acts(screen: Screen) -> Markup:
    """What is done in the app, and where that is."""
    say, place = screen.text, screen.settings.services_url
    link = (
        element("a", say("mine.services"), href=f"{place}/docs", target="_blank", rel="noopener noreferrer")
        if place
        else ""
    )
    return parts.paragraph(joined(say("mine.acts"), link, by=" ") if link else say("mine.acts"), "bw-below")


def view(screen: Screen) -> None:
    """Which part is looked at."""
    if _whose(screen) is None:
        return
    switch(screen, VIEW, "mine.view")
    for section in _PARTS[chosen(VIEW)]:
        screen.draw(section)


# Requests ---------------------------------------------------------------------------------------------


def waiting(screen: Screen) -> None:
    """What waits for an answer, with the time that is left, counted by the clock."""
    show(parts.section(screen.text("mine.requests"), screen.text("mine.requests_note")))
    _waiting(screen)


@st.fragment(run_every=COUNTED_EVERY_S)
def _waiting(screen: Screen) -> None:
    """Drawn anew by itself, without the rest of the page."""
    now = screen.now if screen.looked.past else screen.settings.clock.now()
    replace(screen, now=now).draw(_requests)


def _requests(screen: Screen) -> None:
    say, path, at = screen.text, screen.snapshot, shared.as_of(screen)
    rows = mine.requests(_own(screen), offers=mine.offers_known(path)).all(path).to_dicts()
    fresh = screen.condition.state == "fresh"
    if not rows:
        text = "mine.no_requests_text" if fresh else "mine.no_requests_old_text"
        show(parts.note("good" if fresh else "none", say("mine.no_requests"), say(text)))
        return
    if not fresh:
        show(parts.banner("warn", say("mine.stale"), say("mine.stale_text", time=say.time(at, screen.now))))
    show(
        parts.table(
            [
                (say("mine.position"), True),
                (say("mine.left"), False),
                (say("col.booking_id"), False),
                (say("mine.when"), False),
                (say("col.booking_amount"), True),
            ],
            [_request(screen, row) for row in rows],
        )
    )


def _request(screen: Screen, row: dict[str, Any]) -> tuple[Child, ...]:
    say, at = screen.text, shared.as_of(screen)
    deadline = instant(row["deadline_at"])
    if deadline is None:
        left = parts.word("none", say("mine.no_deadline"))
    else:
        seconds = (deadline - at).total_seconds()
        kind = "bad" if seconds <= 0 else "warn" if seconds < SOON_S else "good"
        told = say("mine.over") if seconds <= 0 else say("mine.to_go", span=say.span(seconds))
        left = parts.word(kind, told, say("mine.until", time=say.time(deadline, screen.now)))
    minutes = NOTHING if row["service_minutes"] is None else say("mine.n_minutes", n=row["service_minutes"])
    when = say.time(row["starts_at"], screen.now)
    return (
        count(row["position"]),
        left,
        parts.verbatim(row["booking_id"]),
        parts.below(when if row["starts_at"] is not None else say(f"mine.mode_{row['mode']}"), minutes),
        rupiah(row["amount_idr"]),
    )


def taken(screen: Screen) -> None:
    """What was accepted, is scheduled, was completed."""
    say, at = screen.text, shared.as_of(screen)
    show(parts.section(say("mine.taken"), say("mine.taken_note")))
    st.segmented_control(
        say("mine.taken"),
        LIST.allowed,
        required=True,
        format_func=lambda code: say(f"mine.list_{code}"),
        label_visibility="collapsed",
        **widget(LIST),
    )
    which = chosen(LIST)
    rows = mine.bookings(_own(screen), which, at.replace(second=0, microsecond=0, tzinfo=None))
    if rows.first(screen.snapshot, 1).is_empty():
        show(parts.note("none", say(f"mine.none_{which}")))
        return
    grid(screen, rows, say(f"mine.list_{which}"))


# Days -------------------------------------------------------------------------------------------------


def calendar(screen: Screen) -> None:
    """The days to come, local to the zone of the page, with what was taken of each."""
    say, path = screen.text, screen.snapshot
    today = screen.now.astimezone(say.zone).date()
    last = today + timedelta(days=DAYS_SHOWN - 1)
    show(parts.section(say("mine.days"), say("mine.days_note", days=say.days(today, last))))
    found = {row["local_date"]: row for row in mine.days(_own(screen), today, last).all(path).to_dicts()}
    show(
        parts.table(
            [
                (say("mine.day"), False),
                (say("metric.bookings"), True),
                (say("mine.booked"), True),
                (say("mine.hours"), False),
            ],
            [
                _day(screen, day, found.get(day))
                for day in (today + timedelta(days=n) for n in range(DAYS_SHOWN))
            ],
        )
    )
    undated = mine.undated(_own(screen))
    if not undated.first(path, 1).is_empty():
        show(parts.section(say("mine.undated"), say("mine.undated_note")))
        grid(screen, undated, say("mine.undated"))


def _day(screen: Screen, day: date, row: dict[str, Any] | None) -> tuple[Child, ...]:
    say = screen.text
    if row is None:
        return say.weekday(day), parts.soft(say("mine.free")), "", ""
    minutes = NOTHING if row["minutes"] is None else say.span(row["minutes"] * 60)
    begins, ends = say.local(row["first_at"]), say.local(row["last_at"])
    hours = f"{begins:%H:%M}–{ends:%H:%M}" if begins is not None and ends is not None else NOTHING
    return say.weekday(day), count(row["bookings"]), minutes, parts.unbroken(hours)


# Earnings ---------------------------------------------------------------------------------------------


def earned(screen: Screen) -> None:
    """What came of a month: what customers pay, the commission on it, the rest."""
    say, path, provider = screen.text, screen.snapshot, _own(screen)
    today = screen.now.astimezone(say.zone).date()
    offered = _months(today)
    said = chosen(MONTH)
    if said and said not in offered:
        offered = [*offered, said]
    st.selectbox(
        say("mine.month"),
        offered,
        index=0,
        format_func=lambda one: say.month(_first(one)),
        width=320,
        **widget(Choice(MONTH.name, default=offered[0], form=MONTH.form)),
    )
    month = _first(said or offered[0])
    show(parts.section(say("mine.earned", month=say.month(month)), say("mine.earned_note")))
    sums = mine.one(path, mine.sums(provider, month))
    if sums is None:
        show(shared.nothing_found(screen, say("mine.nothing_earned"), say("mine.nothing_earned_text")))
        return
    facts: list[tuple[str, Child]] = [
        (say("mine.gross"), rupiah(sums["gross_idr"])),
        (say("mine.commission"), rupiah(sums["commission_idr"])),
        (say("mine.net"), rupiah(sums["net_idr"])),
        (say("metric.bookings"), count(sums["bookings"])),
    ]
    untold = say("mine.untold", n=count(sums["untold"])) if sums["untold"] else ""
    show(parts.terms_card(facts, untold))
    grid(screen, mine.earnings(provider, month), say("mine.earned", month=say.month(month)))


def debts(screen: Screen) -> None:
    """What is owed now, of any month, until when, and with which fees."""
    say, path, provider = screen.text, screen.snapshot, _own(screen)
    show(parts.section(say("mine.owed"), say("mine.owed_note")))
    balance = mine.one(path, mine.balance(provider))
    if balance is None:
        show(shared.nothing_found(screen, say("mine.nothing_owed"), say("mine.nothing_owed_text")))
        return
    facts: list[tuple[str, Child]] = [
        (say("mine.total"), rupiah(balance["total_idr"])),
        (say("mine.commission"), rupiah(balance["owed_idr"])),
        (say("mine.fees"), rupiah(balance["fees_idr"])),
        (say("mine.overdue"), rupiah(balance["overdue_idr"])),
    ]
    if balance["not_due_idr"]:
        facts.append((say("receivables.not_due"), rupiah(balance["not_due_idr"])))
    told: list[str] = []
    if balance["unknown_amount_records"]:
        told.append(say("mine.untold_records", n=count(balance["unknown_amount_records"])))
    if balance["restriction_due"] is None:
        told.append(say("mine.restriction_untold"))
    elif balance["restriction_due"]:
        told.append(say("mine.restriction"))
    elif (at := balance["restriction_due_at"]) is not None:
        told.append(say("mine.restriction_at", time=say.time(at, screen.now)))
    show(parts.terms_card(facts, " ".join(told)))
    grid(screen, mine.owed(provider), say("mine.owed"))


def _months(today: date) -> list[str]:
    """The month that runs and those before it."""
    first = today.replace(day=1)
    found = [first]
    for _ in range(MONTHS_OFFERED - 1):
        found.append((found[-1] - timedelta(days=1)).replace(day=1))
    return [f"{one:%Y-%m}" for one in found]


def _first(said: str) -> date:
    return date(int(said[:4]), int(said[5:]), 1)


# News -------------------------------------------------------------------------------------------------


def news(screen: Screen) -> None:
    """What they were told, and whether it arrived."""
    say = screen.text
    show(parts.section(say("mine.news"), say("mine.news_note")))
    rows = mine.notifications(_own(screen))
    if rows.first(screen.snapshot, 1).is_empty():
        show(parts.note("none", say("mine.no_news")))
        return
    grid(screen, rows, say("mine.news"))


# How --------------------------------------------------------------------------------------------------


def _whose(screen: Screen) -> str | None:
    return screen.whose(chosen(PROVIDER))


def _own(screen: Screen) -> str:
    """Whose page it is; '' for nobody's, which no row is of."""
    return _whose(screen) or ""


_PARTS: Final = {
    REQUESTS: (waiting, taken),
    DAYS: (calendar,),
    EARNINGS: (earned, debts),
    NEWS: (news,),
}

PAGE = Page(
    name="mine",
    group="people",
    icon=":material/person:",
    role="provider",
    place=2,
    sections=(account, view),
    choices=(PROVIDER, VIEW, LIST, MONTH),
    needs=Right.MINE,
)

if __name__ == "__main__":  # Streamlit runs the file; the frame reads its record
    from dashboards import frame

    frame.draw(PAGE)
