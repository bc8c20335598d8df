"""What a process left half done on a server without transactions, finished or taken back, a file a subject. With
transactions there is nothing of the kind."""
