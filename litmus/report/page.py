"""The report of a study: one HTML file that needs no network."""

import base64
import datetime
import gzip
import inspect
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd
from markdown_it import MarkdownIt
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from litmus.core.errors import UserError
from litmus.core.formatting import duration
from litmus.design.study import Study
from litmus.design.study_files import study_of
from litmus.evidence.results import Analysis, how_failed
from litmus.evidence.summary import StudySummary, Undecided, statistics_table, summarise, undecided
from litmus.evidence.units import POINTS
from litmus.records.storage import write_atomically
from litmus.records.study_record import read_study_record
from litmus.report import tables
from litmus.report.answer import answer_of, cautions_of
from litmus.report.claims import claim_rows, claims_table
from litmus.report.controls import controls_table, environments_table, hyperparameters_table
from litmus.report.exports import spreadsheet
from litmus.report.figures import figures_of
from litmus.report.figures.curves import thumbnail
from litmus.report.figures.figure import Figure
from litmus.report.forest import forest
from litmus.report.glossary import GLOSSARY, explained
from litmus.report.hyperparameters import roles_table, tuning_table, warnings
from litmus.report.images import changed_images, pictures_of
from litmus.report.methods import deviations_of, methods

DISCUSSION_FILE = "discussion.md"
"""What the author says of the results, in a study's folder; the report shows it."""
INTERVAL = re.compile(r"\[([^\s,\]]+), ([^\s,\]]+)\]")


@dataclass(frozen=True)
class Report:
    """A report that was written: its file, the answer, and what both were written from."""

    path: Path
    answer: str
    summary: StudySummary
    study: Study | None = None


@dataclass(frozen=True)
class Result:
    """The result of a study whose runs have ended.

    `answer` is the report's first sentence, `summary` the statistics that the report is written from, None of a table
    on several datasets. `crashed` holds the errors of runs that crashed, by run id. `details` are further lines for a
    terminal, and `notes` say how a table of `litmus.judge` was read.
    """

    answer: str
    records: pd.DataFrame
    report: Path
    crashed: dict[str, str]
    details: tuple[str, ...] = ()
    summary: StudySummary | None = None
    notes: tuple[str, ...] = ()

    @property
    def undecided(self) -> list[Undecided]:
        """The claims that are inconclusive, each with the seeds that would decide it."""
        return undecided(self.summary) if self.summary is not None else []


def write_report(directory: Path, study: Study | None = None) -> Report:
    """Write `report.html` and `statistics.csv` into a study's folder.

    Args:
        directory: the study's folder.
        study: brings the claims; None for the study of that name, see `summary_of`.

    Raises:
        UserError: where there is no study in the folder.
    """
    return write_report_of(*summary_of(directory, study))


def summary_of(directory: Path, study: Study | None = None) -> tuple[StudySummary, Study | None]:
    """Return what a study's records say, and the study, whose claims and measures they are judged by.

    Where `study` is None it is the study of that name, or the study's own file; None where that is gone. Raises
    `UserError` where there is no study in the folder.
    """
    if study is None:
        study = study_of(read_study_record(directory))
    if study is None:
        return summarise(directory), None
    return summarise(directory, study.claims, study.measures), study


def write_report_of(summary: StudySummary, study: Study | None = None) -> Report:
    """Write the report of a summary of a study's records, see `write_report`."""
    directory = summary.analysis.directory
    path = directory / "report.html"
    write_atomically(path, render(summary, study))
    statistics = spreadsheet(statistics_table(summary.statistics))
    write_atomically(directory / "statistics.csv", statistics.to_csv(index=False))
    return Report(path, answer_of(summary), summary, study)


