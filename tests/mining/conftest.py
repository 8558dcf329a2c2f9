"""A corpus of eight products in five photographs each, and photographs of objects that never recur."""

from mining_data import corpus_paths

__all__ = ["corpus_paths"]
