"""Stages and whole runs measured: inference beside bare models, a run beside the sum of its stages."""
