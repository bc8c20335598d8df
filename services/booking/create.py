"""A booking is made, or the one that was made moments before is told again: the command behind POST /bookings."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Final

from marketplace.app_rows import instant_like
from marketplace.booking_rows import read_bookings
from marketplace.discounts import believed, discounted, least
from marketplace.entries import (
    BOOKED_AHEAD,
    SOON,
    START_STEP,
    Entry,
    answered_by,
    first_start,
    mode_of,
    source_of,
)
from marketplace.instants import EARLIEST_INSTANT
from marketplace.menus import menu_of
from marketplace.money import AmountBounds
from marketplace.new_bookings import NewBooking, booking_row
from marketplace.operations import booking_id, room_id
from marketplace.rates import Rate, seconds_until, spoken
from marketplace.rules import ROUNDED_TOLERANCE_IDR, THOUSANDS_BELOW_IDR
from marketplace.services import ANOMALY_LIMITS
from marketplace.slots import starts_between
from marketplace.statuses import BookingStatus, ProviderStatus
from marketplace.transitions import Actor
from messages.message import Arg
from resources.appwrite.writing import Create, Row, Write
from resources.settings import Settings
from services.booking.beside import as_written, beside, missing, readers_of
from services.booking.customers import BOOKINGS, Customer, Whose
from services.booking.discounts import Code, code_of
from services.booking.duplicates import STANDING, close, close_ones
from services.booking.providers import Provider, provider_of
from services.booking.shapes import Booked
from services.booking.told import booked
from services.booking.wanted import Wanted
from services.callers import Caller
from services.problems import Problem, Wrong
from services.queue.positions import position_to_come
from services.rates import Counted, must_fit, to_ms
from services.store import Decision, Underway, View

_MOMENT: Final = timedelta(milliseconds=1)
"""The limit of duplicates is in it: a millisecond later is no duplicate."""
LEFT_AFTER: Final = timedelta(seconds=5)
"""On a server without transactions: who said to make a booking and did not by then is dead, and the next one makes
it."""


@dataclass(frozen=True)
class Terms:
    """What holds for every booking. ``zone``: of providers who say none."""

    bounds: AmountBounds
    zone: str


def terms_of(settings: Settings) -> Terms:
    """What the settings say."""
    return Terms(AmountBounds(settings.amount_min, settings.amount_max), settings.timezone)


def book(view: View, caller: Caller, wanted: Wanted, key: str, terms: Terms) -> Decision[Booked]:
    """Make a booking, with its room, its messages and its first offer. ``key``: the request's Idempotency-Key. Raises
    Problem, CallFailure, Underway."""
    if caller.actor is Actor.ADMIN:
        raise Problem(403, "not_allowed")
    return _Making(view, caller, wanted, key, terms).decision()


@dataclass
class _Making:
    view: View
    caller: Caller
    wanted: Wanted
    key: str
    terms: Terms

    def __post_init__(self) -> None:
        self.at = to_ms(self.view.now)
        self.identity = booking_id(self.caller.user_id, self.key)
        self.wrong = list(self.wanted.wrong)
        self.refused: list[Wrong] = []

    def decision(self) -> Decision[Booked]:
        wanted = self.wanted
        provider = self._provider()
        asked = self._start_asked(provider)
        price = self._price(provider)
        customer = None
        if provider is not None and wanted.phone:
            customer = Customer(
                self.view, Whose(self.caller.user_id, wanted.phone), provider.zone.offset_minutes
            )
            if not self.wrong:
                # Before all that may have changed since the first: its provider's state, its slot, its code.
                again = self._again(customer, provider)
                if again is not None:
                    return again
            if provider.is_account_or_phone(self.caller.user_id, wanted.phone):
                self._no("own_booking", "/providerId", self.wrong)
        if provider is not None:
            self._is_open(provider)
        starts = self._start(provider, asked)
        code, amount = self._amount(customer, price)
        if self.wrong or self.refused or not provider or not customer or starts is None or price is None:
            found = (*self.wrong, *self.refused)
            raise Problem(422, "not_valid", found) if self.wrong else Problem(409, "not_bookable", found)
        return self._made(provider, customer, starts, price, amount, code, asked)

    def _no(self, code: str, at: str, into: list[Wrong], **args: Arg) -> None:
        into.append(Wrong(code, at, args))

    # What the provider's row says ------------------------------------------------------------------------

    def _provider(self) -> Provider | None:
        if self.wanted.provider_id is None:
            return None
        provider = provider_of(self.view, self.wanted.provider_id, self.terms.zone)
        if provider is None:
            self._no("provider_unknown", "/providerId", self.wrong)
        return provider

    def _is_open(self, provider: Provider) -> None:
        status = provider.status
        if status == ProviderStatus.RESTRICTED.value:
            self._no("provider_restricted", "/providerId", self.refused)
        elif status not in (ProviderStatus.AVAILABLE.value, ProviderStatus.BUSY.value):
            self._no("provider_offline", "/providerId", self.refused)

    def _price(self, provider: Provider | None) -> int | None:
        """The menu's price for the minutes, in rupiah. One that was shown must be it."""
        if provider is None:
            return None
        menu = menu_of(provider.row, self.terms.bounds)
        if not menu:
            self._no("no_menu", "/providerId", self.wrong)
            return None
        if self.wanted.minutes is None:
            return None
        price = menu.get(self.wanted.minutes)
        if price is None or not believed(price, self.terms.bounds):
            self._no("no_price", "/minutes", self.wrong, minutes=self.wanted.minutes)
        elif self.wanted.price is not None and not _is_shown(self.wanted.price, price):
            self._no("price_differs", "/price", self.wrong, amount=price)
        return price

    # When ------------------------------------------------------------------------------------------------

    def _start_asked(self, provider: Provider | None) -> datetime | None:
        """The start that is asked for, naive UTC, to the millisecond."""
        start = self.wanted.start
        if start is None or (start.is_local and provider is None):
            return None
        at = to_ms(start.at)
        if start.is_local and provider is not None and at >= EARLIEST_INSTANT:  # a year 1 has no zone
            at -= timedelta(minutes=provider.zone.offset_minutes)
        if at < max(self.at, EARLIEST_INSTANT):
            self._no("start_past", "/startsAt", self.wrong)
        elif at - self.at > BOOKED_AHEAD:
            self._no("start_too_far", "/startsAt", self.wrong, days=BOOKED_AHEAD.days)
        return at

    def _start(self, provider: Provider | None, asked: datetime | None) -> datetime | None:
        """When it is to begin: as asked where the provider is free then; for now as soon as they are."""
        minutes = self.wanted.minutes
        if provider is None or minutes is None or any(one.at == "/startsAt" for one in self.wrong):
            return asked
        length = timedelta(minutes=minutes)
        if asked is not None:
            if not provider.is_free(self.view, asked, asked + length):
                self._no("slot_taken", "/startsAt", self.refused)
            return asked
        first = first_start(self.at)
        last = max(first, self.at + SOON)
        taken = provider.taken(self.view, first, last + length)
        soonest = starts_between(first, last + START_STEP, length, taken, provider.takes, step=START_STEP)
        start = next((one for one in soonest if one <= last), None)
        if start is None:
            self._no("no_slot_soon", "/startsAt", self.refused)
        return start

    # For how much ----------------------------------------------------------------------------------------

    def _amount(self, customer: Customer | None, price: int | None) -> tuple[Code | None, int | None]:
        """The code that counts, and what is paid in rupiah."""
        if self.wanted.code is None:
            return None, price
        code = code_of(self.view, self.wanted.code)
        why = code.refused(self.at, customer, self.identity) if code is not None else "discount_unknown"
        if code is None or why is not None:
            self._no(why or "discount_unknown", "/discountCode", self.refused)
            return None, None
        if price is None:
            return code, None
        amount = discounted(price, code.discount)
        if not believed(amount, self.terms.bounds):
            self._no(
                "discount_leaves_too_little", "/discountCode", self.refused, amount=least(self.terms.bounds)
            )
        return code, amount

    # Again -----------------------------------------------------------------------------------------------

    def _again(self, customer: Customer, provider: Provider) -> Decision[Booked] | None:
        """What is answered where this booking, or one so close before it, was made. Raises Problem where one that came
        to nothing is so close that another would be taken for it; Underway."""
        if not self.view.gateway.has_transactions:
            row = self.view.row(BOOKINGS, self.identity)
            if row is not None:
                return self._finished(row, provider)
            self._left(customer, provider)
        found = close_ones(customer.bookings, provider.identity, self.at)
        mine = [one for one in customer.bookings if one.booking_id == self.identity]
        standing = next((one for one in (*mine, *found) if one in mine or one.status in STANDING), None)
        if standing is not None:
            return Decision(booked(self.view, standing, duplicate=None if mine else True))
        if found:
            wait = seconds_until(self.at, found[-1].created_at + ANOMALY_LIMITS.duplicate + _MOMENT)
            raise Problem(
                409,
                "booked_moments_ago",
                args={"wait": spoken(wait)},
                state=found[-1].status,
                retry_after=wait,
            )
        return None

    def _left(self, customer: Customer, provider: Provider) -> None:
        """On a server without transactions: a booking that another request said to make and that is not there. It is
        waited for; of one who is dead it is made here, under the id it was to have, so that it cannot come to stand
        twice."""
        for one in customer.counted:
            if one.booking in ("", self.identity) or one.provider != provider.identity:
                continue
            if not close(one.at, self.at) or self.view.row(BOOKINGS, one.booking) is not None:
                continue
            if self.at - one.at < LEFT_AFTER:
                raise Underway
            self.identity = one.booking

    def _finished(self, row: Row, provider: Provider) -> Decision[Booked]:
        """The same request again, whose answer was lost: what is not there yet is made."""
        (booking,) = read_bookings([row], provider.zone.offset_minutes, self.terms.bounds)
        offset = provider.zone.offset_minutes
        writes: list[Create] = []
        if booking.status == BookingStatus.PENDING.value:
            stands = beside(self.view, row, booking, provider.row, provider.kind, offset)
            writes = missing(self.view, booking.booking_id, stands)
        return Decision(booked(self.view, booking, duplicate=None), writes)

    # Made ------------------------------------------------------------------------------------------------

    def _made(
        self,
        provider: Provider,
        customer: Customer,
        starts: datetime,
        price: int,
        amount: int | None,
        code: Code | None,
        asked: datetime | None,
    ) -> Decision[Booked]:
        wanted, entry, minutes = self.wanted, self.wanted.entry, self.wanted.minutes
        if entry is None or minutes is None or amount is None:
            raise Problem(422, "not_valid")
        # What this very request, or a dead one, said before it was cut off is said anew.
        others = [one for one in customer.counted if one.booking != self.identity]
        must_fit((one for one in customer.instants if one.booking != self.identity), Rate.BOOKINGS, self.at)
        mode = mode_of(entry, self.at, asked)
        new = NewBooking(
            booking_id=self.identity,
            user_id=self.caller.user_id,
            provider_id=provider.identity,
            provider_type=provider.kind,
            provider_name=provider.public_name,
            minutes=minutes,
            starts_at=starts,
            price_idr=price,
            amount_idr=amount,
            discount_code=code.discount.code if code is not None else None,
            made_at=self.at,
            deadline=answered_by(mode.value, self.at, starts),
            source=source_of(entry),
            mode=mode,
            chat_window_open=entry is Entry.CHAT,
            customer_name=wanted.name,
            phone=wanted.phone,
            location=wanted.location,
            hotel_id=wanted.hotel_id,
            room_number=wanted.room_number,
            is_test=wanted.is_test,
        )
        data = booking_row(new, partial(self.view.has, BOOKINGS))
        may_read = readers_of(self.caller.user_id, provider.row)
        row = as_written(self.identity, data, may_read, self.at)
        booking = new.as_read
        this = Counted(self.at, self.identity, provider.identity)
        writes: list[Write] = [customer.write([*others, this], self.at)]
        if code is not None and (use := code.counting(self.identity, self.at)) is not None:
            writes.append(use)
        claims = len(writes)
        writes.append(Create(BOOKINGS, self.identity, data, may_read))
        writes += beside(self.view, row, booking, provider.row, provider.kind, provider.zone.offset_minutes)
        answer = Booked(
            booking_id=self.identity,
            room_id=room_id(BOOKINGS, self.identity),
            amount_idr=amount,
            source=new.source.value,
            mode=new.mode.value,
            response_deadline=str(instant_like(None, new.deadline)),
            queue_position=position_to_come(self.view, provider.identity),
            duplicate=None,
        )
        return Decision(answer, writes, claims)


def _is_shown(shown: Decimal, price_idr: int) -> bool:
    """Whether a price that was shown is the menu's: in rupiah to the last one, in thousands as they are rounded."""
    if 0 < shown < THOUSANDS_BELOW_IDR:
        return abs(shown * 1_000 - price_idr) <= ROUNDED_TOLERANCE_IDR
    return shown == price_idr
