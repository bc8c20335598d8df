"""Customers: who comes back and what they spent, any of them by id, and one in full with all bookings (?customer=)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import streamlit as st

from dashboards import acts, reveal
from dashboards.kit import behind, glossary, links, parts, record
from dashboards.kit.address import Choice, chosen, of_id, page_number, widget
from dashboards.kit.grid import grid
from dashboards.kit.markup import Child
from dashboards.kit.page import Page
from dashboards.kit.pager import page_of, pager
from dashboards.kit.parts import show
from dashboards.kit.screen import Screen
from dashboards.queries import bookings, customers
from dashboards.queries.behind import Behind
from dashboards.sections import booking_list, shared
from dashboards.sections.booking import as_of
from dashboards.wording import count, rupiah, share
from marketplace.cohorts import RETENTION_MONTHS

CUSTOMER: Final = of_id("customer")
SEARCH: Final = Choice("search")
WHO: Final = Choice("who", tuple(customers.WHO))
SORT: Final = Choice("sort", tuple(customers.SORTS))
PAGE_NUMBER: Final = page_number()
THEIR_PAGE: Final = page_number("bookings_page")


def opened(screen: Screen) -> None:
    """The customer that the address names, with all bookings of theirs; the list is a click away."""
    asked = chosen(CUSTOMER)
    if not asked:
        return
    say, path = screen.text, screen.snapshot
    show(links.back(say("customers.back"), CUSTOMER.name, THEIR_PAGE.name))
    told = customers.spellings(path, asked)
    row = customers.customer(path, asked)
    if not told and row is None:
        show(parts.note("none", say("customers.gone", customer=asked), say("customers.gone_text")))
        return
    show(_head(screen, asked, row))
    show(parts.section(say("customers.contact"), say("customers.contact_note")))
    reveal.contact(screen, customer_id=asked)
    show(parts.section(say("customers.theirs")))
    theirs = bookings.Asked(customers=told)
    booking_list.drawn(screen, theirs, as_of(screen), THEIR_PAGE, "customer_bookings")
    acts.forget(screen, asked)


def _head(screen: Screen, customer_id: str, row: dict[str, Any] | None) -> Any:
    say = screen.text
    if row is None:
        return record.head(
            "none", say("customers.one"), customer_id, [parts.tag(say("customers.not_counted"))], []
        )
    spent: Child = parts.money(row["spent_idr"])
    if row["unknown_amounts"]:
        spent = parts.below(spent, say("customers.unknown_amounts", n=count(row["unknown_amounts"])))
    facts: list[tuple[str, Child]] = [
        (say("customers.bookings"), count(row["bookings"])),
        (say("customers.completed"), count(row["completed"])),
        (say("customers.spent_idr"), spent),
        (say("customers.first"), say.time(row["first_booking_at"], screen.now)),
        (say("customers.last"), say.ago(row["last_booking_at"], shared.as_of(screen))),
        (say("customers.first_source"), say.word("source", row["first_source"])),
        (say("customers.declined"), count(row["declined"])),
        (say("customers.reassigned"), count(row["reassigned"])),
    ]
    return record.head("none", say("customers.one"), customer_id, [], facts)


def _is_open(screen: Screen) -> bool:
    asked = chosen(CUSTOMER)
    return bool(asked) and (
        bool(customers.spellings(screen.snapshot, asked))
        or customers.customer(screen.snapshot, asked) is not None
    )


def answer(screen: Screen) -> None:
    """How many customers there are, how many came back, what they spent."""
    if _is_open(screen):
        return
    say = screen.text
    row = customers.summary(screen.snapshot)
    back = row["again"] / row["customers"] if row["customers"] else None
    unknown = row["unknown_amounts"]
    show(
        parts.grid(
            "three",
            record.point(
                "",
                say("customers.known"),
                count(row["customers"]),
                "" if row["is_complete"] else say("customers.incomplete"),
            ),
            record.point(
                "",
                say("customers.again"),
                links.to_page("customers", count(row["again"]), who="again"),
                say("customers.again_is", share=share(back)),
            ),
            record.point(
                "",
                say("customers.spent"),
                rupiah(row["spent_idr"]),
                say("customers.unknown_amounts", n=count(unknown)) if unknown else "",
            ),
        )
    )


def listing(screen: Screen) -> None:
    if _is_open(screen):
        return
    say, path = screen.text, screen.snapshot
    show(parts.section(say("customers.list"), say("customers.list_note")))
    left, middle, right = st.columns([2, 1, 1], vertical_alignment="bottom")
    left.text_input(
        say("customers.search"), type="search", placeholder=say("customers.search_hint"), **_to(SEARCH)
    )
    for place, choice, none in (
        (middle, WHO, "customers.anybody"),
        (right, SORT, "customers.usual_sort"),
    ):
        words = f"customers_{choice.name}"
        place.selectbox(
            say(f"customers.by_{choice.name}"),
            choice.allowed,
            placeholder=say(none),
            format_func=lambda code, words=words: say.word(words, code),
            **_to(choice),
        )
    asked = customers.Asked(chosen(SEARCH).strip(), chosen(WHO), chosen(SORT))
    total = customers.total(path, asked)
    if not total:
        show(parts.note("none", say("customers.nothing"), say("customers.nothing_text")))
        return
    number = page_of(PAGE_NUMBER, total, customers.PAGE_ROWS)
    rows = customers.Listing("customers", asked, number)
    grid(screen, rows, say("customers.list"), opens=("customer", "customer_id"))
    pager(screen, PAGE_NUMBER, total, customers.PAGE_ROWS)


def _to(choice: Choice) -> dict[str, Any]:
    return widget(choice, back_to=PAGE_NUMBER)


def cohorts(screen: Screen) -> None:
    """Who came back how many months after their first booking; months that still run, or were not read whole, are
    marked."""
    if _is_open(screen):
        return
    say = screen.text
    show(parts.section(say("customers.cohorts"), say("customers.cohorts_note")))
    found = customers.retention(screen.snapshot)
    if not found:
        show(parts.note("none", say("customers.no_cohorts")))
        return
    headings: list[tuple[Child, bool]] = [
        (say("customers.cohort"), False),
        (say("customers.customers"), True),
        *(
            (say("customers.after_one") if n == 1 else say("customers.after", n=n), True)
            for n in RETENTION_MONTHS
        ),
    ]
    lines = [
        (
            say.month(cohort["cohort_month"]),
            count(cohort["customers"]),
            *(_returned(screen, cohort, n) for n in RETENTION_MONTHS),
        )
        for cohort in found
    ]
    show(parts.table(headings, lines))
    if len(found) == customers.COHORTS_SHOWN:
        st.caption(say("customers.earlier", n=count(len(found))))


def _returned(screen: Screen, cohort: dict[str, Any], months: int) -> Child:
    say = screen.text
    row = cohort["after"].get(months)
    if row is None or row["returned"] is None:
        return parts.soft(say("customers.not_begun"))
    said = say("customers.of", n=count(row["returned"]), all=count(row["customers"]))
    shown = behind.to(customers.came_back(cohort, months).name, share(row["share"]))
    if row["is_complete"]:
        return parts.below(shown, said)
    young = say("customers.unsure" if row["is_complete"] is None else "customers.young")
    return parts.below(parts.differs(shown), f"{said}, {young}")


def figures(screen: Screen) -> Sequence[Behind]:
    """The customers behind each share of the cohorts."""
    return [
        customers.came_back(cohort, n)
        for cohort in customers.retention(screen.snapshot)
        for n in RETENTION_MONTHS
    ]


PAGE = Page(
    name="customers",
    group="business",
    icon=":material/person:",
    role="analyst",
    place=4,
    sections=(
        opened,
        answer,
        listing,
        cohorts,
        glossary.words("cohort", "retention", "completed", "reassigned", "source"),
    ),
    choices=(CUSTOMER, SEARCH, WHO, SORT, PAGE_NUMBER, THEIR_PAGE),
    figures=figures,
)

if __name__ == "__main__":  # Streamlit runs the file; the frame reads its record
    from dashboards import frame

    frame.draw(PAGE)
