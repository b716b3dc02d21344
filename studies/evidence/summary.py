"""A study's evidence, computed once: what its report, its table of statistics and its answer are all written from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from litmus.errors import UserError
from studies.evidence.arm_table import ArmStatistics, arm_statistics, metrics_of
from studies.evidence.claims import Claim, Finding, Verdict
from studies.evidence.factorial import Factorial, factorial_effects
from studies.evidence.family import headline
from studies.evidence.registration import NOT_REGISTERED, Registration, registration
from studies.evidence.results import Analysis, Metric, analyse


@dataclass(frozen=True)
class StudySummary:
    """What a study's records say.

    Args:
        analysis: the arms and their runs.
        findings: each claim with its verdict.
        judged: every arm's statistics of the metric on the test set.
        others: those of the other metrics that the records hold, by name.
        measures: those of the study's own measures, by name.
        main_effects: the analysis of variance of a study that is a full product of factors; the reason where that
            cannot be had; None for another study.
        registration: what of it was planned before the first run.
    """

    analysis: Analysis
    findings: tuple[tuple[Claim, Finding], ...]
    judged: list[ArmStatistics]
    others: dict[str, list[ArmStatistics]]
    measures: dict[str, list[ArmStatistics]]
    main_effects: Factorial | str | None
    registration: Registration = NOT_REGISTERED

    @cached_property
    def headline(self) -> list[Verdict]:
        """Each claim's verdict for the headline: that of a primary one must stand after Holm's correction."""
        return headline(self.findings)

    @property
    def statistics(self) -> dict[str, list[ArmStatistics]]:
        """Every arm's statistics of everything that was measured, by name."""
        judged = {self.analysis.test_metric: self.judged} if any(each.mean.n for each in self.judged) else {}
        return {**judged, **self.others, **self.measures}


def summarise(
    directory: str | Path, claims: Sequence[Claim] = (), measures: Mapping[str, Metric] | None = None
) -> StudySummary:
    """Read the study in `directory`, hold its records against `claims` and reduce them by `measures`.

    Raises `UserError` where there is no study.
    """
    analysis = analyse(directory)
    return StudySummary(
        analysis=analysis,
        findings=tuple((claim, claim.find(analysis)) for claim in claims),
        judged=arm_statistics(analysis, analysis.test_metric),
        others={name: arm_statistics(analysis, name) for name in metrics_of(analysis) if name != analysis.test_metric},
        measures={name: arm_statistics(analysis, metric) for name, metric in (measures or {}).items()},
        main_effects=_main_effects(analysis),
        registration=registration(analysis.directory, analysis.study),
    )


def _main_effects(analysis: Analysis) -> Factorial | str | None:
    if analysis.matched_factor is None:
        return None
    try:
        return factorial_effects(analysis, analysis.test_metric)
    except UserError as error:
        return str(error)
