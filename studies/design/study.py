"""A study: one question and the controlled experiment that answers it, as its file declares them."""

import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from litmus.errors import UserError
from litmus.settings import Settings
from studies.design.plots import StudyPlot
from studies.evidence.claims import Claim
from studies.evidence.results import Metric
from studies.records.arm_label import arm_label

Levels = Mapping[str, Any]
"""What an arm sets: its level of each factor, by dotted config key."""


@dataclass(frozen=True)
class Study:
    """One question and the controlled experiment that answers it.

    A study's file gives it its name, and its docstring the question (the first paragraph) and the protocol (the rest).

    Args:
        name: the study's name, also its folder under `runs/`; by default its file's.
        question: what is asked, in a sentence; by default from the file's docstring.
        base: dotted config keys that all arms share.
        factors: what is varied: a dotted config key and its levels; arms are all their combinations. Beside `arms`, the
            keys alone.
        baseline: the level of every factor in the baseline arm.
        arms: in place of all combinations, the arms by label, each the levels of the factors that it sets; factors
            that it does not name keep the base's value, and `baseline` may then be an arm's label.
        seeds: how many seeds each arm runs with.
        presets: settings on top of the base, by name; `quick` is the base where it is not among them.
        for_data: settings that come with a dataset when the user names it, by its name; below the preset's.
        source: the paper that the claims are from, unless they say otherwise.
        claims: statements of the literature, tested over the records.
        protocol: what the presets follow, in a sentence or two; by default from the file's docstring.
        probes: what is measured while the runs train, see `litmus list probes`.
        measures: numbers of a run that the report shows beside accuracy, by their name.
        plots: figures of the study's own.
        limits: what a preset cannot show at its scale, by the preset's name; the report says it.
        diverged_value: the accuracy that a run counts with that diverged, in every table and claim; that of guessing
            where it is not given.
    """

    name: str = ""
    question: str = ""
    base: Settings = field(default_factory=dict)
    factors: Mapping[str, Sequence[Any]] | Sequence[str] = field(default_factory=dict)
    baseline: Levels | str = field(default_factory=dict)
    arms: Mapping[str, Levels] = field(default_factory=dict)
    seeds: int = 3
    presets: Mapping[str, Settings] = field(default_factory=dict)
    for_data: Mapping[str, Settings] = field(default_factory=dict)
    source: str = ""
    claims: Sequence[Claim] = ()
    protocol: str = ""
    probes: Sequence[str] = ()
    measures: Mapping[str, Metric] = field(default_factory=dict)
    plots: Sequence[StudyPlot] = ()
    limits: Mapping[str, str] = field(default_factory=dict)
    diverged_value: float | None = None

    def declared_in(self, file: str, docstring: str | None) -> "Study":
        """Return the study with what its file says: the file's name, and in its docstring question and protocol."""
        question, _, protocol = (docstring or "").strip().partition("\n\n")
        return replace(
            self,
            name=self.name or file,
            question=self.question or " ".join(question.split()),
            protocol=self.protocol or " ".join(protocol.split()),
        )

    def factor_levels(self, vary: Mapping[str, Sequence[Any]] | None = None) -> dict[str, list[Any]]:
        """Return each factor's levels, those of `vary` in place of its own; none where the arms are named."""
        declared = self.factors if isinstance(self.factors, Mapping) else dict.fromkeys(self.factors, ())
        return {key: list((vary or {}).get(key, levels)) for key, levels in declared.items()}

    def arm_levels(self, vary: Mapping[str, Sequence[Any]] | None = None) -> dict[str, dict[str, Any]]:
        """Return the levels of each arm by its label: the named arms, or all combinations of the factors' levels.

        Raises `UserError` where two combinations have the same label.
        """
        if self.arms:
            return {label: dict(levels) for label, levels in self.arms.items()}
        factors = self.factor_levels(vary)
        combinations = [dict(zip(factors, levels, strict=True)) for levels in itertools.product(*factors.values())]
        labelled = {arm_label(levels) or "single arm": levels for levels in combinations}
        if len(labelled) < len(combinations):
            raise UserError(f"study {self.name}: two arms have the same label")
        return labelled


def require_study_name(name: str) -> None:
    """Raise `UserError` unless `name` can be a study's, which is a folder's too."""
    if not name:
        raise UserError("a study needs a name: give it one, name=..., or a file of its own")
    if not re.fullmatch(r"\w[\w.-]*", name):
        raise UserError(f"{name!r}: a study's name is made of letters, digits, '.', '_' and '-'")
