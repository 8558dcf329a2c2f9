"""Lineage: where the datasets, rows and models of a workspace come from, answered from what the stages left on disk.

Nothing is stored a second time: the manifests, the run records, the gates' verdicts and the tables hold all of it.
"""
