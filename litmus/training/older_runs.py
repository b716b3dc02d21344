"""Runs of the user's code before a change: kept aside, or with `--same-code` counted as runs of the new code."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path

from litmus.core.errors import UserError
from litmus.core.formatting import listed, several
from litmus.records.run_record import RunRecord
from litmus.records.storage import storage_errors, write_atomically
from litmus.records.study_record import read_study_record
from litmus.records.user_code import changed_files, code_version, identity_with_code, recorded_code
from litmus.training.run import Run

Hashes = Mapping[str, str]


def codes_of_study(directory: Path, now: Hashes) -> list[Hashes]:
    """Return the codes that a study was run with, as hashes by file: the code of `now`, then the latest before it."""
    try:
        recorded = read_study_record(directory).codes
    except UserError:  # there is none yet; what cannot be read is written anew
        recorded = ()
    return [now, *(code for code in recorded if code_version(code) != code_version(now))]


def older_runs(runs: Sequence[Run], codes: Sequence[Hashes]) -> list[tuple[Run, RunRecord]]:
    """Return those of `runs` without a result, each with a record that has one and differs in its code alone.

    All are of one code, the latest before `codes[0]` that has results: seeds of several codes are never mixed.
    """
    missing = [(run, run.code) for run in runs if run.code is not None and not run.record.outcome().is_complete]
    for code in codes[1:]:
        identities = [(run, identity_with_code(present.base, code_version(code))) for run, present in missing]
        candidates = [(run, RunRecord(run.directory.with_name(identity))) for run, identity in identities]
        found = [(run, record) for run, record in candidates if record.outcome().is_complete]
        if found:
            return found
    return []


def reuse_older_runs(runs: Sequence[Run], codes: Sequence[Hashes], same_code: bool) -> str | None:
    """With `same_code`, let older runs count as those of `runs` that have no result; return a line for the user."""
    found = older_runs(runs, codes)
    if not found:
        return "--same-code: there is no run of the older code to reuse" if same_code else None
    older_code = recorded_code(found[0][1].read_status())
    changed = listed(changed_files(older_code.hashes if older_code is not None else {}, codes[0]))
    number = several(len(found), "run")
    if not same_code:
        are, them = ("is", "it") if len(found) == 1 else ("are", "them")
        return f"{changed} changed: {number} of the older code {are} kept aside; --same-code reuses {them}"
    for run, record in found:
        _take_over(run, record)
    return f"{changed} changed: {number} of the older code reused"


def _take_over(run: Run, older_record: RunRecord) -> None:
    """Make the record of an older run that of `run`, with a note of the code that it was trained with."""
    status = older_record.read_status()
    trained, code = recorded_code(status), run.code
    assert trained is not None
    assert code is not None
    if run.directory.exists():
        run.record.set_aside()  # what the new code began
    trained_with = trained.trained_with or trained.hashes
    noted = replace(code, trained_with={} if trained_with == code.hashes else trained_with)
    older_record.write_status(**{**status, "user_code": asdict(noted)})
    write_atomically(
        older_record.config_file, older_record.config_file.read_text().replace(older_record.run_id, run.run_id, 1)
    )
    with storage_errors(run.directory):
        os.rename(older_record.path, run.directory)
