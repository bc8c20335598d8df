"""Values as PHP takes them: keys, numbers, dates. No column is known here."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any, TypeGuard

INT32 = 2**31
INT64 = 2**63
KEY_RULE = (
    "Parameter must contain at most 36 chars. Valid chars are a-z, A-Z, 0-9, period, hyphen, and underscore. "
    "Can't start with a special char"
)

UID_RULE = (
    "UID must contain at most 36 chars. Valid chars are a-z, A-Z, 0-9, and underscore. "
    "Can't start with a leading underscore"
)

_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,35}")
_UID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,35}")
_DATE = re.compile(
    r"\s*(\d{4})-(\d{1,2})-(\d{1,2})(?:[T\s]+(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?)?"
    r"\s*(Z|UTC|GMT|[+-]\d{2}(?::?\d{2})?)?\s*",
    re.IGNORECASE,
)

_OTHER_DATES = (
    "%a, %d %b %Y %H:%M:%S %z", "%d %B %Y", "%d %b %Y", "%B %d, %Y", "%b %d, %Y", "%Y/%m/%d",
    "%Y/%m/%d %H:%M:%S", "%m/%d/%Y", "%d-%m-%Y", "%Y%m%d", "%Y%m%dT%H%M%S", "%Y%m%dT%H%M%SZ",
)  # fmt: skip


def grouped(number: int | float) -> str:
    """PHP's number_format: no decimals, commas."""
    return f"{round(number) if isinstance(number, float) else number:,}"


def is_key(value: Any) -> bool:
    return isinstance(value, str) and _KEY.fullmatch(value) is not None


def is_uid(value: Any) -> bool:
    return isinstance(value, str) and _UID.fullmatch(value) is not None


def is_int(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def is_number(value: Any) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def numeric(value: Any) -> int | float | None:
    """The number a PHP ``is_numeric`` value stands for, else None."""
    if is_number(value):
        return value
    if isinstance(value, str) and re.fullmatch(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*", value):
        text = value.strip()
        return int(text) if re.fullmatch(r"[+-]?\d+", text) else float(text)
    return None


def range_rule(low: int | float, high: int | float) -> str:
    return f"Value must be a valid range between {grouped(low)} and {grouped(high)}"


def text_rule(longest: int, shortest: int = 0) -> str:
    at_least = f" and at least {shortest} chars" if shortest else ""
    at_most = f" and no longer than {longest} chars" if longest else ""
    return f"Value must be a valid string{at_least}{at_most}"


def integer_rule(bits: int) -> str:
    half = 2 ** (bits - 1)
    high = grouped(half - 1)
    return f"Value must be a valid signed {bits}-bit integer between {grouped(-half)} and {high}"


DATE_RULE = "Value must be valid date between 1000-01-01 00:00:00 and 9999-12-31 23:59:59."


def is_served_instant(value: Any) -> bool:
    """Whether a value is an instant written as the server itself writes it (``stamp``): most that come back are."""
    if type(value) is not str or len(value) != 29 or value[23:] != "+00:00":
        return False
    if value[4] != "-" or value[7] != "-" or value[10] != "T" or value[19] != "." or value[0] == "0":
        return False
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return True


def parse_instant(value: Any) -> datetime | None:
    """A date as PHP's DateTime would read it (the forms people send), in UTC; None if it would not."""
    if not isinstance(value, str) or not value:
        return None
    found = _DATE.fullmatch(value)
    if found is None:
        return _unusual_instant(value)
    year, month, day, hour, minute, second, fraction, zone = found.groups()
    try:
        at = datetime(
            int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0),
            int((fraction or "0").ljust(6, "0")[:6]), tzinfo=UTC,
        )  # fmt: skip
        if zone and zone[0] in "+-":
            digits = zone[1:].replace(":", "").ljust(4, "0")
            shift = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
            at += -shift if zone[0] == "+" else shift
    except (ValueError, OverflowError):
        return None
    return at if at.year >= 1000 else None


def _unusual_instant(value: str) -> datetime | None:
    text = value.strip()
    if re.fullmatch(r"@-?\d{1,12}(\.\d+)?", text):
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=float(text[1:]))
    for form in _OTHER_DATES:
        try:
            at = datetime.strptime(text, form)  # noqa: DTZ007 - a zone is added below where the form has none
        except ValueError:
            continue
        return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    return None
