"""Which runs in a study's folder are of the user's code as it is, and which are of code before a change."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from litmus.core.formatting import listed, several
from litmus.records.run_code import changed_files, code_version, recorded_code
from litmus.records.run_record import FINAL_STATES, run_records
from litmus.records.storage import CorruptRecord
from litmus.records.study_record import StudyRecord


@dataclass(frozen=True)
class CodeUse:
    """The runs in a study's folder of other code than the study was last run with.

    Args:
        aside: their identities; they do not count.
        aside_of_arm: how many of them have a result, by arm.
        sentences: what a reader of the results has to know about them and about those that `--same-code` took over.
    """

    aside: frozenset[str] = frozenset()
    aside_of_arm: Counter[str] = field(default_factory=Counter)
    sentences: tuple[str, ...] = ()


def code_use(directory: Path, study: StudyRecord) -> CodeUse:
    """Return which of the runs in a study's folder are of other code than the study."""
    if not study.codes:
        return CodeUse()
    now, version = study.codes[0], code_version(study.codes[0])
    aside, complete = set(), Counter[str]()
    aside_changed, taken_changed = set[str](), set[str]()
    taken = 0
    for record in run_records(directory):
        try:
            status = record.read_status()
        except CorruptRecord:
            continue
        code = recorded_code(status)
        if code is None:
            continue
        if code.version != version:
            aside.add(record.run_id)
            if status["state"] in FINAL_STATES:
                complete[status["arm"]] += 1
                aside_changed.update(changed_files(code.hashes, now))
        elif code.trained_with:
            taken += 1
            taken_changed.update(changed_files(code.trained_with, code.hashes))
    sentences = []
    if taken:
        sentences.append(
            f"{listed(sorted(taken_changed))} changed after {several(taken, 'run')} of this study; --same-code counts "
            f"{'it' if taken == 1 else 'them'} as runs of the code as it is."
        )
    if complete:
        number = complete.total()
        sentences.append(
            f"{listed(sorted(aside_changed))} changed: {several(number, 'run')} of the older code "
            f"{'is' if number == 1 else 'are'} kept aside."
        )
    return CodeUse(frozenset(aside), complete, tuple(sentences))
