"""A marketplace in memory in which bookings are made, and how one is asked for. Holds no test."""

from __future__ import annotations

import json
from typing import Any

from marketplace.money import DEFAULT_BOUNDS
from marketplace.new_bookings import CANONICAL
from marketplace.transitions import Actor
from services.booking.create import Terms, book
from services.booking.shapes import Booked
from services.booking.wanted import read_wanted
from services.callers import Caller
from services.problems import Problem
from services.store import carry_out
from tests.services.memory import Memory

TERMS = Terms(DEFAULT_BOUNDS, "Asia/Makassar")
ANN = Caller("ann1", Actor.CUSTOMER)
MENU = {"60": 250, "90": 350, "120": 450_000}
PHONE = "+6281234567890"


def marketplace(*, transactions: bool = True) -> Memory:
    """Two therapists and a place, nobody booked."""
    server = Memory(transactions=transactions)
    server.columns["bookings"] = frozenset(CANONICAL)
    of = {"status": "AVAILABLE", "timezone": "Asia/Makassar", "pricing": json.dumps(MENU)}
    server.put("therapists", "t1", name="Ayu", whatsappNumber="+6281999999999", **of)
    server.put("therapists", "t2", name="Made", whatsappNumber="+6281888888888", **of)
    server.put("places", "p1", name="Spa Satu", whatsappNumber="+6281777777777", capacity=2, **of)
    return server


def asked(**given: Any) -> dict[str, Any]:
    """A request; what is None is left out. ``name``, ``whatsapp``: of the customer."""
    customer = {"name": given.pop("name", "Ann Lee"), "whatsapp": given.pop("whatsapp", PHONE)}
    body: dict[str, Any] = {"entry": "bookNow", "providerId": "t1", "minutes": 60, "customer": customer}
    body |= given
    return {name: value for name, value in body.items() if value is not None}


def make(
    server: Memory, body: Any = None, *, by: Caller = ANN, key: str = "k1", terms: Terms = TERMS, **given: Any
) -> Booked:
    """A booking is asked for."""
    wanted = asked(**given) if body is None else body
    return carry_out(server, server.clock, lambda view: book(view, by, read_wanted(wanted), key, terms))


def refusal(server: Memory, body: Any = None, **given: Any) -> Problem:
    """Why a booking cannot be made; nothing was written then."""
    before = {name: dict(rows) for name, rows in server.tables.items() if rows}
    try:
        make(server, body, **given)
    except Problem as problem:
        assert {name: rows for name, rows in server.tables.items() if rows} == before
        return problem
    raise AssertionError("it was booked")


def codes(problem: Problem) -> dict[str, str]:
    """Where → what is wrong."""
    return {wrong.at: wrong.code for wrong in problem.errors}
