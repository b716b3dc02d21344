"""Options that say what each arm tries before it is compared: `--tune optim.lr=0.1,0.3,1`."""

from collections.abc import Sequence
from typing import Any

from litmus.config_keys import Key
from litmus.errors import UserError, written_with
from litmus.settings import parse_value
from studies.command.base.options import Options, Parser
from studies.design.tuning import Range, Tuning, as_tuning

DETAILS = (
    Key("trials", int | None, None, f"trials of each arm where --tune gives a range (default: {Tuning.trials})"),
    Key("tuning_seeds", int | None, None, f"seeds of each trial, never used again (default: {Tuning.seeds})"),
    Key("extend", int | None, None, "how often the values are extended where an arm's best lies at their edge"),
)


def add_tuning_keys(parser: Parser) -> None:
    """Add --tune, --trials, --tuning-seeds and --extend."""
    parser.add_argument(
        "--tune",
        action="append",
        default=[],
        help="KEY=A,B,... or KEY=LOW..HIGH: values that each arm chooses from on the validation split; repeatable",
    )
    for key in DETAILS:
        parser.add_key(key)


def tuning_of(options: Options, declared: Tuning | None = None) -> Tuning | None:
    """Return the tuning that the options ask for: `declared`, a study's own, where they name no key.

    Raises `UserError` for a wrong value, and for details of a tuning where there is none.
    """
    details = {key.name.removeprefix("tuning_"): getattr(options, key.name) for key in DETAILS}
    given = {name: value for name, value in details.items() if value is not None}
    tuning = as_tuning(parse_tune(options.tune)) if options.tune else declared
    if tuning is None:
        if given:
            raise UserError(f"--{next(iter(given))} is about tuning; say what with --tune KEY=A,B")
        return None
    if not given:
        return tuning
    kept = {"trials": tuning.trials, "seeds": tuning.seeds, "extend": tuning.extend}
    return Tuning(tuning.space, **{**kept, **given})


def parse_tune(texts: Sequence[str]) -> dict[str, Sequence[Any] | Range]:
    """Return what to try by config key of `KEY=A,B,...` and `KEY=LOW..HIGH` texts.

    Raises `UserError` where one is of neither form.
    """
    space: dict[str, Sequence[Any] | Range] = {}
    for text in texts:
        key, equals, values = text.partition("=")
        low, dots, high = values.partition("..")
        items = [item.strip() for item in values.split(",")]
        if not equals or not key or not all(items):
            raise UserError(f"--tune {text!r}: expected KEY=VALUE,VALUE,... or KEY=LOW..HIGH, e.g. optim.lr=0.01..1")
        if not dots:
            space[key] = [parse_value(item) for item in items]
            continue
        ends = [parse_value(end) for end in (low, high)]
        if not all(isinstance(end, int | float) and not isinstance(end, bool) for end in ends):
            raise UserError(f"--tune {text!r}: a range goes from one number to another, e.g. optim.lr=0.01..1")
        with written_with(f"--tune {key}: ", ("low", "a")):
            space[key] = Range(*ends)
    return space
