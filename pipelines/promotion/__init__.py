"""`objectmate promote`: a trained model becomes the registry's champion, if the promotion rule allows it."""
