"""Data-quality gates: five checkpoints that read what the stages before them made and write `verdicts`.

In: the datasets named by the checkpoint (photographs, objects, vectors, pairs, sets, labels, backgrounds, tuples or
scores). Out: one row a gate - pass, fail or undecided - with the number seen, its limit and what to do next. The
central one asks whether retrieval is right often enough: the paper sets its window where 70 % of the retrieved pairs
show the same product (section 3.1, Figure 3a); here a one-sided confidence bound must reach that, not a point estimate.
"""
