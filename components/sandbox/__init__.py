"""A rendered world of recurring products: a seed goes in, photographs with clean plates, masks and labels come out."""
