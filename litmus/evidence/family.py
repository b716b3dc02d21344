"""Several claims at once: Holm's correction over the primary ones, so that the headline errs as seldom as one claim."""

from collections.abc import Sequence
from dataclasses import replace

from litmus.evidence.claims import Claim, Finding, Verdict, primary_claims
from litmus.evidence.differences import holm
from litmus.evidence.estimate import TAIL
from litmus.evidence.results import Analysis

ALPHA = 2 * TAIL


def corrected(findings: Sequence[tuple[Claim, Finding]]) -> list[float]:
    """Return each claim's p-value: that of a primary one after Holm's correction over all primary claims."""
    primary = {id(claim) for claim in primary_claims([claim for claim, _ in findings])}
    indices = [index for index, (claim, _) in enumerate(findings) if id(claim) in primary]
    found = [finding.p_value for _, finding in findings]
    for index, p_value in zip(indices, holm([found[index] for index in indices]), strict=True):
        found[index] = p_value
    return found


def headline(findings: Sequence[tuple[Claim, Finding]]) -> list[Verdict]:
    """Return each claim's verdict for the headline, in their order.

    A primary claim's verdict must stand after Holm's correction over all primary claims (Holm 1979): the chance that
    any of these verdicts is false is then at most 5 %, whatever the truth. Other claims keep their verdict, each by
    itself.
    """
    primary = {id(claim) for claim in primary_claims([claim for claim, _ in findings])}
    verdicts: list[Verdict] = [finding.verdict for _, finding in findings]
    family = sorted((finding.p_value, i) for i, (claim, finding) in enumerate(findings) if id(claim) in primary)
    stands = True
    for rank, (p_value, index) in enumerate(family):
        stands = stands and (len(family) - rank) * p_value <= ALPHA
        if not stands:
            verdicts[index] = "inconclusive"
    return verdicts


def judged(analysis: Analysis, claims: Sequence[Claim]) -> list[tuple[Claim, Finding]]:
    """Return each primary claim with what the records say of it, its verdict after Holm's correction."""
    found = [(claim, claim.find(analysis)) for claim in primary_claims(claims)]
    held = headline(found)
    return [(claim, replace(finding, verdict=verdict)) for (claim, finding), verdict in zip(found, held, strict=True)]
