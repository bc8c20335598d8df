"""The truth about a simulated marketplace, computed a second time from its canonical world."""
