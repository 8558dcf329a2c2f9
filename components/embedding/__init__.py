"""Embedding: objects -> one instance-retrieval (IR) unit vector each, fp16, in row order.

The paper (arXiv 2412.08645, section 3) compares crops by the cosine of IR features; which encoder made them, with what
preprocessing, is in the manifest, because a similarity window is valid for one encoder only.
"""
