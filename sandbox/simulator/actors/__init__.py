"""Who acts in the marketplace, one file each. No actor imports another: they meet in happenings.py."""
