"""`objectmate compare`: what changed between runs, why, and how it affected gates, scores and pictures."""
