"""The attributes of one batch, read by name: each converted to text once, each JSON object parsed once.

Which names mean what is in aliases.py; what a value means is in money.py, instants.py, statuses.py and
phones.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, cast

import polars as pl

from marketplace.aliases import JSON_PATHS
from marketplace.json_values import read_json, why_set_aside
from marketplace.text import BLANK, as_text, coalesce, json_text, nulls

LARGE = "number too large for its column"
_NUMBER = re.compile(r"[+-]?\d{1,5000}(?:\.\d{1,5000})?(?:[eE][+-]?\d{1,9})?")


class Attributes:
    """A view of a raw batch (columns named as Appwrite's attributes, and ``_id``, ``_misfits``, …).

    ``gone``: attributes the deployment no longer has, though older rows may still hold values.
    """

    def __init__(self, frame: pl.DataFrame, *, gone: Iterable[str] = ()) -> None:
        self.frame = frame
        self.height = frame.height
        self._gone = frozenset(gone)
        self._texts: dict[str, pl.Series] = {}
        self._broken_json: dict[str, pl.Series] = {}
        self._misfits: list[dict[str, Any] | None] | None = None
        self._misfit_names: frozenset[str] = frozenset()
        self._set_aside: list[tuple[int, str, str]] = []
        if "_misfits" in frame.columns and frame["_misfits"].null_count() < frame.height:
            self._misfits = [_object(text, ours=True) for text in as_text(frame["_misfits"]).to_list()]
            for i, row in enumerate(self._misfits):
                marks = {name: why for name, value in (row or {}).items() if (why := why_set_aside(value))}
                self._set_aside += [(i, name, why) for name, why in marks.items()]
                if row and marks:
                    self._misfits[i] = {name: value for name, value in row.items() if name not in marks}
            self._misfit_names = frozenset(name for row in self._misfits if row for name in row)

    def exists(self, name: str) -> bool:
        """Whether the deployment has such an attribute."""
        return name in self.frame.columns and name not in self._gone

    def text(self, name: str) -> pl.Series:
        """The attribute (or the value at its JSON path) as trimmed text; null where absent or empty."""
        if name not in self._texts:
            if name in self.frame.columns or name in self._misfit_names:
                self._texts[name] = self._column(name)
            elif "." in name:
                self._read_object(name.split(".", 1)[0])
                self._texts.setdefault(name, nulls(self.height, pl.String))
            else:
                self._texts[name] = nulls(self.height, pl.String)
        return self._texts[name]

    def first(self, names: Sequence[str]) -> pl.Series:
        """The first of the names that is present and not empty, row by row."""
        result = self.text(names[0])
        for name in names[1:]:
            if result.null_count() == 0:
                break
            result = coalesce(result, self.text(name))
        return result

    def which(self, names: Sequence[str]) -> pl.Series:
        """The name of the attribute ``first`` took its value from; null where none had one."""
        attribute = nulls(self.height, pl.String)
        for name in names:
            if attribute.null_count() == 0:
                break
            here = self.text(name).is_not_null()
            if here.any():
                named = pl.Series([name], dtype=pl.String).new_from_index(0, self.height)
                attribute = coalesce(attribute, named.set(~here, None))
        return attribute

    def own(self, name: str, dtype: Any) -> pl.Series:
        """One of the mirror's own columns (``_id``, ``_created_at``, …), nulls where the batch lacks it."""
        if name not in self.frame.columns:
            return nulls(self.height, dtype)
        column = self.frame[name]
        return column if column.dtype == dtype else column.cast(dtype, strict=False)

    def misfits(self) -> list[tuple[int, str, str]]:
        """(row, attribute, kind of value) for each value that did not fit its column's type; LARGE for a number that is
        beyond those a column of numbers holds."""
        if self._misfits is None:
            return []
        numeric = {
            name
            for name in self._misfit_names
            if name in self.frame.columns and self.frame[name].dtype.is_numeric()
        }
        return [
            (i, name, LARGE if name in numeric and _is_beyond(value) else _kind(value))
            for i, row in enumerate(self._misfits)
            if row
            for name, value in row.items()
        ]

    def set_aside(self) -> list[tuple[int, str, str]]:
        """(row, attribute, why) for each value that was not kept."""
        return self._set_aside

    def broken_json(self) -> dict[str, pl.Series]:
        """Attribute → Boolean: looks like a JSON object and is none, or what is read from it is nested too deep. Only
        objects read so far."""
        return self._broken_json

    def _column(self, name: str) -> pl.Series:
        text = as_text(self.frame[name]) if name in self.frame.columns else nulls(self.height, pl.String)
        if name in self._misfit_names and self._misfits is not None:
            # kept beside the column because the type did not fit; what was written is still what was meant
            written = pl.Series(
                [json_text(row.get(name)) if row else None for row in self._misfits], dtype=pl.String
            )
            text = coalesce(text, written)
        return text

    def _read_object(self, attribute: str) -> None:
        if f"{attribute}." in self._texts:
            return
        self._texts[f"{attribute}."] = nulls(0, pl.String)  # marks the object as read
        paths = JSON_PATHS.get(attribute, ())
        if not paths or (attribute not in self.frame.columns and attribute not in self._misfit_names):
            return
        text = self.text(attribute)
        if text.null_count() == self.height:
            return
        values: dict[str, list[str | None]] = {path: [None] * self.height for path in paths}
        broken: list[bool] = [False] * self.height
        for i, written in enumerate(text.to_list()):
            if written is None:
                continue
            found = _object(written)
            if found is None:
                broken[i] = written[0] in "{["
                continue
            for path in paths:
                value = found.get(path)
                if value is not None:
                    values[path][i] = json_text(value)
                    broken[i] = broken[i] or (isinstance(value, dict | list) and values[path][i] is None)
        for path in paths:
            self._texts.setdefault(f"{attribute}.{path}", pl.Series(values[path], dtype=pl.String))
        if any(broken):
            self._broken_json[attribute] = pl.Series(broken, dtype=pl.Boolean)


def _object(text: str | None, *, ours: bool = False) -> dict[str, Any] | None:
    """The object in a JSON text, also where it was encoded twice; null for anything else."""
    found: Any = text
    for _ in range(2):
        if not isinstance(found, str):
            break
        try:
            found = read_json(found, ours=ours)
        except ValueError:
            return None
    return cast("dict[str, Any]", found) if isinstance(found, dict) else None


def _is_beyond(value: object) -> bool:
    """Whether a value, be it written as text, is a number beyond 64 bits."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return False
    text = value.strip(BLANK) if isinstance(value, str) else repr(value)
    return _NUMBER.fullmatch(text) is not None and abs(float(text)) >= 2**63


def _kind(value: object) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return "text"
    return "list" if isinstance(value, list) else "object"
