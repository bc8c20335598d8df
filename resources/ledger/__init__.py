"""ledger.sqlite: what is written while the warehouse is busy, or by several processes.

Figures do not live here: each run mirrors what readers need into ``ops``.

A subject is a module, and its class can be used alone (``Runs(home.ledger)``); ``Ledger`` is those a run needs in one.
The alerts stand apart, in alerts.py. How the file is opened is connection.py's, its tables are migrations.py's.
"""

from __future__ import annotations

from resources.ledger.acknowledgements import Acknowledgement, Acknowledgements
from resources.ledger.actions import Actions
from resources.ledger.backups import BackupEntry, Backups, DrillEntry
from resources.ledger.calls import Calls, LedgerCall
from resources.ledger.closed_months import ClosedChange, ClosedGap, ClosedMonths
from resources.ledger.connection import LedgerElsewhere, require_here
from resources.ledger.erasures import Erasures
from resources.ledger.exports import ExportEntry, Exports
from resources.ledger.health import HealthChange, HealthPoints, HealthVerdict
from resources.ledger.migrations import LedgerTooNew
from resources.ledger.orders import Order, Orders
from resources.ledger.outbox import Letter, LetterState, Outbox
from resources.ledger.runs import EnteredRun, Runs
from resources.ledger.seals import Seal, Seals
from resources.ledger.sign_offs import SignOff, SignOffs
from resources.ledger.waivers import Waiver, Waivers


class Ledger(
    Runs,
    Waivers,
    ClosedMonths,
    Exports,
    SignOffs,
    Seals,
    HealthPoints,
    Calls,
    Erasures,
    Acknowledgements,
    Orders,
    Actions,
    Outbox,
    Backups,
):
    """The ledger of a home, every subject but the alerts."""


__all__ = [
    "Acknowledgement",
    "BackupEntry",
    "ClosedChange",
    "ClosedGap",
    "DrillEntry",
    "EnteredRun",
    "ExportEntry",
    "HealthChange",
    "HealthVerdict",
    "Ledger",
    "LedgerCall",
    "LedgerElsewhere",
    "LedgerTooNew",
    "Letter",
    "LetterState",
    "Order",
    "Seal",
    "SignOff",
    "Waiver",
    "require_here",
]
