"""Records of studies whose truth is known, written to disk as runs would leave them."""

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy
import pandas as pd
import yaml

from litmus.design.plan import Arm, Plan, expand
from litmus.design.study import Study
from litmus.evidence.results import Analysis, analyse
from litmus.launch.tune import tune
from litmus.records.run_record import RunRecord
from litmus.records.storage import to_json
from litmus.records.study_record import Start, TuningRecord, write_study_record
from litmus.training.run import Run

Truth = Mapping[str, Any] | Literal["diverged", "not_finite", "missing"]
"""What a run left: its metrics by name (`test_top1`, ...), or that it failed and how, or nothing.

Among the metrics, `curve` may be rows of `metrics.csv`, `probes` rows of `probes.csv` as (step, layer, quantity,
value), `cost` the cost's entries, `data` and `environment` those of the summary, `logits` the arrays of `logits.npz`;
`seconds` is how long the run took."""


def synthetic(
    directory: Path,
    study: Study,
    truth: Callable[[Arm, int], Truth],
    seeds: int = 5,
    vary: Mapping[str, Sequence[Any]] | None = None,
    splits: int = 1,
    trial: Callable[[Arm, int], Truth] | None = None,
    starts: Mapping[str, Start] | None = None,
) -> Analysis:
    """Write the records of `study` as `truth(arm, seed)` says, and return their analysis.

    Where the study tunes, `trial` says what a trial's run left, given the arm at the trial's values.
    """
    plan, tuning = expand(study, seeds=seeds, vary=vary, splits=splits), None
    if plan.tuning is not None and trial is not None:
        plan, tuning = _tuned(directory, plan, trial)
    runs = []
    for index, (arm, seed) in enumerate(plan.runs()):
        path = directory / f"{index:012x}"
        runs.append(Run(path.name, study.name, arm.label, arm.levels, plan.config(arm, seed), path))
        left = truth(arm, seed)
        if left != "missing":
            write_run(runs[-1], left)
    directory.mkdir(parents=True, exist_ok=True)
    write_study_record(directory, plan.record(runs, starts=starts, tuning=tuning))
    if not any(run.directory.exists() for run in runs):
        runs[0].directory.mkdir(parents=True)
    return analyse(directory)


def _tuned(directory: Path, plan: Plan, trial: Callable[[Arm, int], Truth]) -> tuple[Plan, TuningRecord]:
    """Return the plan with the values that its arms chose, and the record of their trials."""
    left: dict[str, Truth] = {}

    def make_run(arm: Arm, seed: int, name: str) -> Run:
        path = directory / f"{len(left):011x}t"
        left[path.name] = trial(arm, seed)
        return Run(path.name, plan.study.name, f"{arm.label}, trial {name}", {}, plan.config(arm, seed), path)

    def execute(runs: Sequence[Run]) -> None:
        for run in runs:
            write_run(run, left[run.run_id])

    assert plan.tuning is not None
    tuned, record, _ = tune(plan, plan.tuning, directory, make_run, execute, lambda record: None)
    return tuned or plan, record


def write_run(run: Run, left: Truth) -> None:
    """Write the record of a run that left this."""
    finished = {} if isinstance(left, str) else dict(left)
    state = left if isinstance(left, str) else "finished"
    cost = {"parameters": 10, "flops": 20, "activations": 30, **finished.pop("cost", {})}
    curve, probes = finished.pop("curve", []), finished.pop("probes", [])
    logits, seconds = finished.pop("logits", None), finished.pop("seconds", 1.0)
    record = RunRecord(run.directory)
    record.path.mkdir(parents=True)
    times = {"started": 0.0, "updated": 1.0}
    record.write_status(state=state, experiment=run.experiment, arm=run.arm, seed=run.config.seed, attempts=1, **times)
    record.config_file.write_text(yaml.dump(run.config.as_dict(), Dumper=yaml.CSafeDumper))
    data = {"fingerprint": "f", "num_classes": 10, **finished.pop("data", {})}
    environment = {"code": "abc", "torch": "2.8", "device": "cpu", **finished.pop("environment", {})}
    summary = {
        "state": state,
        "diverged_at_step": 3 if state == "diverged" else None,
        "metrics": {"train_loss": math.nan, **finished},
        "cost": cost,
        "seconds": seconds,
        "normalisation": {"global_batch": 64, "batch_per_device": 64, "synchronised": False, "statistics_over": 64},
        "data": data,
        "environment": environment,
    }
    record.summary_file.write_text(to_json(summary))
    rows = curve or [{"step": 10, **{key: value for key, value in finished.items() if key.startswith("val_")}}]
    pd.DataFrame([{"kind": "evaluation", "train_loss": 1.0, **row} for row in rows]).to_csv(
        record.metrics_file, index=False
    )
    if probes:
        columns = ["step", "layer", "quantity", "value"]
        pd.DataFrame(probes, columns=columns).assign(probe="").to_csv(record.probes_file, index=False)
    if logits is not None:
        numpy.savez(record.logits_file, **logits)
