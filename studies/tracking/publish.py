"""Upload a run's record to W&B, as if it had been tracked while it trained; repeating that changes nothing."""

from typing import Literal

from studies.records.frames import read_metrics, read_probes
from studies.records.run_record import FINAL_STATES, RunRecord
from studies.records.storage import CorruptRecord
from studies.tracking.history import recorded
from studies.tracking.mirror import Mirror, content
from studies.tracking.wandb_run import Told, identity_of, uploaded_here

PATIENCE_SECONDS = 300.0
"""How long the end of an upload waits for W&B: its user waits for nothing else."""

Published = Literal["uploaded", "there already", "at work", "unreadable"]


class UploadFailed(Exception):
    """An upload did not end well; the message is why, in a line."""


def publish(record: RunRecord, weights: bool = False) -> Published:
    """Upload a run's record, unless it is there already, and return what was done; with `weights` its checkpoints too.

    A run that is at work is left to what tracks it. Raises `UploadFailed`.
    """
    state = record.state()
    if state == "running":
        return "at work"
    try:
        told, summary, status = told_from(record), record.read_summary(), record.read_status()
    except (CorruptRecord, KeyError):
        return "unreadable"
    known = uploaded_here(record.upload_file)
    same = known is not None and known.identity == identity_of(told.study, record)
    if known is not None and same and known.content == content(record) and not known.error and not weights:
        return "there already"
    mirror = Mirror(told, "online", PATIENCE_SECONDS, rest=False)
    rows, measured = read_metrics(record), read_probes(record)
    history = recorded(
        [] if rows is None else rows.to_dict("records"),  # type: ignore[arg-type]
        [] if measured is None else measured.to_dict("records"),  # type: ignore[arg-type]
        int(told.config["data"]["batch_size"]),
    )
    for step, values in history.steps():
        mirror.log(step, values)
    files = {file.name: file for file in (record.checkpoint, record.best_checkpoint) if file.exists()}
    if weights and files:
        mirror.attach("model", f"weights-{record.run_id}", files)
    if state in FINAL_STATES and summary:
        mirror.finish(summary)
    else:
        mirror.stop(state, str(status.get("error", "")))
    if mirror.error:
        raise UploadFailed(mirror.error)
    return "uploaded"


def told_from(record: RunRecord) -> Told:
    """Return what W&B is told of a run that lies on the disk. Raises `CorruptRecord`, `KeyError`."""
    status, config, summary = record.read_status(), record.read_config(), record.read_summary()
    levels, normalisation = dict(status.get("levels") or {}), summary.get("normalisation", {})
    trial = str(status.get("trial") or "")
    seed = int(config["seed"])
    return Told(str(status["study"]), str(status["arm"]), levels, seed, config, normalisation, record, trial)
