"""Every table of the warehouse as it is declared, by layer: what is in the snapshot, column by column.

Importing this loads Pandera. Commands that only read a snapshot (status, sql, export) do without.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from checks.schemas import chat, commission, core, customers, data, demand, health, ops, providers, revenue
from checks.schemas.table import Declaration, declared

SUBJECTS: Final = (core, commission, revenue, demand, customers, providers, chat, health, data, ops)
"""The modules that declare tables; importing one makes its tables known."""

CORE: Final[Mapping[str, Declaration]] = declared("core")
MARTS: Final[Mapping[str, Declaration]] = declared("marts")
OPS: Final[Mapping[str, Declaration]] = declared("ops")
