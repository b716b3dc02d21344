"""The report of a study: one self-contained HTML file."""

import datetime
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd
import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

from studies.design.plots import StudyPlot
from studies.design.study import Study
from studies.design.study_files import study_of
from studies.evidence.arm_table import statistics_table
from studies.evidence.claims import MEANING
from studies.evidence.factorial import Factorial
from studies.evidence.results import Analysis
from studies.evidence.summary import StudySummary, summarise
from studies.evidence.units import POINTS, level
from studies.records.code_record import FOLDER
from studies.records.run_record import RunRecord, rerun_command
from studies.records.storage import CorruptRecord, write_atomically
from studies.records.study_record import read_study_record
from studies.report import figures, study_plots, tables, words
from studies.report.answer import answer_of
from studies.report.ingredients import effect_lines, ingredients_table
from studies.report.planned import deviations, plan_text
from studies.report.tuning import CAPTION, tuned_text, tuning_figure, tuning_lines, tuning_table

VERSION_COLUMNS = ("code", "python", "torch", "lightning", "device", "hardware", "devices", "threads")


@dataclass(frozen=True)
class Report:
    """A report that was written: its file, the answer, and what both were written from."""

    path: Path
    answer: str
    summary: StudySummary

    @property
    def details(self) -> list[str]:
        """What goes on from the answer, as lines for a terminal of 80 columns."""
        analysis = self.summary.analysis
        planned = [line for text in _deviations(self.summary) for line in textwrap.wrap(text, 79)]
        return [*planned, *tuning_lines(analysis), *effect_lines(analysis)]


def write_report(directory: Path, study: Study | None = None) -> Report:
    """Write `report.html` and `statistics.csv` into a study's folder.

    `study` brings the claims; where it is not given, the study of that name does, or the study's own file. Raises
    `UserError` where there is no study in the folder.
    """
    if study is None:
        study = study_of(read_study_record(directory))
    summary = summarise(directory, study.claims, study.measures) if study is not None else summarise(directory)
    answer = answer_of(summary)
    path = directory / "report.html"
    write_atomically(path, render(summary, answer, study))
    write_atomically(directory / "statistics.csv", statistics_table(summary.statistics).to_csv(index=False))
    return Report(path, answer, summary)


def render(summary: StudySummary, answer: str, study: Study | None = None) -> str:
    """Return the report as HTML; `study` brings its own figures, limits and the source of its claims."""
    analysis, effects = summary.analysis, summary.main_effects
    source = study.source if study is not None else ""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("studies.report", "."), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template("template.html").render(
        study=analysis.study,
        answer=answer,
        findings=[(claim, claim.cited(source), finding) for claim, finding in summary.findings],
        meanings=MEANING,
        family=words.family(summary),
        sampling=words.sampling(analysis),
        covers=words.covers(summary),
        counted=words.counted(analysis),
        fitted=words.fitted(analysis),
        limits=study.limits.get(analysis.study.preset, "") if study is not None else "",
        figures=_figures(analysis, study.plots if study is not None else ()),
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
        controlled=_controlled(analysis) + _planned(summary),
        exploratory=[claim.sentence for claim, _ in summary.findings if summary.registration.is_exploratory(claim)],
        deviations=_deviations(summary),
        runs=[_run_row(analysis, {str(k): v for k, v in row.items()}) for row in analysis.records.to_dict("records")],
        versions=_versions(analysis),
        in_points=analysis.unit is POINTS,
        more_is_better=analysis.higher_is_better,
        threshold=analysis.unit.text(analysis.training_threshold),
        written=datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        plotly=get_plotlyjs(),
    )


@dataclass(frozen=True)
class _Figure:
    title: str
    caption: str
    html: str


