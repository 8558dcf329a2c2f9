"""Simulation of the retrieval-precision gate and a peer: how often each passes bad runs, and how often good ones."""
