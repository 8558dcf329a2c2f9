"""Checks of a compiled pipeline before it is submitted: what the KFP SDK accepts but a cluster refuses hours later.

In: the documents of a compiled YAML file (the pipeline spec and, where there is one, its Kubernetes platform document).
Out: one `Fault` per mistake, which names the task and the fix. Each module checks one aspect; `check.py` runs all.
"""
