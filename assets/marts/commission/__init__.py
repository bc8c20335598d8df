"""The marts that checks/schemas/commission.py declares, one file a mart."""
