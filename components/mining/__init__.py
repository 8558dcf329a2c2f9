"""Mining: embeddings -> the similarity window (calibration), all pairs inside it, and recurrence sets.

`calibration` takes objects, embeddings and what people said about the photographs (subjects), and gives the window and
labelled pairs. `stage` takes images, objects, embeddings and the window, and gives pairs and sets: an anchor with
at least three views, other photographs of the same product. This is section 3 of the paper (arXiv 2412.08645).
"""
