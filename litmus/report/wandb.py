"""A study's report in W&B: what the runs there cannot say by themselves, and the plots that are drawn from them."""

import contextlib
import dataclasses
import json
import math
import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

import pandas as pd
import plotly.graph_objects as go

from litmus.core.metrics import METRICS, split_of
from litmus.design.study import Study
from litmus.evidence.claims import MEANING
from litmus.evidence.results import Analysis, ArmResult
from litmus.evidence.summary import StudySummary
from litmus.records.run_record import RunRecord, Upload, digest_of, write_upload
from litmus.records.storage import to_json
from litmus.records.study_record import StudyRecord
from litmus.report import tables
from litmus.report.answer import answer_of
from litmus.report.controls import controls
from litmus.report.methods import methods
from litmus.training import loggers as account
from litmus.training import loggers as names
from litmus.training.loggers import PATIENCE_SECONDS, UploadFailed, client, identity_of, settings, uploaded_here

if TYPE_CHECKING:
    from pathlib import Path

    from wandb_workspaces.reports.v2 import Report


def differences(summary: StudySummary) -> go.Figure | None:
    """Return each arm's paired difference from the baseline with its 95 % interval; None where there is none."""
    unit = summary.analysis.unit
    shown = [
        (_label(each.arm.label), each.comparison.difference)
        for each in summary.judged
        if each.comparison is not None and each.comparison.difference.n
    ]
    if not shown:
        return None
    figure = go.Figure()
    figure.add_vline(x=0, line={"width": 1})
    figure.add_scatter(
        x=[unit.factor * effect.mean for _, effect in shown],
        y=[label for label, _ in shown],
        error_x={
            "array": [_length(unit.factor * (effect.high - effect.mean)) for _, effect in shown],
            "arrayminus": [_length(unit.factor * (effect.mean - effect.low)) for _, effect in shown],
        },
        mode="markers",
    )
    metric = f"test {summary.analysis.metric_name}"
    figure.update_layout(
        title=f"Difference in {metric} to {_label(summary.analysis.baseline.label)}, paired by seed, 95 %",
        xaxis_title=unit.difference_name,
        yaxis={"type": "category", "autorange": "reversed"},
    )
    return figure


def accuracy_against_cost(summary: StudySummary) -> go.Figure | None:
    """Return each arm's mean on the test set with its 95 % interval against its FLOPs; None where no run finished."""
    unit = summary.analysis.unit
    shown = [
        (_label(each.arm.label), each.arm.estimate("flops").mean, each.mean) for each in summary.judged if each.mean.n
    ]
    shown = [each for each in shown if math.isfinite(each[1])]
    if not shown:
        return None
    figure = go.Figure()
    for label, cost, mean in shown:
        error = [_length(unit.factor * (min(mean.high, unit.highest) - mean.mean))]
        below = [_length(unit.factor * (mean.mean - max(mean.low, unit.lowest)))]
        value = [unit.factor * mean.mean]
        bars = {"array": error, "arrayminus": below}
        figure.add_scatter(x=[cost], y=value, error_y=bars, mode="markers", name=label)
    title = f"Test {summary.analysis.metric_name}, mean and 95 % over seeds"
    figure.update_layout(title=title, xaxis={"type": "log", "title": "FLOPs of an image"}, yaxis_title=unit.name)
    return figure


def _label(text: str) -> str:
    # Plotly reads some HTML in labels.
    return escape(names.shortened(text, 60), quote=False)


def _length(value: float) -> float:
    return value if math.isfinite(value) else 0.0


MOST_RUN_SETS = 12
"""Arms that have a run set of their own; more are one run set, grouped by arm."""

COST = ("parameters", "FLOPs of an image, forward", "seconds", "runs")

COLOURS = (
    "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9",
    "#000000", "#7F6000", "#6A3D9A", "#1B9E77", "#A6761D", "#666666",
)  # fmt: skip


