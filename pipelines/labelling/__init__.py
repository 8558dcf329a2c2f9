"""Labelling the queue of an undecided precision gate: which pair is next, what it shows, what is decided."""
