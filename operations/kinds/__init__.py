"""The operations, a file each: what lies in this folder is found by itself (operations/every.py)."""
