"""What is made: raw, core, marts, published. Talks to Appwrite in raw only."""
