"""`objectmate compare`: what changed between runs, why, and what it did to gates, scores and pictures."""
