"""The marts that checks/schemas/revenue.py declares, one file a mart."""
