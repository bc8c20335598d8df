"""An order as a test writes it, read into the record it means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any


def record_of(kind: type[Any], item: Mapping[str, Any]) -> Any:
    """The record of this kind. Raises ValueError for a name it does not have, TypeError for one it lacks."""
    known = {f.name for f in fields(kind)}
    unknown = sorted(set(item) - known)
    if unknown:
        raise ValueError(f"unknown: {', '.join(unknown)}")
    return kind(**item)
