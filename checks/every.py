"""Every check there is on the warehouse, by name. What each looks for stands in the module of its subject.

Dagster is not known here: verdicts.py groups these records, pipelines/dagster wraps the groups.
"""

from __future__ import annotations

from collections.abc import Mapping

import checks
from checks.check import Check, TableCheck
from checks.schemas import CORE, MARTS
from checks.schemas.table import Declaration
from marketplace.findings import SEVERITIES
from marketplace.registry import Registry
from resources.modules import modules_of


def registry_of(core: Mapping[str, Declaration]) -> Registry[str, Check | TableCheck]:
    """Every check, given core's tables by name: of each table, and the CHECKS of each module of this folder; the
    gravest first, as people read them. Raises ValueError if two share a name."""
    found: list[Check | TableCheck] = [
        *(TableCheck(table) for table in (*core.values(), *MARTS.values()) if table.checked),
        *(check for module in modules_of(checks) for check in getattr(module, "CHECKS", ())),
    ]
    gravest = list(reversed(SEVERITIES))
    return Registry(sorted(found, key=lambda check: gravest.index(check.level)), key=lambda check: check.name)


def all_checks() -> Registry[str, Check | TableCheck]:
    """Every check of core and marts."""
    return registry_of(CORE)
