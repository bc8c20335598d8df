"""A table that is made in one call is what the SDK makes of it column by column, as an app's owner does."""

from __future__ import annotations

from typing import Any

from appwrite.services.tables_db import TablesDB

from tests.marketplace_tables import BOOKING_COLUMNS, BOOL, FLOAT, INT, TEXT, TIME, Marketplace
from tests.sandbox_server import SandboxProcess

KINDS = {"text": TEXT, "number": INT, "share": FLOAT, "is_so": BOOL, "at": TIME}
OF_ITS_MAKING = ("$createdAt", "$updatedAt", "tableId", "$id", "name")


def _told(said: Any) -> Any:
    """What the server says of a table or column, without what differs between any two."""
    if isinstance(said, list):
        return [_told(one) for one in said]
    if isinstance(said, dict):
        return {name: _told(value) for name, value in said.items() if name not in OF_ITS_MAKING}
    return said


def test_a_table_made_in_one_call_is_the_one_the_sdk_makes() -> None:
    columns = {**BOOKING_COLUMNS, **KINDS}
    with SandboxProcess("--empty") as server:
        market = Marketplace(server, {"at_once": columns})
        market.service.create_table(server.database, "one_by_one", "one_by_one")
        for key, kind in columns.items():
            market.create_column("one_by_one", key, kind)
        tables = TablesDB(server.client())
        made, expected = (
            _told(tables.get_table(server.database, name).to_dict()) for name in ("at_once", "one_by_one")
        )
    assert made == expected
    assert len(made["columns"]) == len(columns)
