"""What a dead process left of a command on a server without transactions: finished, or taken back. A file a subject;
with transactions there is nothing of the kind."""
