"""Which rows were planted, for the truth to tell. How many there are to be is plan.py's."""

from __future__ import annotations

from sandbox.simulator import plan


class Planted:
    """Ids by what is wrong with the rows."""

    def __init__(self) -> None:
        # the booking's id for missing, the provider's for restriction_mismatch, the commission's otherwise
        self.findings: dict[str, list[str]] = {kind: [] for kind in (*plan.FINDINGS, *plan.ANOMALIES)}
        # other rows of the app, by what is odd about them
        self.odd_rows: dict[str, list[str]] = {"reference_case": [], "in_the_future": []}
        self.quarantined: dict[str, list[str]] = {
            "bookings": [],
            "hotel_bookings": [],
            "commission_records": [],
        }
