"""Add seeds until every primary claim of a study has its verdict, to the arms alone that still decide one."""

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from litmus.core.errors import UserError
from litmus.design.plan import Plan
from litmus.design.study import Study
from litmus.evidence.claims import ArmTest, Claim, Finding, after_holm, primary_claims
from litmus.evidence.results import Analysis, analyse
from litmus.launch.conduct import StudyResult, conduct
from litmus.launch.config import LaunchConfig

FIRST_LOOK = 3
"""Seeds before the first look: with fewer hardly any interval says something."""


def seeds_to_start_with(study: Study, asked: int | None) -> int:
    """Return the number of seeds before the first look: those that were asked for, or else few."""
    return min(FIRST_LOOK, study.seeds) if asked is None else asked


def conduct_until_decided(plan: Plan, launch: LaunchConfig, source: Path | None, max_seeds: int) -> StudyResult:
    """Run `plan`, and a seed more of the arms that an undecided primary claim speaks of, until there is none such.

    No arm gets more than `max_seeds`. Intervals hold at every number of seeds at once, so that looking after each costs
    no certainty. Raises `UserError` for a study without claims.
    """
    if not plan.study.claims:
        raise UserError(f"--max-seeds: study {plan.study.name} has no claim to decide")
    if max_seeds < len(plan.seeds):
        raise UserError(f"--max-seeds {max_seeds} is less than the {len(plan.seeds)} seeds to start with")
    if 1 < plan.splits < max_seeds:
        raise UserError(
            f"--splits {plan.splits} with --max-seeds: added seeds need their own validation splits; "
            f"give --splits {max_seeds}"
        )
    while True:
        result = conduct(plan, launch, source, looked=True)
        analysis = analyse(result.directory)
        claims = primary_claims(plan.study.claims)
        findings = after_holm([(claim, claim.find(analysis)) for claim in claims])
        if result.crashed or result.missing:
            return result
        open_claims = [claim for claim, each in zip(claims, findings, strict=True) if each.verdict == "inconclusive"]
        labels = sorted({label for claim in open_claims for label in arms_of(claim, analysis)})
        more = [label for label in labels if len(plan.seeds_of(label)) < max_seeds]
        if not more:
            return replace(result, notes=(seeds_used(analysis, findings),))
        decided = len(claims) - len(open_claims)
        print(f"{decided} of {len(claims)} claims decided; a seed more of {'; '.join(more)}", file=sys.stderr)
        plan = plan.with_more(more, 1)


def arms_of(claim: Claim, analysis: Analysis) -> list[str]:
    """Return the labels of the arms that a claim speaks of; of a test that is a function, all of them."""
    if not isinstance(claim.test, ArmTest):
        return [result.label for result in analysis.arms]
    found: dict[str, None] = {}
    for selector in claim.test.arms:
        if isinstance(selector, str):
            found[selector] = None
        else:
            found.update(dict.fromkeys(result.label for result in analysis.at(selector)))
    return list(found)


def seeds_used(analysis: Analysis, findings: Sequence[Finding]) -> str:
    """Return how many claims were decided, with how many runs and seeds, in a line of at most 80 columns."""
    decided = sum(finding.verdict != "inconclusive" for finding in findings)
    seeds = [each.planned for each in analysis.arms]
    return (
        f"decided {decided} of {len(findings)} claims with {sum(seeds)} runs, {min(seeds)} to {max(seeds)} seeds an arm"
    )
