"""Waivers on their way from the ledger to the snapshot."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import duckdb

from assets.ops import create_ops, mirror_waivers
from resources.ledger import Ledger

AT = datetime(2026, 3, 1, 4, 5, tzinfo=UTC)


def test_ops_shows_the_waivers_in_force_and_no_phone_number(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.sqlite")
    ledger.waive("orphan:c1", reason="first", by="Ayu", at=AT)
    ledger.waive("orphan:c1", reason="paid in cash, ask +62 812 3456 7890", by="Budi", at=AT)
    ledger.waive("missing:b1", reason="a test", by="Ayu", at=AT)
    ledger.waive("missing:b2", reason="withdrawn again", by="Ayu", at=AT)
    ledger.withdraw_waiver("missing:b2", reason="", by="Ayu", at=AT)
    with duckdb.connect() as con:
        create_ops(con)
        for _ in range(2):
            mirror_waivers(con, ledger.waivers())
        assert con.execute("FROM ops.waivers ORDER BY finding_id").fetchall() == [
            ("missing:b1", "a test", "Ayu", AT.replace(tzinfo=None)),
            ("orphan:c1", "paid in cash, ask (phone number)", "Budi", AT.replace(tzinfo=None)),
        ]
        mirror_waivers(con, [])
        assert con.execute("FROM ops.waivers").fetchall() == []
    assert ledger.waiver("orphan:c1") in ledger.waivers(), "the ledger keeps the words as they were given"
