"""A marketplace played from a seed: its stage is set, its actors are told who hears of what. Nobody acts here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from random import Random

from sandbox.simulator import plan
from sandbox.simulator.actors.administrators import Administrators
from sandbox.simulator.actors.chat import Chat
from sandbox.simulator.actors.collector import Collector
from sandbox.simulator.actors.commission_writer import CommissionWriter
from sandbox.simulator.actors.customers import Customers
from sandbox.simulator.actors.debtors import Debtors
from sandbox.simulator.actors.mischief import Mischief
from sandbox.simulator.actors.notifier import Notifier
from sandbox.simulator.actors.presence import Presence
from sandbox.simulator.actors.providers import Providers
from sandbox.simulator.agenda import Agenda
from sandbox.simulator.booking_desk import BookingDesk
from sandbox.simulator.chance import Chance
from sandbox.simulator.disturbances import Disturbances
from sandbox.simulator.events import Event
from sandbox.simulator.happenings import Happenings
from sandbox.simulator.journal import Journal
from sandbox.simulator.people import People
from sandbox.simulator.planted import Planted
from sandbox.simulator.records import Records
from sandbox.simulator.stage import Stage
from sandbox.simulator.times import DAY, MINUTE, SECOND, to_ms
from sandbox.simulator.world import Booking, Customer, Notification, Provider, Record, Review


class Simulation:
    """A marketplace from a seed: ``days`` of history that ends at ``until``, and real time after it.

    ``run_until`` gives the app's writes in order of time and may be called again and again; the same
    seed, days, until and rate give the same events, in however many steps. ``findings=False`` plants none
    (all seven health points then hold at ``until``). ``planted``: finding -> ids of the rows planted so
    far (the booking's for missing, the provider's for restriction_mismatch, the commission's otherwise).
    ``disturbances``: what disturbs the market on order; until the first of them begins, events are those of a
    market without. Raises ValueError for a naive ``until``, days below 1 or a rate not above 0.
    """

    def __init__(
        self,
        seed: int,
        days: int,
        until: datetime,
        *,
        bookings_per_day: float = 250,
        findings: bool = True,
        disturbances: Disturbances | None = None,
    ) -> None:
        if days < 1:
            raise ValueError("days must be at least 1")
        if bookings_per_day <= 0:
            raise ValueError("bookings_per_day must be above 0")
        self.seed, self.days, self.bookings_per_day = seed, days, bookings_per_day
        self.until = until
        self.end = to_ms(until)
        self.start = self.end - days * DAY
        self.now = self.start - 1
        rng = Chance(f"marketplace {seed} {days} {self.end} {bookings_per_day} {findings}")
        self.disturbances = disturbances or Disturbances()
        self._agenda, self._journal = Agenda(), Journal()
        self._stage = Stage(
            start=self.start,
            end=self.end,
            rng=rng,
            agenda=self._agenda,
            happenings=Happenings(self._agenda),
            journal=self._journal,
            planted=Planted(),
            people=People(rng, self._journal, findings=findings),
            records=Records(self._journal),
            disturbances=self.disturbances,
            bookings={},
        )
        wishes = plan.schedule(
            Random(f"wishes {seed} {days} {self.end}"), self.start, self.end, findings=findings
        )
        self._cast(wishes, findings=findings)

    def _cast(self, wishes: list[tuple[int, dict[str, str]]], *, findings: bool) -> None:
        """Name the actors, say who hears of what. The order is that of the draws: a seed's rows hang on it."""
        stage, happenings = self._stage, self._stage.happenings
        desk = BookingDesk(stage)
        administrators, collector, debtors = Administrators(stage), Collector(stage), Debtors(stage)
        presence, providers = Presence(stage), Providers(stage, desk)
        customers = self._customers = Customers(stage, desk, wishes, self.bookings_per_day)
        writer, mischief = CommissionWriter(stage, desk.roster.open), Mischief(stage, desk)
        chat, notifier = self._chat, self._notifier = Chat(stage), Notifier(stage)

        happenings.booked.heard_by(
            chat.open, notifier.tell_request, writer.may_record_early, providers.consider, mischief.beset
        )
        happenings.handed_over.heard_by(chat.hand_over, notifier.tell_request)
        happenings.accepted.heard_by(
            chat.arrange, notifier.tell_acceptance, writer.record_acceptance, presence.serve
        )
        happenings.ended.heard_by(chat.close, writer.undo_records)
        happenings.completed.heard_by(
            notifier.ask_for_review,
            writer.record_completion,
            customers.may_review,
            customers.may_return,
            mischief.delete_served,
        )
        happenings.recorded.heard_by(notifier.tell_commission, mischief.spoil, debtors.plan)
        happenings.proof_sent.heard_by(administrators.look_at_proof)
        happenings.cleared.heard_by(collector.release)
        happenings.paid.heard_by(mischief.refund)
        happenings.overdue.heard_by(notifier.tell_overdue)

        happenings.record_wanted.heard_by(writer.record)
        happenings.undoing_wanted.heard_by(writer.undo)
        happenings.payment_wanted.heard_by(debtors.pay)
        happenings.deadline.heard_by(collector.remind)
        happenings.removal_wanted.heard_by(administrators.delete_booking)
        happenings.admin_called.heard_by(administrators.answer)
        happenings.odd_message_wanted.heard_by(chat.say_odd)
        happenings.odd_notification_wanted.heard_by(notifier.send_odd)

        self._agenda.at(self.start, administrators.found)
        self._agenda.at(self.start, presence.begin)
        self._agenda.at(self.start + MINUTE, customers.arrive)
        if findings:
            self._agenda.at(self.end - 80 * SECOND, customers.book_awaiting)

    def run_until(self, t: datetime) -> Iterator[Event]:
        """Every event up to and including ``t`` not given yet, ordered by time. ``t`` must be aware."""
        limit = to_ms(t)
        ready, agenda = self._journal.ready, self._agenda
        while True:
            while ready:
                yield ready.popleft()
            if not agenda.act(limit):
                break
        self.now = max(self.now, limit)

    # -- what there is to know of it --

    @property
    def providers(self) -> list[Provider]:
        """All of them, in the order they were enrolled."""
        return self._stage.people.providers

    @property
    def customers(self) -> list[Customer]:
        """All but the one whose name is a sentinel."""
        return self._stage.people.customers

    @property
    def bookings(self) -> dict[str, Booking]:
        """By Booking.key."""
        return self._stage.bookings

    @property
    def records(self) -> dict[str, Record]:
        """By id, those that vanished too."""
        return self._stage.records.by_id

    @property
    def notifications(self) -> list[Notification]:
        """In the order they were sent."""
        return self._notifier.sent

    @property
    def reviews(self) -> list[Review]:
        """In the order they were written."""
        return self._customers.reviews

    @property
    def planted(self) -> dict[str, list[str]]:
        """Finding or anomaly -> ids of the rows planted so far."""
        return self._stage.planted.findings

    @property
    def odd_rows(self) -> dict[str, list[str]]:
        """What is odd -> ids of rows that are neither bookings nor records."""
        return self._stage.planted.odd_rows

    @property
    def quarantined(self) -> dict[str, list[str]]:
        """Table -> ids of rows that cannot be read."""
        return self._stage.planted.quarantined

    @property
    def rows(self) -> Counter[str]:
        """Table -> rows in the app."""
        return self._journal.rows

    @property
    def deleted_rows(self) -> dict[str, list[str]]:
        """Table -> ids of rows that were deleted."""
        return self._journal.deleted_rows

    @property
    def messages_written(self) -> int:
        """Messages of the chat, the app's own too."""
        return self._chat.messages_written

    @property
    def texts_written(self) -> int:
        """Those of people alone."""
        return self._chat.texts_written
