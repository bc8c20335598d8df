"""Creating a booking, and what is told of one: who may book whom, when, for how much, and how often. What becomes of a
booking once it stands is another room's.
"""
