"""`litmus wandb`: a study in Weights & Biases: its report there, its runs uploaded."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from litmus.cli.options import Parser, records_key
from litmus.cli.status import find_study
from litmus.core.config_keys import Key
from litmus.core.errors import UserError, unknown_name
from litmus.core.formatting import several
from litmus.design.study_files import study_of
from litmus.evidence.summary import StudySummary, summarise
from litmus.records.run_record import RunRecord
from litmus.records.study_record import StudyRecord, read_study_record
from litmus.report.answer import answer_of
from litmus.training.loggers import Account, account

FAILED = 1


def execute(arguments: Sequence[str]) -> int:
    """Run the command and return its exit status."""
    actions: dict[str, Callable[[Sequence[str]], int]] = {"report": report, "sync": sync}
    if not arguments or arguments[0] in ("-h", "--help"):
        print(USAGE)
        return 0 if arguments else 2
    name, *rest = arguments
    if name not in actions:
        raise unknown_name("action of litmus wandb", name, actions)
    return actions[name](rest)


USAGE = """usage: litmus wandb report|sync STUDY ...

  report   write the study's report in W&B, or write the same one again
  sync     upload the study's runs that W&B has not got, and its summary

litmus wandb ACTION --help tells an action's options."""


def report(arguments: Sequence[str]) -> int:
    """Write a study's report in W&B and print where it lies, or print what it would hold."""
    parser = Parser("wandb report", "Write a study's report in W&B; again, the same one is written anew.")
    parser.add_argument("study", help="a study on disk, see litmus status")
    parser.add_key(records_key())
    parser.add_argument("--dry-run", dest="dry_run", action="store_true", help="print it as Markdown, upload nothing")
    parser.add_argument("--json", action="store_true", help="with --dry-run: print its specification as JSON")
    options = parser.read(arguments)
    if options.json and not options.dry_run:
        raise UserError("--json goes with --dry-run")
    directory = find_study(options.study, Path(options.out))
    # Imported here because W&B's client takes a second.
    from litmus.report.wandb import as_json, as_markdown, build, publish_summary, save
    from litmus.training.loggers import UploadFailed

    _needs_workspaces()
    summary = _summary(directory)
    study = study_of(summary.analysis.study)
    if options.dry_run:
        written = build(summary, study, entity="", project=account_offline().project)
        print(as_json(written) if options.json else as_markdown(written), end="")
        return 0
    here = _reached("no report was written")
    try:
        source = study.source if study is not None else ""
        lies = publish_summary(summary, answer_of(summary), source)
        saved = save(build(summary, study, here.entity, here.project, lies.url), directory)
    except UploadFailed as error:
        print(f"litmus: W&B: the report was not written ({error}); the records are whole", file=sys.stderr)
        return FAILED
    print(f"report: {saved.url}")
    records = _records(directory, summary.analysis.study)
    lacking = [record for record in records if not _is_uploaded(record)]
    if lacking:
        print(
            f"litmus: W&B: {several(len(lacking), 'run')} of {len(records)} not in W&B, and missing from the plots; "
            f"litmus wandb sync {options.study} uploads them",
            file=sys.stderr,
        )
    return 0


def sync(arguments: Sequence[str]) -> int:
    """Upload what W&B has not got of a study; a second time nothing is left to upload."""
    parser = Parser("wandb sync", "Upload what W&B has not got of a study: its runs, then its summary.")
    parser.add_argument("study", help="a study on disk, see litmus status")
    parser.add_key(records_key())
    parser.add_key(
        Key("artifacts", str | None, None, "what is uploaded as artifacts too: checkpoints, report, or both")
    )
    options = parser.read(arguments)
    directory = find_study(options.study, Path(options.out))
    artifacts = _artifacts(options.artifacts)
    from litmus.report.wandb import publish_summary
    from litmus.training.loggers import UploadFailed, publish

    here = _reached("nothing was uploaded")
    study = read_study_record(directory)
    records = [record for record in _records(directory, study) if record.status_file.exists()]
    done: dict[str, int] = {}
    try:
        for number, record in enumerate(records, start=1):
            how = publish(record, weights="checkpoints" in artifacts)
            done[how] = done.get(how, 0) + 1
            print(f"[{number}/{len(records)}] {record.run_id} {how}", file=sys.stderr)
        summary, source = _summary(directory), _source(study)
        lies = publish_summary(summary, answer_of(summary), source, report="report" in artifacts)
    except UploadFailed as error:
        got = done.get("uploaded", 0) + done.get("there already", 0)
        print(
            f"litmus: W&B: stopped with {got} of {several(len(records), 'run')} there ({error}); the records are "
            "whole, and the same command goes on",
            file=sys.stderr,
        )
        return FAILED
    told = ", ".join(f"{several(count, 'run')} {how}" for how, count in done.items()) or "no run yet"
    print(f"{told}, in {here.entity}/{here.project}")
    print(f"summary: {lies.url}")
    return 0


def _reached(otherwise: str) -> Account:
    """Return the account that uploads go to. Raises `UserError` where nothing can be uploaded."""
    found = account()
    if found.problem:
        raise UserError(f"W&B: {found.problem}; {otherwise}, the records are whole")
    return found


def account_offline() -> Account:
    """Return where uploads would go, without asking the server."""
    from litmus.training.loggers import project, server

    return Account(server(), "", project())


def _is_uploaded(record: RunRecord) -> bool:
    from litmus.training.loggers import uploaded_here

    known = uploaded_here(record.upload_file)
    return known is not None and bool(known.content)


def _needs_workspaces() -> None:
    import importlib.util

    if importlib.util.find_spec("wandb_workspaces") is None:
        raise UserError("litmus wandb report needs a package: pip install wandb-workspaces")


def _artifacts(text: str | None) -> set[str]:
    asked = {part.strip() for part in (text or "").split(",")} - {""}
    for name in sorted(asked - {"checkpoints", "report"}):
        raise unknown_name("artifact", name, ("checkpoints", "report"))
    return asked


def _records(directory: Path, study: StudyRecord) -> list[RunRecord]:
    trials = list(study.tuning.runs()) if study.tuning is not None else []
    return [RunRecord(directory / run) for run in [*trials, *study.arm_of_run()]]


def _summary(directory: Path) -> StudySummary:
    study = study_of(read_study_record(directory))
    return summarise(directory, study.claims, study.measures) if study is not None else summarise(directory)


def _source(record: StudyRecord) -> str:
    study = study_of(record)
    return study.source if study is not None else ""
