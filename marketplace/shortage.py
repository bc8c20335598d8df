"""Over how long it is counted in which hours of the week providers are short."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

#: Each hour of the week four times; more would tell of another season.
SHORTAGE_WINDOW: Final = timedelta(weeks=4)
