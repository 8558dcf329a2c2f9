"""Which photographs may be used, by what is said about them."""

from collections.abc import Sequence

from components.common.vision.images import Rejected
from components.ingest.rights.signals import DISALLOWED, UNKNOWN, Signal, train_ai


def refusal_of(signals: Sequence[Signal], use: str) -> Rejected | None:
    """Why a photograph of which all these signals are known may not be used; None if it may. use: as in `Params`."""
    said = train_ai(signals)
    if said == DISALLOWED:
        return Rejected("opted-out", str(next(signal for signal in signals if signal.says == DISALLOWED)))
    if said == UNKNOWN and use == "allowed":
        return Rejected("rights-unknown", f"none of its {len(signals)} signals says that training is allowed")
    return None
