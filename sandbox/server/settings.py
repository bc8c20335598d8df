"""What a test may set of a server that runs: what it can, how long it takes. Sets nothing itself."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class ServerSettings:
    """``transactions``: whether it has their routes. ``index_seconds``: how long a new index is ``processing``;
    ``index_error``: what is wrong with it then (it is ``failed``), none: it is ``available``."""

    transactions: bool = True
    index_seconds: float = 0.0
    index_error: str = ""
