"""`objectmate promote`: a trained model becomes the registry's champion, if the model gate lets it."""
