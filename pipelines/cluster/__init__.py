"""Running a pipeline on a cluster: compiling, submitting, following, and bringing results home."""
