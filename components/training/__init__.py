"""Training: latents in; the grid UNet, exported as a diffusers pipeline, out. One stage for both tasks of the paper.

Insertion puts the referenced object into a scene (background and mask as further channels of the target cell);
generation draws it from a caption (cross-attention). Paper section 4: a 2x2 grid of three clean references and one
noisy target, the loss on the target cell only.
"""
