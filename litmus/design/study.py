"""A study: one question and the controlled experiment that answers it, as its file declares them."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import litmus.training.user_code  # noqa: F401  remembers what runs, from before the rest of a user's file does
from litmus.core.config_keys import Settings
from litmus.core.declaration import Declared
from litmus.core.errors import UserError, require_choice, require_positive, unknown_name
from litmus.core.metrics import METRICS, SPLITS, TASKS, metric_of
from litmus.core.suggestions import in_any_case, nearest
from litmus.design.arms import DESIGNS
from litmus.design.plots import StudyPlot
from litmus.design.tuning import Space, Tuning, as_tuning
from litmus.evidence.claims import ArmTest, Claim
from litmus.evidence.differences import Selector
from litmus.evidence.results import Metric

Levels = Mapping[str, Any]
"""What an arm sets: its level of each factor, by dotted config key."""


@dataclass(frozen=True)
class Study(Declared):
    """One question and the controlled experiment that answers it.

    A study's file gives it its name, and its docstring the question (the first paragraph) and the protocol (the rest).

    Args:
        name: the study's name, by default its file's; the folder of its runs under `runs/` begins with it.
        question: what is asked, in a sentence; by default from the file's docstring.
        base: dotted config keys that all arms share.
        factors: what is varied: a dotted config key and its levels; arms are all their combinations. Levels can have
            names, `{"plain": False, "residual": True}`, by which arms are then called. Beside `arms`, the keys alone.
        baseline: the level of every factor in the baseline arm.
        arms: in place of all combinations, the arms by label, each the levels of the factors that it sets; factors
            that it does not name keep the base's value, and `baseline` may then be an arm's label.
        seeds: how many seeds each arm runs with.
        presets: settings on top of the base, by name; `quick` is the base where it is not among them. What a preset
            tunes is among its settings, as `"tune": {...}`. Where other data need other arms, a preset is a study of
            its own, which answers the same question.
        for_data: settings that come with a dataset when the user names it, by its name; below the preset's.
        source: the paper that the claims are from, unless they say otherwise.
        claims: statements of the literature, tested over the records.
        protocol: what the presets follow, in a sentence or two; by default from the file's docstring.
        probes: what is measured while the runs train, see `litmus list probes`.
        measures: numbers of a run that the report shows beside accuracy, by their name.
        plots: figures of the study's own.
        discussion: what its author says of the results, in Markdown, shown in the report; `discussion.md` in the
            study's folder takes its place.
        limits: what a preset cannot show at its scale, by the preset's name; the report says it.
        design: which combinations of the levels are arms: `full`, all of them; `one_at_a_time`, the baseline and each
            other level by itself; `leave_one_out`, the full recipe, with no factor at the baseline's level, and it
            without one each; `ladder`, each arm one factor more than the one before, in the factors' order.
        tune: keys that each arm of `quick` chooses for itself before it is compared, with the values or the `Range` to
            choose from, `{"optim.lr": [0.1, 0.3, 1.0]}`; a `Tuning` also says how many trials, on how many seeds.
        diverged_value: the accuracy that a run counts with that diverged, in every table and claim; that of guessing
            where it is not given.
        environment: the environment variables that the file and its modules read: their values are recorded, are part
            of each run's identity, and are set wherever the runs are executed.
    """

    name: str = ""
    question: str = ""
    base: Settings = field(default_factory=dict)
    factors: Mapping[str, Sequence[Any] | Mapping[str, Any]] | Sequence[str] = field(default_factory=dict)
    baseline: Levels | str = field(default_factory=dict)
    arms: Mapping[str, Levels] = field(default_factory=dict)
    seeds: int = 3
    presets: "Mapping[str, Settings | Study]" = field(default_factory=dict)
    for_data: Mapping[str, Settings] = field(default_factory=dict)
    source: str = ""
    claims: Sequence[Claim] = ()
    protocol: str = ""
    probes: Sequence[str] = ()
    measures: Mapping[str, Metric] = field(default_factory=dict)
    plots: Sequence[StudyPlot] = ()
    discussion: str = ""
    limits: Mapping[str, str] = field(default_factory=dict)
    design: str = "full"
    tune: Tuning | Space = field(default_factory=dict)
    diverged_value: float | None = None
    environment: Sequence[str] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in self.environment:
            if not re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII):
                raise UserError(f"Study: environment: expected names of environment variables, got {name!r}")

    def declared_in(self, file: str, docstring: str | None) -> "Study":
        """Return the study with what its file says: the file's name, and in its docstring question and protocol."""
        question, _, protocol = (docstring or "").strip().partition("\n\n")
        return replace(
            self,
            name=self.name or file,
            question=self.question or " ".join(question.split()),
            protocol=self.protocol or " ".join(protocol.split()),
        )

    def main(self) -> None:
        """Run the study with the options of `litmus run`: the last line of a study's file makes the file a command."""
        from litmus.cli.main import run_script

        run_script(self)

    def preset_named(self, name: str) -> str:
        """Return the preset of this name, in any case. Raises `UserError` where there is none."""
        presets = ("quick", *self.presets)
        name = in_any_case(name, presets) or name
        require_choice(f"preset of {self.name}", name, presets)
        return name

    def at(self, preset: str) -> "Study":
        """Return the study that a preset runs: itself with what the preset tunes, or the study that the preset is.

        Raises `UserError` where a preset leaves open what becomes of a key that the study tunes for `quick`.
        """
        chosen = self.presets.get(in_any_case(preset, self.presets) or preset)
        if not isinstance(chosen, Study):
            if chosen is None or (preset == "quick" and "tune" not in chosen):
                return self
            before, now = as_tuning(self.tune), as_tuning(chosen.get("tune", {}))
            for key in before.space if before else ():
                if key not in chosen and (now is None or key not in now.space):
                    raise UserError(
                        f"study {self.name}, preset {preset}: quick tunes {key}, of which this preset says nothing; "
                        f'set it, or tune it with "tune": {{"{key}": [...]}}'
                    )
            return replace(self, tune=now or {})
        return replace(
            chosen,
            name=self.name,
            question=self.question,
            protocol=chosen.protocol or self.protocol,
            source=chosen.source or self.source,
            presets=self.presets,
            environment=(*self.environment, *chosen.environment),
        )

    def factor_levels(self, vary: Mapping[str, Sequence[Any]] | None = None) -> dict[str, list[Any]]:
        """Return each factor's levels, those of `vary` in place of its own; none where the arms are named."""
        declared = self.factors if isinstance(self.factors, Mapping) else dict.fromkeys(self.factors, ())
        levels_of = {key: list(each.values() if isinstance(each, Mapping) else each) for key, each in declared.items()}
        return levels_of | {key: list(levels) for key, levels in (vary or {}).items() if key in levels_of}

    @property
    def level_names(self) -> dict[str, dict[str, Any]]:
        """The factors whose levels have names, each with its levels by name."""
        declared = self.factors if isinstance(self.factors, Mapping) else {}
        return {key: dict(levels) for key, levels in declared.items() if isinstance(levels, Mapping)}

    def arm_levels(self, vary: Mapping[str, Sequence[Any]] | None = None) -> dict[str, dict[str, Any]]:
        """Return the levels of each arm by its label: the named arms, or those of the design.

        Raises `UserError` where there is no such design, it does not fit the factors, or two arms have the same label.
        """
        require_choice(f"design of study {self.name}", self.design, DESIGNS)
        if self.arms:
            if self.design != "full":
                raise UserError(f"study {self.name}: design {self.design} makes arms, and the study names its own")
            return {label: dict(levels) for label, levels in self.arms.items()}
        factors = self.factor_levels(vary)
        if self.design != "full":
            factors = self._baseline_first(factors)
        try:
            return DESIGNS[self.design](factors, self.level_names)
        except UserError as error:
            raise UserError(f"study {self.name}: {error}") from None

    def _baseline_first(self, factors: Mapping[str, Sequence[Any]]) -> dict[str, list[Any]]:
        if isinstance(self.baseline, str):
            raise UserError(f"study {self.name}: design {self.design} needs the baseline's level of each factor")
        ordered = {}
        for key, levels in factors.items():
            # A level that --vary took away leaves the first one as the baseline's, see `check_arms`.
            first = [level for level in levels if key in self.baseline and level == self.baseline[key]]
            ordered[key] = [*first, *(level for level in levels if level not in first)]
        return ordered