def build(summary: StudySummary, study: Study | None, entity: str, project: str, summary_url: str = "") -> "Report":
    """Return the report of a study in `project` of `entity`; with an empty entity, one that can be read, not saved.

    `study` brings the source of the claims and its limits, `summary_url` is where the summary run lies.
    """
    # Imported here because it takes a second, and reports of other kinds need none of it.
    import wandb_workspaces.reports.v2 as wr

    analysis = summary.analysis
    record = analysis.study
    source = study.source if study is not None else ""
    limits = study.limits.get(record.preset, "") if study is not None else ""
    sets = run_sets(analysis)
    blocks: list[Any] = [
        wr.H2("Question"),
        wr.P(shown(record.question, 2000)),
        wr.H2("Answer"),
        wr.P(shown(answer_of(summary), 5000)),
        *_partial(wr, analysis),
    ]
    if limits:
        blocks.append(wr.P(shown(limits, 2000)))
    if summary.findings:
        meanings = "\n".join(f"- *{verdict}*: {escaped(meaning)}" for verdict, meaning in MEANING.items())
        blocks += [wr.H2("Claims"), wr.MarkdownBlock(claims_table(summary, source)), wr.MarkdownBlock(meanings)]
    blocks += [
        wr.H2("Arms"),
        wr.MarkdownBlock(arms_table(summary)),
        wr.H2("Learning curves"),
        wr.P("Mean over the seeds of each arm, with a band of one standard error."),
        wr.PanelGrid(runsets=sets, panels=_curves(wr, analysis)),
        wr.H2("Results and cost"),
        wr.P(
            "Bars: mean over seeds with one standard error. The intervals at 95 %, over seeds and test images, are "
            "those of the tables above."
        ),
        wr.PanelGrid(runsets=run_sets(analysis), panels=_results(wr, analysis)),
    ]
    measured = _probes(wr, analysis)
    if measured:
        probed = [wr.H2("What was measured while the runs trained")]
        blocks += [*probed, wr.PanelGrid(runsets=run_sets(analysis), panels=measured)]
    failures = _failures(analysis)
    if failures:
        blocks += [wr.H2("Runs that diverged or have no result"), wr.UnorderedList(items=failures)]
    blocks += [
        wr.H2("How it was controlled"),
        wr.MarkdownBlock(controls_table(analysis)),
        wr.P(shown(f"Preset {record.preset}. {record.protocol}", 2000)),
        wr.H2("Methods"),
        wr.P(shown(methods(summary), 5000)),
    ]
    if summary_url:
        blocks.append(wr.P(["Tables and figures of this study: ", wr.Link("its summary run", url=summary_url)]))
    blocks += [
        wr.H2("How to run it again"),
        wr.MarkdownBlock(f"    {again(record)}"),
        wr.P(
            f"Its records lie in the folder {record.study}; litmus show and a run's id print the command of that run."
        ),
    ]
    return wr.Report(
        project=project,
        entity=entity,
        title=names.shortened(f"{record.study}: {record.question}", 120),
        description=names.shortened(f"{record.study}, preset {record.preset}, written by litmus wandb report", 500),
        blocks=blocks,
        width="fluid",
    )


def run_sets(analysis: Analysis) -> list[Any]:
    """Return a run set for each arm, of just its runs; of more arms than are told apart, one of all, grouped by arm.

    They name no project: W&B takes the report's own, and the client need not ask for it.
    """
    import wandb_workspaces.reports.v2 as wr
    from wandb_workspaces import expr

    study = analysis.study.study

    def run_set(name: str, results: Sequence[ArmResult], colour: str = "") -> Any:
        # By identity: what an arm is called may be anything, and a filter is a text that is parsed.
        records = [RunRecord(analysis.directory / run) for result in results for run in result.arm.runs.values()]
        runs = [identity_of(study, record) for record in records]
        colours: dict[Any, str] = dict.fromkeys(runs, colour) if colour else {}
        return wr.Runset(
            name=names.shortened(name, 64),
            filters=[expr.Metric("ID").isin(runs)],
            groupby=["config.arm"],
            custom_run_colors=colours,
        )

    if len(analysis.arms) > MOST_RUN_SETS:
        return [run_set("all arms", analysis.arms)]
    return [
        run_set(result.label, [result], COLOURS[index % len(COLOURS)]) for index, result in enumerate(analysis.arms)
    ]


