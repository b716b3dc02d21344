"""The report of a study: one self-contained HTML file."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd
import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

from studies.engine.analysis import Analysis, ArmResult, analyse
from studies.engine.claims import Claim, Finding
from studies.engine.records import RunDirectory, rerun_command, write_atomically
from studies.engine.source import study_of
from studies.engine.study import Study
from studies.engine.wording import count, level, percent, percent_interval, points
from studies.report import figures
from studies.report.conclusion import conclude

VERSION_COLUMNS = ("code", "source", "python", "torch", "lightning", "device", "hardware", "devices", "threads")


def write_report(directory: Path, study: Study | None = None) -> tuple[Path, str]:
    """Write `report.html` into a study's folder; return its path and the study's answer.

    `study` brings the claims; where it is not given, the registered study of that name does, or the study's own file.
    """
    analysis = analyse(directory)
    if study is None:
        study = study_of(analysis.manifest)
    findings = [(claim, claim.find(analysis)) for claim in (study.claims if study is not None else ())]
    answer = conclude(analysis, findings)
    path = directory / "report.html"
    write_atomically(path, render(analysis, findings, answer))
    return path, answer


def render(analysis: Analysis, findings: Sequence[tuple[Claim, Finding]], answer: str) -> str:
    """Return the report as HTML."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("studies.report", "."), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template("template.html").render(
        manifest=analysis.manifest,
        metric_name=analysis.metric_name,
        train_metric_name=analysis.train_metric_name,
        answer=answer,
        findings=findings,
        figures=_figures(analysis),
        arms=[_arm_row(analysis, result) for result in analysis.arms],
        matched=_matched_level(analysis),
        totals=_totals(analysis),
        controlled=_controlled(analysis),
        runs=[_run_row(analysis, {str(k): v for k, v in row.items()}) for row in _records(analysis).to_dict("records")],
        versions=_versions(analysis),
        threshold=percent(analysis.training_threshold),
        written=datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        plotly=get_plotlyjs(),
    )


@dataclass(frozen=True)
class _Figure:
    title: str
    caption: str
    html: str


def _figures(analysis: Analysis) -> list[_Figure]:
    shown: list[tuple[str, str, go.Figure]] = []
    factor = figures.numeric_factor(analysis)
    if factor is not None:
        caption = "Mean over the finished seeds, 95 % intervals; a cross marks how many of the seeds diverged."
        shown.append((f"Test {analysis.metric_name} over {factor}", caption, figures.response(analysis, factor)))
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


def _matched_factor(analysis: Analysis) -> str | None:
    """Return the factor whose effect is told at equal levels of the others: the first one, if there are several."""
    factors = list(analysis.manifest.baseline.levels)
    product = all(list(result.arm.levels) == factors for result in analysis.arms)
    return factors[0] if len(factors) > 1 and product else None


def _matched_level(analysis: Analysis) -> str | None:
    factor = _matched_factor(analysis)
    return f"{factor.rpartition('.')[2]} {level(analysis.manifest.baseline.levels[factor])}" if factor else None


def _arm_row(analysis: Analysis, result: ArmResult) -> dict[str, Any]:
    factor = _matched_factor(analysis)
    other = analysis.matched(result, factor) if factor else None
    first = result.records.iloc[0].to_dict() if len(result.records) else {}
    seconds = result.estimate("seconds")
    return {
        "label": result.label,
        "baseline": result.arm.is_baseline,
        "test": percent_interval(result.estimate(analysis.test_metric)),
        "validation": percent(result.estimate(analysis.val_metric).mean),
        "training": percent(result.estimate(analysis.train_metric).mean),
        "difference": "baseline"
        if result.arm.is_baseline
        else points(analysis.difference(result, analysis.test_metric)),
        "differs": not result.arm.is_baseline and analysis.difference(result, analysis.test_metric).excludes_zero,
        "matched": points(analysis.difference(result, analysis.test_metric, to=other)) if other else "",
        "matched_differs": other is not None
        and analysis.difference(result, analysis.test_metric, to=other).excludes_zero,
        "finished": result.count("finished"),
        "planned": result.planned,
        "diverged": result.count("diverged"),
        "missing": result.missing,
        "trains": analysis.trains(result),
        "parameters": count(first["parameters"]) if pd.notna(first.get("parameters")) else "–",
        "flops": count(first["flops"]) if pd.notna(first.get("flops")) else "–",
        "seconds": f"{seconds.mean:.1f}" if seconds.n else "–",
    }


def _totals(analysis: Analysis) -> dict[str, Any]:
    records = _records(analysis)
    return {
        "planned": sum(result.planned for result in analysis.arms),
        "finished": sum(result.count("finished") for result in analysis.arms),
        "diverged": sum(result.count("diverged") for result in analysis.arms),
        "crashed": int((records["state"] == "crashed").sum()),
        "missing": sum(result.missing for result in analysis.arms),
        "seeds": max((result.planned for result in analysis.arms), default=0),
        "seconds": f"{records['seconds'].sum():.0f}" if "seconds" in records else "–",
    }


def _records(analysis: Analysis) -> pd.DataFrame:
    return pd.concat([result.records for result in analysis.arms], ignore_index=True)


def _controlled(analysis: Analysis) -> list[tuple[str, str]]:
    """Return what was held equal, each as a name and what the records say of it."""
    records = _records(analysis)

    def values(column: str) -> str:
        if column not in records:
            return "not recorded yet"
        return ", ".join(sorted({level(value) for value in records[column].dropna()})) or "not recorded yet"

    synchronised = values("normalisation.synchronised")
    return [
        ("Factors", ", ".join(analysis.manifest.factors) or "none: a study of one arm"),
        ("All other config keys", "equal in every arm; checked before anything ran"),
        ("Initialisation", "each parameter drawn by (seed, its name): equal in all arms of a seed"),
        ("Order and augmentation", "a function of (seed, epoch, sample): equal in all arms of a seed"),
        ("Data", f"{values('data.name')}, fingerprint {values('data.fingerprint')}"),
        (
            "Validation split",
            f"{values('data.validation')} of the training set, split seed {values('data.split_seed')}",
        ),
        ("Test set", "read once a run, after training; arms are chosen on the validation split"),
        (
            "Batch normalisation",
            f"global batch {values('normalisation.global_batch')}, per device "
            f"{values('normalisation.batch_per_device')}, synchronised: {synchronised}; statistics over "
            f"{values('normalisation.statistics_over')} samples",
        ),
        (
            "Speed settings",
            f"precision {values('trainer.precision')}, compile {values('trainer.compile')}, channels_last "
            f"{values('trainer.channels_last')}, deterministic {values('trainer.deterministic')}: equal in every arm",
        ),
    ]


def _run_row(analysis: Analysis, run: dict[str, Any]) -> dict[str, Any]:
    def shown(key: str, form: str = "{}") -> str:
        value = run.get(key)
        return form.format(value) if value is not None and pd.notna(value) else "–"

    tested = run.get(analysis.test_metric)
    result = percent(float(tested)) if tested is not None and pd.notna(tested) else "–"
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
        "command": rerun_command(RunDirectory(analysis.directory / run["run"]).config_file, analysis.manifest.source),
    }


def _versions(analysis: Analysis) -> dict[str, Any]:
    records = _records(analysis)
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
