"""Which versions of the user's code a study's runs are of: those that count, and those that stay aside."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from litmus.core.formatting import listed, several
from litmus.records.code_record import SameCode, changed_files, recorded_code
from litmus.records.run_record import FINAL_STATES, run_records
from litmus.records.storage import CorruptRecord
from litmus.records.study_record import StudyRecord

Changes = dict[str, tuple[str, ...]]
"""Runs by identity, each with the files in which its code differs from that of its arm now."""


@dataclass(frozen=True)
class CodeUse:
    """The runs of a study's folder whose code is not that with which the study was last asked for.

    Args:
        aside: those that are no part of the study any more.
        unfinished: those of them that never came to a result.
        taken: those that count although their code is another, for the user said that it is the same.
        arms: the arm of each run.
    """

    aside: Changes = field(default_factory=dict)
    unfinished: frozenset[str] = frozenset()
    taken: Changes = field(default_factory=dict)
    arms: Mapping[str, str] = field(default_factory=dict)

    @property
    def left_out(self) -> Changes:
        """The complete runs that stay aside."""
        return {run: files for run, files in self.aside.items() if run not in self.unfinished}

    def left_out_of(self, arm: str) -> int:
        """Return how many complete runs of an arm stay aside."""
        return sum(self.arms[run] == arm for run in self.left_out)

    def sentences(self) -> list[str]:
        """Return what a reader of the study's figures has to know; nothing where all runs are of the code of now."""
        said = []
        if self.taken:
            said.append(
                f"Runs of two versions of the code were taken as one, by --same-code: {what_changed(self.taken)} after "
                f"{several(len(self.taken), 'run')}."
            )
        if self.left_out:
            number = len(self.left_out)
            said.append(
                f"{what_changed(self.left_out)}: {several(number, 'run')} of other code "
                f"{'stays' if number == 1 else 'stay'} aside."
            )
        return [sentence[0].upper() + sentence[1:] if sentence.startswith("code ") else sentence for sentence in said]


def code_use(directory: Path, study: StudyRecord) -> CodeUse:
    """Return which of the runs in a study's folder are of other code than the study now is."""
    if study.source is None:
        return CodeUse()
    by_experiment = {arm.code.experiment: arm for arm in study.arms if arm.code is not None}
    by_label = {arm.label: arm for arm in study.arms}
    counting, same = (
        {*study.arm_of_run(), *(study.tuning.runs() if study.tuning is not None else ())},
        SameCode(directory),
    )
    aside: Changes = {}
    taken: Changes = {}
    unfinished: set[str] = set()
    arms: dict[str, str] = {}
    for record in run_records(directory):
        try:
            status = record.read_status()
        except CorruptRecord:
            continue
        code = recorded_code(status)
        if code is None:
            continue
        # What an earlier version recorded, and a trial of the tuning, is known by its arm alone.
        known = code.experiment and not status.get("trial")
        arm = by_experiment.get(code.experiment) if known else by_label.get(str(status.get("arm")))
        if arm is None or arm.code is None or code.version == arm.code.version:
            continue
        if not code.experiment and not arm.code.files:
            continue  # it depends on no code of the user's, as it did then
        changed = changed_files(code.files, arm.code.files)
        if record.run_id in counting:
            taken[record.run_id] = changed
        elif not same.are_same(code.version, arm.code.version):
            aside[record.run_id] = changed
            if status.get("state") not in FINAL_STATES:
                unfinished.add(record.run_id)
        arms[record.run_id] = arm.label
    return CodeUse(aside, frozenset(unfinished), taken, arms)


def what_changed(changes: Changes) -> str:
    """Return which files differ, as the start of a sentence."""
    files = sorted({file for changed in changes.values() for file in changed})
    return f"{listed(files)} changed" if files else "code that an earlier version did not record"
