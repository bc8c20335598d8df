"""Phone numbers as they are written → E.164, or null with the reason (a code of messages/, but ABSENT). Where they are
kept does not live here."""

from __future__ import annotations

import hashlib
import re
from typing import Final

import phonenumbers
import polars as pl

from marketplace.rules import TEST_PHONE_PATTERN
from marketplace.text import nulls, read_rest

ABSENT: Final = "absent"
NOT_A_NUMBER: Final = "noted.phone_not_a_number"
TOO_SHORT: Final = "noted.phone_too_short"
TOO_LONG: Final = "noted.phone_too_long"
NOT_VALID: Final = "noted.phone_no_such_number"
REASONS: Final = (ABSENT, NOT_A_NUMBER, TOO_SHORT, TOO_LONG, NOT_VALID)

_INDONESIA: Final = phonenumbers.PhoneMetadata.metadata_for_region("ID")
_MOBILE: Final = str(getattr(getattr(_INDONESIA, "mobile", None), "national_number_pattern", ""))
if not _MOBILE:
    raise RuntimeError("phonenumbers knows no Indonesian mobile numbers")
_INDONESIAN_MOBILE: Final = rf"^(?:(?:\+|00)(?:62\+?|0)+|(?:62\+?|0)*)({_MOBILE})$"
"""0812…, 812…, 62812…, +62812…, and the slips of one writer: +620812…, +62+62812…"""


def e164(text: pl.Series) -> tuple[pl.Series, pl.Series]:
    """Phones as text → (E.164 or null, reason or null). A row has exactly one of the two."""
    if text.null_count() == len(text):
        return nulls(len(text), pl.String), pl.Series([ABSENT], dtype=pl.String).new_from_index(0, len(text))
    clean = bare(text)
    fast = "+62" + clean.str.extract(_INDONESIAN_MOBILE)
    unique: dict[str, tuple[str | None, str | None]] = {}
    rest = fast.is_null() & clean.is_not_null()
    for written in clean.filter(rest).unique().to_list():
        unique[written] = _parse(written)
    if not unique:
        reasons = nulls(len(text), pl.String)
        return fast, reasons.set(text.is_null(), ABSENT)
    numbers = read_rest(
        fast,
        clean,
        lambda rows: rows["text"].replace_strict(
            {k: v[0] for k, v in unique.items()}, return_dtype=pl.String
        ),
    )
    reasons = clean.replace_strict({k: v[1] for k, v in unique.items()}, default=None, return_dtype=pl.String)
    return numbers, reasons.set(text.is_null(), ABSENT)


def e164_of(written: str | None) -> str | None:
    """One phone as E.164, None where it is none.

    >>> e164_of("0812-3456-7890")
    '+6281234567890'
    """
    return e164(pl.Series([written], dtype=pl.String))[0][0]


def bare(text: pl.Series) -> pl.Series:
    """Phones as written → without a prefix such as tel: and without what stands between the digits."""
    return (
        text.str.replace(r"(?i)^(?:whatsapp:|tel:|(?:https?://)?wa\.me/)", "")
        .str.replace_all(r"[\s\u00a0\u200b\u202a-\u202e().\-/]", "")
    )  # fmt: skip


def _parse(written: str) -> tuple[str | None, str | None]:
    """One number that is no plain Indonesian mobile: landlines and foreign numbers."""
    if not any(c.isdigit() for c in written) or any(c.isalpha() for c in written):
        return None, NOT_A_NUMBER
    international = written.startswith(("+", "00"))
    digits = written.removeprefix("00") if written.startswith("00") else written.removeprefix("+")
    if digits.startswith("62"):
        # one country code, and no trunk zero behind it
        national = re.sub("^(?:62|0)+", "", digits.replace("+", ""))
        return _checked("+62" + national, strict=True)
    if international:
        return _checked("+" + digits, strict=False)
    if not written.startswith("0"):
        abroad, _ = _checked("+" + digits, strict=True)
        if abroad is not None:
            return abroad, None
    return _checked(written, strict=True)


def _checked(number: str, *, strict: bool) -> tuple[str | None, str | None]:
    """``strict``: the number must be one that is given out, not only of a possible length."""
    try:
        parsed = phonenumbers.parse(number, "ID")
    except phonenumbers.NumberParseException as unreadable:
        short = unreadable.error_type == phonenumbers.NumberParseException.TOO_SHORT_NSN
        long = unreadable.error_type == phonenumbers.NumberParseException.TOO_LONG
        return None, TOO_SHORT if short else TOO_LONG if long else NOT_A_NUMBER
    possible = phonenumbers.is_possible_number_with_reason(parsed)
    if possible in (
        phonenumbers.ValidationResult.TOO_SHORT,
        phonenumbers.ValidationResult.IS_POSSIBLE_LOCAL_ONLY,
    ):
        return None, TOO_SHORT
    if possible == phonenumbers.ValidationResult.TOO_LONG:
        return None, TOO_LONG
    if possible != phonenumbers.ValidationResult.IS_POSSIBLE or (
        strict and not phonenumbers.is_valid_number(parsed)
    ):
        return None, NOT_VALID
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164), None


def is_test_phone(text: pl.Series) -> pl.Series:
    """Boolean: nothing but zeros."""
    return bare(text).str.contains(TEST_PHONE_PATTERN).fill_null(False)


def keyed(numbers: pl.Series, key: bytes) -> pl.Series:
    """Phones → a hash that tells equal from different and, without the key, nothing else."""
    unique = numbers.drop_nulls().unique().to_list()
    if not unique:
        return nulls(len(numbers), pl.String)
    table = {n: hashlib.blake2b(n.encode(), key=key, digest_size=16).hexdigest() for n in unique}
    return numbers.replace_strict(table, default=None, return_dtype=pl.String)
