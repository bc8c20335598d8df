"""The marts that checks/schemas/demand.py declares, one file a mart."""
