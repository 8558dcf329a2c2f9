"""Where `objectmate` starts: a stage of a run goes straight to the run's server, all else to the commands.

A run starts a process for every stage, and to import the commands would take longer than many a stage's work.
"""

import os
import sys

from pipelines.cli.stopping import in_one_sentence
from pipelines.engines.forking import SERVER, run_forked


def main() -> None:
    """Entry point of `objectmate`."""
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
