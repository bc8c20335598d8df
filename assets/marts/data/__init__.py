"""The marts that checks/schemas/data.py declares, one file a mart."""
