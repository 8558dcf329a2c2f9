"""What all stages build on: data on disk, stages and their parameters, vision, the exact join, diffusion."""
