"""What a process left half done on a server without transactions, finished or taken back, a file a subject. With
transactions there is nothing of the kind."""

"""What a dead process left of a command on a server without transactions: finished, or taken back. A file a subject."""
