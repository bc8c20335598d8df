"""Step: the reviewed records on which any finding stands. Which one, and its sentence, commission_findings says.

Few records have a finding: they are looked for once among all, not once for each rule.
"""

from __future__ import annotations

from functools import reduce
from operator import or_

import ibis.expr.types as ir

from assets.marts.commission_findings import RULES
from assets.marts.tables import Instants, Tables


def table(t: Tables, at: Instants) -> ir.Table:
    """The rows of commission_reviews for which a rule holds, with all their columns."""
    r = t.commission_reviews
    return r.filter(reduce(or_, (rule.stands(r, at) for rule in RULES.values())))
