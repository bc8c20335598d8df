"""What knows a dialect of SQL: one module an engine, and what all of them make."""
