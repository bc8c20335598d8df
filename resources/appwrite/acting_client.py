"""What every caller with the acting key is made of: a client of its own, nothing of which is shared with the one that
reads, and its end. What it calls is not known here.
"""

# The SDK carries no types.
# pyright: reportMissingTypeStubs=false

from __future__ import annotations

from collections.abc import Callable
from typing import Self, TypedDict, Unpack

from resources.appwrite.failures import CallEvent
from resources.appwrite.gateway import PooledClient
from resources.clock import Clock
from resources.settings import Settings


class Patience(TypedDict, total=False):
    """How long a call may take; each as of PooledClient, whose default counts for what is left out."""

    timeouts: tuple[float, float]
    seconds_left: Callable[[], float] | None
    longest_wait: float


class ActingClient:
    """Holds the client of one project; whoever leaves it closes that."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        on_call: Callable[[CallEvent], None] = lambda event: None,
        **patience: Unpack[Patience],
    ) -> None:
        """Raises UsageError where there is no acting key."""
        self._settings = settings
        self._client = PooledClient(settings.acting(), clock, on_call, **patience)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._client.close()
