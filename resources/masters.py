"""Addresses of Spark's masters: which text is one. Knows nothing of Spark itself."""

from __future__ import annotations

import re
from typing import Final

_HOST: Final = r"(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\]):[0-9]{1,5}"
_MASTER: Final = re.compile(rf"local(?:\[(?:\*|[1-9][0-9]{{0,3}})\])?|spark://{_HOST}(?:,{_HOST})*")
_CLUSTER: Final = "spark://"


def is_master(text: str) -> bool:
    """Whether it is local, local[N], local[*], or spark:// with one address or more."""
    return _MASTER.fullmatch(text) is not None


def addresses(master: str) -> list[tuple[str, int]]:
    """Host and port of each master of a cluster; none of a local one."""
    if not master.startswith(_CLUSTER):
        return []
    pairs = (one.rpartition(":") for one in master.removeprefix(_CLUSTER).split(","))
    return [(host.strip("[]"), int(port)) for host, _, port in pairs]
