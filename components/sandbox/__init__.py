"""A rendered world of recurring products: a seed goes in, photographs with clean plates, masks and labels come out.

The sandbox is above the stages and may import them: it trains the models that they use (its
`training/train_remover.py` frames pictures as `removal` does) and measures them as they are used. No stage imports it.
"""
