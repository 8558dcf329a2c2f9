"""The retrieval-precision gate simulated: how often it passes what it must not, and what it should, beside its peer."""
