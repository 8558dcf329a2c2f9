"""Photographs and objects: decoding, geometry, encoders, near-duplicates, contact sheets."""
