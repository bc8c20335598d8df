"""published/status.json: written whole and swapped in, so a reader never sees half of it. Computes nothing."""

from __future__ import annotations

from typing import Any, cast

import orjson

from resources.home import Home
from resources.own_files import replace


def write_status(home: Home, status: dict[str, Any]) -> None:
    """Replace status.json."""
    replace(home.status, orjson.dumps(status, option=orjson.OPT_INDENT_2 | orjson.OPT_NAIVE_UTC))


def read_status(home: Home) -> dict[str, Any] | None:
    """What the last run wrote, or None before the first, and where the file is damaged: the next run writes it anew."""
    try:
        content: object = orjson.loads(home.status.read_bytes())
    except (FileNotFoundError, orjson.JSONDecodeError):
        return None
    return cast("dict[str, Any]", content) if isinstance(content, dict) else None
