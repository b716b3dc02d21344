"""`litmus power`: how many seeds would show an effect of a given size, from the variance of a study's records."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import PositiveFloat

from litmus.cli.options import REQUIRED, Parser, records_key
from litmus.cli.status import find_study
from litmus.cli.terminal import JSON_HELP, aligned, print_json, width, wrapped
from litmus.core.config_keys import Key
from litmus.core.errors import UserError, require_choice
from litmus.core.formatting import several
from litmus.evidence.estimate import Estimate, estimate, paired_differences
from litmus.evidence.power import ALPHA, MOST_SEEDS, sd_interval, seeds_needed
from litmus.evidence.results import Analysis, analyse, guessed
from litmus.evidence.units import POINTS, Unit, unit_of


def execute(arguments: Sequence[str]) -> int:
    """Run the command and return its exit status."""
    parser = Parser("power", "How many seeds would show an effect of a given size, from a study's records.")
    parser.add_argument("study", help="a study on disk, see litmus status")
    parser.add_key(
        Key("effect", PositiveFloat, REQUIRED, "difference to show; percentage points where the metric is a share")
    )
    parser.add_key(Key("metric", str, None, "a number of the records (default: accuracy on the test set)"))
    parser.add_key(Key("power", float, 0.8, "the chance with which it shall be shown"))
    parser.add_argument("--json", action="store_true", help=JSON_HELP)
    parser.add_key(records_key())
    options = parser.read(arguments)
    if not ALPHA < options.power < 1:
        raise UserError(f"--power must be above {ALPHA:g} and below 1, got {options.power:g}")
    analysis = analyse(find_study(options.study, Path(options.out)))
    metric = options.metric or analysis.test_metric
    require_choice("metric", metric, metrics(analysis))
    differences = {
        result.label: estimate(paired_differences(result.outcomes(metric), analysis.baseline.outcomes(metric)))
        for result in analysis.arms
        if not result.arm.is_baseline
    }
    if all(each.n < 2 for each in differences.values()):
        raise UserError(
            f"study {options.study}: fewer than two pairs of runs that ended in every arm, so {metric} has no "
            "variance; run more seeds first"
        )
    unit = unit_of(metric)
    effect, told = options.effect / unit.factor, notes(analysis, metric, len(differences), unit)
    if options.json:
        print_json(
            {
                "study": analysis.study.study,
                "metric": metric,
                "baseline": analysis.baseline.label,
                "effect": effect,
                "power": options.power,
                "alpha": ALPHA,
                "arms": [_as_json(*each, len(differences), effect, options.power) for each in differences.items()],
                "notes": told,
            }
        )
        return 0
    shown = f"{options.effect:g} {unit.difference_name}".strip()
    columns = width()
    head = f"To show a difference of {shown} in {metric} from {analysis.baseline.label!r} "
    print("\n".join([*wrapped(f"{head}with {100 * options.power:g} % power:", columns), ""]))
    print("\n".join(table(differences, effect, options.power, unit, columns)))
    print("\n".join(["", *(line for note in told for line in wrapped(note, columns))]))
    return 0


def metrics(analysis: Analysis) -> list[str]:
    """Return the names of what the runs' records give as numbers: metrics, cost and seconds."""
    names: dict[str, None] = {}
    for result in analysis.arms:
        numbers = result.records.select_dtypes("number").dropna(axis="columns", how="all")
        names.update(dict.fromkeys(str(name) for name in numbers if "." not in str(name)))
    return [name for name in names if name not in ("seed", "attempts", "diverged_at_step")]


def table(differences: dict[str, Estimate], effect: float, power: float, unit: Unit, columns: int) -> list[str]:
    """Return a line for each arm: its pairs, the sd of the differences, and the seeds needed, alone and with Holm."""
    rows = []
    for label, difference in differences.items():
        if difference.n < 2:
            rows.append([label, str(difference.n), "–", "fewer than two pairs", "–"])
            continue
        levels = (ALPHA, ALPHA / len(differences))
        needed = [_seeds(difference, effect, power, alpha) for alpha in levels]
        rows.append([label, str(difference.n), f"{difference.sd * unit.factor:.{unit.decimals}f}", *needed])
    return aligned(["arm", "pairs", "sd", "seeds needed", f"with Holm over {len(differences)}"], rows, columns)


def notes(analysis: Analysis, metric: str, comparisons: int, unit: Unit) -> list[str]:
    """Return what a reader must know of the figures."""
    lines = [
        f"sd: of the paired differences{', in points' if unit is POINTS else ''}. Seeds needed: by a two-sided paired "
        f"t test at level {ALPHA:g}; in brackets, for the ends of the 95 % interval that the pairs leave for the "
        "true sd."
    ]
    if comparisons > 1:
        lines.append(
            f"With Holm: at level {ALPHA:g}/{comparisons}, the worst that Holm's correction can ask of one of "
            f"{comparisons} comparisons."
        )
    diverged = sum(result.count("diverged") for result in analysis.arms)
    if diverged:
        counts = f"with {unit.text(analysis.baseline.diverged_value)}, as in the report" if guessed(metric) else ""
        lines.append(f"{several(diverged, 'run')} diverged: {counts or 'in no pair, for they have no ' + metric}.")
    return [*lines, *analysis.code.sentences]


def _as_json(
    label: str, difference: Estimate, comparisons: int, effect: float, power: float
) -> dict[str, str | int | float | list[int | None] | None]:
    if difference.n < 2:
        return {"arm": label, "pairs": difference.n, "sd": None, "seeds": None, "seeds_with_holm": None}
    needed = [
        [_needed(sd, effect, power, alpha) for sd in (difference.sd, *sd_interval(difference.sd, difference.n))]
        for alpha in (ALPHA, ALPHA / comparisons)
    ]
    return {
        "arm": label, "pairs": difference.n, "sd": difference.sd, "seeds": needed[0], "seeds_with_holm": needed[1]
    }  # fmt: skip


def _seeds(difference: Estimate, effect: float, power: float, alpha: float) -> str:
    low, high = sd_interval(difference.sd, difference.n)
    needed, least, most = (_count(sd, effect, power, alpha) for sd in (difference.sd, low, high))
    return f"{needed} [{least}, {most}]"


def _count(sd: float, effect: float, power: float, alpha: float) -> str:
    needed = _needed(sd, effect, power, alpha)
    if needed is None:
        return f"over {MOST_SEEDS / 1e6:g}M"
    if needed >= 1_000_000:
        return f"{needed / 1e6:.2f}M"
    return f"{needed / 1e3:.0f}k" if needed >= 10_000 else str(needed)


def _needed(sd: float, effect: float, power: float, alpha: float) -> int | None:
    """Return the seeds that are needed, None beyond `MOST_SEEDS`."""
    try:
        return seeds_needed(sd, effect, power, alpha)
    except UserError:
        return None
