"""The stages of ObjectMate, one room each; what they share stands in `components.common`."""
