"""Takedown: photographs leave a dataset for good, and what was made from them is made again without them.

The order is: what is asked for (`targets`), what was made from it (`plan`), then `apply`, which enters it in the deny
list, lets the pipeline repair its datasets (`repair`), and deletes every other version (`purge`). `verify` searches
for what should be gone, and `receipt` says what was done and what was not.
"""
