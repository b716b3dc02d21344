"""A run by its identity, the first digits of that, or its folder."""

from pathlib import Path

from litmus.errors import UserError
from studies.records.run_record import RunRecord, run_records


def find_runs(run: str, out: Path) -> list[RunRecord]:
    """Return the records of the run whose identity starts with `run`, one for each study under `out` that holds it.

    `run` may also be a run's folder. Raises `UserError` where there is none, or where several runs could be meant.
    """
    folder = RunRecord(Path(run))
    if folder.config_file.exists() or folder.status_file.exists():
        return [RunRecord(folder.path.resolve())]
    if Path(run).is_dir():
        runs = run_records(Path(run))
        reason = f"it holds {len(runs)} runs, e.g. {runs[0].path}" if runs else "there is no config.yaml"
        raise UserError(f"{run} is no run's folder: {reason}")
    records = [record for study in sorted(out.glob("*")) for record in run_records(study)]
    found = [record for record in records if record.run_id.startswith(run)]
    if not found:
        raise UserError(f"no run {run!r} in {out} ({len(records)} runs there); litmus report lists a study's runs")
    identities = sorted({record.run_id for record in found})
    if len(identities) > 1:
        raise UserError(f"{run!r} could be any of {', '.join(identities[:8])}; give more digits")
    return found
