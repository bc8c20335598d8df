"""What a build of the marts is given beside core and ops: the instants it judges at, and rows that ledger.sqlite keeps.

No Ibis here: a process whose marts are compiled already does not load it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_TEXT, _INT, _BOOL, _TIME, _DAY = "string", "int64", "boolean", "timestamp", "date"

#: The one row everything is judged at. ``quiet``: the clock lies in the quiet hours. ``local_month``: the first
#: day of the month the clock is in, in the marketplace's zone. ``utc_offset_minutes``: of that zone.
INSTANTS: Final[Mapping[str, str]] = {
    "now": _TIME,
    "judged_at": _TIME,
    "quiet": _BOOL,
    "local_month": _DAY,
    "utc_offset_minutes": _INT,
}
#: Findings that a person acknowledged.
WAIVERS: Final[Mapping[str, str]] = {"finding_id": _TEXT}
#: Figures of closed months that changed between two snapshots, and when they could not be compared, as
#: ledger.sqlite keeps them (assets/closed_months.py).
CLOSED_CHANGES: Final[Mapping[str, str]] = {
    "finding_id": _TEXT,
    "local_month": _DAY,
    "figure": _TEXT,
    "previous_value": _INT,
    "current_value": _INT,
    "previous_snapshot_id": _TEXT,
    "seen_at": _TIME,
}
CLOSED_GAPS: Final[Mapping[str, str]] = {
    "snapshot_id": _TEXT,
    "previous_snapshot_id": _TEXT,
    "compared_at": _TIME,
    "reason": _TEXT,
    "is_newest": _BOOL,
    "code": _TEXT,
    "args": _TEXT,
}
#: What a build is given beside core and ops: temporary tables of the run.
GIVEN: Final[Mapping[str, Mapping[str, str]]] = {
    "waivers": WAIVERS,
    "closed_changes": CLOSED_CHANGES,
    "closed_gaps": CLOSED_GAPS,
}
