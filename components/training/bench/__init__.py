"""Measuring training: our loop and a bare one in PyTorch, in turn, on the same samples."""
