"""The numbers by which a row is read, each with its unit, once. How they are applied does not live here, nor
what stands with its subject: rates, fees and deadlines in commission_policy.toml, limits of health, members,
service, chain and errors in the modules of that name.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

RULES_VERSION: Final = "4"
"""Raised whenever a rule of this folder reads a row differently: core and the private file are then
rebuilt."""

DEFAULT_TIMEZONE: Final = "Asia/Makassar"

# Money
THOUSANDS_BELOW_IDR: Final = 10_000
"""An amount of a booking, or the base of a commission record, over 0 and below this many was written in
thousands of rupiah."""
AMOUNT_MIN_IDR: Final = 20_000
AMOUNT_MAX_IDR: Final = 20_000_000
"""An amount that is not 0 is believed from the first to the second, both included, unless
BOOKWATCH_AMOUNT_MIN and BOOKWATCH_AMOUNT_MAX say otherwise."""
AMOUNT_READ_BELOW_IDR: Final = 1_000_000_000_000
"""A number of this many or more is none: what is read fits 64 bits in millionths."""
AMOUNT_TOLERANCE_IDR: Final = 1
"""Two totals further apart than this disagree."""
ROUNDED_TOLERANCE_IDR: Final = 500
"""As above where one of the two is a price in thousands, or a total in whole thousands: one writer rounds
them (202,500 becomes 203)."""

# Instants
EARLIEST_INSTANT: Final = datetime(2015, 1, 1)  # noqa: DTZ001 - naive UTC, as everywhere in the tables
LATEST_INSTANT: Final = datetime(2100, 1, 1)  # noqa: DTZ001 - naive UTC
"""Readable instants lie in [EARLIEST_INSTANT, LATEST_INSTANT): 45000 and 1970 are not dates of a booking."""
NOT_YET_MINUTES: Final = 5
"""What has happened did so at most this long after the row was last changed (by the server's clock) or first stored
(by ours): clocks of phones differ by minutes, not by days."""
OFFSET_REFERENCE: Final = datetime(2025, 1, 1)  # noqa: DTZ001 - naive UTC
"""Where a zone outside Indonesia changes its clocks, the offset at this instant is used all year."""

# Booking
IMMEDIATE_START_MINUTES: Final = 120
"""A start at most this long after creation is immediate, a later one scheduled."""
IMMEDIATE_DEADLINE_MINUTES: Final = 10
"""Without a start: a response deadline at most this long after creation is immediate."""
RESPONSE_MINUTES_IMMEDIATE: Final = 5
RESPONSE_MINUTES_SCHEDULED: Final = 30
"""Response deadline after creation, unless the row says otherwise."""
LONGEST_SERVICE_MINUTES: Final = 1_440
"""A duration outside 1 … this is a typing error, not a service."""

# Test rows
TEST_NAME_PATTERN: Final = r"(?i)\b(?:test|testing)[0-9]*\b"
"""A customer's name with the word test in it, such as "Admin Test"."""
TEST_PHONE_PATTERN: Final = r"^\+?(?:62)?0{6,}$"
"""000000000, with or without Indonesia's prefix."""
