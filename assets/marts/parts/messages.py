"""The unit of messages, each by itself: what is summed of them is what it was, less what changed ones were and with
what they are. Conversations are rooms.py's.
"""

from __future__ import annotations

from typing import Any, Final

from assets.marts.parts.part import Change, Unit, changed

NAME: Final = "messages"


def _find(con: Any, change: Change) -> str | None:
    con.execute(
        "CREATE OR REPLACE TEMP TABLE touched_messages_now AS SELECT message_id, max(change) AS newest"
        f" FROM ({changed('messages')}) GROUP BY message_id"
    )
    found = con.execute("SELECT min(newest), max(newest) FROM temp.touched_messages_now").fetchone()
    for name, number in zip(("from", "until"), found, strict=True):
        con.execute(f"SET VARIABLE bookwatch_messages_{name} = CAST(? AS BIGINT)", [number])
    return None


MESSAGES: Final = Unit(
    NAME,
    {"messages": "message_id IN (SELECT message_id FROM temp.touched_messages_now)"},
    _find,
    ("touched_messages_now",),
    (),
    # The version that is there is the newest, and has the greatest number of a change: of others nothing is read.
    {
        "messages": "SELECT * FROM core.messages WHERE change"
        " BETWEEN getvariable('bookwatch_messages_from') AND getvariable('bookwatch_messages_until')"
    },
)