def _curves(wr: Any, analysis: Analysis) -> list[Any]:
    def lines(title: str, column: str, x: str, **more: Any) -> Any:
        return wr.LinePlot(
            title=title,
            x=x,
            y=[column],
            title_x=x,
            groupby=wr.Config("arm"),
            groupby_aggfunc="mean",
            groupby_rangefunc="stderr",
            max_runs_to_show=1000,
            layout=wr.Layout(w=12, h=8),
            **more,
        )

    metric = METRICS[analysis.task.primary_metric].display_name
    return [
        lines(f"validation {metric}", analysis.val_metric, "epoch"),
        lines("training loss", "train_loss", "epoch", log_y=True),
        lines(f"validation {metric} by training images", analysis.val_metric, "images"),
        lines("learning rate", "lr", "epoch"),
    ]


def _results(wr: Any, analysis: Analysis) -> list[Any]:
    test = analysis.test_metric
    size = {"layout": wr.Layout(w=12, h=8)}
    name = METRICS[split_of(test)[1]].display_name
    bars = {"groupby": wr.Config("arm"), "groupby_aggfunc": "mean", "groupby_rangefunc": "stderr", **size}
    scatter = {"y": wr.SummaryMetric(test), **size}
    return [
        wr.BarPlot(title=f"test {name}", metrics=[test], **bars),
        wr.BarPlot(title="seconds of training", metrics=["seconds"], **bars),
        wr.ScatterPlot(title=f"test {name} against cost", x=wr.SummaryMetric("flops"), log_x=True, **scatter),
        wr.ScatterPlot(
            title=f"test {name} against parameters", x=wr.SummaryMetric("parameters"), log_x=True, **scatter
        ),
        wr.ParameterImportancePlot(with_respect_to=test, **size),
    ]


def _probes(wr: Any, analysis: Analysis) -> list[Any]:
    """Return a plot for each quantity that was probed by layer, all layers' curves in it."""
    found: dict[tuple[str, str], None] = {}
    for result in analysis.arms:
        for rows in result.probes.values():
            for probe, quantity in rows[["probe", "quantity"]].drop_duplicates().itertuples(index=False):
                if not re.search(r"_of_unit_\d+$", str(quantity)):
                    found[str(probe), str(quantity)] = None
    return [
        wr.LinePlot(
            title=f"{probe}: {quantity}",
            x="epoch",
            title_x="epoch",
            metric_regex=f"^{re.escape(names.key(probe, quantity))}(/.*)?$",
            groupby=wr.Config("arm"),
            groupby_aggfunc="mean",
            groupby_rangefunc="stderr",
            layout=wr.Layout(w=12, h=8),
        )
        for probe, quantity in found
    ]


def claims_table(summary: StudySummary, source: str) -> str:
    """Return the claims with their verdicts as a table of Markdown."""
    rows = [
        (
            claim.sentence + (" (exploratory)" if summary.registration.is_exploratory(claim) else ""),
            held if held == finding.verdict else f"{held} (alone: {finding.verdict})",
            finding.evidence,
            claim.paper,
            claim.cited(source),
        )
        for (claim, finding), held in zip(summary.findings, summary.headline, strict=True)
    ]
    return markdown_table(("claim", "verdict", "evidence", "the source's", "source"), rows)


def controls_table(analysis: Analysis) -> str:
    """Return what was held equal, and whether the records show it, as a table of Markdown."""
    rows = [(each.name, each.value, each.checked) for each in controls(analysis)]
    return markdown_table(("what", "in all arms", "checked"), rows)


def arms_table(summary: StudySummary) -> str:
    """Return the arms as a table of Markdown: what they reached, how they differ, what they cost."""
    metric, arms = summary.analysis.metric_name, summary.analysis.arms
    seconds = {each.label: each.estimate("seconds").mean for each in arms if each.count("finished")}
    runs = {each.label: ", ".join(each.arm.runs.values()) for each in arms}
    headings = ("arm", f"test {metric}", "difference, paired", "p, Holm", "finished", "diverged", *COST)
    rows = [
        (
            row["label"],
            row["test"],
            row["difference"],
            row["p"],
            f"{row['finished']} of {row['planned']}",
            str(row["diverged"] or ""),
            row["parameters"],
            row["flops"],
            f"{seconds[row['label']]:.1f}" if row["label"] in seconds else "",
            runs[row["label"]],
        )
        for row in tables.results(summary)
    ]
    return markdown_table(headings, rows)


