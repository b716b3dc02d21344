"""Whether a study's claims speak of arms and metrics that there are, checked before anything runs."""

from collections.abc import Mapping
from typing import Any

from litmus.errors import UserError, require_positive, unknown_name
from litmus.metrics import METRICS, TASKS, metric_of
from studies.design.study import Study
from studies.evidence.claims import ArmTest
from studies.evidence.selection import Selector


def check_claims(study: Study) -> None:
    """Raise `UserError` where a claim names what the study does not have, or can never be supported."""
    arms = study.arm_levels()
    for claim in study.claims:
        if not isinstance(claim.test, ArmTest):
            continue
        try:
            for selector in claim.test.arms:
                _check_selector(selector, arms)
            for factor in claim.test.factors:
                _check_factor(factor, study)
            if claim.test.equivalence:
                require_positive(threshold=claim.threshold)
            for metric in claim.test.metrics:
                if isinstance(metric, str) and metric_of(metric) is None:
                    raise unknown_name("metric", metric, columns())
        except UserError as error:
            raise UserError(f"study {study.name}, claim {claim.sentence!r}: {error}") from None


def columns() -> list[str]:
    """Return the names of the metrics that claims can test, as records call them."""
    evaluated = [f"{split}_{name}" for task in TASKS.values() for split in ("test", "val") for name in task.evaluated]
    trained = [name for task in TASKS.values() for name in (*task.fit_columns, *task.training_columns)]
    best = [f"best_val_{task.primary_metric}" for task in TASKS.values()]
    of_no_split = [name for name, metric in METRICS.items() if metric.scale in ("seconds", "count")]
    return list(dict.fromkeys([*evaluated, *trained, *best, *of_no_split]))


def _check_selector(selector: Selector, arms: Mapping[str, Mapping[str, Any]]) -> None:
    if isinstance(selector, str):
        if selector not in arms:
            raise unknown_name("arm", selector, arms)
        return
    for key, value in selector.items():
        levels = list(dict.fromkeys(levels[key] for levels in arms.values() if key in levels))
        if not levels:
            raise unknown_name("factor", key, {key: None for levels in arms.values() for key in levels})
        if value not in levels:
            raise UserError(f"no arm has {key} {value!r}; valid: {', '.join(map(str, levels))}")
    if not any(all(levels.get(key) == value for key, value in selector.items()) for levels in arms.values()):
        named = ", ".join(f"{key} {value}" for key, value in selector.items())
        raise UserError(f"no arm has {named} together")


def _check_factor(factor: str, study: Study) -> None:
    if factor not in study.factors:
        raise unknown_name("factor", factor, study.factors)
