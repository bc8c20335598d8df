"""Snapshots in a store, for readers without the pipeline's home: brought there (sharing.py), fetched from there
(fetching.py), in the form both know (listing.py). What is in a snapshot is not known here."""
