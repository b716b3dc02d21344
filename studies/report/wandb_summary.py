"""The summary run of a study in W&B: its answer, verdicts, tables and figures, beside the runs that they are about."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from studies.evidence.summary import StudySummary
from studies.records.storage import to_json
from studies.records.upload_record import Upload, digest_of, write_upload
from studies.report import wandb_figures, wandb_tables
from studies.tracking import account, names
from studies.tracking.publish import PATIENCE_SECONDS, UploadFailed
from studies.tracking.wandb_run import client, settings, uploaded_here

FILE = "wandb_summary.json"
REPORT = "report.html"


def publish_summary(summary: StudySummary, answer: str, source: str = "", report: bool = False) -> Upload:
    """Write the summary run of a study, unless W&B has just that already, and return where it lies.

    `source` is that of the study's claims; with `report` the HTML report is kept as an artifact. Raises `UploadFailed`.
    """
    analysis = summary.analysis
    study, directory = analysis.study, analysis.directory
    tables = {
        "claims": wandb_tables.claims(summary, source),
        "arms": wandb_tables.arms(summary),
        "runs": wandb_tables.runs(summary),
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
    file = directory / FILE
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
    tables: Mapping[str, wandb_tables.ValueTable],
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
        "differences": wandb_figures.differences(summary),
        "accuracy against cost": wandb_figures.accuracy_against_cost(summary),
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
