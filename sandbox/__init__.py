"""An Appwrite stand-in on loopback and a marketplace simulator: a process of its own."""
