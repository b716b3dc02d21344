"""`litmus report`: write a study's report again from its records, compare two experiments, or write all reports."""

import sys
from collections.abc import Sequence
from pathlib import Path

from litmus.cli.command import JSON_HELP, OUT, Parser, print_json, say, width
from litmus.cli.judge import judge_again
from litmus.cli.status import find_study, studies_in
from litmus.core.config_keys import Key
from litmus.core.errors import UserError, require_choice
from litmus.design.study import Study
from litmus.design.study_files import study_of
from litmus.evidence.datasets import FILE as DATASETS_FILE
from litmus.evidence.datasets import read_datasets
from litmus.evidence.results import analyse
from litmus.records.study_record import JUDGED_FILE, read_study_record
from litmus.report.answer import next_step
from litmus.report.comparison import write_comparison
from litmus.report.datasets import write_joint, write_joint_exports
from litmus.report.exports import FORMATS, write_exports
from litmus.report.page import summary_of, write_index, write_report
from litmus.report.printed import as_json, lines_of


def parser() -> Parser:
    """Return the command's parser."""
    parser = Parser("report", "Write the report of an experiment again from its records, or compare two experiments.")
    parser.add_argument(
        "study", nargs="?", metavar="experiment", help="name of an experiment, see `litmus status`, or its folder"
    )
    parser.add_argument("other", nargs="?", metavar="other", help="a second experiment, to compare the two")
    parser.add_argument("--all", action="store_true", help="write all reports, and an index of them")
    parser.add_argument("--json", action="store_true", help=JSON_HELP)
    parser.add_key(Key("export", str, "", f"further formats, separated by commas: {', '.join(FORMATS)}"))
    parser.add_argument("--costs", action="store_true", help="add parameters and FLOPs to the exported tables")
    parser.add_key(OUT)
    return parser


def execute(arguments: Sequence[str]) -> int:
    """Run the command and return its exit status."""
    options = parser().read(arguments)
    out, formats = Path(options.out), [name.strip() for name in options.export.split(",") if name.strip()]
    for name in formats:
        require_choice("--export", name, FORMATS)
    if options.json and (formats or options.all):
        raise UserError("--json is for one study, without --export and --all")
    if options.all:
        if options.study or formats:
            raise UserError("--all writes every report and an index; give it without an experiment and --export")
        print(f"index: {write_index(out, studies_in(out))}")
        return 0
    if not options.study:
        raise UserError("name an experiment, see litmus status, or --all for an index of every one")
    if options.other:
        if formats or options.json:
            raise UserError("--export and --json are for one experiment")
        return _two(find_study(options.study, out), find_study(options.other, out))
    for folder in (out / options.study, Path(options.study)):
        if (folder / JUDGED_FILE).is_file():
            return judge_again(folder, formats, options.json)
        if (folder / DATASETS_FILE).is_file():
            if options.costs or options.json:
                option = "--json" if options.json else "--costs"
                raise UserError(f"{folder} holds several datasets; {option} is for one of them")
            return _several_datasets(folder, formats)
    folder = find_study(options.study, out)
    if options.json:
        print_json(as_json(summary_of(folder)[0]))
        return 0
    return _one(folder, formats, options.costs)


def _one(directory: Path, formats: Sequence[str], costs: bool) -> int:
    source = read_study_record(directory).source
    if source is not None and not Path(source).is_file():
        print(f"litmus: {source} no longer exists; the report has no claims", file=sys.stderr)
    report = write_report(directory)
    print("\n".join([*lines_of(report.summary, width()), f"report: {report.path}"]))
    if step := next_step(report.summary):
        say(f"next: {step}")
    if formats:
        for path in write_exports(report.summary, report.study, formats, costs):
            print(f"export: {path}")
    return 0


def _two(first: Path, second: Path) -> int:
    if first.resolve() == second.resolve():
        raise UserError(f"{first} and {second} are the same experiment; name another one to compare it with")
    path, lines = write_comparison(*(summary_of(each)[0] for each in (first, second)))
    print("\n".join([*lines, f"report: {path}"]))
    return 0


def _several_datasets(directory: Path, formats: Sequence[str]) -> int:
    folders = read_datasets(directory)
    record = read_study_record(next(iter(folders.values())))
    study = study_of(record)
    if study is None and record.source is None:
        study = Study(name=record.study, question=record.question)  # of litmus vary, which has no claims
    if study is None:
        raise UserError(f"{directory}: the study's file no longer exists, so there are no claims to report")
    analyses = {dataset: analyse(folder) for dataset, folder in folders.items()}
    path, lines = write_joint(directory, analyses, study.claims)
    print("\n".join([*lines, f"report: {path}"]))
    if formats:
        for exported in write_joint_exports(directory, analyses, formats):
            print(f"export: {exported}")
    return 0