def _figures(analysis: Analysis, plots: Sequence[StudyPlot]) -> list[_Figure]:
    shown: list[tuple[str, str, go.Figure]] = []
    factor = figures.numeric_factor(analysis)
    if factor is not None:
        caption = "Mean over the seeds, 95 % intervals; a cross marks how many of them diverged and count as guessing."
        title = f"test {analysis.metric_name}"
        response = figures.response(analysis, factor, analysis.test_metric, title)
        if response is not None:
            shown.append((f"{title.capitalize()} over {factor}", caption, response))
    elif analysis.matched_factor is not None:
        caption = "Mean over the seeds, 95 % intervals. Lines that are not parallel are an interaction."
        shown.append(("Interaction", caption, figures.interaction(analysis)))
    own = [(plot.title, study_plots.caption(plot), study_plots.draw(plot, analysis)) for plot in plots]
    shown += [(title, caption, figure) for title, caption, figure in own if figure is not None]
    tuned = tuning_figure(analysis)
    if tuned is not None:
        title = f"Expected validation {analysis.metric_name} over the trials of tuning"
        shown.append((title, CAPTION.format(metric=analysis.metric_name), tuned))
    caption = "Mean over the seeds with its 95 % interval. Click an arm in the legend to hide it, drag to zoom."
    accuracy = figures.learning_curves(analysis, analysis.val_metric, f"validation {analysis.metric_name}")
    loss = figures.learning_curves(analysis, "train_loss", "training loss", logarithmic=True)
    off = " Losses far above chance are off the top; double-click to see them."
    shown += [
        (f"Validation {analysis.metric_name} while training", caption, accuracy),
        ("Training loss", caption + off, loss),
    ]
    options = {"responsive": True, "displaylogo": False, "modeBarButtonsToRemove": ["lasso2d", "select2d"]}
    return [
        _Figure(title, caption, figure.to_html(full_html=False, include_plotlyjs=False, config=options))
        for title, caption, figure in shown
    ]


def _totals(analysis: Analysis) -> dict[str, Any]:
    records = analysis.records
    return {
        "planned": sum(result.planned for result in analysis.arms),
        "finished": sum(result.count("finished") for result in analysis.arms),
        "diverged": sum(result.count("diverged") for result in analysis.arms),
        "crashed": int((records["state"] == "crashed").sum()),
        "missing": sum(result.missing for result in analysis.arms),
        "seeds": max((result.planned for result in analysis.arms), default=0),
        "seconds": f"{records['seconds'].sum():.0f}" if "seconds" in records else "–",
    }


def _controlled(analysis: Analysis) -> list[tuple[str, str]]:
    """Return what was held equal, each as a name and what the records say of it."""
    records = analysis.records

    def values(column: str) -> str:
        if column not in records:
            return "not recorded yet"
        return ", ".join(sorted({level(value) for value in records[column].dropna()})) or "not recorded yet"

    synchronised = values("normalisation.synchronised")
    parts = values("normalisation.accumulated_parts") if "normalisation.accumulated_parts" in records else ""
    return [
        ("Factors", (", ".join(analysis.study.factors) or "none: a study of one arm") + tuned_text(analysis)),
        ("All other config keys", "equal in every arm; checked before anything ran"),
        ("Initialisation", _initialisation(analysis, values("init.pairing"), values("init.scheme"))),
        ("Order and augmentation", "a function of (seed, epoch, sample): equal in all arms of a seed"),
        *_own_code(analysis),
        ("Data", f"{values('data.name')}, fingerprint {values('data.fingerprint')}"),
        (
            "Validation split",
            f"{values('data.validation')} of the training set, split seed {values('data.split_seed')}",
        ),
        ("Test set", f"read once a run, after training{_tested(records)}; arms are chosen on the validation split"),
        (
            "Batch normalisation",
            f"global batch {values('normalisation.global_batch')}, per device "
            f"{values('normalisation.batch_per_device')}, synchronised: {synchronised}; "
            f"{f'in {parts} parts, whose gradients are added up; ' if parts else ''}statistics over "
            f"{values('normalisation.statistics_over')} samples",
        ),
        (
            "Speed settings",
            f"precision {values('trainer.precision')}, compile {values('trainer.compile')}, channels_last "
            f"{values('trainer.channels_last')}, deterministic {values('trainer.deterministic')}: equal in every arm",
        ),
    ]


