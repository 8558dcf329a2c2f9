"""Calibration: embeddings and what people said about the photographs (subjects) -> the similarity window.

Also out come the labelled pairs, by which the precision gate judges. Section 3 of the paper (arXiv 2412.08645).
"""
