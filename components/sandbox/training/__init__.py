"""The tiny models of the embedded default, trained on the rendered world."""
