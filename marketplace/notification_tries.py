"""How often a notification is sent again before it is left as a dead letter, after what waits, and under which key its
receiver knows it. How it is sent stands in resources/receiver.py and operations/outbox.py.
"""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Final

MOST_TRIES: Final = 3
SILENT_IN_A_ROW: Final = 5
"""After so many that a way did not answer at all the others are left for the next turn: it is down, and no notification
is dead for that."""


def pause_before(number: int) -> timedelta:
    """How long is waited before the n-th further try: 2^n seconds.

    >>> [pause_before(number).total_seconds() for number in (1, 2)]
    [2.0, 4.0]
    """
    return timedelta(seconds=2**number)


def idempotency_key(notification: str) -> str:
    """The key under which a notification is sent, each time: of its id alone, so that two operators, two machines and a
    try after a kill have the same one."""
    return f"nt_{hashlib.sha256(notification.encode()).hexdigest()[:32]}"
