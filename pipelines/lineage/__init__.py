"""Where a run's datasets come from, whether all records of them agree, and what changed between two runs."""
