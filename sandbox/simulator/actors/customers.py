"""Customers: they book when they feel like it, twice when a page hangs; some write a review."""

from __future__ import annotations

from collections import deque
from heapq import heappop, heappush

from sandbox.simulator import vocabulary as words
from sandbox.simulator.actor import Actor
from sandbox.simulator.booking_desk import BALI, BookingDesk
from sandbox.simulator.chance import choose, pick
from sandbox.simulator.disturbances import ALL
from sandbox.simulator.stage import Stage
from sandbox.simulator.times import DAY, HOUR, MINUTE, SECOND, appwrite, local_hour, local_weekday
from sandbox.simulator.world import Booking, Customer, Review

LAST_WISH = 4 * HOUR  # a wish taken later could not come true before the end
# of those who do not come again, so many are new; of those who were served and are no regulars, so many return
NEW_SHARE, RETURN_SHARE = 0.6, 0.4

# relative arrivals by local hour and weekday (Monday first); each averages about 1
_HOURS = (0.25, 0.14, 0.1, 0.08, 0.08, 0.15, 0.5, 0.9, 1.3, 1.8, 2.1, 2.1, 1.8, 1.7, 1.8, 2.0, 2.2, 2.5,
          2.8, 2.9, 2.6, 2.0, 1.3, 0.6)  # fmt: skip
_HOUR_SUM = sum(_HOURS)
_WEEKDAYS = (0.9, 0.88, 0.92, 0.97, 1.1, 1.2, 1.03)


class Customers(Actor):
    """``wishes``: (not before, marks) of the bookings that are planted, each taken by the first to book then."""

    def __init__(
        self, stage: Stage, desk: BookingDesk, wishes: list[tuple[int, dict[str, str]]], per_day: float
    ) -> None:
        super().__init__(stage)
        self._desk, self._wishes, self._per_day = desk, deque(wishes), per_day
        # when someone who was served comes again, by time
        self._returning: list[tuple[int, int, Customer]] = []
        self._returns = 0
        self.reviews: list[Review] = []
        # the longest wait by day
        self._cap = int(min(50, max(18, 4 * 1440 / per_day)) * MINUTE)

    def arrive(self, at: int) -> None:
        """Someone books; the next one is on the way."""
        rng = self.rng
        self.agenda.at(at + max(500, int(self._gap(at))), self.arrive)
        marks: dict[str, str] = {}
        source, disturbances = self._desk.any_source(), self.stage.disturbances
        demand = disturbances.demand_at(at)
        if disturbances.is_out(source, at) or (demand < 1 and rng.random() >= demand):
            return
        due = self._wishes and self._wishes[0][0] <= at <= self.end - LAST_WISH
        if due and not disturbances.any_out(at):
            marks = self._wishes.popleft()[1]
        booking = self._desk.book(at, self._who(at), marks=marks, source=source)
        if not marks and rng.random() < 0.005:
            self.agenda.at(at + rng.between(SECOND, 90 * SECOND), self._double_click, booking)

    def _who(self, at: int) -> Customer:
        """Someone who comes again, someone new, or one of those who book again and again."""
        if self._returning and self._returning[0][0] <= at:
            return heappop(self._returning)[2]
        if self.rng.random() < NEW_SHARE:
            customer = self.people.new_customer()
            self.people.sign_up(at, customer)
            return customer
        return self.people.any_customer()

    def may_return(self, at: int, booking: Booking) -> None:
        """Some who were served come again: a few days later in the same holiday, or in one of the next months."""
        rng = self.rng
        if booking.customer.regular or rng.random() >= RETURN_SHARE:
            return
        stays = rng.random() < 0.35
        later = rng.between(DAY, 6 * DAY) if stays else int(rng.lognormvariate(3.45, 0.6) * DAY)
        self._returns += 1
        heappush(self._returning, (at + later, self._returns, booking.customer))

    def _gap(self, at: int) -> float:
        """Until the next booking, milliseconds."""
        rng = self.rng
        hour = local_hour(at, BALI)
        rate = self._per_day * _HOURS[hour] / _HOUR_SUM * _WEEKDAYS[local_weekday(at, BALI) - 1] / HOUR
        gap = rng.expovariate(rate * max(1.0, self.stage.disturbances.demand_at(at)))
        if at >= self.end - 20 * MINUTE:
            return min(gap, rng.between(45 * SECOND, 200 * SECOND))
        if hour < 5:
            # whatever the night, someone books soon after five
            five = (5 - hour) * HOUR - at % HOUR
            gap = min(gap, five + rng.between(0, self._cap))
        else:
            gap = min(gap, self._cap)
        if at + gap > self.end:
            # whatever the hour, someone books soon after the end
            return self.end - at + rng.between(45 * SECOND, 200 * SECOND)
        if hour >= 5 and self._wishes and self._wishes[0][0] < at - HOUR:
            # a short history holds as many plants as a long one: the day makes up for the night
            gap = min(gap, rng.between(MINUTE, 5 * MINUTE))
        return gap

    def _double_click(self, at: int, first: Booking) -> None:
        if self.stage.disturbances.is_out(first.wanted_source, at):
            return
        self._desk.book(at, first.customer, provider=first.provider, like=first)

    def book_awaiting(self, at: int) -> None:
        """One booking is accepted 40 seconds before the end; its record comes 20 seconds after it."""
        if self.stage.disturbances.is_out(ALL, at):
            return
        self._desk.book(at, self.people.any_customer(), marks={"awaiting": ""})

    def may_review(self, at: int, booking: Booking) -> None:
        """A quarter of those who were served say how it was, within two days."""
        if self.rng.random() < 0.24:
            self.agenda.at(at + self.rng.between(10 * MINUTE, 2 * DAY), self._review, booking)

    def _review(self, at: int, booking: Booking) -> None:
        rng = self.rng
        rating = choose(rng, ((5, 64), (4, 24), (3, 8), (2, 2), (1, 2)))
        review = Review(rng.identity(), booking, booking.provider, rating, at)
        self.reviews.append(review)
        self.journal.write(
            at,
            "reviews",
            review.id,
            {
                "bookingId": booking.id,
                "userId": booking.customer.id,
                "providerId": booking.provider.id,
                "rating": rating,
                "comment": pick(rng, words.REVIEW_LINES),
                "createdAt": appwrite(at),
            },
        )
