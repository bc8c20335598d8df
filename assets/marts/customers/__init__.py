"""The marts that checks/schemas/customers.py declares, one file a mart."""
