"""The schemas say what their numbers mean: every number has a unit."""

import pyarrow as pa
import pytest

from components.common.data.schemas import SCHEMAS


@pytest.mark.parametrize("kind", SCHEMAS)
def test_every_number_has_a_unit(kind: str) -> None:
    for field in SCHEMAS[kind]:
        inner = field.type.value_type if pa.types.is_list(field.type) else field.type
        if pa.types.is_integer(inner) or pa.types.is_floating(inner):
            assert (field.metadata or {}).get(b"unit"), field.name
