"""Lineage: the rows of a run's datasets followed from one to the next, from photographs to tuples and models and back.

The datasets' own tables are read; nothing is recorded a second time.
"""
