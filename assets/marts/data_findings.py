"""Mart: every value that could not be trusted, as core noted it."""

from __future__ import annotations

import ibis.expr.types as ir

from assets.marts.tables import Instants, Tables


def table(t: Tables, at: Instants) -> ir.Table:
    """finding, collection, row_id, attribute, detail."""
    return t.data_findings.select("finding", "collection", "row_id", "attribute", "detail")
