"""Which photographs may be used, according to their signals."""

from collections.abc import Sequence

from components.common.vision.images import Rejected
from components.ingest.rights.signals import DISALLOWED, UNKNOWN, Signal, train_ai


def refusal_of(signals: Sequence[Signal], use: str) -> Rejected | None:
    """Why a photograph with these signals, all that are known, may not be used; None if it may. use: as in `Params`."""
    training = train_ai(signals)
    if training == DISALLOWED:
        return Rejected("opted-out", str(next(signal for signal in signals if signal.says == DISALLOWED)))
    if training == UNKNOWN and use == "allowed":
        return Rejected("rights-unknown", f"none of its {len(signals)} signals says that training is allowed")
    return None
