"""Where the sandbox answers otherwise than the recorded Appwrite 1.9.6, and why. Read by test_recorded.py."""

from __future__ import annotations

DIFFERENCES: dict[str, str] = {}

# recorded-1.9.6-acting.jsonl
ACTING_DIFFERENCES: dict[str, str] = {
    "db_create": "answered with a `status`, which the same server did not in recorded-1.9.6.jsonl",
    "http_gzip_big": "answers are not compressed: it would cost each page of a scan",
    "http_br_big": "answers are not compressed",
}
