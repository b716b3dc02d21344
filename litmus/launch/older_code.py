"""Runs of a study that were trained with other code of the user's: what becomes of them when its code has changed."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from litmus.core.errors import UserError
from litmus.core.formatting import several
from litmus.records.code_record import UNKNOWN_VERSION, RunCode, SameCode, changed_files, recorded_code
from litmus.records.code_use import Changes, code_use, what_changed
from litmus.records.run_record import FINAL_STATES, RunRecord, run_records
from litmus.records.storage import CorruptRecord
from litmus.records.study_record import read_study_record
from litmus.training.identity import run_id
from litmus.training.run import Run

Found = tuple[RunRecord, RunCode]


class OlderCode:
    """The records of a study's folder that differ in their code alone from runs that are asked for."""

    def __init__(self, directory: Path, devices: int = 1, same_code: bool = False) -> None:
        self._directory = directory
        self._devices = devices
        self._same_code = same_code
        self._aside: Changes = {}
        self._taken: Changes = {}
        self._last = _last_asked_for(directory)
        self._told = False

    @cached_property
    def _same(self) -> SameCode:
        return SameCode(self._directory)

    @cached_property
    def _records(self) -> tuple[dict[str, list[tuple[float, int, RunRecord, RunCode]]], dict[str, RunRecord]]:
        """The runs by their experiment, and those that an earlier version recorded by an identity without code."""
        by_experiment: dict[str, list[tuple[float, int, RunRecord, RunCode]]] = {}
        before: dict[str, RunRecord] = {}
        for record in run_records(self._directory):
            try:
                status = record.read_status()
            except CorruptRecord:
                continue
            code = recorded_code(status)
            if code is None or status.get("state") not in FINAL_STATES:
                continue
            if code.experiment:
                entry = (float(status["updated"]), int(status["seed"]), record, code)
                by_experiment.setdefault(code.experiment, []).append(entry)
            else:
                before[record.run_id] = record
        return by_experiment, before

    def of(self, run: Run, fingerprint: str) -> list[Found]:
        """Return the complete runs of older code that are the same experiment as `run`: those that may count as it.

        They are of the code before this one, which the study was last asked for with, or else which the latest of the
        arm's runs has, and of all that was declared the same. What is older still stays aside for good: else seeds of
        several codes would come together.
        """
        assert run.code is not None
        version = run.code.version
        by_experiment, unrecorded_code = self._records
        entries = by_experiment.get(run.code.experiment, [])
        others = [each for each in sorted(entries, key=lambda each: each[0]) if each[3].version != version]
        before = others[-1][3].version if others else UNKNOWN_VERSION
        last = self._last.get(run.code.experiment, version)
        if last != version and any(each[3].version == last for each in others):
            before = last
        found = [(record, code) for _, seed, record, code in reversed(others) if seed == run.config.seed]
        before_code = run_id(run.config, fingerprint, self._devices)
        unrecorded = unrecorded_code.get(before_code) if run.code.files else None
        if unrecorded is not None:
            found.append((unrecorded, RunCode.unknown()))
        return [
            (record, code)
            for record, code in found
            if (code.version == before or self._same.are_same(code.version, version)) and record.outcome().is_complete
        ]

    def counting(self, run: Run, older: Sequence[Found]) -> Found | None:
        """Return which of `older` counts as `run`, by what was or is declared the same; None where none does."""
        assert run.code is not None
        for record, code in older:
            if self._same_code or self._same.are_same(code.version, run.code.version):
                return record, code
        return None

    def in_place_of(self, run: Run, fingerprint: str) -> Run:
        """Return the older run that counts as `run` where that has no result, else `run`, and remember what to tell."""
        assert run.code is not None
        older = [] if run.record.outcome().is_complete else self.of(run, fingerprint)
        counting = self.counting(run, older)
        if counting is None:
            self._aside.update({record.run_id: changed_files(code.files, run.code.files) for record, code in older})
            return run
        record, code = counting
        if self._same_code:
            self._taken[record.run_id] = changed_files(code.files, run.code.files)
            self._same.declare(code.version, run.code.version)
        return replace(run, run_id=record.run_id, directory=record.path)

    def told(self) -> list[str]:
        """Return what there is to tell since the last call: which files changed, and how many runs that concerns."""
        aside, taken = self._aside, self._taken
        self._aside, self._taken = {}, {}
        lines = []
        if aside:
            # The number that status and report tell, too: what could be taken over is a part of it.
            every = {**self._left_out(), **aside}
            stay = "stays" if len(every) == 1 else "stay"
            which = "it" if len(every) == 1 else "them"
            if len(aside) < len(every):
                which = f"the {several(len(aside), 'run')} of the code before this"
            runs = f"{several(len(every), 'run')} of other code"
            lines.append(f"{what_changed(every)}: {runs} {stay} aside; --same-code takes {which} over")
        if taken:
            lines.append(f"{what_changed(taken)}: {several(len(taken), 'run')} of other code taken over")
        elif self._same_code and not self._told:
            lines.append("--same-code: there is no run of other code to take over")
        self._told = True
        return lines

    def _left_out(self) -> Changes:
        try:
            return code_use(self._directory, read_study_record(self._directory)).left_out
        except (UserError, OSError):  # a study that is asked for for the first time
            return {}


def _last_asked_for(directory: Path) -> dict[str, str]:
    """Return the version of the own code that each experiment of a study was last asked for with."""
    try:
        arms = read_study_record(directory).arms
    except (UserError, OSError):  # what cannot be read is told where it is written
        return {}
    return {arm.code.experiment: arm.code.version for arm in arms if arm.code is not None}
