"""Step: the reviewed records on which any finding stands. Which one, and its sentence, commission_findings says.

Few records have a finding: they are looked for once among all, not once for each rule.
"""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import Any

from assets.marts.commission.commission_findings import RULES, spoken
from assets.marts.later import ir
from assets.marts.mart import step
from assets.marts.parts.links import BY_RECORD
from assets.marts.tables import Instants


@step(part=BY_RECORD)
def commission_suspects(commission_reviews: Any, at: Instants) -> ir.Table:
    """The rows of commission_reviews for which a rule holds, with all their columns, and the texts that many sentences
    name (…_said)."""
    r = commission_reviews
    return spoken(r.filter(reduce(or_, (rule.stands(r, at) for rule in RULES.values()))))
