"""A booking from its request to its end: accepted, declined, confirmed, completed, cancelled, handed over. Which moves
there are stands in marketplace/transitions.py; who is asked next, in services/queue/."""
