"""A claim as a reader sees it: the page, the terminal, Markdown, JSON and W&B all show it from here."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from litmus.core.formatting import several
from litmus.evidence.claims import ArmTest, Claim, Finding, Verdict, after_holm, judge, primary_claims
from litmus.evidence.differences import arms_of, holm
from litmus.evidence.results import Metric
from litmus.evidence.summary import StudySummary
from litmus.report.tables import Table, p_text

NOT_AFTER_HOLM = "not significant"
"""The verdict on an effect whose own interval excludes zero, and whose p after Holm's correction is not below 0.05."""
CHOOSES = "; where a side has several arms, the first seed only serves to choose among them"


@dataclass(frozen=True)
class ClaimRow:
    """A claim with what the records say of it.

    Args:
        claim: the claim.
        finding: what the records say of the claim by itself.
        verdict: its verdict in the headline, after Holm's correction over the primary claims.
        p: the smallest level at which its interval has a verdict; NaN where it can have none.
        p_holm: the same after the correction; NaN for other claims than the primary ones.
        primary: whether the headline rests on the claim.
        exploratory: whether the claim was stated after the plan.
        seeds: how many seeds the arms have.
        chooses: whether the first seed is not compared, since it chooses which of several arms is.
    """

    claim: Claim
    finding: Finding
    verdict: Verdict
    p: float
    p_holm: float
    primary: bool
    exploratory: bool
    seeds: int
    chooses: bool

    @property
    def is_level(self) -> bool:
        """Whether the effect is a level and not a difference, so that zero means nothing."""
        return isinstance(self.claim.test, ArmTest) and self.claim.test.level

    @property
    def role(self) -> str:
        """What the claim counts for: `primary`, `secondary`, or `check`, which is computed and not measured."""
        return "check" if self.claim.check else "primary" if self.primary else "secondary"

    @property
    def word(self) -> str:
        """The verdict in a word, or why there is none; that a check is right is no support for anything: it holds."""
        if self.verdict != self.finding.verdict:
            return NOT_AFTER_HOLM
        if self.claim.check and self.verdict != "inconclusive":
            return "holds" if self.verdict == "supported" else "does not hold"
        return self.finding.withheld or self.verdict

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """What the claim's test compares; empty where it does not say."""
        return self.claim.test.metrics if isinstance(self.claim.test, ArmTest) else ()

    @property
    def count(self) -> str:
        """The number of seeds that are compared, `5 of 6` where that is not all; empty where there is none."""
        n, seeds = self.finding.effect.n, self.seeds
        return "" if not n else f"{n} of {seeds}" if n < seeds else str(n)

    @property
    def effect(self) -> str:
        """The effect with its interval and unit; empty where there is none."""
        if not self.finding.effect.n:
            return ""
        write = self.claim.unit.interval if self.is_level else self.claim.unit.difference
        return write(self.finding.effect)


def claim_rows(summary: StudySummary) -> list[ClaimRow]:
    """Return a row for each claim, in their order."""
    primary = primary_claims([claim for claim, _ in summary.findings])
    own = [_own_p(claim, finding) for claim, finding in summary.findings]
    family = [index for index, (claim, _) in enumerate(summary.findings) if claim in primary]
    corrected = holm([1.0 if math.isnan(own[index]) else own[index] for index in family])
    p_holm = dict(zip(family, corrected, strict=True))
    rows = []
    for index, ((claim, finding), held) in enumerate(zip(summary.findings, after_holm(summary.findings), strict=True)):
        p = own[index]
        rows.append(
            ClaimRow(
                claim,
                finding,
                held.verdict,
                p,
                math.nan if math.isnan(p) else p_holm.get(index, math.nan),
                index in p_holm,
                summary.registration.is_exploratory(claim.key),
                max((result.planned for result in summary.analysis.arms), default=0),
                _chooses(summary, claim),
            )
        )
    return rows


def _own_p(claim: Claim, finding: Finding) -> float:
    """Return the smallest level at whose interval a claim has a verdict, by itself."""
    if finding.verdict != "inconclusive":
        return finding.p_value
    if finding.withheld or finding.effect.n < 2 or math.isnan(finding.effect.low):
        return math.nan
    level = isinstance(claim.test, ArmTest) and claim.test.level
    return finding.effect.smallest_alpha(lambda each: judge(each, claim.region, level) != "inconclusive")


def _chooses(summary: StudySummary, claim: Claim) -> bool:
    """Whether one of several arms stands for a side of the claim, chosen by the seeds before each."""
    test = claim.test
    if not isinstance(test, ArmTest) or test.factors:
        return False
    return any(len(arms_of(summary.analysis, selector)) > 1 for selector in test.arms)


def claims_table(rows: Sequence[ClaimRow], source: str = "") -> Table | None:
    """Return the claims with their verdicts, None where there is none; `source` is the study's."""
    found = []
    for row in rows:
        remarks = [row.role, "exploratory" if row.exploratory else "", row.claim.cited(source)]
        found.append(
            {
                "claim": f"{row.claim.sentence}\n{' · '.join(filter(None, remarks))}",
                "verdict": row.word,
                "effect [95 %]": row.effect or "–",
                "p": p_text(row.p),
                "p, Holm": p_text(row.p_holm),
                "n": row.count,
                "our figures": row.finding.evidence,
                "the source's": row.claim.paper,
            }
        )
    primary = sum(row.primary for row in rows)
    note = (
        "Supported: the effect has the stated direction and lies beyond the claim's threshold. Its size is not "
        "compared with the source's. p: how often chance alone would show an effect this far beyond the threshold. "
        f"{several(primary, 'primary claim')}: judged together, with Holm's correction; secondary claims: one by one. "
        f"n: the number of seeds that are compared{CHOOSES if any(row.chooses for row in rows) else ''}."
    )
    return Table("Claims and their sources", found, note) if found else None
