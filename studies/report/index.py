"""A page of all studies in a folder: question, answer, how far each is, and its report."""

import datetime
from dataclasses import dataclass
from pathlib import Path

from litmus.errors import UserError
from studies.records.storage import write_atomically
from studies.report.headline import headline_of
from studies.report.html import Report, template_environment, write_report

NAME = "index.html"


@dataclass(frozen=True)
class Entry:
    """A study as the index shows it."""

    folder: str
    question: str
    answer: str
    arms: int
    runs: str
    warning: str = ""


def write_index(out: Path, directories: list[Path]) -> Path:
    """Write the report of every study again, and the page that lists them; one that cannot be read says why."""
    entries = []
    for directory in directories:
        try:
            entries.append(_entry(directory, write_report(directory)))
        except UserError as error:
            entries.append(Entry(directory.name, "", str(error), 0, "–", "unreadable"))
    page = (
        template_environment()
        .get_template("index.html")
        .render(entries=entries, written=datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"))
    )
    write_atomically(out / NAME, page)
    return out / NAME


def _entry(directory: Path, report: Report) -> Entry:
    analysis = report.summary.analysis
    planned = sum(result.planned for result in analysis.arms)
    ended = planned - sum(result.missing for result in analysis.arms)
    warning = "" if ended == planned else "partial"
    return Entry(
        directory.name,
        analysis.study.question,
        headline_of(report.summary),
        len(analysis.arms),
        f"{ended:,} of {planned:,}",
        warning,
    )
