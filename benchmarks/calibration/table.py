"""What was measured, as a row of text and as a page."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.calibration.rows import SIZES, Cell

COMMAND = "python -m benchmarks.calibration"


@dataclass(frozen=True)
class Measurement:
    """A row at a number of seeds.

    Args:
        name: the row's.
        seeds: of each arm.
        stated: the rate that the report states, in per cent; None where there is an effect to find.
        trials: what was asked for; a costly row has fewer.
        cell: the share of studies with a verdict.
        again: the same on other draws, where the first share was above what is stated.
        plain: the share in which the plain paired t test finds the effect.
        seconds: of one CPU core.
    """

    name: str
    seeds: int
    stated: float | None
    trials: int
    cell: Cell
    again: Cell | None = None
    plain: Cell | None = None
    seconds: float = 0.0

    @property
    def is_above(self) -> bool:
        """Whether it is above the stated rate, by the second measurement where there is one."""
        return self.stated is not None and (self.again or self.cell).exceeds(self.stated / 100)

    def as_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, content: dict[str, Any]) -> "Measurement":
        """Return what `as_dict` wrote."""
        cells = {key: content[key] and Cell(**content[key]) for key in ("cell", "again", "plain")}
        return cls(**{**content, **cells})


def shown(cell: Cell) -> str:
    """Return a share with its Monte Carlo error, in per cent."""
    return f"{100 * cell.share:.1f}±{100 * cell.error:.1f}"


def _with_second(each: Measurement) -> str:
    again = "" if each.again is None else f" → {shown(each.again)}"
    return shown(each.cell) + again + ("!" if each.is_above else "")


def _ratio(each: Measurement) -> str:
    if each.plain is None:
        return ""
    return f"{100 * each.cell.share / each.plain.share:.0f} %" if each.plain.share else "–"


def text_row(row: Sequence[Measurement]) -> str:
    """Return a row for a terminal."""
    stated = "" if row[0].stated is None else f"{row[0].stated:.1f}"
    text = f"{row[0].name:33}{stated:>5}" + "".join(f"{_with_second(each):>10}" for each in row)
    if row[0].plain is not None:
        text += "  " + " ".join(f"{_ratio(each):>5}" for each in row)
    return text


def page(false: Sequence[Sequence[Measurement]], power: Sequence[Sequence[Measurement]], minutes: float) -> str:
    """Return both tables as a page of Markdown."""
    seeds = " | ".join(map(str, SIZES))
    cells = sum(map(len, false))
    above = sum(each.is_above for row in false for each in row)
    lines = [
        "# How often a verdict errs, and how often it finds what is there",
        "",
        f"Written by `{COMMAND} --page docs/calibration.md`: {minutes:.0f} minutes of one CPU core. A cell is a share",
        "of simulated studies in per cent, with its Monte Carlo error; [evidence.md](evidence.md) has the methods.",
        "",
        "## Where there is nothing to find",
        "",
        f"{above} of {cells} cells are above the rate that the report states. One that was above it by more than three",
        "Monte Carlo errors at first was measured again (→) on ten times as many studies, drawn anew.",
        "",
        f"| test and world | stated | seeds: {seeds} |",
        "|---|---|" + "---|" * len(SIZES),
    ]
    for row in false:
        columns = {each.seeds: _with_second(each) for each in row}
        # A row may have a number of seeds of its own.
        texts = [columns.pop(n, "") for n in SIZES]
        if columns:
            texts[-1] = "; ".join(f"{text} ({n} seeds)" for n, text in columns.items())
        lines.append(f"| {row[0].name} | {row[0].stated:g} | {' | '.join(texts)} |")
    lines += [
        "",
        "## Where there is an effect",
        "",
        "In brackets: over the share in which the plain paired t test finds it on the same numbers, of arms that are",
        "known beforehand and looked at once.",
        "",
        f"| test and world | seeds: {seeds} |",
        "|---|" + "---|" * len(SIZES),
    ]
    for row in power:
        texts = [shown(each.cell) + (f" ({_ratio(each)})" if each.plain is not None else "") for each in row]
        lines.append(f"| {row[0].name} | {' | '.join(texts)} |")
    return "\n".join(lines) + "\n"
