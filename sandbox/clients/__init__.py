"""Customers and providers of the simulated marketplace as clients of the booking services, over HTTP.

A process of its own (``python -m sandbox clients``). It knows the API of the services and that of the server that is
stood in for, and neither's insides. What it makes is not the simulation's: truth.json knows nothing of it, and
``clients.json`` names the bookings that came to be this way.
"""
