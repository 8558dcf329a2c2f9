"""Mining: embeddings and a similarity window -> all pairs inside it, and recurrence sets.

A set is an anchor with at least three views: other photographs of the same product. This is section 3 of the paper
(arXiv 2412.08645).
"""
