"""`python -m pipelines.engines.reaper RUN [ENGINE MARKER]`: ends what a run leaves behind, once the run is gone.

It reads its standard input, a pipe from the run's process, to the end. ENGINE and MARKER come from
`lifecycle`: the engine that may have left containers, and the file whose modification time says when the run was
killed.
"""

import os
import sys
from contextlib import suppress

from pipelines.engines.family import end_run


def main(run: str, engine: str = "", marker: str = "") -> None:
    """Waits for the run to end, then ends its processes and containers, and records the time."""
    sys.stdin.buffer.read()
    end_run(run, engine)
    with suppress(FileNotFoundError):  # a run that ended by itself removes its marker
        os.utime(marker)


if __name__ == "__main__":
    main(*sys.argv[1:])
