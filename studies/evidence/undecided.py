"""What a study left inconclusive, and how many seeds would decide it, were the effects those that were found."""

import math
from dataclasses import dataclass, replace

from scipy import stats

from studies.evidence.claims import ArmTest, Claim, Finding, primary_claims
from studies.evidence.estimate import Effect
from studies.evidence.power import ALPHA, POWER
from studies.evidence.summary import StudySummary

MOST = 10_000
"""Seeds beyond which nobody looks for the number."""


@dataclass(frozen=True)
class Undecided:
    """A claim or an arm's difference that is inconclusive; `seeds` would decide it, None where no number below `MOST`
    does, for the effect is too small beside its errors, or the test set too small for it.
    """

    what: str
    seeds: int | None


def undecided(summary: StudySummary) -> list[Undecided]:
    """Return the primary claims that are inconclusive; of a study without claims, the arms whose difference is.

    What is inconclusive for another reason than its interval's width (runs are missing, both sides are at the ceiling)
    is left out: seeds would not help.
    """
    if summary.findings:
        claims = primary_claims([claim for claim, _ in summary.findings])
        alpha = ALPHA / len(claims)
        judged = [
            (claim, finding)
            for (claim, finding), held in zip(summary.findings, summary.headline, strict=True)
            if held == "inconclusive" and claim in claims
        ]
        found = [(claim.sentence, finding.effect, _distance(claim, finding)) for claim, finding in judged]
    else:
        compared = [each for each in summary.judged if each.comparison is not None and each.comparison.difference.n]
        alpha = ALPHA / max(1, len(compared))
        found = [
            (each.arm.label, each.comparison.difference, abs(each.comparison.difference.mean))
            for each in compared
            if each.comparison is not None and not each.comparison.p_holm < ALPHA
        ]
    return [
        Undecided(what, seeds_to_decide(effect, distance, alpha))
        for what, effect, distance in found
        if effect.n >= 2 and not math.isnan(effect.half_width(alpha)) and distance < effect.half_width(alpha)
    ]


def seeds_to_decide(effect: Effect, distance: float, alpha: float = ALPHA) -> int | None:
    """Return the fewest seeds whose interval at level 1 − `alpha` is, with 80 % power, narrower than `distance`.

    `distance` is that of the effect from where its verdict changes. The errors are those of `effect`, in which that of
    the test images does not shrink with seeds, and its interval is the anytime-valid one beyond the planned number, as
    it will be. None beyond `MOST`.
    """
    chance = float(stats.norm.ppf(POWER))

    def decides(n: int) -> bool:
        more = replace(effect, n=n)
        return more.half_width(alpha) + chance * more.seed_error <= distance

    if not distance > 0 or not decides(MOST):
        return None
    too_few, enough = effect.n, MOST
    while enough - too_few > 1:
        middle = (too_few + enough) // 2
        too_few, enough = (too_few, middle) if decides(middle) else (middle, enough)
    return enough


def _distance(claim: Claim, finding: Finding) -> float:
    mean = finding.effect.mean
    if isinstance(claim.test, ArmTest) and claim.test.equivalence:
        return abs(abs(mean) - claim.threshold)
    return abs(mean - claim.threshold)
