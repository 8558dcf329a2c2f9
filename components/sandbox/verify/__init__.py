"""`objectmate sandbox verify`: how good the committed models are on designs that none of them has seen."""
