"""`litmus run`: run what is missing of a study, then write its report."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from studies.command.options import CONFIG_HELP, add_launch_arguments, command_parser, launch_config, parse_vary
from studies.command.options import split_config as split
from studies.command.python import finish
from studies.design.study import STUDIES, Plan, Study, expand
from studies.design.study_files import is_path, load_study
from studies.launch.conduct import LaunchConfig, conduct
from studies.launch.forecast import forecast
from studies.launch.launcher import Interrupted


def execute(arguments: Sequence[str], study: Study | None = None, source: Path | None = None) -> int:
    """Run the command and return its exit status.

    `study` is given where its own file is run as a script, and `source`, that file, where it is none of the package's.
    """
    rest, settings = split(arguments)
    parser = command_parser("run", f"Run what is missing of a study, then write its report. {CONFIG_HELP}")
    parser.add_argument("study", help="the study, see litmus list, or the path of its file")
    parser.add_argument("--preset", default="quick", help="quick (minutes on a laptop) or paper (the paper's protocol)")
    parser.add_argument("--seeds", type=int | None, default=None, help="seeds of each arm (default: the study's own)")
    parser.add_argument("--vary", action="append", default=[], help="KEY=A,B,...: other levels of a factor")
    parser.add_argument("--forecast", action="store_true", help="tell what the study will cost, and stop")
    add_launch_arguments(parser)
    options = parser.parse_args(rest)
    if study is None and is_path(options.study):
        study, source = load_study(options.study), Path(options.study).resolve()
    chosen = study or STUDIES[options.study]
    plan = expand(chosen, preset=options.preset, seeds=options.seeds, overrides=settings, vary=parse_vary(options.vary))
    launch = launch_config(options)
    if options.forecast:
        print("\n".join(forecast(plan, launch).lines()))
        return 0
    if options.preset != "quick":
        # Hours may follow; the few seconds that it takes to measure them are no matter then.
        print("\n".join(forecast(plan, launch).lines()), file=sys.stderr)
    return conduct_and_report(plan, launch, settings, source)


def conduct_and_report(
    plan: Plan, launch: LaunchConfig, settings: Mapping[str, Any], source: Path | None = None
) -> int:
    """Run what is missing of `plan`, write the report, tell the answer and return the exit status."""
    try:
        conducted = conduct(plan, launch, settings, source)
    except Interrupted as interruption:
        print(f"litmus: stopped by {interruption}; the same command goes on where this one stopped", file=sys.stderr)
        return interruption.exit_status
    result = finish(plan.study, conducted)
    print(result.answer)
    print(f"report: {result.report}")
    for run, error in result.crashed.items():
        print(f"litmus: run {run} crashed: {error}; see {conducted.directory / run / 'log.txt'}", file=sys.stderr)
    return 1 if result.crashed else 0
