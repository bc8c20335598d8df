"""Appwrite's query language, from its texts to the rows they mean."""
