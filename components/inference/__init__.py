"""Using a trained model: an object put into a scene, or drawn from a prompt (ObjectMate section 4).

>>> from components.inference.model import TrainedModel
>>> model = TrainedModel.load("data/model_insertion")
>>> model.insert("room.jpg", (340, 210, 120, 90), ["mug.jpg"]).save("out.png")
"""

STEPS, GUIDANCE, GUIDANCE_TEXT = 50, 2.0, 7.5
"""Sampler steps, weight of the references, weight of the prompt: evaluation's defaults."""