def _initialisation(analysis: Analysis, pairing: str, scheme: str) -> str:
    """Return by what parameters are paired, and how many of each arm's start as the baseline's do."""
    key = "its place among those of its shape" if pairing == "place" else "its name"
    drawn = f"each parameter drawn by (seed, {key})"
    if "," in scheme and "init.scheme" not in analysis.study.factors:
        drawn += f", each network's in its own scheme ({scheme})"
    rivals = {arm.label: arm.start for arm in analysis.study.arms if not arm.is_baseline}
    counted = {label: start for label, start in rivals.items() if start is not None}
    if not rivals:
        return drawn
    if len(counted) < len(rivals):
        return f"{drawn}; an earlier version did not count which start equal"
    if not any(start.unequal for start in counted.values()):
        return f"{drawn}: those that arms share start equal in all arms of a seed"
    told = [
        f"{label}: {start.equal} of {start.shared} shared-shape parameters start equal, not {start.some_unequal()}"
        for label, start in counted.items()
        if start.unequal
    ]
    return f"{drawn}. {'; '.join(told)}. In every other arm all that it shares with the baseline start equal"


def _planned(summary: StudySummary) -> list[tuple[str, str]]:
    text = plan_text(summary.registration, [claim for claim, _ in summary.findings])
    return [("Plan", text)] if text else []


def _deviations(summary: StudySummary) -> list[str]:
    seeds = max((result.planned for result in summary.analysis.arms), default=0)
    claims = [claim for claim, _ in summary.findings]
    source = summary.analysis.study.source
    # Where the study's file is gone, so are its claims: nobody has taken them back.
    gone = source is not None and not Path(source).is_file()
    return deviations(summary.registration, None if gone else claims, seeds)


def _own_code(analysis: Analysis) -> list[tuple[str, str]]:
    """Return what the runs depend on of the user's code; nothing for a study of the package."""
    if analysis.study.source is None:
        return []
    codes = [arm.code.files for arm in analysis.study.arms if arm.code is not None]
    files = sorted({(file, digest) for code in codes for file, digest in code.items()})
    hashes = ", ".join(f"{file} {digest}" for file, digest in files) or "none that a run depends on"
    return [
        ("Own code", " ".join([f"{hashes}; copies lie in {FOLDER}/ beside this page.", *analysis.code.sentences()]))
    ]


def _tested(records: pd.DataFrame) -> str:
    best = "trainer.test" in records and (records["trainer.test"] == "best").any()
    return ", with the weights of the run's best evaluation on the validation split (trainer.test best)" if best else ""


def _run_row(analysis: Analysis, run: dict[str, Any]) -> dict[str, Any]:
    def shown(key: str, form: str = "{}") -> str:
        value = run.get(key)
        return form.format(value) if value is not None and pd.notna(value) else "–"

    reached = run.get(analysis.test_metric)
    result = analysis.unit.text(float(reached)) if reached is not None and pd.notna(reached) else "–"
    if run["state"] == "diverged":
        result = f"diverged at step {shown('diverged_at_step', '{:.0f}')}"
    if run["state"] == "crashed":
        result = shown("error")
    return {
        "run": run["run"],
        "arm": run["arm"],
        "seed": run["seed"],
        "state": run["state"],
        "result": result,
        "seconds": shown("seconds", "{:.1f}"),
        "command": _again(RunRecord(analysis.directory / run["run"])),
    }


def _again(record: RunRecord) -> str:
    try:
        return rerun_command(record)
    except CorruptRecord as error:
        return str(error)


def _versions(analysis: Analysis) -> dict[str, Any]:
    records = analysis.records
    columns = [name for name in VERSION_COLUMNS if f"environment.{name}" in records]
    if not columns:
        return {"columns": [], "rows": [], "mixed": []}
    frame = records[[f"environment.{name}" for name in columns]].dropna()
    frame.columns = pd.Index(columns)
    counts = frame.astype(str).value_counts().reset_index()
    return {
        "columns": columns,
        "rows": [[row[name] for name in (*columns, "count")] for row in counts.to_dict("records")],
        "mixed": [name for name in columns if frame[name].astype(str).nunique() > 1],
    }
