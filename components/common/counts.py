"""Numbers with their nouns, as people read them."""


def counted(number: int, noun: str) -> str:
    """Such as "1 pair" and "2,000 pairs"."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
