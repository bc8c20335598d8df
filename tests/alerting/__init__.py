"""The alert engine: its decision, its words, its edge."""
