"""Puts a marketplace into the store that is served, as the options say; lets it go on where they say so."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from itertools import starmap
from typing import Any

from sandbox.enlarge import enlarge
from sandbox.fill import fill
from sandbox.live import catch_up, live
from sandbox.options import DATABASE, Options
from sandbox.simulator.disturbances import Disturbances, Level, Outage
from sandbox.storage.store import Store
from sandbox.truth_file import truth_writer

Disturb = Callable[[Mapping[str, Any]], None]


def open_marketplace(store: Store, options: Options, stop: threading.Event) -> Disturb | None:
    """Its history, if the store has none; then live, on a thread of its own, until told to ``stop``.

    What takes orders of what is to disturb it from now on; None where it does not go on. Raises ValueError where it is
    to go on from a history that another start made, or where what is to disturb it makes no sense.
    """
    disturbances = Disturbances(
        starmap(Outage, options.outages), starmap(Level, options.acceptance), starmap(Level, options.demand)
    )
    simulation = None
    until = options.until or datetime.now(UTC)
    if DATABASE not in store.databases:
        simulation = fill(store, DATABASE, options.seed, options.days, until, disturbances)
    if options.bookings or options.messages:
        enlarge(store, DATABASE, options.bookings, options.messages, options.seed, until)
    if not options.live:
        return None
    if simulation is None:
        raise ValueError("--live goes on from a history made in the same start: name a new --data folder.")
    catch_up(store, DATABASE, simulation)  # filling took time: nothing late after the start
    arguments = (store, DATABASE, simulation, stop, truth_writer(store, simulation))
    threading.Thread(target=live, args=arguments, daemon=True).start()
    return disturbances.put
