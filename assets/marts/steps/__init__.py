"""Tables that a build makes on the way to its marts and does not publish."""
