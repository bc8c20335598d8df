"""raw.duckdb, the mirror: what it keeps, a module a subject, over one file. merging.py brings rows in, store.py
opens it.

How rows come from Appwrite is resources/appwrite's, which this package does not know.
"""
