"""The marts that checks/schemas/health.py declares, one file a mart."""
