"""What lets a run make anew only the rows that a change reaches."""
