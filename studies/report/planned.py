"""How a study stands to its plan, in words: what was planned before the first run, and what came later."""

from collections.abc import Sequence

from litmus.wording import several
from studies.evidence.claims import Claim
from studies.evidence.registration import Registration
from studies.evidence.summary import StudySummary
from studies.report.outcome import seeds_with_result, undecided_claims

ANYTIME = "Intervals of differences hold at every number of seeds."


def plan_text(registration: Registration, claims: Sequence[Claim]) -> str:
    """Return what was planned and when, in a sentence; empty where there is nothing to say."""
    plan = registration.plan
    if plan is None:
        return "none was written before the first run, by an earlier version" if claims else ""
    if plan.results_before and not claims:
        return ""
    when = "before the first run" if not plan.results_before else f"when {plan.results_before} runs had their result"
    how = ", looking at the results after each" if plan.looked else ""
    claimed = f"{len(plan.claims)} claim{'' if len(plan.claims) == 1 else 's'}"
    planned = f"{len(plan.arms)} arms × {len(plan.seeds)} seeds{how}, {claimed}"
    return f"{planned}; written {plan.time[:16].replace('T', ' ')} UTC, {when} ({plan.hash}, in plan.jsonl)"


def plan_checked(registration: Registration) -> str:
    """Return whether the plan was written down before the first result."""
    plan = registration.plan
    if plan is None:
        return "no: an earlier version wrote none"
    if plan.results_before:
        return f"no: fixed after {several(plan.results_before, 'result')}"
    return "yes: written down before the first run"


def standing(summary: StudySummary) -> str:
    """Return how many seeds have their result now, and how many claims are undecided, as a clause."""
    undecided, claims = undecided_claims(summary)
    decided = f"{undecided} of {several(claims, 'claim')} undecided" if undecided else "all claims decided"
    begun = max((result.planned for result in summary.analysis.arms), default=0)
    missing = any(result.missing for result in summary.analysis.arms)
    now = f"now {seeds_with_result(summary.analysis)} an arm with a result{f', {begun} begun' if missing else ''}"
    return f"{now}; {decided}"


def deviations(registration: Registration, claims: Sequence[Claim] | None, seeds: int, standing: str = "") -> list[str]:
    """Return what is not as it was planned, a sentence each.

    `claims` are the study's now, None where they are not known; `seeds` is the number of seeds that stand, `standing`
    how the study stands where seeds are added until its claims are decided.
    """
    plan = registration.plan
    if plan is None:
        return []
    found = []
    if plan.results_before and plan.claims:
        found.append(f"Claims were fixed after {several(plan.results_before, 'result')}.")
    later = [claim.sentence.rstrip(".") for claim in claims or () if registration.is_exploratory(claim)]
    if later:
        found.append(f"Exploratory, not planned before the first run: {'; '.join(later)}.")
    if registration.arms_added:
        found.append(f"Arms added later: {'; '.join(registration.arms_added)}.")
    if claims is not None and (dropped := registration.dropped(claims)):
        found.append(f"Planned and no longer claimed: {'; '.join(each.rstrip('.') for each in dropped)}.")
    if plan.looked:
        found.append(
            f"Planned {several(len(plan.seeds), 'seed')}, and more until the claims are decided; {standing}. {ANYTIME}"
        )
    elif seeds > len(plan.seeds):
        found.append(f"{seeds} seeds, {len(plan.seeds)} were planned. {ANYTIME}")
    elif registration.history.looked:
        found.append(f"{len(plan.seeds)} seeds were planned, and results were looked at on the way. {ANYTIME}")
    return found
