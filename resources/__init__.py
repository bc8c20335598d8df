"""The outside world: settings, clock, Appwrite, files, ledger, notifier. Usable without Dagster; no business rule."""
