"""What the serve process does by itself, a file a subject, each with a ``LOOP``; looping.py finds them by this folder.
Any number of processes may do it at once."""
