"""Takedown: photographs are removed from a dataset for good, and what was made from them is remade without them.

The order: which photographs are meant (`targets`), what was made from them (`plan`), then `apply`, which enters them in
the deny list, lets the pipeline repair its datasets (`repair`), and deletes every other version (`purge`). `verify`
searches for what should be gone, and `receipt` says what was done and what was not.
"""
