"""`litmus wandb`: a study in Weights & Biases: its report there, its runs uploaded."""

import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from litmus.cli.command import OUT, Parser
from litmus.cli.status import find_study
from litmus.core.errors import UserError, require_choice
from litmus.core.formatting import several
from litmus.records.run_record import RunRecord, run_records
from litmus.records.storage import CorruptRecord
from litmus.records.wandb import WandbError, entity, lacking_runs, project, upload

ACTIONS = ("report", "sync")


def parser() -> Parser:
    """Return the command's parser."""
    parser = Parser(
        "wandb",
        "A study in W&B. report: write the study's report there, in place of its last one. "
        "sync: upload the runs of the study that W&B lacks, then the study's summary.",
    )
    parser.add_argument("action", help="report or sync")
    parser.add_argument("study", help="an experiment on disk, see litmus status")
    parser.add_key(OUT)
    parser.add_argument("--checkpoints", action="store_true", help="sync: also upload the kept weights of all runs")
    return parser


def execute(arguments: Sequence[str]) -> int:
    """Run the command and return its exit status."""
    options = parser().read(arguments)
    require_choice("action of litmus wandb", options.action, ACTIONS)
    directory = find_study(options.study, Path(options.out)).resolve()
    try:
        if options.action == "sync":
            sync(directory, options.checkpoints)
        else:
            report(directory)
    except WandbError as error:
        print(
            f"litmus: W&B: {error}. The records are complete; run the same command again to continue", file=sys.stderr
        )
        return 1
    return 0


def report(directory: Path) -> None:
    """Write a study's report in W&B, in place of its last one, and print its address. Raises `WandbError`."""
    try:
        import wandb_workspaces  # noqa: F401
    except ImportError:
        raise UserError("litmus wandb report needs a package: pip install wandb-workspaces") from None
    from litmus.report.page import summary_of
    from litmus.report.wandb import build_report, save_report

    print(f"report: {save_report(build_report(*summary_of(directory), entity()), directory)}")
    lacking = lacking_runs(run_records(directory))
    if lacking:
        print(
            f"litmus: W&B lacks {several(len(lacking), 'run')} of this study. Upload them with: "
            f"litmus wandb sync {directory.name}",
            file=sys.stderr,
        )


def sync(directory: Path, checkpoints: bool) -> None:
    """Upload the runs of a study that W&B lacks, then the study's summary. Raises `WandbError`."""
    from litmus.report.page import summary_of
    from litmus.report.wandb import publish_summary

    records = [record for record in run_records(directory) if record.status_file.exists()]
    lacking = records if checkpoints else lacking_runs(records)
    done = Counter({"already uploaded": len(records) - len(lacking)})
    for number, record in enumerate(lacking, start=1):
        result = _upload(record, checkpoints)
        done[result] += 1
        print(f"[{number}/{len(lacking)}] {record.run_id} {result}", file=sys.stderr)
    counts = ", ".join(f"{several(count, 'run')} {result}" for result, count in done.items() if count) or "no run yet"
    print(f"{counts}, in {entity()}/{project()}")
    print(f"summary: {publish_summary(summary_of(directory)[0])}")


def _upload(record: RunRecord, checkpoints: bool) -> str:
    if record.state() == "running":
        return "still running"
    try:
        upload(record, checkpoints)
    except (CorruptRecord, KeyError):
        return "unreadable"
    return "uploaded"
