"""The report of a study: one self-contained HTML file."""

import datetime
import json
import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import jinja2
from plotly.offline import get_plotlyjs

from litmus.wording import duration
from studies.design.study import Study
from studies.design.study_files import study_of
from studies.evidence.arm_table import statistics_table
from studies.evidence.claims import MEANING
from studies.evidence.factorial import Factorial
from studies.evidence.results import Analysis
from studies.evidence.summary import StudySummary, summarise
from studies.evidence.units import POINTS
from studies.records.storage import write_atomically
from studies.records.study_record import read_study_record
from studies.report import tables, words
from studies.report.answer import answer_of
from studies.report.answered_images import image_tables, named_images
from studies.report.controls import Control, controls, hyperparameters
from studies.report.environment import versions
from studies.report.figure_list import figures_of
from studies.report.figures.cost import noisy_time
from studies.report.figures.figure import Figure, data_table
from studies.report.forest import forest
from studies.report.headline import headline_of
from studies.report.ingredients import effect_lines, ingredients_table
from studies.report.methods import methods
from studies.report.outcome import seeds_with_result
from studies.report.packed import packed
from studies.report.pictures import pictures_of_augmentation, pictures_of_test_images
from studies.report.plain_text import spreadsheet
from studies.report.planned import deviations, plan_checked, plan_text, standing
from studies.report.run_rows import failures, place, run_rows
from studies.report.tuning import tuning_lines, tuning_table

LONG = 200
"""Rows from which on a browser lays out only those that are seen."""


@dataclass(frozen=True)
class Report:
    """A report that was written: its file, the answer, and what both were written from."""

    path: Path
    answer: str
    summary: StudySummary
    study: Study | None = None

    @property
    def details(self) -> list[str]:
        """What goes on from the answer, as lines for a terminal of 80 columns."""
        analysis = self.summary.analysis
        planned = [line for text in _deviations(self.summary) for line in textwrap.wrap(text, 79)]
        return [*planned, *tuning_lines(analysis), *effect_lines(analysis)]


def summary_of(directory: Path, study: Study | None = None) -> tuple[StudySummary, Study | None]:
    """Return what a study's records say, and the study, whose claims and measures it is held against.

    Where `study` is not given, the study of that name serves, or the study's own file; None where that is gone. Raises
    `UserError` where there is no study in the folder.
    """
    if study is None:
        study = study_of(read_study_record(directory))
    if study is None:
        return summarise(directory), None
    return summarise(directory, study.claims, study.measures), study


def write_report(directory: Path, study: Study | None = None, refresh: float | None = None) -> Report:
    """Write `report.html` and `statistics.csv` into a study's folder.

    `study` brings the claims, see `summary_of`; with `refresh` the page reads itself anew after so many seconds. Raises
    `UserError` where there is no study in the folder.
    """
    return write_report_of(*summary_of(directory, study), refresh)


def write_report_of(summary: StudySummary, study: Study | None = None, refresh: float | None = None) -> Report:
    """Write the same from a summary of the study's records."""
    directory = summary.analysis.directory
    answer = answer_of(summary)
    path = directory / "report.html"
    write_atomically(path, render(summary, study, refresh))
    write_atomically(
        directory / "statistics.csv", spreadsheet(statistics_table(summary.statistics)).to_csv(index=False)
    )
    return Report(path, answer, summary, study)


