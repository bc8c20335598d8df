"""The Appwrite 1.9.6 stand-in: its HTTP face, query language and validation. Storage is sandbox/store.py."""
