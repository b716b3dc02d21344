"""The verdicts of a study's primary claims, alone: what decides whether more seeds are worth their while."""

from collections.abc import Sequence

from studies.evidence.claims import Claim, Finding
from studies.evidence.results import Analysis


def judged(analysis: Analysis, claims: Sequence[Claim]) -> list[tuple[Claim, Finding]]:
    """Return each primary claim with what the records say of it."""
    return [(claim, claim.find(analysis)) for claim in claims]
