"""What a stage is: its parameters, how it runs, what it reports, how it is tracked."""
