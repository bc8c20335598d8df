"""What bookwatch does to the marketplace, planned from what is published and applied to Appwrite with a key of its own.

Holds no rule of the business (marketplace/) and no schedule (pipelines/); the ledger's subjects are in resources/.
"""
