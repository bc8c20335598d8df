"""Booking and chat as the marketplace's clients call them: right at the moment it happens.

A library, and an API over it (routes/). It shares the rules and the sentences with the rest, and what operations write
of the same things; it knows no snapshot and no mart. What is decided is decided on rows as they are now, and comes to
stand whole or not at all (store.py).
"""
