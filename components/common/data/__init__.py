"""Data on disk: datasets, their schemas and digests, storage, seeds."""
