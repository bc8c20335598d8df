"""The business: money, words, times, commission policy, health points, personal data.

Pure functions, Polars expressions and frozen dataclasses live here. No I/O, no Dagster, no DuckDB, no Appwrite.
"""