def markdown_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table of Markdown whose cells appear as they are, whatever they hold."""
    lines = [headings, ["---"] * len(headings), *rows]
    cells = [[cell if line is lines[1] else escaped(cell) for cell in line] for line in lines]
    return "\n".join(f"| {' | '.join(line)} |" for line in cells)


def escaped(text: str) -> str:
    """Return `text` so that Markdown shows it as it is."""
    line = names.shortened(text, TEXT_LENGTH) if text else ""
    line = line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_{}\[\]()#|~$!])", r"\\\1", line)


def shown(text: str, length: int) -> str:
    """Return a paragraph's text, which W&B shows as it is."""
    return names.shortened(text, length)


def again(record: StudyRecord) -> str:
    """Return the command that runs what is missing of a study, and nothing else of it."""
    seeds = sorted({seed for arm in record.arms for seed in arm.runs})
    words = ["litmus", "run", record.source or record.study]
    words += ["--preset", record.preset] if record.preset != "quick" else []
    words += ["--seeds", str(len(seeds))] if seeds else []
    words += ["--first-seed", str(seeds[0])] if seeds and seeds[0] else []
    for key, value in record.settings.items():
        words += [f"--{key}", names.shortened(str(value), 200)]
    return shlex.join(words)


def _partial(wr: Any, analysis: Analysis) -> list[Any]:
    missing = sum(result.missing for result in analysis.arms)
    planned = sum(result.planned for result in analysis.arms)
    return [wr.CalloutBlock(text=f"Partial: {missing} of {planned} runs have no result yet.")] if missing else []


def _failures(analysis: Analysis) -> list[Any]:
    told = []
    for row in analysis.records.to_dict("records"):
        if row["state"] == "diverged":
            told.append(f"{row['arm']}, seed {row['seed']}: diverged at step {row['diverged_at_step']:.0f}")
        elif row["state"] != "finished":
            error = row.get("error")
            told.append(
                f"{row['arm']}, seed {row['seed']}: {row['state']}{f': {error}' if error == error and error else ''}"
            )
    return [shown(line, 500) for line in told]


HIDDEN = ("layout", "title", "filters", "order", "custom_run_colors", "run_settings", "entity", "project", "name")
"""Fields of panels and run sets that are told otherwise, or say nothing to a reader."""


def as_markdown(report: "Report") -> str:
    """Return the report's blocks in their order as Markdown: texts as they are, panels by their settings."""
    lines = [f"# {escaped(report.title)}", "", escaped(report.description)]
    for block in report.blocks:
        lines += ["", *_block(block)]
    return "\n".join(lines) + "\n"


def as_json(report: "Report") -> str:
    """Return the specification as W&B gets it."""
    model = report._to_model()
    content = {"title": model.display_name, "description": model.description}
    return json.dumps({**content, "spec": model.spec.model_dump(by_alias=True, exclude_none=True)}, indent=2) + "\n"


def _block(block: Any) -> list[str]:
    kind = type(block).__name__
    if kind in ("H1", "H2", "H3"):
        return [f"{'#' * int(kind[1])} {_text(block.text)}"]
    if kind == "MarkdownBlock":
        return [block.text]
    if kind == "UnorderedList":
        return [f"- {_text(item)}" for item in block.items]
    if kind == "CodeBlock":
        return ["```", *block.code.splitlines(), "```"]
    if kind == "CalloutBlock":
        return [f"> {_text(block.text)}"]
    if kind == "PanelGrid":
        sets = [f"- run set {escaped(each.name)}: {_runs(each)}" for each in block.runsets]
        return [*sets, "", *(f"- {_panel(each)}" for each in block.panels)]
    return [_text(block.text)]


def _text(text: Any) -> str:
    if isinstance(text, list):
        return "".join(_text(part) for part in text)
    if isinstance(text, str):
        return escaped(text) + (" " if text.endswith(" ") else "")
    return f"[{_text(text.text)}]({text.url})"


def _runs(run_set: Any) -> str:
    count = run_set.filters.count("'") // 2
    return f"{count} run{'' if count == 1 else 's'} by their ids, grouped by {', '.join(run_set.groupby)}"


def _panel(panel: Any) -> str:
    given = {
        field.name: getattr(panel, field.name)
        for field in dataclasses.fields(panel)
        if field.name not in HIDDEN and not field.name.startswith("_")
    }
    defaults = type(panel)()
    told = [
        f"{name} {_value(value)}"
        for name, value in given.items()
        if value != getattr(defaults, name) and value is not None
    ]
    title = getattr(panel, "title", None)
    return f"{type(panel).__name__}{f' “{escaped(title)}”' if title else ''}: {', '.join(told)}"


