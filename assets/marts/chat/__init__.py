"""The marts that checks/schemas/chat.py declares, one file a mart."""
