"""What a person looks at after a run: the report page, and the comparison of two runs."""
