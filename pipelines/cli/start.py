"""Where `objectmate` starts: a stage of a run goes straight to the run's server, everything else to the commands.

A run starts a process for every stage, and importing the commands would take longer than the work of many stages.
"""

import os
import sys

from pipelines.engines.forking import SERVER, run_forked
from pipelines.engines.stopping import in_one_sentence

SPIN_COUNT = "1000"
"""How often an idle OpenMP thread polls for its next task before it sleeps. libgomp's default is 300 times as high:
then waiting threads keep the cores from working ones, and two trainings on two cores slow each other down several times
over. A training alone is equally fast with either."""


def main() -> None:
    """Entry point of `objectmate`."""
    if "OMP_WAIT_POLICY" not in os.environ:  # with which users can decide the same
        os.environ.setdefault("GOMP_SPINCOUNT", SPIN_COUNT)  # for torch here, and for every process that is started
    match sys.argv[1:]:
        case ["stage", stage] if SERVER in os.environ:
            in_one_sentence(lambda: sys.exit(run_forked(os.environ[SERVER], stage)))
        case _:
            from pipelines.cli.app import app

            for library in ("TRANSFORMERS", "DIFFUSERS"):
                os.environ.setdefault(f"{library}_VERBOSITY", "error")  # their advice is for developers, not our users
            in_one_sentence(app)


if __name__ == "__main__":
    main()