def _value(value: Any) -> str:
    if isinstance(value, Iterable) and not isinstance(value, str):
        return " and ".join(_value(each) for each in value)
    name = getattr(value, "name", None)
    kind = {"Config": "config ", "SummaryMetric": "final "}.get(type(value).__name__, "")
    return escaped(str(value)) if name is None else f"{kind}{escaped(name)}"


REPORT_FILE = "wandb_report.json"


def save(report: "Report", directory: "Path") -> Upload:
    """Save `report` of the study in `directory` and return where it lies. Raises `UploadFailed`."""
    client()
    file = directory / REPORT_FILE
    known = uploaded_here(file)
    try:
        if known is not None and known.entity == report.entity and _is_there(type(report), known):
            report.id = known.identity
        # The client prints where it saved it; the command says so itself.
        with contextlib.redirect_stderr(None):
            report.save()
    except Exception as error:  # whatever the client raises
        raise UploadFailed(names.shortened(f"{type(error).__name__}: {error}".partition("\n")[0], 300)) from None
    upload = Upload(account.server(), report.entity, report.project, report.id, _url(report))
    write_upload(file, replace(upload, content=report.id))
    return upload


def _url(report: "Report") -> str:
    """Return the report's address; what its title adds there is for the eye, and must be no part of an address."""
    app = urlsplit(report.url)
    title = "-".join(re.findall(r"[A-Za-z0-9]+", report.title))[:60].strip("-")
    return f"{app.scheme}://{app.netloc}/{quote(report.entity)}/{quote(report.project)}/reports/{title}--{report.id.rstrip('=')}"


def _is_there(kind: type, known: Upload) -> bool:
    """Whether the report that was saved before is still there: somebody may have deleted it."""
    try:
        kind.from_url(known.url, as_model=True)  # type: ignore[attr-defined]
    except (TypeError, KeyError):
        return False  # what is gone is answered with nothing
    return True


SUMMARY_FILE = "wandb_summary.json"
REPORT = "report.html"


def publish_summary(summary: StudySummary, answer: str, source: str = "", report: bool = False) -> Upload:
    """Write the summary run of a study, unless W&B has just that already, and return where it lies.

    `source` is that of the study's claims; with `report` the HTML report is kept as an artifact. Raises `UploadFailed`.
    """
    analysis = summary.analysis
    study, directory = analysis.study, analysis.directory
    tables = {
        "claims": claims(summary, source),
        "arms": arms(summary),
        "runs": runs(summary),
    }
    verdicts = list(summary.headline)
    planned = sum(result.planned for result in analysis.arms)
    missing = sum(result.missing for result in analysis.arms)
    told = {
        "answer": names.shortened(answer, 5000),
        "state": "partial" if missing else "complete",
        "runs": planned,
        "missing": missing,
        "diverged": sum(result.count("diverged") for result in analysis.arms),
        **{f"claims {verdict}": verdicts.count(verdict) for verdict in sorted(set(verdicts))},
    }
    config = {
        "study": study.study,
        "question": names.shortened(study.question, 1000),
        "preset": study.preset,
        "factors": {key: list(levels) for key, levels in study.factors.items()},
        "arms": [names.shortened(arm.label) for arm in study.arms],
        "settings": dict(study.settings),
    }
    content = digest_of(to_json({"told": told, "config": config, **{k: {"rows": t.rows} for k, t in tables.items()}}))
    file = directory / SUMMARY_FILE
    known = uploaded_here(file)
    if known is not None and known.content == content and not report:
        return known
    try:
        upload = _write(summary, tables, told, config, directory / REPORT if report else None)
    except Exception as error:  # whatever the client raises
        raise UploadFailed(names.shortened(f"{type(error).__name__}: {error}".partition("\n")[0], 300)) from None
    if not account.has_arrived(upload.entity, upload.project, upload.identity, str(told["state"])):
        raise UploadFailed(f"{upload.server} did not take all of it")
    upload = replace(upload, content=content)
    write_upload(file, upload)
    return upload


