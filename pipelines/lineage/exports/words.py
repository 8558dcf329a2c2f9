"""Descriptions of each dataset's rows and columns. The schemas state types and units."""

ROWS = {
    "images": "a photograph that was accepted",
    "rights": "a statement about the use of a photograph",
    "quarantine": "a file or row of labels that was refused or passed over, with the reason",
    "rejects": "a photograph, box, object or set that a stage dropped, with the reason",
    "subjects": "what people said about a photograph or a box in it: which product it shows",
    "objects": "an object that was found in a photograph",
    "embeddings": "the unit vector of an object, in the .npy file of the same part",
    "pairs": "two objects whose similarity is in the window",
    "sets": "an object and its views: objects in other photographs that are taken to be the same product",
    "identities": "an object that labels name",
    "judgements": "a person's verdict on a pair of objects",
    "backgrounds": "a photograph without an object, and the mask of what was removed",
    "captions": "a caption that a model wrote for an object",
    "tuples": "a training sample: target, background, mask, three reference views and a caption",
    "latents": "a training sample as the encoder stored it, in the .safetensors file of the same part",
    "model": "a file of a trained model",
    "calibration": "what labelled pairs show at and above a similarity",
    "samples": "a picture that a system made for a sample of a benchmark",
    "scores": "the value of a metric on a sample of a benchmark",
    "verdicts": "the outcome of a gate",
}
"""Kind of dataset -> what one of its rows is."""

COLUMNS = {
    "image_id": "sha256 (hex) of the bytes of the photograph",
    "uri": "name of the file in its collection, or its address",
    "width": "width of the photograph",
    "height": "height of the photograph",
    "format": "format of the file",
    "bytes": "size of the file",
    "dhash": "difference hash, 256 bits as raw bytes",
    "dhash_flipped": "difference hash of the mirrored picture, 256 bits as raw bytes",
    "source_url": "where the photograph comes from",
    "licence": "licence, an SPDX identifier where known; null: unknown",
    "attribution": "whom to credit",
    "collected_at": "when the photograph was collected",
    "train_ai": "whether the rights signals together allow training: allowed, disallowed or unknown",
    "mechanism": "how the statement was made: labels, a file beside the photograph, a site's file, metadata",
    "address": "where the statement was found",
    "checked_at": "when the statement was read, as the source says",
    "checker": "who read the statement, as the source says",
    "collection": "name of the collection",
    "shard": "tar file of the row's pictures",
    "stage": "stage that refused it",
    "reason": "why, a word of a fixed list; for a gate, a sentence",
    "detail": "more about the reason",
    "key": "key of the thing that was rejected",
    "subject": "the product that is shown, or the kind of thing that was rejected",
    "duplicate_of": "image_id of the photograph that this one nearly repeats",
    "object_id": "key of the object, derived from photograph, box and detector",
    "x": "left side of the box",
    "y": "upper side of the box",
    "w": "width of the box",
    "h": "height of the box",
    "category": "class of the object",
    "score": "confidence of the detector",
    "row": "row number of the vector, object or sample",
    "src_row": "row of the first object",
    "dst_row": "row of the second object",
    "similarity": "similarity of the two objects",
    "flags": "what else is known about the pair, as bits",
    "anchor": "row of the object that the set or sample is about",
    "views": "rows of the other views of it",
    "similarities": "similarity of each view to it",
    "group": "what must stay on one side of a split",
    "photograph": "row of the first of the photographs that repeat each other",
    "verdict": "what was decided",
    "rater": "who judged",
    "at": "when it was judged",
    "question": "the question that was asked",
    "remover_digest": "weights of the model that removed the object",
    "residual": "how much of the object is left",
    "outside_change": "how much was changed outside the mask",
    "text": "the caption",
    "captioner_digest": "weights of the model that wrote the caption",
    "tuple_id": "key of the sample, derived from its content",
    "refs": "rows of the three reference views",
    "caption": "the caption",
    "split": "train or validation",
    "parents": "object_id of the target and of each reference",
    "sources": "image_id of every photograph that the sample was made from",
    "path": "path of the file in the model's folder",
    "sha256": "sha256 (hex) of the file",
    "threshold": "the similarity",
    "anchors": "labelled objects with a partner",
    "kish": "effective number of votes, if only their number per product matters",
    "votes": "effective number of independent votes",
    "precision": "share of right partners, on average over objects",
    "lower_bound": "one-sided lower bound of it",
    "system": "the system that is measured",
    "benchmark": "insertion or generation",
    "sample": "the sample of the benchmark",
    "metric": "name of the metric",
    "value": "value of the metric",
    "spec_digest": "digest of the metric's definition",
    "gate": "name of the gate",
    "blocking": "whether the gate can stop a run",
    "observed": "what was measured",
    "limit": "what it was compared with",
    "next_step": "what to do about it",
}
"""Column -> what it holds. Columns that locate a picture, or the two places of a judgement, follow a naming rule."""

_PLACES = {"_offset": "where the picture {} begins in the tar file", "_length": "length of the picture {}"}
_JUDGED = {"first": "the first object's", "second": "the second object's"}


def about_column(name: str) -> str:
    """What a column holds; the bare name if nothing is known about it."""
    if name in COLUMNS:
        return COLUMNS[name]
    for ending, words in _PLACES.items():
        if name.endswith(ending):
            return words.format(name.removesuffix(ending))
    which, _, rest = name.partition("_")
    if which in _JUDGED and rest:
        return f"{_JUDGED[which]} {COLUMNS.get(rest, 'photograph' if rest == 'image' else rest)}"
    return name
