"""Puts a marketplace into the store that is served, as the options say; lets it go on where they say so."""

from __future__ import annotations

import threading
from datetime import UTC, datetime

from sandbox.enlarge import enlarge
from sandbox.fill import fill
from sandbox.live import catch_up, live
from sandbox.options import DATABASE, Options
from sandbox.storage.store import Store
from sandbox.truth_file import truth_writer


def open_marketplace(store: Store, options: Options, stop: threading.Event) -> None:
    """Its history, if the store has none; then live, on a thread of its own, until told to ``stop``.

    Raises ValueError where it is to go on from a history that another start made.
    """
    simulation = None
    until = options.until or datetime.now(UTC)
    if DATABASE not in store.databases:
        simulation = fill(store, DATABASE, options.seed, options.days, until)
    if options.bookings or options.messages:
        enlarge(store, DATABASE, options.bookings, options.messages, options.seed, until)
    if not options.live:
        return
    if simulation is None:
        raise ValueError("--live goes on from a history made in the same start: name a new --data folder.")
    catch_up(store, DATABASE, simulation)  # filling took time: nothing late after the start
    arguments = (store, DATABASE, simulation, stop, truth_writer(store, simulation))
    threading.Thread(target=live, args=arguments, daemon=True).start()
