"""`bookwatch doctor` on the acting key: what it lacks, what it has too much; nothing is written to find out."""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from marketplace.operations import Mode, Operation
from resources.appwrite.acting_key import examine_acting_key
from tests.operations.desk import Desk

SCOPES = ("rows.read", "rows.write", "tables.read")


def said(desk: Desk, key: str) -> list[tuple[str, str]]:
    settings = desk.settings.model_copy(update={"appwrite_write_key": SecretStr(key)})
    return [(line.verdict, line.sentence) for line in examine_acting_key(settings, settings.clock)]


@pytest.mark.parametrize(
    ("scopes", "told"),
    [
        (SCOPES, ("ok", "may read and write rows, and no more")),
        (SCOPES[:1] + SCOPES[2:], ("problem", "lacks the scope rows.write")),
        (SCOPES[1:], ("problem", "lacks the scope rows.read")),
        (SCOPES[:2], ("problem", "lacks the scope tables.read")),
        ((*SCOPES, "tables.write"), ("warning", "may more than operations need (tables.write)")),
    ],
)
def test_each_scope_is_told(desk: Desk, scopes: tuple[str, ...], told: tuple[str, str]) -> None:
    ((verdict, sentence),) = said(desk, desk.server.new_key(*scopes))
    assert verdict == told[0]
    assert told[1] in sentence
    assert desk.server.writes()["writes"] == 0


def test_a_key_that_is_none_is_told_and_never_repeated(desk: Desk) -> None:
    told = said(desk, "no_such_key")
    assert told
    assert all(verdict == "problem" for verdict, _ in told)
    assert "no_such_key" not in str(told)


def test_without_a_key_it_is_missed_where_something_is_enforced_alone(desk: Desk) -> None:
    assert said(desk, "") == [
        ("problem", "APPWRITE_WRITE_KEY is not set, and operations are enforced (expire_bookings).")
    ]
    desk.settings = desk.settings.model_copy(update={"operations": {Operation.EXPIRE_BOOKINGS: Mode.OBSERVE}})
    assert said(desk, "") == []
