"""What peak hours are counted over."""

from __future__ import annotations

from datetime import timedelta
from typing import Final, Literal

Basis = Literal["created", "starts"]
BASES: Final[tuple[Basis, ...]] = ("created", "starts")
PEAK_WINDOW: Final = timedelta(weeks=8)
