"""The 2x2 grid: its layout, its pipeline, and the base models that it starts from."""

PIPELINE = "pipeline"
"""The folder of a model dataset that holds the diffusers pipeline."""
