"""One file: read, decoded, checked and hashed, or refused with a reason."""

from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import numpy as np

from components.common.data.storage import Entry, Store
from components.common.vision.images import Limits, Rejected, decode, dhashes, thumbnail
from components.ingest.denied import DenyList
from components.ingest.rights.embedded import embedded
from components.ingest.rights.signals import Signal


@dataclass(frozen=True)
class Photograph:
    """An accepted file: its unchanged bytes, its columns of `images`, its thumbnail, and what the file itself says
    about its use."""

    data: bytes
    columns: dict[str, Any]
    thumbnail: np.ndarray
    signals: list[Signal]

    @property
    def image_id(self) -> str:
        return str(self.columns["image_id"])


def take(store: Store, entry: Entry, limits: Limits, denied: DenyList) -> Photograph | Rejected:
    """Reads and decodes one file. A store that fails as a whole raises its error; anything else is an outcome."""
    if entry.size > limits.max_bytes:
        return Rejected("too-large", f"{entry.size} bytes, at most {limits.max_bytes} are accepted")
    try:
        data = store.read(entry.key)
        image = decode(data, limits)
        image_id = sha256(data).hexdigest()
        denied.check(image_id, image)
    except Rejected as refused:
        return refused
    except OSError as error:  # not its full text, which may contain a path on this machine
        return Rejected("unreadable", error.strerror or type(error).__name__)
    plain, flipped = dhashes(image)
    columns = {
        "image_id": image_id,
        "width": image.width,
        "height": image.height,
        "format": image.format,
        "bytes": len(data),
        "dhash": plain,
        "dhash_flipped": flipped,
    }
    return Photograph(data, columns, thumbnail(image), embedded(data))
