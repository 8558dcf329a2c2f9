"""The exact join of all pairs of vectors in a similarity window, and its kernels."""
