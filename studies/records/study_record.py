"""`study.json`: what a study consisted of when it was last asked for, so that a report can be written from the disk."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from litmus.errors import UserError
from studies.records.run_record import to_json, write_atomically

FILE = "study.json"


@dataclass(frozen=True)
class ManifestArm:
    """An arm as the manifest keeps it; `runs` are identities by seed."""

    label: str
    levels: dict[str, Any]
    is_baseline: bool
    runs: dict[int, str]


@dataclass(frozen=True)
class Manifest:
    """A study as it was last asked for; `source` is the file that defines it where the package does not."""

    study: str
    question: str
    preset: str
    factors: tuple[str, ...]
    settings: dict[str, Any]
    protocol: str
    arms: tuple[ManifestArm, ...]
    source: str | None = None

    @property
    def baseline(self) -> ManifestArm:
        """The arm that the others are held against."""
        return next(arm for arm in self.arms if arm.is_baseline)

    def arm_of_run(self) -> dict[str, ManifestArm]:
        """Return each run's arm."""
        return {run: arm for arm in self.arms for run in arm.runs.values()}


def write_manifest(directory: Path, manifest: Manifest) -> None:
    """Write `study.json`."""
    write_atomically(directory / FILE, to_json(asdict(manifest)))


def read_manifest(directory: Path) -> Manifest:
    """Return the manifest of a study's folder. Raises `UserError` where there is none or it cannot be read."""
    path = directory / FILE
    try:
        content = json.loads(path.read_text())
        arms = tuple(
            ManifestArm(
                arm["label"],
                arm["levels"],
                arm["is_baseline"],
                {int(s): run for s, run in arm["runs"].items()},
            )
            for arm in content["arms"]
        )
        return Manifest(
            content["study"],
            content["question"],
            content["preset"],
            tuple(content["factors"]),
            content["settings"],
            content["protocol"],
            arms,
            content.get("source"),
        )
    except FileNotFoundError:
        raise UserError(f"no study in {directory}: there is no {FILE}; run it first") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{path} cannot be read ({error}); the same litmus run command writes it anew") from None
