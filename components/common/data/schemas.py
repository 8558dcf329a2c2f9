"""The Arrow schema of every dataset that passes between stages. Units are in the field metadata.

Pixels are in tar shards next to the tables: a blob named `crop` adds the columns crop_offset and crop_length (bytes),
and `shard` names the tar file, so that one crop can be read by byte range.
"""

import pyarrow as pa

from components.common.references import REFERENCE_NAMES


def _field(name: str, kind: pa.DataType, unit: str = "", nullable: bool = False) -> pa.Field:
    return pa.field(name, kind, nullable=nullable, metadata={"unit": unit} if unit else None)


HASH_BYTES = 32
"""Length of a difference hash, 256 bits."""


def blob_columns(*names: str) -> list[str]:
    """The columns that `Dataset.blob` needs to read these blobs of a row."""
    return [field.name for field in _blobs(*names)]


def _blobs(*names: str) -> list[pa.Field]:
    """The columns that locate each row's blobs in its tar shard."""
    located = [_field("shard", pa.string())]
    for name in names:
        located += [_field(f"{name}_offset", pa.int64(), "byte"), _field(f"{name}_length", pa.int64(), "byte")]
    return located


_BOX = [_field(side, pa.float32(), "px, upright image") for side in ("x", "y", "w", "h")]
_HASHES = [
    _field("dhash", pa.binary(HASH_BYTES), "bit"),
    _field("dhash_flipped", pa.binary(HASH_BYTES), "bit, mirrored picture"),
]
_text = pa.string()

