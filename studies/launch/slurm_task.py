"""What each job of a study executes: run after run, by lease, until none is left.

It is imported before PyTorch is, so that a signal which comes meanwhile is answered too.
"""

import signal
import sys
import types
from pathlib import Path

from studies.launch.giving_way import GIVE_WAY, GO_ON_LATER


def work(directory: str) -> None:
    """Execute what is missing of the study in `directory`, and exit by what came of it.

    0 where no run is left for this task, `GO_ON_LATER` where it was told to give way.
    """
    for number in GIVE_WAY:
        signal.signal(number, _give_way)
    from litmus.errors import UserError
    from studies.launch.interruption import Interrupted
    from studies.launch.slurm_worker import execute_missing

    try:
        execute_missing(Path(directory))
    except Interrupted as interruption:
        print(f"stopped by {interruption}", file=sys.stderr)
        sys.exit(GO_ON_LATER)
    except UserError as error:
        print(f"litmus: {error}", file=sys.stderr)
        sys.exit(1)


def _give_way(number: int, frame: types.FrameType | None) -> None:
    sys.exit(GO_ON_LATER)  # nothing is running yet
