"""The verdicts of a study's primary claims, alone: what decides whether more seeds are worth their while."""

from collections.abc import Sequence
from dataclasses import replace

from studies.evidence.claims import Claim, Finding, primary_claims
from studies.evidence.family import headline
from studies.evidence.results import Analysis


def judged(analysis: Analysis, claims: Sequence[Claim]) -> list[tuple[Claim, Finding]]:
    """Return each primary claim with what the records say of it, its verdict after Holm's correction."""
    found = [(claim, claim.find(analysis)) for claim in primary_claims(claims)]
    held = headline(found)
    return [(claim, replace(finding, verdict=verdict)) for (claim, finding), verdict in zip(found, held, strict=True)]