SCHEMAS: dict[str, pa.Schema] = {
    # A photograph. Blob `image`: its bytes, unchanged. image_id is their sha256 (hex). Its grey thumbnail is in
    # part-*.npy, uint8 [N, 32, 32].
    "images": pa.schema(
        [
            _field("image_id", _text),
            _field("uri", _text),  # path relative to the collection's root, or a full s3:// or https:// address
            _field("width", pa.int32(), "px, upright"),
            _field("height", pa.int32(), "px, upright"),
            _field("format", _text),  # JPEG, PNG, WEBP ...
            _field("bytes", pa.int64(), "byte"),
            *_HASHES,
            _field("source_url", _text, nullable=True),
            _field("licence", _text, nullable=True),  # SPDX where known
            _field("attribution", _text, nullable=True),
            _field("collected_at", _text, "ISO 8601", nullable=True),
            _field("train_ai", _text),  # allowed or unknown, from all rows of `rights`: any "disallowed" keeps it out
            _field("collection", _text),
            *_blobs("image"),
        ]
    ),
    # One statement about the use of a photograph, as it was found; also about photographs that it made ingest refuse.
    "rights": pa.schema(
        [
            _field("image_id", _text, nullable=True),  # null: the photograph was refused before it was read
            _field("uri", _text),
            _field("mechanism", _text),  # labels, sidecar, headers, robots.txt, tdmrep, xmp, exif or iptc
            _field("address", _text),  # a file and the line or field in it, or the field inside the photograph
            _field("value", _text),
            _field("train_ai", _text),  # what it says about training: allowed, disallowed or unknown
            _field("checked_at", _text, "ISO 8601", nullable=True),
            _field("checker", _text, nullable=True),
        ]
    ),
    # An input that a stage refused. `reason` is a key of REASONS.
    "quarantine": pa.schema(
        [_field("uri", _text), _field("stage", _text), _field("reason", _text), _field("detail", _text)]
    ),
    # What a stage rejected, and by which rule: see `rejections`.
    "rejects": pa.schema(
        [
            _field("stage", _text),
            _field("subject", _text),  # photograph, box, object or set
            _field("key", _text),  # image_id, place of the box, object_id, or object_id of the set's anchor
            _field("image_id", _text, nullable=True),  # null: unknown, or not in the collection
            _field("reason", _text),  # a key of rejections.REJECTIONS[stage]
            _field("detail", _text),
        ]
    ),
    # Which subject (product) a whole photograph or a box shows, according to people: the optional labels of a run.
    "subjects": pa.schema(
        [
            _field("image_id", _text),
            _field("subject", _text),  # equal subjects = the same product; unique or empty = never recurs
            *[pa.field(f.name, f.type, nullable=True, metadata=f.metadata) for f in _BOX],  # null: the whole photograph
            _field("duplicate_of", _text, nullable=True),  # image_id of the photograph this one nearly repeats
        ]
    ),
    # A detected object. Blob `crop`: PNG of the box with its margin. Its row number is also that of its vector.
    "objects": pa.schema(
        [
            _field("object_id", _text),
            _field("image_id", _text),
            *_BOX,
            _field("category", _text),
            _field("score", pa.float32(), "0..1"),
            *_HASHES,  # of the crop
            *_blobs("crop"),
        ]
    ),
    # Unit vectors are in part-*.npy, fp16 [N, d]; the table only says which object each row is.
    "embeddings": pa.schema([_field("object_id", _text), _field("row", pa.int64(), "vector row, 0 up")]),
    # Two objects whose similarity is in the window. src_row < dst_row; similarity is the exact fp32 rescore.
    "pairs": pa.schema(
        [
            _field("src_row", pa.int64(), "object row"),
            _field("dst_row", pa.int64(), "object row"),
            _field("similarity", pa.float32(), "cosine"),
            _field("flags", pa.int32(), "bit set, see components.common.join.flags.Flag"),
        ]
    ),
    # An anchor and its views: objects in other photographs that are taken to be the same product.
    "sets": pa.schema(
        [
            _field("anchor", pa.int64(), "object row"),
            _field("views", pa.list_(pa.int64()), "object rows, most similar first"),
            _field("similarities", pa.list_(pa.float32()), "cosine to the anchor"),
            _field("category", _text),
            _field("group", pa.int64(), "smallest object row of the split group"),
        ]
    ),
    # An object that labels name. Two of one subject are the same product, in different pictures unless `photograph` is
    # the same.
    "identities": pa.schema(
        [
            _field("row", pa.int64(), "object row"),
            _field("subject", _text),
            _field("photograph", pa.int64(), "row of images: the smallest that its photograph is labelled to repeat"),
        ]
    ),
    # A person's verdict on a pair of objects: same, different, duplicate or unsure. The pair is given as rows of this
    # run's objects, and as the two places that were judged, which are valid in any run.
    "judgements": pa.schema(
        [
            _field("src_row", pa.int64(), "object row, the smaller"),
            _field("dst_row", pa.int64(), "object row"),
            *(
                field
                for which in ("first", "second")
                for field in (
                    _field(f"{which}_image", _text, "sha256 of the photograph, hex"),
                    *(_field(f"{which}_{side}", pa.float64(), "px of the upright photograph") for side in "xywh"),
                )
            ),
            _field("verdict", _text),
            _field("rater", _text),
            _field("at", _text, "ISO 8601"),
            _field("question", _text),
        ]
    ),
    # A clean plate. Blobs `image` (PNG, the photograph without the object) and `mask` (PNG, 8 bit: what was removed).
    "backgrounds": pa.schema(
        [
            _field("object_id", _text),
            _field("row", pa.int64(), "object row"),
            _field("remover_digest", _text),
            _field("residual", pa.float32(), "0..1, cosine of what is left in the box to the object"),
            _field("outside_change", pa.float32(), "mean absolute change outside the allowed area, 0..1"),
            *_blobs("image", "mask"),
        ]
    ),
    "captions": pa.schema(
        [
            _field("object_id", _text),
            _field("row", pa.int64(), "object row"),
            _field("text", _text),
            _field("captioner_digest", _text),
        ]
    ),
    # A training sample. Blobs (PNG, square): target, background, mask, ref0, ref1, ref2.
    "tuples": pa.schema(
        [
            _field("tuple_id", _text),
            _field("anchor", pa.int64(), "object row"),
            _field("refs", pa.list_(pa.int64()), "object rows"),
            _field("caption", _text),
            _field("split", _text),  # train or validation
            _field("group", pa.int64(), "smallest object row of the split group"),
            _field("parents", pa.list_(_text), "object_id of the target and of each reference"),
            _field("sources", pa.list_(_text), "image_id: every photograph this sample was made from"),
            *_blobs("target", "background", "mask", *REFERENCE_NAMES),
        ]
    ),
    # Latents are in part-*.safetensors; the table says which tuple each row is.
    "latents": pa.schema(
        [
            _field("tuple_id", _text),
            _field("row", pa.int64(), "tuple row, 0 up"),
            _field("split", _text),
            _field("group", pa.int64(), "as in tuples"),
        ]
    ),
    # A trained model: one row per file below pipeline/, a folder that diffusers loads with from_pretrained.
    "model": pa.schema([_field("path", _text), _field("bytes", pa.int64(), "byte"), _field("sha256", _text)]),
    # What labelled pairs at and above a threshold show. The chosen window is in the manifest's facts.
    "calibration": pa.schema(
        [
            _field("threshold", pa.float64(), "cosine"),
            _field("anchors", pa.int64(), "labelled objects with a partner"),
            _field("kish", pa.float64(), "votes that their number by product is worth"),
            _field("votes", pa.float64(), "independent votes that they are worth"),
            _field("precision", pa.float64(), "0..1: mean over anchors of the share of right partners"),
            _field("lower_bound", pa.float64(), "0..1, one-sided, for products like these"),
        ]
    ),
    # A picture that a system made for a benchmark sample. Blob `image`: PNG.
    "samples": pa.schema(
        [
            _field("system", _text),
            _field("benchmark", _text),
            _field("subject", _text),
            _field("sample", _text),
            *_blobs("image"),
        ]
    ),
    # A metric's value on one sample.
    "scores": pa.schema(
        [
            _field("system", _text),  # objectmate, objectmate-1-ref, shuffled-refs, copy-paste, ...
            _field("benchmark", _text),  # insertion or generation
            _field("subject", _text),  # the cluster of the bootstrap
            _field("sample", _text),
            _field("metric", _text),
            _field("value", pa.float64(), "cosine; hit 0 or 1 (top1_*); mean absolute difference 0..1 (*_error)"),
            _field("spec_digest", _text),
        ]
    ),
    # The outcome of one gate.
    "verdicts": pa.schema(
        [
            _field("gate", _text),
            _field("verdict", _text),  # pass, fail or undecided
            _field("blocking", pa.bool_()),
            _field("observed", pa.float64(), "as `reason` says", nullable=True),
            _field("limit", pa.float64(), "as `reason` says", nullable=True),
            _field("reason", _text),
            _field("next_step", _text),
        ]
    ),
}