def render(summary: StudySummary, study: Study | None = None, refresh: float | None = None) -> str:
    """Return the report as HTML; `study` brings its own figures, limits and the source of its claims."""
    analysis, effects = summary.analysis, summary.main_effects
    source = study.source if study is not None else ""
    figures = figures_of(analysis, study.plots if study is not None else ())
    rows, images = run_rows(analysis), image_tables(analysis)
    return (
        template_environment()
        .get_template("report.html")
        .render(
            study=analysis.study,
            headline=headline_of(summary),
            answer=answer_of(summary),
            forest=forest(summary),
            findings=[(claim, claim.cited(source), finding) for claim, finding in summary.findings],
            meanings=MEANING,
            family=words.family(summary),
            sampling=words.sampling(analysis),
            diverging=words.diverging(summary),
            noisy_time=noisy_time(analysis),
            holder=place(analysis).partition("/")[0],
            covers=words.covers(summary),
            counted=words.counted(analysis),
            fitted=words.fitted(analysis),
            limits=study.limits.get(analysis.study.preset, "") if study is not None else "",
            figures=[(figure, data_table(figure.plot)) for figure in figures],
            metric=analysis.metric_name,
            training_name=analysis.train_metric_name,
            arms=tables.results(summary),
            ingredients=ingredients_table(analysis),
            tuning=tuning_table(analysis),
            matched=tables.matched_level(analysis),
            main_effects=tables.main_effects(analysis, effects) if isinstance(effects, Factorial) else None,
            no_main_effects=effects if isinstance(effects, str) else "",
            learning_speed=tables.learning_speed(analysis),
            measures=tables.measures(summary),
            primary=tables.every_metric({analysis.test_metric: summary.judged}),
            others=tables.every_metric(summary.others),
            totals=_totals(analysis),
            controls=[*controls(analysis), *_planned(summary)],
            hyperparameters=hyperparameters(analysis),
            exploratory=[claim.sentence for claim, _ in summary.findings if summary.registration.is_exploratory(claim)],
            deviations=_deviations(summary),
            runs=rows,
            long=LONG,
            failures=failures(analysis, rows),
            versions=versions(analysis),
            methods=methods(summary),
            refresh=refresh,
            images=images,
            pictures=pictures_of_test_images(analysis, named_images(images)),
            augmentation=pictures_of_augmentation(analysis),
            in_points=analysis.unit is POINTS,
            more_is_better=analysis.higher_is_better,
            threshold=analysis.unit.text(analysis.training_threshold),
            written=datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
            packed_figures=packed(_figure_data(figures)),
            plotly=_packed_plotly() if figures else "",
        )
    )


def template_environment() -> jinja2.Environment:
    """Return where the pages' templates are found; all that they are given is escaped."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("studies.report", "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["whole"] = _whole
    return environment


def _whole(text: str) -> str:
    """Return a cell's text with its intervals kept on one line."""
    return _INTERVAL.sub(lambda found: f"[{found[1]},\N{NO-BREAK SPACE}{found[2]}]", str(text))


_INTERVAL = re.compile(r"\[([^\s,\]]+), ([^\s,\]]+)\]")


def _figure_data(figures: Sequence[Figure]) -> str:
    """Return what the page draws the figures from, as JSON in their order."""
    parts = [
        json.dumps({"curves": figure.curves}, allow_nan=False) if figure.curves else figure.plot.to_json()
        for figure in figures
    ]
    return f"[{','.join(parts)}]"


@lru_cache(maxsize=1)
def _packed_plotly() -> str:
    return packed(get_plotlyjs())


def _totals(analysis: Analysis) -> dict[str, Any]:
    records = analysis.records
    return {
        "planned": sum(result.planned for result in analysis.arms),
        "finished": sum(result.count("finished") for result in analysis.arms),
        "diverged": sum(result.count("diverged") for result in analysis.arms),
        "crashed": int((records["state"] == "crashed").sum()),
        "missing": sum(result.missing for result in analysis.arms),
        "seeds": seeds_with_result(analysis),
        "time": duration(records["seconds"].sum()) if "seconds" in records else "–",
    }


def _planned(summary: StudySummary) -> list[Control]:
    text = plan_text(summary.registration, [claim for claim, _ in summary.findings])
    return [Control("Plan", text, plan_checked(summary.registration))] if text else []


def _deviations(summary: StudySummary) -> list[str]:
    seeds = max((result.planned for result in summary.analysis.arms), default=0)
    claims = [claim for claim, _ in summary.findings]
    source = summary.analysis.study.source
    # Where the study's file is gone, so are its claims: nobody has taken them back.
    gone = source is not None and not Path(source).is_file()
    return deviations(summary.registration, None if gone else claims, seeds, standing(summary))
