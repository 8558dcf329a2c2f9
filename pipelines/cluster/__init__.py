"""Running a pipeline on a cluster: compiling, submitting, following, and fetching its results."""
