"""The marts that checks/schemas/providers.py declares, one file a mart."""
