"""The long sections of pages, one module a concern. Queries and blocks put together; no SQL here."""
