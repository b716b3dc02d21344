"""Pages over several studies: one study on several datasets, and an index of all."""

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from litmus.core.errors import UserError
from litmus.design.study import Study
from litmus.evidence.datasets import OverDatasets, claims_of_arms, over_datasets
from litmus.records.storage import write_atomically
from litmus.records.study_record import read_study_record
from litmus.report.answer import seeds_ended
from litmus.report.page import rendered, write_report
from litmus.report.tables import WIDTH, Table


def joint_lines(directory: Path, study: Study, folders: Mapping[str, Path]) -> list[str]:
    """Write the report of a study on several datasets into `directory`; return what it says, for a terminal."""
    claims = study.claims or claims_of_arms(read_study_record(next(iter(folders.values()))))
    found = over_datasets(folders, claims)
    path = directory / "report.html"
    claimed = [_dataset_table(each) for each in found]
    write_atomically(
        path, rendered("datasets.html", study=study.name, question=study.question, folders=folders, claims=claimed)
    )
    lines = [f"{study.name} on {len(folders)} datasets:"]
    for table in claimed:
        width = max(len(row[0]) for row in table.rows)
        lines += textwrap.wrap(table.title, WIDTH)
        lines += [f"  {name:<{width}}  {verdict:<12}  {effect}" for name, verdict, effect, _ in table.rows]
        lines += textwrap.wrap(table.note, WIDTH, initial_indent="  ", subsequent_indent="  ")
    return [*lines, f"report: {path}"]


def _dataset_table(each: OverDatasets) -> Table:
    """Return a claim's verdict on each dataset, and on all together."""
    rows = [
        [name, finding.verdict, each.unit.difference(finding.effect), str(finding.effect.n or "–")]
        for name, finding in each.findings.items()
    ]
    note = f"No joint verdict: {each.reason}."
    if each.joint is not None:
        joint = each.joint
        rows.append(["together", each.verdict, each.unit.difference(joint.effect), ""])
        note = (
            f"Between datasets: sd {each.unit.size(joint.between)}, I² {100 * joint.i_squared:.0f} %, p of "
            f"heterogeneity {joint.heterogeneity_p:.2g}."
        )
        if joint.prediction is not None:
            note += f" On another such dataset: {each.unit.span(*joint.prediction, signed=True)}."
    return Table(each.claim.sentence, note, ["dataset", "verdict", "effect [95 %]", "seeds"], rows)


@dataclass(frozen=True)
class Entry:
    """A study as the index shows it; `warning` says in a word what is wrong with it."""

    folder: str
    question: str
    answer: str
    arms: str = "–"
    runs: str = "–"
    warning: str = ""


def write_index(out: Path, directories: Sequence[Path]) -> Path:
    """Write the report of every study again, and the page that lists them; one that cannot be read says why."""
    path = out / "index.html"
    write_atomically(path, rendered("index.html", entries=[_entry(each) for each in directories]))
    return path


def _entry(directory: Path) -> Entry:
    try:
        report = write_report(directory)
    except UserError as error:
        return Entry(directory.name, "", str(error), warning="unreadable")
    analysis = report.summary.analysis
    planned, ended = sum(each.planned for each in analysis.arms), sum(map(seeds_ended, analysis.arms))
    return Entry(
        directory.name,
        analysis.study.question,
        report.answer,
        str(len(analysis.arms)),
        f"{ended:,} of {planned:,}",
        "" if ended == planned else "partial",
    )
