"""Every message the pipeline itself published: in English the text beside it, to the letter; in Indonesian another."""

from __future__ import annotations

from typing import Any

from checks.schemas import CORE, MARTS
from marketplace.codes import LONGEST_PUBLISHED
from messages.catalogue import say
from messages.message import message_of, messages_of
from resources.home import Home
from resources.snapshots import open_snapshot, require_snapshot

#: The column of a message's English text, the first that a table has.
TEXTS = ("detail", "message", "reason")
TOLD = (
    "commission_findings",
    "commission_entries",
    "health_points",
    "health_history",
    "booking_anomalies",
    "closed_month_changes",
    "data_findings",
)


def _rows(home: Home, query: str) -> list[tuple[Any, ...]]:
    with open_snapshot(require_snapshot(home)) as con:
        return con.execute(query).fetchall()


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_PUBLISHED else f"{text[: LONGEST_PUBLISHED - 1]}…"


def test_each_message_is_in_english_what_stands_beside_it(published_home: Home) -> None:
    told: dict[str, int] = {}
    for name, table in {one.table: one for one in (*MARTS.values(), CORE["data_findings"])}.items():
        columns = {column.name for column in table.columns}
        if not {"code", "args"} <= columns:
            continue
        text = next(column for column in TEXTS if column in columns)
        for code, args, written in _rows(published_home, f"SELECT code, args, {text} FROM {name}"):
            message = message_of(code, args)
            assert message is not None, (name, written)
            assert _cut(say(message)) == written
            assert say(message, "id") != say(message)
            assert all(
                len(value) <= LONGEST_PUBLISHED for value in message.args.values() if isinstance(value, str)
            )
            told[name] = told.get(name, 0) + 1
    assert {f"marts.{name}" for name in TOLD} <= told.keys()
    assert told["core.data_findings"] < told["marts.data_findings"]  # references are matched in the mart


def test_the_reasons_of_a_member_are_those_of_their_messages(published_home: Home) -> None:
    rows = _rows(published_home, "SELECT messages, reasons FROM marts.member_health")
    assert any(reasons for _, reasons in rows)
    for written, reasons in rows:
        messages = messages_of(written)
        assert messages is not None
        assert "; ".join(map(say, messages)) == reasons
