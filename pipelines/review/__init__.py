"""The review app: people label pairs, compare pictures, follow lineage and try the model, in a browser."""
