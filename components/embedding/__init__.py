"""Embedding: objects -> one instance-retrieval (IR) unit vector each, fp16, in row order.

The paper (arXiv 2412.08645, section 3) compares crops by the cosine of IR features; which encoder made them, with what
preprocessing, is in the manifest, because a similarity window is valid only for one encoder.
"""

from components.common.stage.contract import ON_GPU, Stage
from components.embedding.params import Params

STAGE = Stage(
    __name__,
    "Instance-retrieval vectors",
    Params,
    "objects -> embeddings reserved:embeddings",
    "vision",
    ON_GPU,
    shared=True,
)
