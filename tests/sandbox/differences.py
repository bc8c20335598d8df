"""Where the sandbox answers otherwise than the recorded Appwrite 1.9.6, and why. Read by test_recorded.py."""

from __future__ import annotations

DIFFERENCES: dict[str, str] = {}
