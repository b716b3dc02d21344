"""The report of a study: one self-contained HTML file."""

import base64
import datetime
import gzip
import json
import re
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import jinja2
from plotly.offline import get_plotlyjs

from litmus.core.errors import UserError
from litmus.core.formatting import duration
from litmus.design.study import Study
from litmus.design.study_files import study_of
from litmus.evidence.arm_table import statistics_table
from litmus.evidence.claims import MEANING, Verdict
from litmus.evidence.datasets import OverDatasets, claims_of_arms, over_datasets
from litmus.evidence.estimate import Estimate
from litmus.evidence.factorial import Factorial
from litmus.evidence.results import Analysis
from litmus.evidence.summary import StudySummary, summarise
from litmus.evidence.units import POINTS
from litmus.records.storage import write_atomically
from litmus.records.study_record import read_study_record
from litmus.report import answer as words
from litmus.report import tables
from litmus.report.answer import answer_of, headline_of, seeds_with_result
from litmus.report.controls import Control, controls, hyperparameters, versions
from litmus.report.exports import spreadsheet
from litmus.report.figures.cost import noisy_time
from litmus.report.figures.figure import Figure, data_table
from litmus.report.figures.order import figures_of
from litmus.report.forest import forest
from litmus.report.images import image_tables, named_images, pictures_of_augmentation, pictures_of_test_images
from litmus.report.methods import methods
from litmus.report.tables import (
    deviations,
    effect_lines,
    failures,
    ingredients_table,
    place,
    plan_checked,
    plan_text,
    run_rows,
    standing,
)
from litmus.report.tuning import tuning_lines, tuning_table


def packed(text: str) -> str:
    """Return a text compressed and as ASCII; the same text gives the same."""
    return base64.b64encode(gzip.compress(text.encode(), 6, mtime=0)).decode("ascii")


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
        loader=jinja2.PackageLoader("litmus.report", "templates"),
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


WIDTH = 79


def write_datasets_report(directory: Path, study: Study, folders: Mapping[str, Path]) -> list[str]:
    """Write `report.html` of a study on several datasets into `directory`; return what it says, for a terminal."""
    claims = study.claims or claims_of_arms(read_study_record(next(iter(folders.values()))))
    found = over_datasets(folders, claims)
    page = (
        template_environment()
        .get_template("datasets.html")
        .render(
            study=study.name,
            question=study.question,
            datasets=list(folders),
            claims=[_claim(each, folders) for each in found],
            written=datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        )
    )
    write_atomically(directory / "report.html", page)
    return [line for each in found for line in _lines(each)]


def joint_lines(directory: Path, study: Study, folders: Mapping[str, Path]) -> list[str]:
    """Write the report over the datasets; return its answer and its place, for a terminal."""
    lines = [f"{study.name} on {len(folders)} datasets:", *write_datasets_report(directory, study, folders)]
    return [*lines, f"report: {directory / 'report.html'}"]


def _claim(each: OverDatasets, folders: Mapping[str, Path]) -> dict[str, Any]:
    rows = [
        {
            "dataset": name,
            "folder": folders[name].name,
            "verdict": finding.verdict,
            "effect": each.unit.difference(finding.effect),
            "n": finding.effect.n or "–",
        }
        for name, finding in each.findings.items()
    ]
    return {
        "sentence": each.claim.sentence,
        "rows": rows,
        "verdict": each.verdict,
        "effect": each.unit.difference(each.joint.effect) if each.joint is not None else "–",
        "note": _note(each),
    }


def _lines(each: OverDatasets) -> list[str]:
    width = max(map(len, (*each.findings, "together")))
    lines = textwrap.wrap(each.claim.sentence, WIDTH)
    effects: dict[str, tuple[Verdict, Estimate]] = {
        name: (finding.verdict, finding.effect) for name, finding in each.findings.items()
    }
    if each.joint is not None:
        effects["together"] = (each.verdict, each.joint.effect)
    lines += [
        f"  {name:<{width}}  {verdict:<12}  {each.unit.difference(effect)}"
        for name, (verdict, effect) in effects.items()
    ]
    return lines + textwrap.wrap(_note(each), WIDTH, initial_indent="  ", subsequent_indent="  ")


def _note(each: OverDatasets) -> str:
    if each.joint is None:
        return f"No joint verdict: {each.reason}."
    joint = each.joint
    text = (
        f"Between datasets: sd {each.unit.size(joint.between)}, I² {100 * joint.i_squared:.0f} %, p of heterogeneity "
        f"{joint.heterogeneity_p:.2g}."
    )
    if joint.prediction is not None:
        text += f" On another such dataset: {each.unit.span(*joint.prediction, signed=True)}."
    return text


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
