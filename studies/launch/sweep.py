"""A study that was written as a sweep: created in W&B where it can be reached, and what to type next."""

import yaml

from litmus.wording import several
from studies.launch.conduct import Conducted
from studies.launch.sweep_launcher import registered, sweep_file
from studies.tracking import names
from studies.tracking.account import account


def sweep_lines(conducted: Conducted) -> list[str]:
    """Create the sweep of a study in W&B, or say why it is not, and return what to do next, in lines."""
    file, outcome = sweep_file(conducted.directory), conducted.outcome
    done = len(outcome.finished) + len(outcome.diverged)
    lines = [f"sweep: {file}", f"{several(len(outcome.missing), 'run')} for its agents, {done} already done"]
    here = account()
    if here.problem:
        return [
            *lines,
            f"W&B: {here.problem}; it is not created there yet:",
            f"  wandb sweep {file}",
            "  wandb agent what-that-says",
        ]
    try:
        path = registered(yaml.safe_load(file.read_text()), here.entity)
    except Exception as error:  # whatever the client raises
        why = names.shortened(f"{type(error).__name__}: {error}".partition("\n")[0], 200)
        return [*lines, f"W&B: not created there ({why}); later: wandb sweep {file}"]
    return [
        *lines,
        "each of these takes run after run, on as many machines as share the folder:",
        f"  wandb agent {path}",
        f"then: litmus report {conducted.directory.name}",
    ]
