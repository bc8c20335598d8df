"""Where the sandbox keeps what it serves: one SQLite file, a row a JSON document. Knows no HTTP."""
