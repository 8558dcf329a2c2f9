"""A stage run by several workers, as in the Kubeflow pipelines."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from components.common.data.shares import gather, seal
from components.common.errors import ShareDone
from components.common.stage.params import Share, StageParams


def run_in_shares(
    run: Callable[..., Any], inputs: Mapping[str, Path], outputs: Mapping[str, Path], params: StageParams, workers: int
) -> Any:
    """Every worker makes its share in its own folders, the last worker first; then the stage gathers them."""
    shares = [next(iter(outputs.values())).parent / f"share-{index}" for index in range(workers)]
    for index in reversed(range(workers)):
        own = params.model_copy(update={"only": Share(index, workers)})
        folders = {role: shares[index] / role for role in outputs}
        with pytest.raises(ShareDone):
            run(inputs, folders, own)
        seal(folders)
    gather(shares, outputs)
    return run(inputs, outputs, params)
