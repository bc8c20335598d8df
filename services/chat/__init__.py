"""The chat of a booking and the one with administrators: pages, search, sending, receipts, pictures, news as they
come. What the API calls them stands in routes/."""
