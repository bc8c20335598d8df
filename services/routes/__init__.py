"""The API, a file a subject, each with a ``ROUTER``; api.py finds them by this folder. No rule lives here."""
