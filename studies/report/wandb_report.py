"""A study's report in W&B: what the runs there cannot say by themselves, and the plots that are drawn from them."""

import re
import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from litmus.metrics import METRICS, split_of
from studies.design.study import Study
from studies.evidence.claims import MEANING
from studies.evidence.results import Analysis, ArmResult
from studies.evidence.summary import StudySummary
from studies.records.run_record import RunRecord
from studies.records.study_record import StudyRecord
from studies.report import tables, wandb_tables
from studies.report.answer import answer_of
from studies.report.controls import controls
from studies.report.methods import methods
from studies.tracking import names
from studies.tracking.wandb_run import identity_of

if TYPE_CHECKING:
    from wandb_workspaces.reports.v2 import Report

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
    line = names.shortened(text, wandb_tables.TEXT_LENGTH) if text else ""
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
