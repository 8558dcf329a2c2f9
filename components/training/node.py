"""One process of a training with several: `torchrun --module components.training.node FOLDER`.

It may be started any number of times: it continues from the last checkpoint, does nothing once the model is there, and
immediately refuses what was refused before.
"""

import sys
from pathlib import Path

from components.common.computing import pick_device, pinned_threads
from components.common.errors import UserError
from components.common.harmless import say
from components.training import ranks, stage
from components.training.launch import Handover


def main(folder: Path) -> int:
    """Does what the handover folder requests; the exit code is 2 if the user has to change something first."""
    handover = Handover(folder)
    params, latents, model = handover.asked()
    if handover.finished(model):
        return 0
    try:
        if sentence := handover.refusal():
            raise UserError(sentence)
        ranks.join(pick_device(params.device).type)
        with pinned_threads(params):
            stage.compute({"latents": latents}, {"model": model}, params, handover.keep)
    except UserError as error:
        handover.refuse(str(error))
        say(f"error: {error}", err=True)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
