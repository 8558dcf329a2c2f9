"""Exports: a workspace's datasets and the stages that made them, in formats that other tools and people read."""
