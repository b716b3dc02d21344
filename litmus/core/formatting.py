"""Counts, lists and lengths of time as a reader wants them."""

import re
import unicodedata
from collections.abc import Sequence

from litmus.core.errors import UserError

_DIRECTION = re.compile("[\u202a-\u202e\u2066-\u2069\u200e\u200f]")
"""Marks that turn the direction of what follows, in which a name could hide what it is."""
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


def seconds_of(key: str, text: str) -> float:
    """Return the seconds of a length of time. Raises `UserError` naming `key` where `text` is none."""
    short = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd])", text)
    if short:
        return float(short[1]) * _UNITS[short[2]]
    clock = re.fullmatch(r"(?:(\d+)-)?(\d+):(\d\d)(?::(\d\d))?", text)
    if clock:
        days, first, second, third = (int(part or 0) for part in clock.groups())
        # As SLURM reads them: days-hours:minutes, hours:minutes:seconds, minutes:seconds.
        if clock[1] is not None or clock[4] is not None:
            return days * 86_400 + first * 3600 + second * 60 + third
        return first * 60 + second
    raise UserError(f"{key}: expected a length of time such as 90s, 5m, 4h, 2d or 1-12:00:00, got {text!r}")


def duration(seconds: float) -> str:
    """Return about how long `seconds` are: `40 s`, `25 min`, `3.5 h`, `2.1 days`."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    if minutes < 120:
        return f"{minutes} min"
    return f"{minutes / 60:,.1f} h" if minutes < 48 * 60 else f"{minutes / 1440:,.1f} days"


def clock(seconds: float) -> str:
    """Return a length of time as a clock shows it: `0:18`, `1:02:03`, with days `1-12:00:00`."""
    minutes, second = divmod(round(max(0.0, seconds)), 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    if days:
        return f"{days}-{hour:02d}:{minute:02d}:{second:02d}"
    return f"{hour}:{minute:02d}:{second:02d}" if hour else f"{minute}:{second:02d}"


def count(number: float) -> str:
    """Return a large count with its unit: `269,722` up to a million, then `1.73 M`, `4.09 G`."""
    for size, unit in ((1e9, "G"), (1e6, "M")):
        if number >= size:
            return f"{number / size:.2f} {unit}"
    return f"{number:,.0f}"


def several(number: int, noun: str) -> str:
    """Return a number with its noun: `1 run`, `6 runs`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def one_line(text: str) -> str:
    """Return a text on one line, without marks that control its direction or the terminal."""
    kept = _DIRECTION.sub("", text)
    return " ".join("".join(" " if unicodedata.category(each) == "Cc" else each for each in kept).split())


def capital(text: str) -> str:
    """Return a text with a capital first letter, as a title or a sentence begins, but for a name such as `val_acc`."""
    is_word = re.match(r"[^\W\d_]+(?![\w/.])", text)
    return f"{text[:1].upper()}{text[1:]}" if is_word else text


def listed(items: Sequence[str], most: int = 3) -> str:
    """Return items as a sentence lists them: `a, b and c`; of more than `most`, how many more there are."""
    shown = list(items) if len(items) <= most else [*items[: most - 1], f"{len(items) - most + 1} more"]
    return " and ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)
