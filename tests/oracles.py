"""Rules of the commission written a second time, in plain Python, for tests to hold the marts to.

Nothing of the product uses them.
"""

from __future__ import annotations

MILLION = 1_000_000


def expected_commission(amount_idr: int, rate_ppm: int) -> int:
    """The commission in whole rupiah of an amount in rupiah at a rate in millionths, half up: of 202,500 at 300,000
    it is 60,750."""
    return (amount_idr * rate_ppm + MILLION // 2) // MILLION


def tracking_rate(tracked: int, missing: int) -> float:
    """Tracked ÷ (tracked + missing), from 0 to 1; 1 when both are 0."""
    return tracked / (tracked + missing) if tracked + missing else 1.0


def whole_state(missing: int) -> str:
    """The state of the whole where commission_records was scanned, by the number missing."""
    return "perfect" if missing == 0 else "warning" if missing == 1 else "critical"
