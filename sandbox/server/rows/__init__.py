"""The rows of one table, as calls read or change them. No HTTP."""