def render(summary: StudySummary, study: Study | None = None) -> str:
    """Return the report as HTML; `study` brings its own figures, limits and the source of its claims."""
    analysis, claims = summary.analysis, claim_rows(summary)
    figures = figures_of(analysis, study.plots if study is not None else ())
    runs, images = tables.runs_table(analysis), changed_images(analysis)
    found: dict[str, Any] = {
        "study": analysis.study,
        "name": analysis.name,
        "answer": answer_of(summary),
        "cautions": cautions_of(summary),
        "forest": forest(summary, claims),
        "primary": sum(row.primary for row in claims),
        "claims": claims_table(claims, study.source if study is not None else ""),
        "thumbnail": thumbnail(analysis),
        "discussion": discussion_of(analysis.directory, study),
        "totals": _totals(analysis),
        "deviations": deviations_of(summary),
        "limits": study.limits.get(analysis.study.preset, "") if study is not None else "",
        "metric": analysis.metric_name,
        "in_points": analysis.unit is POINTS,
        "divergence_note": tables.divergence_note(analysis),
        "arms": tables.arms_table(summary),
        "costs": tables.costs_table(analysis),
        "ingredients": tables.ingredients_table(analysis),
        "roles": roles_table(analysis, claims),
        "warnings": warnings(analysis),
        "tuning": tuning_table(analysis),
        "metrics": tables.metric_tables(summary),
        "figures": figures,
        "packed_figures": _packed(_figure_data(figures)),
        "plotly": _packed_plotly() if figures else "",
        "images": images,
        "pictures": pictures_of(analysis, images),
        "controls": controls_table(summary),
        "hyperparameters": hyperparameters_table(analysis),
        "environments": environments_table(analysis),
        "runs": runs,
        "failures": tables.failures(analysis, runs),
        "methods": methods(summary),
    }
    return rendered("report.html", **found)


def rendered(template: str, **values: Any) -> str:
    """Return a page; every value is escaped."""
    written = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")
    return _environment().get_template(template).render(written=written, **values)


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("litmus.report", "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["unbroken"] = unbroken
    environment.tests["bold"] = lambda text: isinstance(text, tables.Bold)
    environment.globals |= {"glossary": GLOSSARY, "explained": explained}
    return environment


def unbroken(text: str) -> str:
    """Return a text whose intervals, percentages and counts such as `5 of 6` keep on one line."""
    whole = INTERVAL.sub(lambda found: f"[{found[1]},\N{NO-BREAK SPACE}{found[2]}]", str(text))
    return re.sub(r"(?<=\d) (?=%|of \d)|(?<=[<f]) (?=\d)", "\N{NO-BREAK SPACE}", whole)


def discussion_of(directory: Path, study: Study | None) -> Markup:
    """Return the author's own words as HTML: those of `discussion.md` in the folder, else the study's.

    They are Markdown. HTML in it is shown as text, and pictures are left out: the page needs no network.
    """
    file = directory / DISCUSSION_FILE
    text = file.read_text(encoding="utf-8") if file.is_file() else ""
    if not text and study is not None:
        text = inspect.cleandoc(study.discussion)
    reader = MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")
    tokens = reader.parse(text)
    for token in tokens:
        if token.type.startswith("heading"):
            token.tag = "h3"
    return Markup(reader.renderer.render(tokens, reader.options, {}))


def _totals(analysis: Analysis) -> dict[str, Any]:
    records = analysis.records
    return {
        "planned": sum(result.planned for result in analysis.arms),
        "finished": sum(result.count("finished") for result in analysis.arms),
        "failed": how_failed(analysis.arms),
        "crashed": int((records["state"] == "crashed").sum()),
        "missing": sum(result.missing for result in analysis.arms),
        "seeds": tables.seeds_with_result(analysis),
        "time": duration(records["seconds"].sum()) if "seconds" in records else "",
    }


def write_index(out: Path, directories: Sequence[Path]) -> Path:
    """Write the report of every study again, and the page that lists them; one that cannot be read says why."""
    rows, links = [], {}
    for directory in directories:
        row = {"study": directory.name, "question": "", "answer": "", "arms": "–", "runs with a result": "–"}
        try:
            report = write_report(directory)
            totals, study = _totals(report.summary.analysis), report.summary.analysis.study
            ended = f"{totals['planned'] - totals['missing']:,} of {totals['planned']:,}"
            row |= {"question": study.question, "answer": report.answer, "arms": str(len(study.arms))}
            row |= {"runs with a result": ended}
            links[directory.name] = f"{directory.name}/report.html"
        except UserError as error:
            row["answer"] = f"unreadable: {error}"
        rows.append(row)
    path = out / "index.html"
    table = tables.Table("Studies", rows)
    write_atomically(path, rendered("tables.html", title="Studies", heading="Studies", tables=[table], links=links))
    return path


def _figure_data(figures: Sequence[Figure]) -> str:
    """Return what the page draws the figures from, as JSON in their order."""
    parts = [
        json.dumps({"curves": figure.curves}, allow_nan=False) if figure.curves else figure.plot.to_json()
        for figure in figures
    ]
    return f"[{','.join(parts)}]"


def _packed(text: str) -> str:
    """Return a text compressed and as ASCII; the same text gives the same."""
    return base64.b64encode(gzip.compress(text.encode(), 6, mtime=0)).decode("ascii")


@lru_cache(maxsize=1)
def _packed_plotly() -> str:
    return _packed(get_plotlyjs())
