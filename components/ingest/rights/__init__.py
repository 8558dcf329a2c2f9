"""Statements about the use of each photograph, kept as they are, and whether they allow or forbid training.

`signals` defines what a signal means. Signals come from the labels, from files beside a photograph (`beside`) and from
captures of a crawled site (`sites`), all collected by `gathering`, and from inside the photograph (`embedded`).
"""
