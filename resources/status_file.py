"""published/status.json: written whole and swapped in, so a reader never sees half of it. Computes nothing."""

from __future__ import annotations

import os
from typing import Any, cast

import orjson

from resources.home import Home
from resources.snapshots import sync_folder


def write_status(home: Home, status: dict[str, Any]) -> None:
    """Replace status.json."""
    partial = home.published / ".status.json.partial"
    with open(partial, "wb") as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(orjson.dumps(status, option=orjson.OPT_INDENT_2 | orjson.OPT_NAIVE_UTC))
        file.flush()
        os.fsync(file.fileno())
    os.replace(partial, home.status)
    sync_folder(home.published)


def read_status(home: Home) -> dict[str, Any] | None:
    """What the last run wrote, or None before the first, and where the file is damaged: the next run writes it anew."""
    try:
        content: object = orjson.loads(home.status.read_bytes())
    except (FileNotFoundError, orjson.JSONDecodeError):
        return None
    return cast("dict[str, Any]", content) if isinstance(content, dict) else None
