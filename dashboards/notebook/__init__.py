"""What every notebook stands on: what it is asked for, the snapshot it reads, how it shows what it found, and how all
of it becomes one file. No notebook (those are in notebooks/), and no figure."""
