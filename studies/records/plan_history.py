"""`plan.jsonl`: what a study planned before its first run, and every change of it since, a line each with its time.

Lines are only ever added. What was planned is what a page may call planned; whatever came later is exploratory.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from studies.records.storage import storage_errors

FILE = "plan.jsonl"


@dataclass(frozen=True)
class PlanEntry:
    """A plan as it stood when a command was given.

    Args:
        time: when it was written, ISO 8601, UTC.
        experiment: a hash of what all its runs share (their config but for the factors, the data, the first seed):
            plans of another experiment say nothing of this one.
        preset: which of the study's presets.
        arms: each arm's levels by its label.
        seeds: the seeds that each arm was to have.
        looked: whether it was to look at results on the way, as `--until decided` does.
        claims: the claims, see `claim_key`.
        tuned: each tuned key with what it is chosen from, in words.
        results_before: how many of its runs had their result already.
    """

    time: str
    experiment: str
    preset: str
    arms: dict[str, dict[str, Any]]
    seeds: tuple[int, ...]
    looked: bool
    claims: tuple[dict[str, Any], ...]
    tuned: dict[str, str]
    results_before: int

    @property
    def hash(self) -> str:
        """A hash of what is planned: twelve hexadecimal digits."""
        content = {key: value for key, value in asdict(self).items() if key not in ("time", "results_before")}
        return hash_of(content)


def hash_of(content: Mapping[str, Any]) -> str:
    """Return a hash of plain values: twelve hexadecimal digits."""
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()[:12]


def read_plans(directory: Path) -> list[PlanEntry]:
    """Return a study's plans, the first one first; none where an earlier version ran it. What is unreadable is left."""
    try:
        lines = (directory / FILE).read_text().splitlines()
    except OSError:
        return []
    return [entry for line in lines if (entry := _parsed(line)) is not None]


def append_plan(directory: Path, entry: PlanEntry) -> None:
    """Add a plan to the history, unless it is the one that stands."""
    plans = read_plans(directory)
    if plans and plans[-1].hash == entry.hash:
        return
    path = directory / FILE
    with storage_errors(path), open(path, "a") as file:
        file.write(json.dumps({**asdict(entry), "hash": entry.hash}, default=str) + "\n")


def _parsed(line: str) -> PlanEntry | None:
    try:
        content = json.loads(line)
        values = {field.name: content[field.name] for field in fields(PlanEntry)}
    except (ValueError, KeyError, TypeError):
        return None
    return PlanEntry(**{**values, "seeds": tuple(values["seeds"]), "claims": tuple(values["claims"])})