def require_study_name(name: str) -> None:
    """Raise `UserError` unless `name` can be a study's, which is a folder's too."""
    if not name:
        raise UserError("a study needs a name: give name=..., or put it into its own file")
    if not re.fullmatch(r"\w[\w.-]*", name):
        raise UserError(f"{name!r}: a study's name is made of letters, digits, '.', '_' and '-'")


def require_folder_name(name: str) -> None:
    """Raise `UserError` unless `name` can be an experiment's, which is a folder's too."""
    if not re.fullmatch(r"\w[\w.,+=-]{0,99}", name):
        raise UserError(f"--name {name!r}: expected at most 100 letters, digits, '.', ',', '+', '=', '_' and '-'")


def check_arms(study: Study) -> None:
    """Raise `UserError` where the baseline or a claim names what the study lacks, or a claim can never be supported."""
    arms = study.arm_levels()
    baselines: list[Selector] = [study.baseline] if study.baseline else []
    if isinstance(study.baseline, Mapping) and not study.arms:
        # The arms of a design need not have the baseline's levels together.
        baselines = [{key: level} for key, level in study.baseline.items()]
    for selector in baselines:
        try:
            _check_selector(selector, arms)
        except UserError as error:
            raise UserError(f"study {study.name}, baseline: {error}") from None
    for claim in study.claims:
        if not isinstance(claim.test, ArmTest):
            continue
        try:
            for selector in claim.test.arms:
                _check_selector(selector, arms)
            for factor in claim.test.factors:
                require_choice("factor", factor, study.factors)
            if claim.test.equivalence:
                require_positive(threshold=claim.threshold)
            for metric in claim.test.metrics:
                if isinstance(metric, str) and metric_of(metric) is None:
                    raise unknown_name("metric", metric, columns())
        except UserError as error:
            raise UserError(f"study {study.name}, claim {claim.sentence!r}: {error}") from None


