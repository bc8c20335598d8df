"""A page asks for the rows behind a figure by the question that `bookwatch explain` asks."""

from __future__ import annotations

from dashboards.queries import reading
from dashboards.queries.behind import Behind
from resources.explanations import explain
from resources.home import Home
from resources.snapshots import require_snapshot

FIGURE = "marts.revenue_by_source.booked_idr"


def test_the_rows_of_a_page_are_those_of_the_command(read_publication: Home) -> None:
    snapshot = require_snapshot(read_publication)
    with reading.reading(str(snapshot)) as con:
        told = explain(con, FIGURE, "source = 'bookingButton'")
    behind = Behind("booked", FIGURE, "source = 'bookingButton'")
    first = behind.first(str(snapshot), 5)
    assert first["id"].to_list() == [row["id"] for row in told.rows[:5]]
    whole = behind.all(str(snapshot))
    assert whole["adds"].sum() == told.total == behind.explained(str(snapshot)).value
    assert behind.count(str(snapshot)) == whole.height == told.count > 5
