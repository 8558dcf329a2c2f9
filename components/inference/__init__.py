"""Using a trained model: an object put into a scene, or drawn from a prompt (ObjectMate section 4).

>>> from components.inference.model import TrainedModel
>>> model = TrainedModel.load("data/model_insertion")
>>> model.insert("room.jpg", (340, 210, 120, 90), ["mug.jpg"]).save("out.png")
"""