def columns() -> list[str]:
    """Return the names of the metrics that claims can test, as records call them."""
    evaluated = [f"{split}_{name}" for task in TASKS.values() for split in ("test", "val") for name in task.evaluated]
    trained = [name for task in TASKS.values() for name in (*task.fit_columns, *task.training_columns)]
    best = [f"best_val_{task.primary_metric}" for task in TASKS.values()]
    of_no_split = [name for name, metric in METRICS.items() if metric.scale in ("seconds", "count")]
    recorded = dict.fromkeys([*evaluated, *trained, *best, *of_no_split])
    errors = {name: metric.complement_of for name, metric in METRICS.items() if metric.complement_of}
    computed = [f"{split}_{name}" for name, of in errors.items() for split in SPLITS if f"{split}_{of}" in recorded]
    return [*recorded, *computed]


def _check_selector(selector: Selector, arms: Mapping[str, Mapping[str, Any]]) -> None:
    if isinstance(selector, str):
        require_choice("arm", selector, arms)
        return
    for key, value in selector.items():
        levels = list(dict.fromkeys(levels[key] for levels in arms.values() if key in levels))
        if not levels:
            raise unknown_name("factor", key, {key: None for levels in arms.values() for key in levels})
        if value not in levels:
            meant = nearest(str(value), map(str, levels))
            suggestion = f"; did you mean {next(each for each in levels if str(each) == meant)!r}?" if meant else ";"
            raise UserError(f"no arm has {key} {value!r}{suggestion} valid: {', '.join(map(str, levels))}")
    if not any(all(levels.get(key) == value for key, value in selector.items()) for levels in arms.values()):
        named = ", ".join(f"{key} {value}" for key, value in selector.items())
        raise UserError(f"no arm has {named} together")
