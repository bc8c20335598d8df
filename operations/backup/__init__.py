"""Backups: the whole database as the server has it, in files that can be verified and restored."""
