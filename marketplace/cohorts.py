"""When a cohort is old enough for its figures to be final, and after which months customers are looked for again.

A cohort is what began in one local day or month. How the figures are made is in assets/marts.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from marketplace.zones import JAKARTA, JAYAPURA

FIRST_ZONE: Final = JAYAPURA
"""Where a local day begins first: from then on there may be something of it."""
LAST_ZONE: Final = JAKARTA
"""Where a local day ends last: only then is a day over in all zones."""

FUNNEL_SETTLES: Final = timedelta(hours=24)
"""All steps of a cohort of bookings could have ended this long after its day ended and the service of the last booking
that was not lost: three hours to pay, and the rest for who looks at a proof of payment the next morning."""
OPEN_ENDED: Final = timedelta(days=7)
"""A booking that was not lost and says no end of its service: its steps are waited for this long after creation."""
FURTHEST_AHEAD: Final = timedelta(days=90)
"""Nobody books a massage further ahead: an end after that is a slip of the pen, and the cohort does not wait for it."""

RETENTION_MONTHS: Final = (1, 2, 3, 6)
"""Whether a customer came back is asked of each of these local months after that of the first booking."""

ROOMS_SETTLE: Final = timedelta(hours=24)
"""What is said in the chat rooms of a day is said this long after the day ended."""
