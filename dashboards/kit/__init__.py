"""What pages are made of: the screen around them, and its parts."""
