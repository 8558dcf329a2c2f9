"""What is said about the use of each photograph, kept raw, and whether that allows, forbids or leaves open training.

`signals` says what a signal means. They come from the labels, from files beside a photograph (`beside`), from what was
captured of a crawled site (`sites`), all brought together by `gathering`, and from inside the photograph (`embedded`).
"""
