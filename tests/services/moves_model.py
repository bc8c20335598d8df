"""Bookings, their providers and the queue as they are meant to be, in few words: what every command must
answer and leave behind. Knows no row. Holds no test."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from marketplace.operations import offer_id

ANSWERS = timedelta(minutes=5)
LATER = timedelta(minutes=30)
SOON = timedelta(hours=2)
MOST = 5
EARNING = ("accepted", "confirmed", "completed")

Action = tuple[str, str, str, str]
"""(what, booking, who, to whom); expire: of one booking."""
Outcome = tuple[int, str]
"""(status of HTTP, the booking's state then)."""


@dataclass
class Booking:
    by: str
    whose: str
    starts: datetime
    ends: datetime
    made: datetime
    deadline: datetime
    answers: timedelta
    status: str = "pending"
    asked: list[str] = field(default_factory=list[str])
    waits_for: str | None = None
    round: int = 1
    charged: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    """(provider, live or taken back), the newest last."""


@dataclass
class Model:
    bookings: dict[str, Booking] = field(default_factory=dict[str, Booking])
    status: dict[str, str] = field(default_factory=dict[str, str])
    offered: dict[str, datetime] = field(default_factory=dict[str, datetime])

    def book(self, name: str, by: str, whose: str, now: datetime, starts: datetime) -> None:
        answers = ANSWERS if starts - now <= SOON else LATER
        self.bookings[name] = Booking(
            by,
            whose,
            starts,
            starts + timedelta(hours=1),
            now,
            now + answers,
            answers,
            asked=[whose],
            waits_for=whose,
        )
        self.offered[whose] = now

    def overdue(self, now: datetime) -> list[str]:
        """What a dispatcher finds, in its order."""
        found = [
            (b.deadline, offer_id(name, b.waits_for, b.round), name)
            for name, b in self.bookings.items()
            if b.status == "pending" and b.waits_for is not None and b.deadline <= now
        ]
        return [name for _, _, name in sorted(found)]

    def do(self, action: Action, now: datetime) -> Outcome:
        what, name, who, to = action
        b = self.bookings[name]
        code = getattr(self, f"_{what}")(b, who, to, now)
        return code, b.status

    # What each does -------------------------------------------------------------------------------------

    def _sees(self, b: Booking, who: str) -> bool:
        return who == "boss" or who in b.asked or who == b.by

    def _accept(self, b: Booking, who: str, to: str, now: datetime) -> int:
        if not self._sees(b, who):
            return 404
        if who == b.by:
            return 403
        if b.status != "pending":
            return 409
        if who != "boss" and (b.waits_for != who or now >= b.deadline):
            return 409
        taker = b.waits_for
        assert taker is not None
        if not self._has_time(taker, b):
            return 409
        b.status, b.whose, b.waits_for = "accepted", taker, None
        b.charged.append((taker, "live"))
        if self.status[taker] == "AVAILABLE" and b.starts - now <= SOON and b.ends > now:
            self.status[taker] = "BUSY"
        return 200

    def _decline(self, b: Booking, who: str, to: str, now: datetime) -> int:
        if not self._sees(b, who):
            return 404
        if who in (b.by, "boss"):
            return 403
        if b.status != "pending" or b.waits_for != who or now >= b.deadline:
            return 409
        self._ended(b, "declined", now)
        return 200

    def _expire(self, b: Booking, who: str, to: str, now: datetime) -> int:
        if b.status == "pending" and b.deadline <= now:
            self._ended(b, "expired", now)
        return 200

    def _confirm(self, b: Booking, who: str, to: str, now: datetime) -> int:
        if not self._sees(b, who):
            return 404
        if who == "boss":
            return 403
        if b.status != "accepted" or who not in (b.by, b.whose):
            return 409
        b.status = "confirmed"
        return 200

    def _complete(self, b: Booking, who: str, to: str, now: datetime) -> int:
        if not self._sees(b, who):
            return 404
        if who in (b.by, "boss"):
            return 403
        if b.status not in ("accepted", "confirmed") or who != b.whose:
            return 409
        planned, b.status = b.ends, "completed"
        b.ends = now
        if now > planned and self._takes(b.whose, planned, now, b):
            b.ends = planned
        self._free(b, now)
        return 200

    def _cancel(self, b: Booking, who: str, to: str, now: datetime) -> int:
        if not self._sees(b, who):
            return 404
        held = b.status == "accepted"
        if not (held or (b.status == "pending" and who in (b.by, "boss"))):
            return 409
        if who not in (b.by, "boss", b.whose):
            return 409
        b.status, b.waits_for = "cancelled", None
        if held:
            self._give_back(b, now)
        return 200

    def _reassign(self, b: Booking, who: str, to: str, now: datetime) -> int:
        if not self._sees(b, who):
            return 404
        if who != "boss":
            return 403
        if b.status not in ("pending", "accepted"):
            return 409
        if to == b.whose:
            return 422
        held, b.status = b.status == "accepted", "pending"
        if held:
            self._give_back(b, now)
        b.whose = to
        self._ask(b, to, now, now + b.answers)
        return 200

    # What follows ---------------------------------------------------------------------------------------

    def _ended(self, b: Booking, how: str, now: datetime) -> None:
        free = [
            one
            for one, status in self.status.items()
            if status == "AVAILABLE" and one not in b.asked and self._has_time(one, b)
        ]
        if b.round >= MOST or b.starts <= now or not free:
            b.status, b.waits_for = how, None
            return
        turn = min(free, key=lambda one: (one in self.offered, self.offered.get(one, now), one))
        self._ask(b, turn, now, min(now + b.answers, b.starts))

    def _ask(self, b: Booking, whom: str, now: datetime, deadline: datetime) -> None:
        b.round += 1
        b.waits_for, b.deadline = whom, deadline
        b.asked.append(whom)
        self.offered[whom] = now

    def _give_back(self, b: Booking, now: datetime) -> None:
        b.charged[-1] = (b.charged[-1][0], "taken back")
        self._free(b, now)

    def _free(self, b: Booking, now: datetime) -> None:
        soon = now + SOON
        if self.status[b.whose] == "BUSY" and b.starts <= soon and not self._takes(b.whose, now, soon, b):
            self.status[b.whose] = "AVAILABLE"

    def _has_time(self, whom: str, b: Booking) -> bool:
        return not self._takes(whom, b.starts, b.starts + timedelta(hours=1), b)

    def _takes(self, whom: str, starts: datetime, ends: datetime, but: Booking) -> bool:
        return any(
            o.whose == whom
            and o is not but
            and o.status in EARNING
            and o.starts < o.ends
            and o.starts < ends
            and starts < o.ends
            for o in self.bookings.values()
        )
