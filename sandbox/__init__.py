"""An Appwrite stand-in on loopback, filled with a simulated marketplace: a process of its own."""
