"""raw.duckdb, the mirror: what it keeps, a module a subject (store.py opens it). Knows nothing of Appwrite's calls."""
