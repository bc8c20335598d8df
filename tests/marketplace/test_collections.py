"""A collection is declared once: its record says what the rest needs to know of it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from assets.core.engine import SOURCES
from marketplace.aliases import JSON_PATHS
from marketplace.collection import Collection, CoreRows, Form
from marketplace.collections import (
    BOOKING_COLLECTIONS,
    COLLECTIONS,
    INGESTED,
    PROVIDER_COLLECTIONS,
    category_of,
)
from marketplace.erasure import PERSON_KEYS
from marketplace.published import PUBLISHED

ROOT = Path(__file__).parents[2]


def test_what_is_not_read_is_neither_required_nor_derived() -> None:
    for wrong in ({"required": True}, {"core": CoreRows("rooms", "room_id")}):
        with pytest.raises(ValueError, match="not ingested"):
            Collection("rooms", **wrong)  # type: ignore[arg-type]  # each is right for its field


def test_what_core_derives_publishes_and_erases_is_what_the_records_say() -> None:
    assert {source.collection for source in SOURCES} == {c.name for c in COLLECTIONS if c.core}
    assert set(PUBLISHED) == {c.name for c in COLLECTIONS if c.published}
    assert set(PERSON_KEYS) == {c.name for c in COLLECTIONS if c.keys} <= set(INGESTED)
    assert {form for c in COLLECTIONS for form in c.published.values()} == set(Form)


def test_a_path_into_an_object_is_one_that_is_parsed() -> None:
    paths = {
        name
        for c in COLLECTIONS
        for name in (*c.published, *(n for e in c.expected for n in e.names))
        if "." in name
    }
    assert {path for path in paths if path.split(".", 1)[1] not in JSON_PATHS[path.split(".", 1)[0]]} == set()


@pytest.mark.parametrize(
    ("name", "category"),
    [("bookings", "booking"), ("messages", "chat"), ("commissions", "payment"), ("therapists", "appwrite"),
     ("admin_messages", "chat"), ("nothing", "appwrite")],
)  # fmt: skip
def test_the_category_of_an_error_is_that_of_the_collection_or_of_the_table_it_becomes(
    name: str, category: str
) -> None:
    assert category_of(name) == category


def test_no_other_module_of_the_rules_lists_collections() -> None:
    """One may be named (a hop of the chain says which collection shows it); a list of them is a record's."""
    known = {c.name for c in COLLECTIONS} - {"users", "notifications", "bookings"}
    listed = []
    for path in sorted((ROOT / "marketplace").glob("*.py")):
        if path.name == "collections.py":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            parts: list[ast.expr | None] = []
            if isinstance(node, ast.Dict):
                parts = node.keys
            elif isinstance(node, ast.Tuple | ast.List | ast.Set):
                parts = [*node.elts]
            listed += [
                (path.name, part.value)
                for part in parts
                if isinstance(part, ast.Constant) and part.value in known
            ]
    assert listed == []


def test_bookings_and_providers_are_told_from_their_records() -> None:
    assert BOOKING_COLLECTIONS == ("bookings", "hotel_bookings")
    assert PROVIDER_COLLECTIONS == ("therapists", "places")
