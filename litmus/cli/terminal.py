"""What commands print: tables and sentences at the terminal's width, and JSON."""

import shutil
import sys
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from litmus.records.storage import to_json


def width() -> int:
    """Return the columns of the terminal, or 80."""
    return shutil.get_terminal_size().columns


def aligned(headings: Sequence[str], rows: Sequence[Sequence[str]], columns: int) -> list[str]:
    """Return a table in lines: names to the left under the first of `headings`, figures to the right.

    Where a name leaves the figures no room they stand on the next line, under its own heading; a name that is longer
    than a line goes on in the next one.
    """
    table = [headings, *rows]
    figures = [max(map(len, column)) for column in list(zip(*table, strict=True))[1:]]
    names = max(len(row[0]) for row in table)
    for gap in ("  ", " "):
        lines = [
            gap.join([row[0].ljust(names), *(cell.rjust(size) for cell, size in zip(row[1:], figures, strict=True))])
            for row in table
        ]
        if max(map(len, lines)) <= columns:
            return [line.rstrip() for line in lines]
    gap = "  " if sum(figures) + 2 * (len(figures) + 1) <= columns else " "
    lines = []
    for row in table:
        lines += textwrap.wrap(row[0], columns, subsequent_indent="  ", break_on_hyphens=False) or [""]
        lines.append(gap + gap.join(cell.rjust(size) for cell, size in zip(row[1:], figures, strict=True)))
    return [line.rstrip() for line in lines]


def wrapped(text: str, columns: int) -> list[str]:
    """Return a sentence in lines that break between words; what is longer than a line stays whole."""
    options = {"break_long_words": False, "break_on_hyphens": False}
    return textwrap.wrap(text, columns, **options) or [""]  # type: ignore[arg-type]


def say(text: str) -> None:
    """Print a sentence: in lines of the terminal's width, or as it is where something else reads it."""
    print("\n".join(wrapped(text, width())) if sys.stdout.isatty() else text)


FORMAT = 1
"""Raised where a key is renamed, goes or changes its meaning; keys may be added without."""

JSON_HELP = "print JSON instead, see docs/json.md"


def print_json(content: Mapping[str, Any]) -> None:
    """Print what was found; a number that is not finite is null."""
    print(to_json({"format": FORMAT, **content}), end="")
