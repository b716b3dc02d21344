"""One run in W&B: what it is told at the start, step by step, and at the end; live, or from the disk."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from litmus.metrics import metric_of
from studies.records.run_record import RunRecord
from studies.records.upload_record import Upload, read_upload
from studies.tracking import account, names
from studies.tracking.history import AXES, Values

START_SECONDS = 20.0
"""How long the start of a run waits for the server."""


def client() -> Any:
    """Return the module of W&B's client, which from here on prints nothing: what goes wrong is told in our own line."""
    os.environ["WANDB_SILENT"] = "true"
    # To the client a variable that is set but empty is a wrong value; to people it is not set.
    for name in [name for name, value in os.environ.items() if name.startswith("WANDB_") and not value.strip()]:
        del os.environ[name]
    # Imported here because it takes half a second, and who does not track needs none of it.
    import wandb

    return wandb


def settings(patience: float) -> Any:
    """Return the settings of a run: the client prints nothing, and gives up `patience` seconds after its end."""
    return client().Settings(
        silent=True,
        console="off",
        init_timeout=START_SECONDS,
        finish_timeout=patience,
        finish_timeout_raises=True,
    )


def identity_of(study: str, record: RunRecord) -> str:
    """Return the id of a run of `study` in the project of W&B that runs go to."""
    known = uploaded_here(record.upload_file)
    return known.identity if known is not None and known.identity else names.identity(study, record.run_id)


def uploaded_here(file: Path) -> Upload | None:
    """Return what a file says of an upload to the server and project that runs go to, None where it says nothing."""
    known = read_upload(file)
    here = known is not None and (known.server, known.project) == (account.server(), account.project())
    return known if here else None


@dataclass(frozen=True)
class Told:
    """What W&B is told of a run before its first step.

    Args:
        study: its study.
        arm: its arm's label.
        levels: the arm's levels.
        seed: its seed.
        config: all of its config, nested.
        normalisation: over how many samples batch norm takes its statistics, and whether over all devices.
        record: its record, beside which the client's files lie.
        trial: what a trial of the tuning sets, else empty.
    """

    study: str
    arm: str
    levels: Mapping[str, Any]
    seed: int
    config: Mapping[str, Any]
    normalisation: Mapping[str, Any]
    record: RunRecord
    trial: str = ""

    @property
    def name(self) -> str:
        """What the run is called: as in the terminal."""
        return names.shortened(f"{self.arm}{f', trial {self.trial}' if self.trial else ''}, seed {self.seed}")

    def as_config(self) -> dict[str, Any]:
        """Return what W&B keeps as the config: the run's own, and what it can be grouped and filtered by."""
        about = {"study": self.study, "arm": self.arm, "run": self.record.run_id, "levels": dict(self.levels)}
        return {**self.config, **about, "normalisation": dict(self.normalisation)}


class WandbRun:
    """A run in W&B, opened anew or gone on with; every step that it has already is passed over.

    `mode` is online or offline, `patience` how many seconds the end waits until all is uploaded. Raises whatever the
    client raises.
    """

    def __init__(self, told: Told, mode: str, patience: float) -> None:
        self._wandb = wandb = client()
        self.record = told.record
        self._run = wandb.init(
            project=account.project(),
            id=identity_of(told.study, told.record),
            resume="allow" if mode == "online" else None,
            group=names.group(told.study, told.arm),
            job_type="trial" if told.trial else "run",
            name=told.name,
            tags=names.tags(told.study, told.levels, ["trial"] if told.trial else []),
            config=told.as_config(),
            dir=told.record.path,
            mode=mode,
            settings=settings(patience),
        )
        self._first_step = int(self._run.starting_step or 0)
        self._known: set[str] = set()
        for axis in AXES:
            self._run.define_metric(axis, hidden=True)

    @property
    def upload(self) -> Upload:
        """Where the run lies."""
        run = self._run
        entity = "" if run.offline else str(run.entity or "")
        url = "" if run.offline else str(run.url or "")
        return Upload(account.server(), entity, account.project(), str(run.id), url)

    def log(self, step: int, values: Values) -> None:
        """Log what belongs to a step, whole; lists of numbers become histograms."""
        self._define(values)
        if step >= self._first_step:
            self._run.log({key: self._logged(value) for key, value in values.items()}, step=step)

    def attach(self, kind: str, name: str, files: Mapping[str, Path]) -> None:
        """Keep files, by their names within it, as an artifact; the same content is kept once."""
        artifact = self._wandb.Artifact(name, type=kind)
        for inside, file in files.items():
            artifact.add_file(str(file), name=inside)
        self._run.log_artifact(artifact)

    def finish(self, summary: Mapping[str, Any]) -> None:
        """Write the final metrics, cost and state, as a run's `summary.json` has them, and close the run."""
        curves = ("train_", "val_")  # their last and best values are there by what was logged
        metrics = {key: value for key, value in summary["metrics"].items() if not key.startswith(curves)}
        diverged_at = summary.get("diverged_at_step")
        reason = "" if diverged_at is None else f"the loss was not finite at step {diverged_at}"
        about = {key: summary[key] for key in ("seconds", "diverged_at_step", "environment", "data") if key in summary}
        self._end(0, {**metrics, **summary["cost"], **about}, str(summary["state"]), reason)

    def stop(self, state: str, reason: str) -> None:
        """Close a run that has no result, because it crashed or was interrupted."""
        self._end(1, {}, state, reason)

    def _end(self, exit_code: int, final: Mapping[str, Any], state: str, reason: str) -> None:
        self._run.summary.update({**final, "state": state, "reason": names.shortened(reason, 500) if reason else ""})
        others = [tag for tag in self._run.tags or () if tag not in ("finished", "diverged", "crashed", "interrupted")]
        self._run.tags = (*others, state)
        self._run.finish(exit_code=exit_code)

    def _define(self, values: Values) -> None:
        """Let each curve be drawn over epochs, and its summary hold its last and its best value."""
        for key in values:
            if key in self._known or key in AXES:
                continue
            self._known.add(key)
            metric = metric_of(key)
            best = "" if metric is None else ",max" if metric.higher_is_better else ",min"
            self._run.define_metric(key.replace("*", "∗"), step_metric=AXES[0], summary=f"last{best}" if best else None)

    def _logged(self, value: float | list[float]) -> Any:
        return self._wandb.Histogram(value) if isinstance(value, list) else value
