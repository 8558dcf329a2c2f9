"""The report page of a run: what a person looks at first."""
