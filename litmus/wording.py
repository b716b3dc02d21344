"""Counts and lists as a reader wants them; metrics are written by `studies/evidence/units.py`."""

from collections.abc import Iterable, Sequence


def count(number: float) -> str:
    """Return a large count with its unit: `269,722` up to a million, then `1.73 M`, `4.09 G`."""
    for size, unit in ((1e9, "G"), (1e6, "M")):
        if number >= size:
            return f"{number / size:.2f} {unit}"
    return f"{number:,.0f}"


def several(number: int, noun: str) -> str:
    """Return a number with its noun: `1 run`, `6 runs`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def listed(items: Sequence[str], most: int = 3) -> str:
    """Return items as a sentence lists them: `a, b and c`; of more than `most`, how many more there are."""
    shown = list(items) if len(items) <= most else [*items[: most - 1], f"{len(items) - most + 1} more"]
    return " and ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)


def joined(parts: Iterable[str], width: int, indent: int = 0) -> list[str]:
    """Return `parts` with commas between, in lines of at most `width` columns that break after a comma."""
    lines: list[str] = []
    for part in parts:
        if lines and len(lines[-1]) + 2 + len(part) + 1 <= width:
            lines[-1] += f", {part}"
        else:
            if lines:
                lines[-1] += ","
            lines.append(" " * indent + part)
    return lines


def duration(seconds: float) -> str:
    """Return a time as a reader would say it: `12 s`, `29 min`, `3.1 h`."""
    if seconds < 120:
        return f"{seconds:,.0f} s"
    return f"{seconds / 60:,.0f} min" if seconds < 7200 else f"{seconds / 3600:,.1f} h"
