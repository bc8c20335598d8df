"""A browser as it is written, a user agent or in words → its family and major version. Nothing else of it is told: a
user agent names the phone's model."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from ua_parser import parse_user_agent

_FAMILIES: Final = (
    "Chrome Mobile",
    "Chrome",
    "Chromium",
    "Mobile Safari",
    "Safari",
    "Firefox Mobile",
    "Firefox",
    "Edge Mobile",
    "Edge",
    "Opera Mini",
    "Opera Mobile",
    "Opera",
    "Samsung Internet",
    "UC Browser",
    "MiuiBrowser",
    "Huawei Browser",
    "DuckDuckGo",
    "Brave",
    "Vivaldi",
    "Android",
    "WhatsApp",
    "Instagram",
    "Facebook",
)
"""The library's names of those that are also written in words, as a deployment's own app does."""
_WORDS: Final = re.compile(
    rf"(?i)^(?P<family>{'|'.join(map(re.escape, _FAMILIES))})(?:[ /](?P<major>\d{{1,4}})(?:\.\d{{1,6}}){{0,3}})?"
    r"(?: (?:on )?(?:Android|iOS|iPadOS|Windows|macOS|Linux)(?: \d{1,4}(?:\.\d{1,4}){0,2})?)?$"
)
_FAMILY: Final = re.compile(r"[A-Za-z][A-Za-z0-9 ./()+-]{0,39}")
_MANY_DIGITS: Final = re.compile(r"(?:\d\D*){5}")
_LONGEST_USER_AGENT: Final = 1_000


@lru_cache(maxsize=4_096)
def family_and_version(written: str) -> str | None:
    """Such as "Chrome 142", or "Safari" where no version is told; null for what is no browser."""
    words = _WORDS.match(written)
    if words is not None:
        family = next(name for name in _FAMILIES if name.lower() == words["family"].lower())
        return family if words["major"] is None else f"{family} {words['major']}"
    if "/" not in written or len(written) > _LONGEST_USER_AGENT:
        return None
    agent = parse_user_agent(written)
    # Some families are whatever stands before a slash.
    if agent is None or not _FAMILY.fullmatch(agent.family) or _MANY_DIGITS.search(agent.family):
        return None
    major = agent.major or ""
    return f"{agent.family} {major}" if major.isdigit() and len(major) <= 4 else agent.family
