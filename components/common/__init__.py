"""What the stages stand on: data on disk, stages and their parameters, vision, the exact join, diffusion."""