def _write(
    summary: StudySummary,
    tables: "Mapping[str, ValueTable]",
    told: Mapping[str, Any],
    config: Mapping[str, Any],
    report: Path | None,
) -> Upload:
    wandb = client()
    study, directory = summary.analysis.study, summary.analysis.directory
    run = wandb.init(
        project=account.project(),
        id=names.identity(study.study, "summary"),
        resume="allow",
        group=names.shortened(study.study),
        job_type="summary",
        name=names.shortened(f"{study.study}: summary"),
        tags=names.tags(study.study, {}, ["summary"]),
        config=dict(config),
        dir=directory,
        settings=settings(PATIENCE_SECONDS),
    )
    figures = {
        "differences": differences(summary),
        "accuracy against cost": accuracy_against_cost(summary),
    }
    logged = {
        name: wandb.Table(columns=list(table.headings), data=[list(row) for row in table.rows], allow_mixed_types=True)
        for name, table in tables.items()
        if table.rows
    }
    run.log({**logged, **{name: wandb.Plotly(figure) for name, figure in figures.items() if figure is not None}})
    if report is not None and report.exists():
        artifact = wandb.Artifact(f"report-{names.identity(study.study, 'study')}", type="report")
        artifact.add_file(str(report), name=report.name)
        run.log_artifact(artifact)
    run.summary.update(dict(told))
    upload = Upload(account.server(), str(run.entity or ""), account.project(), str(run.id), str(run.url or ""))
    run.finish()
    return upload


TEXT_LENGTH = 1000


@dataclass(frozen=True)
class ValueTable:
    """A table of values: texts, numbers, and None where there is none."""

    headings: tuple[str, ...]
    rows: Sequence[tuple[Any, ...]]


def claims(summary: StudySummary, source: str = "") -> ValueTable:
    """Return a row for each claim: the sentence, its verdict, and what carries it."""
    rows = [
        (
            _cell_text(claim.sentence),
            finding.verdict,
            held,
            _cell_text(finding.evidence),
            _number(finding.effect.mean),
            _number(finding.effect.low),
            _number(finding.effect.high),
            claim.threshold,
            summary.registration.is_exploratory(claim),
            _cell_text(claim.cited(source)),
        )
        for (claim, finding), held in zip(summary.findings, summary.headline, strict=True)
    ]
    headings = ("claim", "verdict", "after Holm", "evidence", "effect", "low", "high", "threshold", "exploratory")
    return ValueTable((*headings, "source"), rows)


def arms(summary: StudySummary) -> ValueTable:
    """Return a row for each arm: what it reached on the test set, how it differs from the baseline, what it cost."""
    analysis = summary.analysis
    rows = []
    for each in summary.judged:
        result, compared = each.arm, each.comparison
        first = result.records.iloc[0].to_dict() if len(result.records) else {}
        effect = None if compared is None else compared.difference
        rows.append(
            (
                _cell_text(result.label),
                result.arm.is_baseline,
                *(_number(value) for value in (each.mean.mean, each.mean.low, each.mean.high)),
                *(_number(getattr(effect, name, math.nan)) for name in ("mean", "low", "high")),
                None if compared is None else _number(compared.p_holm),
                result.planned,
                result.count("finished"),
                result.count("diverged"),
                result.missing,
                *(_number(first.get(name)) for name in ("parameters", "flops")),
                _number(result.estimate("seconds").mean),
            )
        )
    metric = analysis.test_metric
    headings = ("arm", "baseline", metric, f"{metric} low", f"{metric} high", "difference", "difference low")
    more = ("difference high", "p, Holm", "seeds", "finished", "diverged", "missing", "parameters", "flops", "seconds")
    return ValueTable((*headings, *more), rows)


def runs(summary: StudySummary) -> ValueTable:
    """Return a row for each run: its state, what it reached, and why where it has no result."""
    analysis = summary.analysis
    columns = ("arm", "seed", "state", analysis.test_metric, "diverged_at_step", "seconds", "error", "run")
    rows = [tuple(_cell_value(row.get(name)) for name in columns) for row in analysis.records.to_dict("records")]
    return ValueTable(columns, rows)


def _cell_text(text: str) -> str:
    return names.shortened(text, TEXT_LENGTH)


def _cell_value(value: Any) -> Any:
    return _cell_text(value) if isinstance(value, str) else None if pd.isna(value) else value


def _number(value: Any) -> float | None:
    return float(value) if value is not None and math.isfinite(value) else None
