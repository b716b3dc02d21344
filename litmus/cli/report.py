"""`litmus report`: write a study's report again, from its records; two side by side, all of them, other formats."""

import sys
import time
from collections.abc import Sequence
from pathlib import Path

from litmus.cli.options import Parser, records_key
from litmus.cli.status import find_study, studies_in
from litmus.core.config_keys import Key
from litmus.core.errors import UserError, require_choice
from litmus.design.study import Study
from litmus.design.study_files import study_of
from litmus.evidence.datasets import FILE as DATASETS_FILE
from litmus.evidence.datasets import read_datasets
from litmus.records.run_record import RunRecord
from litmus.records.study_record import STUDY_FILE, read_study_record
from litmus.report.exports import FORMATS, write_exports
from litmus.report.overviews import joint_lines, write_index, write_side_by_side
from litmus.report.page import Report, summary_of, write_report

WATCH_SECONDS = 5.0


def execute(arguments: Sequence[str]) -> int:
    """Run the command and return its exit status."""
    parser = Parser("report", "Write a study's report again, from its records; of two studies, how they differ.")
    parser.add_argument(
        "studies", nargs="*", metavar="study", help="a study on disk by name, see litmus status, or folder"
    )
    parser.add_argument("--watch", action="store_true", help="write it anew while runs go on, until none is at work")
    parser.add_argument("--all", action="store_true", help="every study's report, and an index of them")
    parser.add_key(Key("export", str, "", f"other formats too, comma-separated: {', '.join(FORMATS)}"))
    parser.add_key(records_key())
    options = parser.read(arguments)
    out, formats = Path(options.out), [name.strip() for name in options.export.split(",") if name.strip()]
    for name in formats:
        require_choice("--export", name, FORMATS)
    if options.all:
        _refuse(options.studies or options.watch or formats, "--all writes every study's report and an index, alone")
        print(f"index: {write_index(out, studies_in(out))}")
        return 0
    if not options.studies:
        raise UserError("name a study, see litmus status, or --all for an index of every one")
    if len(options.studies) > 2:
        raise UserError(f"one study, or two side by side; {len(options.studies)} were given")
    if len(options.studies) == 2:
        _refuse(options.watch or formats, "--watch and --export are for one study")
        return _two(*(_find(study, out) for study in options.studies))
    together = out / options.studies[0]
    for folder in (together, Path(options.studies[0])):
        if (folder / DATASETS_FILE).is_file():
            _refuse(options.watch or formats, f"{folder} holds several datasets; --watch and --export want one of them")
            print("\n".join(_over_datasets(folder)))
            return 0
    return _one(_find(options.studies[0], out), formats, options.watch)


def _refuse(given: object, why: str) -> None:
    if given:
        raise UserError(why)


def _find(study: str, out: Path) -> Path:
    """Return a study's folder, by its path or by its name under `out`."""
    if (Path(study) / STUDY_FILE).is_file():
        return Path(study)
    if "/" in study or "\\" in study:
        raise UserError(f"no study in {study}: there is no {STUDY_FILE}; litmus status lists those in {out}")
    return find_study(study, out)


def _one(directory: Path, formats: Sequence[str], watch: bool) -> int:
    source = read_study_record(directory).source
    if source is not None and not Path(source).is_file():
        print(f"litmus: {source} is gone, and with it the study's claims; the report has none", file=sys.stderr)
    report = _watched(directory) if watch else write_report(directory)
    print("\n".join([report.answer, *report.details]))
    print(f"report: {report.path}")
    if formats:
        for path in write_exports(report.summary, report.study, formats):
            print(f"export: {path}")
    return 0


def _watched(directory: Path) -> Report:
    """Write the report each time that the records have changed, until no run is at work; return the last."""
    while True:
        seen, at_work = _changed(directory), _at_work(directory)
        report = write_report(directory, refresh=WATCH_SECONDS if at_work else None)
        if not at_work:
            return report
        print(f"report: {report.path}, while runs go on", flush=True)
        while _changed(directory) == seen and _at_work(directory):
            time.sleep(WATCH_SECONDS)


def _changed(directory: Path) -> list[tuple[str, int]]:
    """Return what tells whether a record has changed: the times at which the files were written that a report reads."""
    study = read_study_record(directory)
    records = [RunRecord(directory / run) for run in study.arm_of_run()]
    files = [file for record in records for file in (record.status_file, record.metrics_file)]
    return [(str(file), file.stat().st_mtime_ns) for file in [directory / STUDY_FILE, *files] if file.exists()]


def _at_work(directory: Path) -> bool:
    study = read_study_record(directory)
    return any(RunRecord(directory / run).state() == "running" for run in study.arm_of_run())


def _two(first: Path, second: Path) -> int:
    if first.resolve() == second.resolve():
        raise UserError(f"{first} and {second} are the same study; name another one beside it")
    path, answer = write_side_by_side(*(summary_of(each)[0] for each in (first, second)))
    print(answer)
    print(f"report: {path}")
    return 0


def _over_datasets(directory: Path) -> list[str]:
    """Write the report over several datasets again. Raises `UserError` where the study's claims are gone."""
    folders = read_datasets(directory)
    record = read_study_record(next(iter(folders.values())))
    study = study_of(record)
    if study is None and record.source is None:
        study = Study(name=record.study, question=record.question)  # of litmus vary, which has no claims
    if study is None:
        raise UserError(f"{directory}: the study's file is gone, and with it the claims that the report is about")
    return joint_lines(directory, study, folders)
