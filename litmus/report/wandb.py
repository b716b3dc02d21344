"""A study's report in W&B, with the plots that W&B draws from the runs."""

import contextlib
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from litmus.design.study import Study
from litmus.evidence.results import Analysis
from litmus.evidence.summary import StudySummary
from litmus.records.run_record import RunRecord
from litmus.records.storage import to_json, write_atomically
from litmus.records.wandb import (
    STEP,
    WandbError,
    client,
    printable,
    probe_key,
    project,
    wandb_id,
)
from litmus.report.exports import as_markdown

if TYPE_CHECKING:
    from wandb_workspaces.reports.v2 import Report

REPORT_FILE = "wandb_report.json"


def build_report(summary: StudySummary, study: Study | None, entity: str) -> "Report":
    """Return the report of a study: its answer, claims and arms as text, and panels of its runs in W&B."""
    # Imported here because it takes a second.
    import wandb_workspaces.reports.v2 as wr

    analysis = summary.analysis
    record = analysis.study
    limits = study.limits.get(record.preset, "") if study is not None else ""
    blocks: list[Any] = [wr.MarkdownBlock(as_markdown(summary))]
    if limits:
        blocks.append(wr.P(printable(limits, 2000)))
    sections = {
        "Learning curves, mean of the seeds with one standard error": _curves(wr, analysis),
        "Results and cost, mean of the seeds with one standard error": _results(wr, analysis),
        "Probes": _probes(wr, analysis),
    }
    for title, panels in sections.items():
        if panels:
            blocks += [wr.H2(title), wr.PanelGrid(runsets=[run_set(analysis)], panels=panels)]
    failed = [row for row in analysis.records.to_dict("records") if row["state"] != "finished"]
    if failed:
        items: list[Any] = [printable(f"{row['arm']}, seed {row['seed']}: {row['state']}", 500) for row in failed]
        blocks += [wr.H2("Runs that did not finish"), wr.UnorderedList(items=items)]
    return wr.Report(
        project=project(),
        entity=entity,
        title=printable(f"{analysis.name}: {record.question}", 120),
        description=printable(f"{analysis.name}, preset {record.preset}, written by litmus wandb report", 500),
        blocks=blocks,
        width="fluid",
    )


def run_set(analysis: Analysis) -> Any:
    """Return the study's runs in W&B, grouped by arm."""
    import wandb_workspaces.reports.v2 as wr
    from wandb_workspaces import expr

    # By id: names may hold anything, and W&B parses a filter.
    ids = [
        wandb_id(RunRecord(analysis.directory / run)) for result in analysis.arms for run in result.arm.runs.values()
    ]
    name = printable(analysis.name, 64)
    return wr.Runset(name=name, filters=[expr.Metric("ID").isin(ids)], groupby=["config.arm"])


def _by_arm(wr: Any) -> dict[str, Any]:
    """Return the settings of a panel that shows the mean of each arm with its standard error."""
    return {
        "groupby": wr.Config("arm"),
        "groupby_aggfunc": "mean",
        "groupby_rangefunc": "stderr",
        "layout": wr.Layout(w=12, h=8),
    }


def _curves(wr: Any, analysis: Analysis) -> list[Any]:
    metric = analysis.metric_name
    curves = {f"validation {metric}": analysis.val_metric, "training loss": "train_loss", "learning rate": "lr"}
    return [
        wr.LinePlot(title=title, x=STEP, title_x="step", y=[column], max_runs_to_show=1000, **_by_arm(wr))
        for title, column in curves.items()
    ]


def _results(wr: Any, analysis: Analysis) -> list[Any]:
    test = analysis.test_metric
    layout = wr.Layout(w=12, h=8)
    flops = wr.SummaryMetric("flops")
    return [
        wr.BarPlot(title=analysis.test_name, metrics=[test], **_by_arm(wr)),
        wr.BarPlot(title="seconds of training", metrics=["seconds"], **_by_arm(wr)),
        wr.ScatterPlot(
            title=f"{analysis.test_name} against cost", x=flops, log_x=True, y=wr.SummaryMetric(test), layout=layout
        ),
        wr.ParameterImportancePlot(with_respect_to=test, layout=layout),
    ]


def _probes(wr: Any, analysis: Analysis) -> list[Any]:
    """Return a plot for each quantity that a probe measured, with the curves of all layers."""
    measured: dict[tuple[str, str], None] = {}
    for result in analysis.arms:
        for rows in result.probes.values():
            for probe, quantity in rows[["probe", "quantity"]].drop_duplicates().itertuples(index=False):
                if not re.search(r"_of_unit_\d+$", str(quantity)):
                    measured[str(probe), str(quantity)] = None
    return [
        wr.LinePlot(
            title=f"{probe}: {quantity}",
            x=STEP,
            title_x="step",
            metric_regex=f"^{re.escape(probe_key(probe, quantity))}(/.*)?$",
            **_by_arm(wr),
        )
        for probe, quantity in measured
    ]


def save_report(report: "Report", directory: Path) -> str:
    """Save the report of the study in `directory`, in place of its last one, and return its address.

    Raises `WandbError`.
    """
    client()
    file = directory / REPORT_FILE
    try:
        known = json.loads(file.read_text()) if file.exists() else {}
        if (known.get("entity"), known.get("project")) == (report.entity, report.project):
            # Raises where somebody has deleted the last report.
            with contextlib.suppress(TypeError, KeyError):
                type(report).from_url(known["url"], as_model=True)
                report.id = known["id"]
        # The client prints the address, as the command does.
        with contextlib.redirect_stderr(None):
            report.save()
        # The client puts the title there as it is, with a question mark that would end the address.
        url = quote(report.url.rstrip("="), safe=":/")
    except Exception as error:  # the client raises dozens of types
        raise WandbError(printable(f"{type(error).__name__}: {error}", 300)) from None
    write_atomically(file, to_json({"entity": report.entity, "project": report.project, "id": report.id, "url": url}))
    return url
