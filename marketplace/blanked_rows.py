"""How a stored row reads without a person: blanked, renamed, and what of it says who wrote it and to whom.

Whose a row is stands in erasure.py; which rows there are is found in resources/.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from marketplace.aliases import ALIASES
from marketplace.collection import PersonKeys
from marketplace.collections import BOOKING_COLLECTIONS
from marketplace.erasure import (
    CUSTOMER_ROLES,
    PERSON_KEYS,
    TEST_NAME,
    blanked,
    is_test_row,
    json_object,
    personal,
    text_of,
)

Columns = Iterable[tuple[str, str]]
"""(attribute, column) of a collection's table."""


def viewed(row: Mapping[str, Any], columns: Columns) -> dict[str, Any]:
    """A stored row by attribute: values that did not fit their column's type stand in for it."""
    view: dict[str, Any] = {"_id": row.get("_id")}
    for attribute, column in columns:
        if view.get(attribute) is None:
            view[attribute] = row.get(column)
    misfits = json_object(row.get("_misfits"), ours=True)
    if misfits:
        view |= {name: value for name, value in misfits.items() if view.get(name) is None}
    return view


def without(
    collection: str, row: Mapping[str, Any], columns: Columns, attributes: Iterable[str]
) -> dict[str, Any]:
    """A stored row without the values of some attributes. A booking that was a test by its name stays one."""
    columns = tuple(columns)
    gone = frozenset(attributes)
    blank = dict(row)
    whole = viewed(row, columns)
    for attribute, column in columns:
        if attribute in gone and blank.get(column) is not None:
            blank[column] = blanked(attribute, blank[column], whole)
    misfits = json_object(row.get("_misfits"), ours=True)
    if misfits and gone & misfits.keys():
        rest = {name: blanked(name, v, whole) if name in gone else v for name, v in misfits.items()}
        rest = {name: value for name, value in rest.items() if value is not None}
        blank["_misfits"] = json.dumps(rest, ensure_ascii=False) if rest else None
    if collection in BOOKING_COLLECTIONS and is_test_row(whole) and not is_test_row(viewed(blank, columns)):
        names = dict(columns)
        place = next((names[n] for n in ALIASES["booking.customer_name"] if n in names), None)
        if place is not None:
            blank[place] = TEST_NAME
    return blank


def renamed(
    collection: str, row: Mapping[str, Any], columns: Columns, told: Callable[[str], str | None]
) -> dict[str, Any]:
    """A stored row in which a person whose id is none is referred to by its hash, as core would publish it.

    ``told``: of a reference the hash to be written in its place, None for what stays.
    """
    keys = PERSON_KEYS.get(collection)
    changed = dict(row)
    if keys is None:
        return changed
    misfits = json_object(row.get("_misfits"), ours=True)
    before = dict(misfits) if misfits else None
    for name in keys.people:
        attribute, _, path = name.partition(".")
        if attribute == "_id":
            continue
        for written, column in columns:
            if written == attribute and isinstance(changed.get(column), str):
                changed[column] = _renamed(changed[column], path, told)
        if misfits and attribute in misfits:
            misfits[attribute] = _renamed(misfits[attribute], path, told)
    if misfits and misfits != before:
        changed["_misfits"] = json.dumps(misfits, ensure_ascii=False)
    return changed


def _renamed(value: Any, path: str, told: Callable[[str], str | None]) -> Any:
    if not path:
        text = text_of({"id": value}, "id")
        return (told(text) if text is not None else None) or value
    found = json_object(value)
    text = text_of(found, path) if found else None
    name = told(text) if text is not None else None
    if not found or name is None:
        return value
    return json.dumps({**found, path: name}, ensure_ascii=False, separators=(",", ":"))


def said_by_customer(keys: PersonKeys, view: Mapping[str, Any]) -> bool:
    """Whether a message says that a customer wrote it."""
    return any((text_of(view, name) or "").casefold() in CUSTOMER_ROLES for name in keys.authors)


def addressee_names(collection: str) -> frozenset[str]:
    """Attributes that name whom a row was sent to."""
    return personal(collection) & frozenset(ALIASES["message.receiver_name"])
