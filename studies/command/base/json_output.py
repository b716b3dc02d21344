"""`--json`: what a command found, for machines, as docs/json.md describes it."""

from collections.abc import Mapping
from typing import Any

from studies.records.storage import to_json

FORMAT = 1
"""Raised where a key is renamed, goes or changes its meaning; keys may be added without."""

JSON_HELP = "print JSON instead, see docs/json.md"


def print_json(content: Mapping[str, Any]) -> None:
    """Print what was found; a number that is not finite is null."""
    print(to_json({"format": FORMAT, **content}), end="")
