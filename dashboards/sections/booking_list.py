"""Bookings a page at a time, each row opening its booking. Which ones is not decided here."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Final

import polars as pl
import streamlit as st

from dashboards.kit import parts
from dashboards.kit.address import Choice
from dashboards.kit.grid import grid
from dashboards.kit.pager import page_of, pager
from dashboards.kit.parts import show
from dashboards.kit.screen import Screen
from dashboards.queries import bookings
from dashboards.queries.query import Column
from dashboards.wording import Wording
from marketplace.answers import Answer

COLUMNS: Final = (
    Column("booking_id", "col.booking_id"),
    Column("business_id", "bookings.business_id"),
    Column("status", "col.status", words="booking_status"),
    Column("answer_said", "bookings.answer"),
    Column("chat", "bookings.chat", words="chat_is"),
    Column("created_at", "bookings.created_at"),
    Column("starts_at", "bookings.starts_at"),
    Column("provider_name", "col.provider_name"),
    Column("source", "col.source", words="source"),
    Column("amount_idr", "col.booking_amount"),
    Column("customer_id", "bookings.customer"),
)
#: Of what is in no figure, and found by a search alone.
_MARKS: Final = (Column("is_test", "bookings.is_test"), Column("deleted_at", "bookings.deleted_at"))
#: Of what was handed over, from whom to whom it last went.
_HANDED: Final = (
    Column("handed_from", "booking.from"),
    Column("handed_to", "booking.to"),
    Column("handed_at", "bookings.handed_at"),
)


def drawn(screen: Screen, asked: bookings.Asked, at: datetime, page: Choice, name: str) -> None:
    """One page of these bookings. ``at``: the instant that what is left of deadlines is counted to, naive UTC;
    ``page``: where the address says which page; ``name``: of the file."""
    say, path = screen.text, screen.snapshot
    total = bookings.total(path, asked)
    if not total:
        show(parts.note("none", say("bookings.nothing"), say("bookings.nothing_text")))
        return
    number = page_of(page, total, bookings.PAGE_ROWS)
    columns = COLUMNS
    if asked.search:
        columns += _MARKS
    if asked.show == bookings.HANDED:
        columns = (*COLUMNS[:2], *_HANDED, *COLUMNS[2:])
    rows = bookings.Listing(name, asked, number, at, columns, partial(said, say))
    grid(screen, rows, say("bookings.list"), opens=("booking", "booking_id"))
    cut = bool(asked.search) and bookings.sought(path, asked.search).cut
    pager(screen, page, total, bookings.PAGE_ROWS, cut=cut)
    st.caption(say("bookings.counted_at", time=say.time(at, screen.now)))


def said(say: Wording, rows: pl.DataFrame) -> pl.DataFrame:
    """How each booking stands with its answer, in words (``answer_said``)."""
    words = [
        say(f"answer_is.{answer}_for", span=say.span(abs(left)))
        if left is not None and answer in (Answer.WAITING, Answer.PAST)
        else say(f"answer_is.{answer}")
        for answer, left in rows.select("answer", "left_s").iter_rows()
    ]
    return rows.with_columns(pl.Series("answer_said", words, dtype=pl.String))
