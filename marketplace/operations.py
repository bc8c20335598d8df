"""What bookwatch may do to the marketplace, and within which limits: the operations by name, how far each is let, how
much a run may change, and the ids that make a second try harmless. What each does stands in operations/kinds/."""

from __future__ import annotations

import hashlib
import math
from datetime import timedelta
from enum import StrEnum
from typing import Final


class Operation(StrEnum):
    """One way to act. Those without a person plan by themselves, from what is published; an admin's are ordered of one
    row at a time."""

    EXPIRE_BOOKINGS = "expire_bookings"
    COMPLETE_BOOKINGS = "complete_bookings"
    RECORD_MISSING_COMMISSIONS = "record_missing_commissions"
    MARK_OVERDUE = "mark_overdue"
    CHARGE_FEES = "charge_fees"
    RESTRICT_ACCOUNTS = "restrict_accounts"
    RESTORE_ACCOUNTS = "restore_accounts"
    RETRY_NOTIFICATIONS = "retry_notifications"
    CLOSE_ROOMS = "close_rooms"
    # An admin's, of one row.
    CONFIRM_PAYMENT = "confirm_payment"
    REJECT_PAYMENT = "reject_payment"
    REPAIR_AMOUNT = "repair_amount"
    REASSIGN_BOOKING = "reassign_booking"
    CANCEL_BOOKING = "cancel_booking"
    ACCEPT_BOOKING = "accept_booking"


BY_ORDER: Final = frozenset(
    {
        Operation.CONFIRM_PAYMENT,
        Operation.REJECT_PAYMENT,
        Operation.REPAIR_AMOUNT,
        Operation.REASSIGN_BOOKING,
        Operation.CANCEL_BOOKING,
        Operation.ACCEPT_BOOKING,
    }
)
"""Operations that a person orders of one row; no schedule plans them."""


FURTHER: Final = ("collection", "provider", "amount", "proof")
"""What an order of one row may say beside the row, as it is kept: ids, the rupiah that an amount is repaired to,
the keyed hash of the proof that was looked at."""

ONLY_OF: Final = {
    "provider": (Operation.REASSIGN_BOOKING,),
    "amount": (Operation.REPAIR_AMOUNT,),
    "proof": (Operation.CONFIRM_PAYMENT, Operation.REJECT_PAYMENT),
}
"""What only some operations look at of these."""

RHYTHMS: Final = {
    Operation.EXPIRE_BOOKINGS: timedelta(minutes=1),
    Operation.RETRY_NOTIFICATIONS: timedelta(minutes=1),
    Operation.COMPLETE_BOOKINGS: timedelta(minutes=5),
    Operation.RECORD_MISSING_COMMISSIONS: timedelta(minutes=5),
    Operation.MARK_OVERDUE: timedelta(minutes=5),
    Operation.CHARGE_FEES: timedelta(minutes=5),
    Operation.RESTRICT_ACCOUNTS: timedelta(minutes=5),
    Operation.RESTORE_ACCOUNTS: timedelta(minutes=5),
    Operation.CLOSE_ROOMS: timedelta(hours=1),
}
"""How often each operation that nobody orders plans; whole minutes, an hour at most."""


class Mode(StrEnum):
    """How far an operation is let."""

    OFF = "off"
    """It is not even planned."""
    OBSERVE = "observe"
    """It is planned and shown; nothing is written."""
    ENFORCE = "enforce"
    """Its plan may be applied."""


class ActionState(StrEnum):
    """What became of an action."""

    PLANNED = "planned"
    DONE = "done"
    SKIPPED = "skipped"
    """The row was another one when its turn came, or had what it needs: nothing was written."""
    FAILED = "failed"
    UNDONE = "undone"


DEFAULT_MODE: Final = Mode.OBSERVE
ACTIONS_A_RUN: Final = 200
ACTIONS_SHARE: Final = 0.02
ACTIONS_AT_LEAST: Final = 10
PLAN_HOLDS_FOR: Final = timedelta(minutes=10)
"""A plan older than this was made of another world: it is made anew."""


def most_actions(rows: int, *, a_run: int = ACTIONS_A_RUN, share: float = ACTIONS_SHARE) -> int:
    """How many actions a run may take on a table of so many rows: ``a_run``, and no more than ``share`` of the table
    or ACTIONS_AT_LEAST, whichever is more."""
    return min(a_run, max(ACTIONS_AT_LEAST, math.floor(rows * share)))


