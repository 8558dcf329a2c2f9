"""Embedding: objects -> one instance-retrieval (IR) unit vector each, fp16, in row order.

The paper (arXiv 2412.08645, section 3) compares crops by the cosine of IR features; which encoder made them, with what
preprocessing, is in the manifest, because a similarity window is valid for one encoder only.
"""

from components.common.stage.contract import Size, Stage
from components.embedding.params import Params

STAGE = Stage(
    name="embedding",
    room=__name__,
    title="Instance-retrieval vectors",
    about="Objects -> a unit vector each, and those of the benchmark that is kept apart.",
    params=Params,
    takes="objects",
    makes="embeddings reserved:embeddings",
    family="vision",
    size=Size(gpu=True),
    shared=True,
)
