"""The row of `images` for a picture."""

import hashlib
from typing import Any

from PIL import Image

from components.common.vision.images import dhashes, encode_png


def image_row(image: Image.Image, uri: str, **columns: Any) -> tuple[dict[str, Any], bytes]:
    """The row of a picture that was stored as PNG, and the file's bytes."""
    data, (plain, flipped) = encode_png(image), dhashes(image)
    size = {"width": image.width, "height": image.height, "format": "PNG", "bytes": len(data)}
    hashes = {"dhash": plain, "dhash_flipped": flipped}
    row = {"image_id": hashlib.sha256(data).hexdigest(), "uri": uri, "train_ai": "unknown", "collection": "test"}
    return row | size | hashes | columns, data
