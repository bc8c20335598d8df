"""SQL on the published snapshot, small frames out: reading.py opens it, the other modules ask, each of one subject."""
