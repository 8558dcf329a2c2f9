"""The schemas say what their numbers mean: every number has a unit."""

import pyarrow as pa
import pytest

from components.common.data.schemas import KEYS, SCHEMAS
from components.lineage.references import PICTURES

NOT_OF_PHOTOGRAPHS = {"backgrounds": {"mask"}, "tuples": {"mask"}, "samples": {"image"}}
"""Masks, and what a model has drawn."""


@pytest.mark.parametrize("kind", SCHEMAS)
def test_every_number_has_a_unit(kind: str) -> None:
    for field in SCHEMAS[kind]:
        inner = field.type.value_type if pa.types.is_list(field.type) else field.type
        if pa.types.is_integer(inner) or pa.types.is_floating(inner):
            assert (field.metadata or {}).get(b"unit"), field.name


def test_every_kind_has_a_key() -> None:
    assert KEYS.keys() == SCHEMAS.keys()
    assert all(set(KEYS[kind]) <= set(schema.names) for kind, schema in SCHEMAS.items())


@pytest.mark.parametrize("kind", SCHEMAS)
def test_every_blob_that_shows_a_photograph_is_known_as_such(kind: str) -> None:
    blobs = {name.removesuffix("_offset") for name in SCHEMAS[kind].names if name.endswith("_offset")}
    assert blobs - NOT_OF_PHOTOGRAPHS.get(kind, set()) == set(PICTURES.get(kind, ()))
