"""Tests of stores: a folder, and a real S3 server on this machine."""
