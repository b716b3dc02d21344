"""The runs in an experiment's folder that are not what the last command asked for: of other code, settings or data."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from litmus.core.config_keys import flatten
from litmus.core.formatting import listed, several
from litmus.records.run_record import STATES_WITH_RESULT, RunRecord, run_records
from litmus.records.storage import CorruptRecord
from litmus.records.study_record import ArmRecord, StudyRecord
from litmus.records.user_code import changed_files, code_version, recorded_code


@dataclass(frozen=True)
class Difference:
    """In what a run differs from the experiment in whose folder it is.

    Args:
        settings: its value of each config key that the experiment has another value of.
        data: whether it was trained on other data.
        files: the files of the user's code that differ.
        version: the version of its code, where that differs.
    """

    settings: dict[str, Any] = field(default_factory=dict)
    data: bool = False
    files: tuple[str, ...] = ()
    version: str = ""

    def __bool__(self) -> bool:
        return bool(self.settings or self.data or self.files)

    def named(self, experiment: str) -> str:
        """Return what an experiment is called that differs so from `experiment`."""
        parts = [f"{key}={value}" for key, value in self.settings.items()]
        parts += [*(["other data"] if self.data else []), *([f"code {self.version}"] if self.files else [])]
        return ", ".join([experiment, *parts])


@dataclass(frozen=True)
class Aside:
    """The runs in an experiment's folder that do not count.

    Args:
        differences: those of another experiment, by identity, each with how it differs.
        unasked: those of the experiment itself, of seeds, arms or trials that the last command did not ask for.
        of_arm: how many of another experiment have a result, by arm.
        changed: what changed since they were run, in a sentence; empty for none.
        taken_over: which files changed after runs that `--same-code` counts, in a sentence; empty for none.
    """

    differences: Mapping[str, Difference] = field(default_factory=dict)
    unasked: tuple[str, ...] = ()
    of_arm: Counter[str] = field(default_factory=Counter)
    changed: str = ""
    taken_over: str = ""

    @property
    def sentences(self) -> list[str]:
        """What a reader of the results must know."""
        return [each for each in (self.taken_over, self.changed) if each]


def runs_aside(directory: Path, study: StudyRecord) -> Aside:
    """Return the runs in the folder of an experiment, whose record is `study`, that do not count."""
    asked = {*study.arm_of_run(), *(study.tuning.runs() if study.tuning is not None else ())}
    arms = {arm.label: arm for arm in study.arms}
    differences: dict[str, Difference] = {}
    unasked: list[str] = []
    of_arm = Counter[str]()
    taken: list[tuple[str, ...]] = []
    with_result: list[Difference] = []
    for record in run_records(directory):
        try:
            status = record.read_status()
            if not status:
                continue
            code = recorded_code(status)
            if record.run_id in asked:
                if code is not None and code.trained_with:
                    taken.append(changed_files(code.trained_with, code.hashes))
                continue
            difference = _difference(record, status, study, arms.get(str(status.get("arm"))))
        except CorruptRecord:
            continue
        if not difference:
            unasked.append(record.run_id)
            continue
        differences[record.run_id] = difference
        if status["state"] in STATES_WITH_RESULT:
            of_arm[str(status["arm"])] += 1
            with_result.append(difference)
    return Aside(differences, tuple(unasked), of_arm, _changed(with_result, study), _taken_over(taken))


def _difference(record: RunRecord, status: Mapping[str, Any], study: StudyRecord, arm: ArmRecord | None) -> Difference:
    now = study.codes[0] if study.codes else {}
    code = recorded_code(status)
    hashes = {} if code is None else code.hashes
    other_code = code_version(hashes) != code_version(now)
    expected = dict(study.shared)
    if study.tuning is not None and arm is not None and not status.get("trial"):
        expected |= study.tuning.chosen.get(arm.label, {})
    config, data = flatten(record.read_config()), record.read_summary().get("data", {}).get("fingerprint")
    return Difference(
        settings={key: config[key] for key, value in expected.items() if key in config and config[key] != value},
        data=bool(study.data) and data is not None and data not in study.data,
        files=changed_files(hashes, now) if other_code else (),
        version=code_version(hashes) if other_code else "",
    )


def _taken_over(taken: Sequence[tuple[str, ...]]) -> str:
    if not taken:
        return ""
    files = sorted({file for each in taken for file in each})
    them = "it as a run" if len(taken) == 1 else "them as runs"
    runs = several(len(taken), "run")
    return f"{listed(files)} changed after {runs} of this study; --same-code counts {them} of the code as it is."


def _changed(found: Sequence[Difference], study: StudyRecord) -> str:
    if not found:
        return ""
    before: dict[str, list[str]] = {}
    for each in found:
        for key, value in each.settings.items():
            if str(value) not in before.setdefault(key, []):
                before[key].append(str(value))
    changed = [
        f"{key} ({listed(values)}, now {study.shared.get(key, 'another value')})" for key, values in before.items()
    ]
    changed += ["the data"] if any(each.data for each in found) else []
    changed += sorted({file for each in found for file in each.files})
    are = "older run is" if len(found) == 1 else "older runs are"
    return f"{listed(changed, 4)} changed: {len(found)} {are} kept aside."
