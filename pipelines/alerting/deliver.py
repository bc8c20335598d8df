"""After a run: tell people which checks turned. State lives in the ledger, delivery in the notifier."""

from __future__ import annotations

from dataclasses import replace

from pipelines.alerting.message import compose
from pipelines.alerting.transitions import settled, transitions
from resources.ledger import Ledger
from resources.notifier import Notifier
from resources.run_context import RunContext


def alert(run: RunContext, ledger: Ledger, notifier: Notifier) -> None:
    """Send one message for the transitions of this run's checks; record it as sent only after a send succeeded.

    Without a configured channel the transitions are recorded as known, so that a channel added later is not
    flooded with the past.
    """
    if not run.checks:
        return
    known = ledger.alert_states()
    found = transitions(known, run.checks, now=run.clock.now())
    quiet = settled(known, run.checks, found)
    if quiet:
        ledger.record_alerts(quiet)
    if not found:
        return
    if not notifier.configured:
        ledger.record_alerts([replace(t.state, announced=True) for t in found])
        return
    delivered = notifier.send(*compose(found))
    ledger.record_alerts([replace(t.state, announced=delivered) for t in found])
    if not delivered:
        run.say(
            "The alert could not be delivered to every channel of BOOKWATCH_ALERT_URLS; it is tried again next run."
        )