KEYS: dict[str, tuple[str, ...]] = {
    "images": ("uri",),
    "rights": ("uri", "mechanism", "address"),
    "quarantine": ("uri", "stage"),
    "rejects": ("stage", "key", "reason"),
    "subjects": ("image_id", "x", "y", "w", "h"),
    "objects": ("object_id",),
    "embeddings": ("object_id",),
    "pairs": ("src_row", "dst_row"),
    "sets": ("anchor",),
    "identities": ("row",),
    "judgements": ("src_row", "dst_row", "rater"),
    "backgrounds": ("object_id",),
    "captions": ("object_id",),
    "tuples": ("tuple_id",),
    "latents": ("tuple_id",),
    "model": ("path",),
    "calibration": ("threshold",),
    "samples": ("system", "benchmark", "subject", "sample"),
    "scores": ("system", "benchmark", "subject", "sample", "metric"),
    "verdicts": ("gate",),
}
"""Kind -> the columns by which a row of one run is found in another."""

BROKEN = {
    "empty": "the file has no bytes",
    "not-an-image": "the content is not in a known image format",
    "truncated": "the image's data is cut short or broken",
    "too-large": "more bytes or pixels than ingest.max_bytes and max_pixels accept: a decompression bomb, or a mistake",
    "too-small": "a side shorter than ingest.min_side",
    "unreadable": "the store or the file system refused to read it",
    "unsupported": "an image of a kind that is not decoded here",
}
"""Why ingest refuses a file that should be a photograph -> what it means."""

BY_RULE = {
    "duplicate": "the same bytes as the photograph that the detail names",
    "opted-out": "a rights signal, given in the detail, forbids its use",
    "taken-down": "on the deny list of a takedown: the same bytes, or a copy that looks alike",
    "rights-unknown": "no rights signal allows training, and ingest.use asks for one",
    "malformed": "a file next to a photograph that should state its rights but cannot be read",
    "passed-over": "not a photograph: a file next to them, such as a document or a program's file in a hidden folder",
}
"""Why it refuses a photograph that is intact, or a file that is not a photograph."""

OF_LABELS = {
    "missing": "named in the labels, but not in the collection",
    "ambiguous": "a name in the labels that could mean several photographs, or the same one as another name",
    "damaged": "a row of the labels that cannot be read as a label",
    "conflict": "a photograph, or a box in it, that is labelled as two subjects; the photograph itself is kept",
}
"""Why it refuses a row of the labels."""

REASONS = BROKEN | BY_RULE | OF_LABELS
"""Every reason for which ingest refuses a file or a row of labels -> what it means."""
