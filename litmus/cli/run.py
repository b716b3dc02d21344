"""`litmus run`: run what is missing of a study, then write its report."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from litmus.cli.parser import Parser
from litmus.core.config_keys import Key, Settings
from litmus.design.study import Study
from litmus.design.study_files import lookup_study


def parser() -> Parser:
    """Return the command's parser."""
    # Imported here because PyTorch takes seconds, and an unknown study is an error at once.
    from litmus.cli.options import CONFIG_HELP, SPLITS, add_launch_keys, add_tuning_keys, all_config_keys
    from litmus.launch.until_decided import MAX_SEEDS

    parser = Parser("run", f"Run what is missing of a study, then write its report. {CONFIG_HELP}")
    parser.add_argument("study_or_file", metavar="study", help="the study, see litmus list, or the path of its file")
    parser.add_key(
        Key("preset", str, "quick", "quick (minutes on a laptop), paper (its protocol) or another of the study")
    )
    parser.add_key(Key("seeds", int, None, "seeds of each arm (default: the study's)"))
    parser.add_key(Key("first_seed", int, 0, "the first seed; another one runs fresh seeds, to confirm a finding"))
    parser.add_key(SPLITS)
    parser.add_key(Key("until", Literal["decided"] | None, None, "decided: add seeds until the claims are decided"))
    parser.add_key(Key("max_seeds", int | None, None, f"with --until, the most seeds of an arm (default: {MAX_SEEDS})"))
    parser.add_argument("--vary", action="append", default=[], help="KEY=A,B,...: other levels of a factor")
    parser.add_argument("--forecast", action="store_true", help="estimate what the study will cost, and stop")
    add_tuning_keys(parser)
    add_launch_keys(parser)
    parser.add_config_keys(all_config_keys())
    return parser


def execute(arguments: Sequence[str], study: Study | None = None, source: Path | None = None) -> int:
    """Run the command and return its exit status.

    `study` is given where its file is run as a script, and `source`, that file, where it is not one of the package's.
    """
    if study is None and arguments and not arguments[0].startswith("-"):
        study, source = lookup_study(arguments[0])
    from litmus.cli.options import launch_config, parse_vary, read, tuning_of
    from litmus.cli.run_plan import datasets_of, run_on_datasets, run_plan
    from litmus.design.plan import Plan, expand
    from litmus.design.tuning import as_tuning
    from litmus.launch.forecast import forecast
    from litmus.launch.until_decided import most_seeds, seeds_to_start_with

    if study is None:
        # Before the file is imported, its own options are unknown.
        study, source = lookup_study(parser().read_known(arguments)[0].study_or_file)
    options = read(parser(), arguments, study.base)
    study = study.at(options.preset)
    max_seeds = most_seeds(options.until, options.max_seeds)
    seeds = options.seeds if max_seeds is None else seeds_to_start_with(study, options.seeds)
    launch = launch_config(options)
    vary, tuning = parse_vary(options.vary), tuning_of(options, as_tuning(study.tune))

    def make_plan(settings: Settings) -> Plan:
        return expand(
            study,
            preset=options.preset,
            seeds=seeds,
            first_seed=options.first_seed,
            settings=settings,
            vary=vary,
            tuning=tuning,
            splits=options.splits,
        )

    datasets = datasets_of(options.settings)
    plans = {dataset.name: make_plan(dataset.settings) for dataset in datasets}
    # Where hours may follow, the few seconds that it takes to measure them are no matter.
    if options.forecast or options.preset != "quick":
        lines = [line for plan in plans.values() for line in forecast(plan, launch, source=source).lines()]
        print("\n".join(lines), file=sys.stdout if options.forecast else sys.stderr)
    if options.forecast:
        return 0
    if len(datasets) > 1:
        return run_on_datasets(plans, datasets, launch, source, max_seeds)
    # The file's path as it is from everywhere: the command is shown again, with more seeds.
    typed = [str(source) if source is not None and each == study.name else each for each in arguments]
    plan, settings = plans[datasets[0].name], datasets[0].settings
    return run_plan(plan, launch, settings, source, max_seeds, command=["run", *typed])
