"""An Appwrite 1.9.6 stand-in, as its callers meet it. What it serves is kept in sandbox/storage/."""
