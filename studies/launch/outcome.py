"""How the runs of a launch ended."""

from dataclasses import dataclass, field

MAX_ATTEMPTS = 2
"""A crashed run is repeated once; a run that crashes twice is reported."""


@dataclass
class Outcome:
    """How the runs of a launch ended: identities by state, the errors of those that crashed, and what did not run."""

    finished: list[str] = field(default_factory=list)
    diverged: list[str] = field(default_factory=list)
    crashed: dict[str, str] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
