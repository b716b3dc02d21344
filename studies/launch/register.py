"""Write down what a study plans, before the first of its runs."""

import datetime
from collections.abc import Sequence
from pathlib import Path

from studies.design.plan import Plan
from studies.evidence.registration import claim_key
from studies.launch.tune import values_text
from studies.records.plan_history import PlanEntry, append_plan, hash_of
from studies.records.run_record import FINAL_STATES
from studies.training.identity import NOT_IDENTITY
from studies.training.run import Run


def register(plan: Plan, directory: Path, runs: Sequence[Run], fingerprints: Sequence[str], looked: bool) -> None:
    """Add `plan` to the history of its folder, unless it stands there already; `runs` are those that it asks for.

    `looked` says that results decide how many seeds follow; planned are then those that the study has by itself.
    """
    varied = {key for arm in plan.arms for key in arm.levels} | {*NOT_IDENTITY, "seed"}
    shared = {key: value for key, value in plan.baseline.config.flat().items() if key not in varied}
    first_seed = plan.seeds[0]
    if plan.splits > 1:
        shared["splits"] = plan.splits
    space = plan.tuning.space if plan.tuning is not None else {}
    append_plan(
        directory,
        PlanEntry(
            time=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            experiment=hash_of({"config": shared, "data": sorted(set(fingerprints)), "first_seed": first_seed}),
            preset=plan.preset,
            arms={arm.label: arm.levels for arm in plan.arms},
            seeds=tuple(range(first_seed, first_seed + plan.study.seeds)) if looked else plan.seeds,
            looked=looked,
            claims=tuple(claim_key(claim) for claim in plan.study.claims),
            tuned={key: values_text(values) for key, values in space.items()},
            results_before=sum(run.record.state() in FINAL_STATES for run in runs),
        ),
    )
