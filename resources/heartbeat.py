"""The heartbeat: one call to BOOKWATCH_HEARTBEAT_URL, so that silence itself alarms outside. When it beats is the
caller's.

The URL may hold a secret: it is never logged, shown or repeated in an error.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable

import requests

from resources.appwrite.patience import RETRIES, RETRY_BUDGET, retry_delay

ATTEMPT_SECONDS = 2.0


def beat(
    url: str,
    *,
    sleep: Callable[[float], None] = time.sleep,
    monotonic: Callable[[], float] = time.monotonic,
) -> str:
    """GET the address; '' when it took the beat, else why not, in words without the address. Never raises for it.

    Tried again by the constants of domain.md: 3 times at most, none begun 4 s after the first try.
    """
    began = monotonic()
    reason = ""
    for attempt in range(RETRIES + 1):
        try:
            answer = requests.get(url, timeout=(ATTEMPT_SECONDS, ATTEMPT_SECONDS))
            if answer.ok:
                return ""
            reason = f"status {answer.status_code}"
        except (requests.RequestException, ValueError, OSError) as broken:
            # The text of these errors repeats the address.
            reason = type(broken).__name__
        delay = retry_delay(attempt, random.random)
        if attempt == RETRIES or monotonic() - began + delay >= RETRY_BUDGET:
            break
        sleep(delay)  # the backoff between two tries
    return reason
