"""`litmus vary`: a study of any config keys, without a file."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from litmus.cli.conduct_and_report import conduct_and_report, datasets_of, run_on_datasets
from litmus.cli.options import (
    CONFIG_HELP,
    SOURCE,
    SPLITS,
    add_launch_keys,
    add_tuning_keys,
    all_config_keys,
    import_named_source,
    launch_config,
    parse_vary,
    read,
    tuning_of,
)
from litmus.cli.parser import Parser
from litmus.core.config_keys import Key, Settings
from litmus.core.errors import UserError
from litmus.design.arms import DESIGNS
from litmus.design.plan import Plan, expand
from litmus.design.study import Study, require_study_name
from litmus.records.study_record import short_name
from litmus.training.config import resolve

DESIGN = Key(
    "design",
    Literal[tuple(DESIGNS)],
    "full",
    "which combinations of the levels are arms; all but full are for factors of two levels, one_at_a_time for any",
)


def parser() -> Parser:
    """Return the command's parser."""
    parser = Parser("vary", f"A study of any config keys; the first levels are the baseline. {CONFIG_HELP}")
    parser.add_argument("--vary", action="append", default=[], help="KEY=A,B,...: a factor and its levels; repeatable")
    parser.add_key(DESIGN)
    parser.add_key(Key("seeds", int, 3, "seeds of each arm"))
    parser.add_key(SPLITS)
    parser.add_key(Key("name", str, None, "folder under --out (default: from the keys)"))
    parser.add_key(SOURCE)
    add_tuning_keys(parser)
    add_launch_keys(parser)
    parser.add_config_keys(all_config_keys())
    return parser


def execute(arguments: Sequence[str]) -> int:
    """Run the command and return its exit status."""
    source = import_named_source(arguments)
    options = read(parser(), arguments)
    factors = parse_vary(options.vary)
    if not factors:
        raise UserError("nothing to vary: give --vary KEY=A,B, e.g. --vary model.norm=none,batch")
    datasets = datasets_of(options.settings) if "data.name" in options.settings else []
    several = len(datasets) > 1
    if several and "data.name" in factors:
        raise UserError("--data names several datasets and --vary data.name too; one of them is enough")
    launch, tuning = launch_config(options), tuning_of(options)

    def make_study(settings: Settings) -> Study:
        keys = " and ".join(factors)
        model, data = names(settings, factors)
        asked = [model, *([] if several else [data]), *map(short_name, factors), *_named_design(options.design)]
        return Study(
            name=study_name(options.name, "vary", *asked),
            question=f"What {'do' if len(factors) > 1 else 'does'} {keys} change for {model} on {data}?",
            base=settings,
            factors=factors,
            baseline={key: levels[0] for key, levels in factors.items()},
            design=options.design,
        )

    def make_plan(settings: Settings) -> Plan:
        return expand(make_study(settings), seeds=options.seeds, tuning=tuning, splits=options.splits)

    settings = datasets[0].settings if datasets else options.settings
    if several:
        return run_on_datasets(make_study(settings), datasets, make_plan, launch, source, None)
    return conduct_and_report(make_plan(settings), launch, settings, source, command=["vary", *arguments])


def names(settings: Settings, factors: Mapping[str, Sequence[Any]]) -> tuple[str, str]:
    """Return the architecture's and the dataset's name, or `models` and `datasets` where they are varied."""
    config = resolve({**settings, **{key: levels[0] for key, levels in factors.items()}})
    model = "models" if "model.name" in factors else str(config.model["name"])
    return model, "datasets" if "data.name" in factors else config.data.name


def _named_design(design: str) -> list[str]:
    return [] if design == "full" else [design]


def study_name(asked: str | None, *parts: str) -> str:
    """Return the name the user asked for, or one made of `parts`. Raises `UserError` for one that is no file name."""
    if asked is None:
        return "-".join(parts).replace("/", "-")  # torchvision/resnet18
    require_study_name(asked)
    return asked
