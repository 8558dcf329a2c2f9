"""Lineage across the systems that keep a run: what the command line shows of it, and what is done about it."""
