"""Where people's verdicts are."""

from typing import ClassVar

from components.common.stage.params import Place, StageParams, parameter


class Params(StageParams):
    """The file of verdicts."""

    section: ClassVar[str] = "gates"

    verdicts: Place = parameter(
        "",
        "CSV or Parquet of people's verdicts on pairs, as `objectmate label` writes it: a path or s3://; empty: none",
    )
