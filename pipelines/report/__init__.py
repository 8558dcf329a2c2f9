"""What to look at after a run: the report page, the gates' verdicts in words, and the verification of files."""
