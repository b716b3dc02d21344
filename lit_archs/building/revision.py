"""Revisions: a network that is changed is another network, and runs of the old one are not taken for the new."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from litmus.lit_archs.building.norm_config import NormConfig

Concerned = Callable[[Mapping[str, Any], NormConfig], bool]


@dataclass(frozen=True)
class Revision:
    """A change of what an architecture computes or trains, from revision 1 on.

    Args:
        number: of the revision that it makes, 2 or more.
        change: what was changed.
        concerns: whether a network of these options and norms is another one since; all others stay what they were.
    """

    number: int
    change: str
    concerns: Concerned


def revision(revisions: Sequence[Revision], options: Mapping[str, Any], norms: NormConfig) -> int:
    """Return the revision of a network of these options and norms: that of the last change that concerns it, else 1."""
    return max((each.number for each in revisions if each.concerns(options, norms)), default=1)


def _without_shifting_norms(options: Mapping[str, Any], norms: NormConfig) -> bool:
    norm = options.get("norm")
    if norm is None or options.get("fixup"):
        return False
    return norm == "none" or not norms.affine


SHIFTS_STAY = Revision(2, "channels keep their shift where no norm has one", _without_shifting_norms)
"""Before it, the convolutions of residual, dense and inception networks had no bias whether a norm followed or not."""

RESPONSES_OF_THE_PAPER = Revision(
    2, "α of local response norm is 5e-4, for PyTorch divides by n", lambda options, _: options["local_response_norm"]
)
"""Before it, α was 1e-4, a fifth of what the paper's formula says."""
