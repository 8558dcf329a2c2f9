"""Measuring the exact join: against its peers, against the machine's peak, and as a plan for a larger job."""
