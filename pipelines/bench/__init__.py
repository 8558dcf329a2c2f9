"""Benchmarks: inference against bare models, and a run against the sum of its stages' own work."""