_FIRST_PAUSE: Final = timedelta(minutes=1)
_LONGEST_PAUSE: Final = timedelta(hours=6)


def pause_after(tries: int, *, failed: bool) -> timedelta:
    """How long the same action on a row is left after so many tries in a row that came to nothing: after the first one
    that was skipped not at all (the row was another one, and is looked at anew), then twice as long each time."""
    doublings = tries - 1 if failed else tries - 2
    if doublings < 0:
        return timedelta(0)
    return min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** min(doublings, 12))


GROWS_TO: Final = 2
"""A plan that finds so many times what it found GROWS_IN before, and no longer a few rows, grows: nobody applies it, or
something breaks faster than it is mended."""
GROWS_IN: Final = timedelta(hours=1)


def grows(found: int, before: int) -> bool:
    """Whether what a plan finds to do grows. ``found``: rows now, ``before``: GROWS_IN ago."""
    return found > ACTIONS_AT_LEAST and found >= GROWS_TO * before


# Ids that cannot double -------------------------------------------------------------------------------
# At most 36 characters of a-zA-Z0-9._-, the first a letter or digit; Appwrite compares them without case, so hex.

_DIGITS: Final = 32


def _derived(prefix: str, *parts: str) -> str:
    # A separator that no id holds: ("ab", "c") and ("a", "bc") are two things.
    return f"{prefix}_{hashlib.sha256(chr(31).join(parts).encode()).hexdigest()[:_DIGITS]}"


RECORD_PREFIX: Final = "cm_"
"""What the ids of commission records begin with that bookwatch wrote."""


def commission_id(origin: str, booking: str) -> str:
    """The id of the commission record of a booking (its ``$id``) of a collection."""
    return _derived(RECORD_PREFIX.removesuffix("_"), origin, booking)


def room_id(origin: str, booking: str) -> str:
    """The id of the chat room of a booking."""
    return _derived("rm", origin, booking)


def acceptance_id(origin: str, booking: str) -> str:
    """The id of the guard that lets one acceptance of a booking through."""
    return _derived("ac", origin, booking)


def duplicate_guard_id(customer: str, provider: str) -> str:
    """The id of the guard against two bookings of a customer with a provider."""
    return _derived("dg", customer, provider)


def calendar_guard_id(provider: str) -> str:
    """The id of the guard that everybody changes who gives a provider a booking to carry out, or takes one away."""
    return _derived("ca", provider)


def round_guard_id(booking: str, round_number: int) -> str:
    """The id of the guard that says who is asked for a booking in a round."""
    return _derived("rd", booking, str(round_number))


def offer_id(booking: str, provider: str, round_number: int) -> str:
    """The id of the n-th offer of a booking to a provider."""
    return _derived("of", booking, provider, str(round_number))


def conversation_guard_id(room: str) -> str:
    """The id of the guard that lets messages of a room stand one after the other."""
    return _derived("cv", room)


def message_id(user: str, key: str) -> str:
    """The id of a message that a user sends, of their Idempotency-Key; also of the file that goes with it."""
    return _derived("ms", user, key)


def booking_id(user: str, key: str) -> str:
    """The id of a booking that services make: of who asked, and their Idempotency-Key."""
    return _derived("bk", user, key)


def counter_id(kind: str, who: str) -> str:
    """The id of the row in which something of somebody is counted; ids differ by more than case."""
    return _derived("ct", kind, who.lower())


def discount_id(code: str) -> str:
    """The id of the row of a discount code."""
    return _derived("dc", code.upper())


def proof_id(commission: str, digest: str) -> str:
    """The id of the file that proves a payment; ``digest``: of its bytes."""
    return _derived("pp", commission, digest)


def request_id(user: str, key: str) -> str:
    """The id of the row that a request is remembered in: of who asked, and their Idempotency-Key."""
    return _derived("rq", user, key)


def told_id(action: str, about: str) -> str:
    """The id of a message or notification that an action writes; ``about`` tells those of one action apart."""
    return _derived("op", action, about)


def action_id(operation: Operation, plan: str, collection: str, row: str) -> str:
    """The idempotency key of an action: one operation on one row in one plan."""
    return _derived("act", operation, plan, collection, row)[: len("act_") + _DIGITS]
