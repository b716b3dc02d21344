"""`litmus power`: how many seeds would show an effect of a given size, from the variance of a study's records."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import PositiveFloat

from litmus.cli.command import JSON_HELP, OUT, Parser, aligned, print_json, width, wrapped
from litmus.cli.status import find_study
from litmus.core.config_keys import REQUIRED, Key
from litmus.core.errors import UserError, require_choice
from litmus.core.formatting import count
from litmus.evidence.differences import difference
from litmus.evidence.power import ALPHA, MOST_SEEDS, sd_interval, seeds_needed
from litmus.evidence.results import Analysis, analyse, guessed, how_failed
from litmus.evidence.units import POINTS, Unit, unit_of


def parser() -> Parser:
    """Return the command's parser."""
    parser = Parser(
        "power", "Print how many seeds would show an effect of a given size, given the spread of a study's records."
    )
    parser.add_argument("study", help="name of an experiment, see `litmus status`")
    parser.add_key(
        Key("effect", PositiveFloat, REQUIRED, "the difference to show, of an accuracy in percentage points")
    )
    parser.add_key(Key("metric", str, None, "a metric of the records, such as val_top1 (default: test accuracy)"))
    parser.add_key(Key("power", float, 0.8, "the probability of showing it"))
    parser.add_argument("--json", action="store_true", help=JSON_HELP)
    parser.add_key(OUT)
    return parser


def execute(arguments: Sequence[str]) -> int:
    """Run the command and return its exit status."""
    options = parser().read(arguments)
    if not ALPHA < options.power < 1:
        raise UserError(f"--power must be above {ALPHA:g} and below 1, got {options.power:g}")
    analysis = analyse(find_study(options.study, Path(options.out)))
    metric = options.metric or analysis.test_metric
    require_choice("metric", metric, metrics(analysis))
    unit = unit_of(metric)
    found = power(analysis, metric, options.effect / unit.factor, options.power)
    if options.json:
        print_json(found)
        return 0
    columns, shown = width(), f"{options.effect:g} {unit.difference_name}".strip()
    head = f"To show a difference of {shown} in {metric} from {analysis.baseline.label!r} "
    lines = [*wrapped(f"{head}with {100 * options.power:g} % power:", columns), ""]
    lines += [*_table(found["arms"], unit, columns), ""]
    print("\n".join([*lines, *(line for note in found["notes"] for line in wrapped(note, columns))]))
    return 0


def metrics(analysis: Analysis) -> list[str]:
    """Return the names of the numbers in the runs' records: metrics, costs and seconds."""
    names: dict[str, None] = {}
    for result in analysis.arms:
        numbers = result.records.select_dtypes("number").dropna(axis="columns", how="all")
        names.update(dict.fromkeys(str(name) for name in numbers if "." not in str(name)))
    return [name for name in names if name not in ("seed", "attempts", "diverged_at_step")]


def power(analysis: Analysis, metric: str, effect: float, chance: float) -> dict[str, Any]:
    """Return the seeds that each arm needs to show `effect` with probability `chance`, as docs/json.md describes it.

    Raises `UserError` where no arm has two pairs of runs with the baseline.
    """
    others = [result for result in analysis.arms if not result.arm.is_baseline]
    arms = []
    for result in others:
        found = difference(analysis, result, metric)
        arm: dict[str, Any] = dict.fromkeys(("sd", "seeds", "seeds_with_holm"))
        if found.n >= 2:
            sds = (found.sd, *sd_interval(found.sd, found.n))
            arm["sd"] = found.sd
            arm["seeds"] = [_needed(sd, effect, chance, ALPHA) for sd in sds]
            arm["seeds_with_holm"] = [_needed(sd, effect, chance, ALPHA / len(others)) for sd in sds]
        arms.append({"arm": result.label, "pairs": found.n, **arm})
    if all(arm["seeds"] is None for arm in arms):
        raise UserError(
            f"{analysis.name}: fewer than two pairs of finished runs in every arm, so {metric} has no "
            "variance; run more seeds first"
        )
    return {
        "experiment": analysis.name,
        "metric": metric,
        "baseline": analysis.baseline.label,
        "effect": effect,
        "power": chance,
        "alpha": ALPHA,
        "arms": arms,
        "notes": _notes(analysis, metric, len(others)),
    }


def _needed(sd: float, effect: float, chance: float, alpha: float) -> int | None:
    """Return the seeds that are needed, None beyond `MOST_SEEDS`."""
    try:
        return seeds_needed(sd, effect, chance, alpha)
    except UserError:
        return None


def _notes(analysis: Analysis, metric: str, comparisons: int) -> list[str]:
    """Return sentences that explain the numbers."""
    unit = unit_of(metric)
    notes = [
        f"sd: standard deviation of the paired differences{', in points' if unit is POINTS else ''}. Seeds needed: for "
        f"a two-sided paired t test at level {ALPHA:g}; in brackets, for both ends of the 95 % interval of the sd."
    ]
    if comparisons > 1:
        notes.append(
            f"With Holm: at level {ALPHA:g}/{comparisons}, the strictest level of Holm's correction for {comparisons} "
            "comparisons."
        )
    if failed := how_failed(analysis.arms, " of the runs"):
        counts = (
            f"with {unit.text(analysis.baseline.failed_value(metric))}, as in the report" if guessed(metric) else ""
        )
        notes.append(f"{failed}: {counts or f'in no pair, since they have no {metric}'}.")
    return [*notes, *analysis.aside.sentences]


def _table(arms: Sequence[dict[str, Any]], unit: Unit, columns: int) -> list[str]:
    rows = []
    for arm in arms:
        numbers = ["–", "fewer than two pairs", "–"]
        if arm["seeds"] is not None:
            sd = f"{arm['sd'] * unit.factor:.{unit.decimals}f}"
            numbers = [sd, _seeds(arm["seeds"]), _seeds(arm["seeds_with_holm"])]
        rows.append([arm["arm"], str(arm["pairs"]), *numbers])
    headings = ["arm", "pairs", "sd", "seeds needed", f"with Holm over {len(arms)}"]
    return [line for block in aligned(headings, rows, columns) for line in block]


def _seeds(numbers: Sequence[int | None]) -> str:
    needed, least, most = (count(each) if each is not None else f"over {MOST_SEEDS / 1e6:g} M" for each in numbers)
    return f"{needed} [{least}, {most}]"
