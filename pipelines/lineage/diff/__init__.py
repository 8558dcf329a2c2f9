"""`objectmate lineage diff`: the first dataset in which two runs differ, why, and which rows and numbers changed."""
