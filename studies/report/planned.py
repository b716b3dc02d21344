"""How a study stands to its plan, in words: what was planned before the first run, and what came later."""

from collections.abc import Sequence

from studies.evidence.claims import Claim
from studies.evidence.registration import Registration


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


def deviations(registration: Registration, claims: Sequence[Claim] | None, seeds: int) -> list[str]:
    """Return what is not as it was planned, a sentence each.

    `claims` are the study's now, None where they are not known; `seeds` is the number of seeds that stand.
    """
    plan = registration.plan
    if plan is None:
        return []
    found = []
    later = [claim.sentence.rstrip(".") for claim in claims or () if registration.is_exploratory(claim)]
    if later:
        found.append(f"Exploratory, not planned before the first run: {'; '.join(later)}.")
    if registration.arms_added:
        found.append(f"Arms added later: {'; '.join(registration.arms_added)}.")
    if claims is not None and (dropped := registration.dropped(claims)):
        found.append(f"Planned and no longer claimed: {'; '.join(each.rstrip('.') for each in dropped)}.")
    if plan.looked:
        found.append("Seeds were added until the claims were decided; intervals hold at every number of seeds.")
    elif seeds > len(plan.seeds):
        found.append(f"{seeds} seeds, {len(plan.seeds)} were planned; intervals hold at every number of seeds.")
    elif registration.history.looked:
        found.append(
            f"{len(plan.seeds)} seeds were planned, and results were looked at on the way; intervals hold at every "
            "number of seeds."
        )
    return found
