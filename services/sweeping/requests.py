"""What requests were answered is kept as long as their keys are promised for, and then deleted.

A request that is under way has its row of this moment, or none yet: neither is deleted.
"""

# The SDK carries no types.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from appwrite.query import Query

from marketplace.app_rows import instant_like
from marketplace.services import REQUESTS_KEPT
from resources.appwrite.paging import PAGE
from services.store import Gateway
from services.tables import REQUESTS

MOST_PAGES: Final = 20
"""So much is deleted in one round at most: a marketplace that comes to it late is not kept busy by it."""


def sweep_requests(gateway: Gateway, now: Callable[[], datetime]) -> int:
    """Delete what is older, the oldest first; how many rows. ``now``: ours, naive UTC; where the server's clock is
    behind it, that one judges, for a key is not to be forgotten too soon. Raises CallFailure."""
    theirs = gateway.server_now().astimezone(UTC).replace(tzinfo=None)
    older = [
        Query.less_than("at", instant_like(None, min(now(), theirs) - REQUESTS_KEPT)),
        Query.order_asc("at"),
        Query.limit(PAGE),
    ]
    done = 0
    for _ in range(MOST_PAGES):
        page = [str(row["$id"]) for row in gateway.rows(REQUESTS, older)]
        if page:
            gateway.remove(REQUESTS, page)
            done += len(page)
        if len(page) < PAGE:
            break
    return done
