"""What peak hours are counted over."""

from __future__ import annotations

from datetime import timedelta
from typing import Final, Literal, get_args

Basis = Literal["created", "starts"]
BASES: Final[tuple[Basis, ...]] = get_args(Basis)
PEAK_WINDOW: Final = timedelta(weeks=8)
