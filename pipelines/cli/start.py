"""Where `objectmate` starts: a stage of a run goes straight to the run's server, all else to the commands.

A run starts a process for every stage, and to import the commands would take longer than many a stage's work.
"""

import os
import sys

from pipelines.cli.stopping import in_one_sentence
from pipelines.engines.forking import SERVER, run_forked

SPIN_COUNT = "1000"
"""How often a thread of a network looks for its next task before it sleeps. libgomp's own count is 300 times as high:
then threads that wait keep the cores from those that work, and two trainings on two cores slow each other down several
times over. A training alone is as fast with either."""


def main() -> None:
    """Entry point of `objectmate`."""
    if "OMP_WAIT_POLICY" not in os.environ:  # the user's way to decide the same
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
