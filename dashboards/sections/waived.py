"""Which findings people have waived, as the ledger has it now. Draws nothing."""

from __future__ import annotations

from dashboards import acts
from dashboards.kit.screen import Screen
from dashboards.queries.reconciliation import Entered, Waived
from marketplace.personal import without_contact


def entered(screen: Screen) -> Entered | None:
    """The waivers as the ledger has them now; None where there is no ledger to ask, so that the snapshot's stand."""
    known = acts.standing(screen) if screen.settings.home.ledger.exists() else None
    if known is None:
        return None
    return tuple(
        Waived(one.finding_id, one.waived_by, one.waived_at.replace(tzinfo=None), without_contact(one.reason))
        for one in known.waivers.values()
    )
