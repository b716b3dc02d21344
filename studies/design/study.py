"""A study: one question, as a base config, factors or arms, seeds; and its expansion into runs."""

import itertools
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from datamodules.batches.config import DataConfig
from litmus.errors import UserError, require_positive, unknown_name
from litmus.registry import Registry
from studies.evidence.claims import Claim
from studies.evidence.results import Analysis, Measure
from studies.training.config import DEFAULT_ARCHITECTURE, SPEED_KEYS, RunConfig, config_keys, resolve

Settings = Mapping[str, Any]

NAMES = ("model.name", "data.name")
"""Keys that decide which other keys there are."""


@dataclass(frozen=True)
class Plot:
    """A figure of a study's report; `draw` returns a plotly figure, None where the records have nothing to show."""

    title: str
    caption: str
    draw: Callable[[Analysis], Any]


@dataclass(frozen=True)
class Study:
    """One question and the controlled experiment that answers it.

    Args:
        name: the study's name, also its folder under `runs/`.
        question: what is asked, in a sentence.
        base: dotted config keys that all arms share.
        factors: what is varied: a dotted config key and its levels; arms are all their combinations. Beside `arms`, the
            keys alone.
        baseline: the level of every factor in the baseline arm.
        arms: in place of all combinations, the arms by label, each the levels of the factors that it sets; factors
            that it does not name keep the base's value, and `baseline` may then be an arm's label.
        seeds: how many seeds each arm runs with.
        presets: settings on top of the base, by name; every study has `quick` and `paper`.
        for_data: settings that come with a dataset when the user names it, by its name; below the preset's.
        claims: statements of the literature, tested over the records.
        protocol: what the presets follow, in a sentence or two, with the source.
        probes: what is measured while the runs train, see `litmus list probes`.
        measures: numbers of a run that the report shows beside accuracy, by their name.
        plots: figures of the study's own.
        limits: what a preset cannot show at its scale, by the preset's name; the report says it.
    """

    name: str
    question: str
    base: Settings = field(default_factory=dict)
    factors: Mapping[str, Sequence[Any]] | Sequence[str] = field(default_factory=dict)
    baseline: Settings | str = field(default_factory=dict)
    arms: Mapping[str, Settings] = field(default_factory=dict)
    seeds: int = 3
    presets: Mapping[str, Settings] = field(default_factory=dict)
    for_data: Mapping[str, Settings] = field(default_factory=dict)
    claims: Sequence[Claim] = ()
    protocol: str = ""
    probes: Sequence[str] = ()
    measures: Mapping[str, Measure] = field(default_factory=dict)
    plots: Sequence[Plot] = ()
    limits: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Arm:
    """One combination of levels and the config that it resolves to (with seed 0)."""

    label: str
    levels: dict[str, Any]
    config: RunConfig
    is_baseline: bool

    @cached_property
    def slug(self) -> str:
        """The label without spaces, for names of runs."""
        return self.label.replace(", ", ",").replace(" ", "_")


@dataclass(frozen=True)
class Plan:
    """A study expanded: its arms, the baseline among them, and its seeds."""

    study: Study
    arms: tuple[Arm, ...]
    seeds: tuple[int, ...]
    preset: str

    @property
    def baseline(self) -> Arm:
        """The arm that the others are held against."""
        return next(arm for arm in self.arms if arm.is_baseline)

    def runs(self) -> list[tuple[Arm, int]]:
        """Return every arm and seed; all arms of a seed come before the next seed, so that pairs fill up early."""
        return [(arm, seed) for seed in self.seeds for arm in self.arms]


def require_study_name(name: str) -> None:
    """Raise `UserError` unless `name` can be a study's, which is a folder's too."""
    if not re.fullmatch(r"\w[\w.-]*", name):
        raise UserError(f"{name!r}: a study's name is made of letters, digits, '.', '_' and '-'")


STUDIES: Registry[Study] = Registry("study", "studies")


def register(study: Study) -> Study:
    """Make `study` known to `litmus list` and `litmus run` under its name, and return it.

    Raises `UserError` where the name is taken or is no file name.
    """
    require_study_name(study.name)
    STUDIES.add(study.name, study)
    return study


def expand(
    study: Study,
    *,
    preset: str = "quick",
    seeds: int | None = None,
    overrides: Settings | None = None,
    vary: Mapping[str, Sequence[Any]] | None = None,
) -> Plan:
    """Resolve every arm of `study` and check that the arms differ in the declared factors and nowhere else.

    `overrides` are dotted settings that go on top of the preset; `vary` replaces the levels of factors. Raises
    `UserError` for a wrong name, key or value, and for a study that is not controlled, with the differing keys.
    """
    presets = {"quick": {}, **study.presets}
    if preset not in presets:
        raise unknown_name(f"preset of {study.name}", preset, presets)
    count = study.seeds if seeds is None else seeds
    require_positive(seeds=count)
    factors = _with_levels(study, vary or {})
    base = _base_settings(study, presets[preset], overrides or {}, factors)
    arms = []
    for label, levels in _arm_levels(study, factors).items():
        try:
            config = resolve({**_fitting(base, levels, study), **levels})
        except UserError as error:
            raise UserError(f"study {study.name}, arm {label!r}: {error}") from None
        arms.append((label, levels, config))
    if len({label for label, _, _ in arms}) < len(arms):
        raise UserError(f"study {study.name}: two arms have the same label")
    baseline = _baseline_label(study, factors, arms)
    plan = Plan(
        study,
        tuple(Arm(label, levels, config, label == baseline) for label, levels, config in arms),
        tuple(range(count)),
        preset,
    )
    _check_controlled(plan, set(factors))
    return plan


def _with_levels(study: Study, vary: Mapping[str, Sequence[Any]]) -> dict[str, list[Any]]:
    declared = study.factors if isinstance(study.factors, Mapping) else dict.fromkeys(study.factors, ())
    factors = {key: list(levels) for key, levels in declared.items()}
    for key, levels in vary.items():
        if study.arms:
            raise UserError(f"--vary {key}: the arms of {study.name} are fixed: {'; '.join(study.arms)}")
        if key not in factors:
            raise unknown_name(f"factor of {study.name}", key, factors)
        if not levels:
            raise UserError(f"factor {key} has no level")
        factors[key] = list(levels)
    for key, levels in factors.items():
        if len(set(map(repr, levels))) < len(levels):
            raise UserError(f"factor {key} has the same level twice: {', '.join(map(str, levels))}")
        if key in SPEED_KEYS:
            raise UserError(f"{key} cannot be a factor: speed settings are one choice for all arms of a study")
        if key == "seed":
            raise UserError("seed cannot be a factor: every arm runs with the same seeds, see --seeds")
    return factors


def _base_settings(study: Study, preset: Settings, overrides: Settings, factors: Settings) -> dict[str, Any]:
    for key in overrides:
        if key == "seed":
            raise UserError("seed cannot be set for a study: its arms share seeds 0, 1, ...; --seeds says how many")
        if key in factors:
            levels = ", ".join(map(str, factors[key]))
            raise UserError(f"{key} is a factor of {study.name} ({levels}); choose its levels with --vary {key}=A,B")
    settings: dict[str, Any] = {"trainer.probes": list(study.probes)} if study.probes else {}
    for layer in (study.base, study.for_data.get(str(overrides.get("data.name")), {}), preset, overrides):
        if layer.get("model.name", settings.get("model.name")) != settings.get("model.name"):
            # Options mean something for the architecture that they were given for: `width` is 8 channels to one and
            # a factor to another.
            settings = {key: value for key, value in settings.items() if not key.startswith("model.")}
        if layer.get("data.name", settings.get("data.name")) != settings.get("data.name"):
            common = set(config_keys(DEFAULT_ARCHITECTURE))
            settings = {key: value for key, value in settings.items() if not key.startswith("data.") or key in common}
        settings.update(layer)
    return settings


def _fitting(base: Settings, levels: Settings, study: Study) -> dict[str, Any]:
    # Where the architecture or the dataset is itself a factor, an option of the base holds for the arms that have it.
    varied = tuple(name.removesuffix("name") for name in NAMES if name in levels)
    if not varied:
        return dict(base)
    names = {"model.name": DEFAULT_ARCHITECTURE, "data.name": DataConfig.name, **base, **levels}
    valid = set(config_keys(str(names["model.name"]), str(names["data.name"])))
    return {key: value for key, value in base.items() if key in valid or not key.startswith(varied)}


def _arm_levels(study: Study, factors: Mapping[str, Sequence[Any]]) -> dict[str, dict[str, Any]]:
    if study.arms:
        return {label: dict(levels) for label, levels in study.arms.items()}
    combinations = [dict(zip(factors, levels, strict=True)) for levels in itertools.product(*factors.values())]
    return {_label(levels): levels for levels in combinations}


def _label(levels: Settings) -> str:
    return ", ".join(f"{key.rpartition('.')[2]} {level}" for key, level in levels.items()) or "single arm"


def _baseline_label(study: Study, factors: Mapping[str, Sequence[Any]], arms: Sequence[Any]) -> str:
    labels = [label for label, _, _ in arms]
    if isinstance(study.baseline, str):
        if study.baseline not in labels:
            raise unknown_name(f"arm of {study.name}", study.baseline, labels)
        return study.baseline
    # A level that --vary took away leaves the first one as the baseline's.
    wanted = {key: level for key, level in study.baseline.items() if level in factors.get(key, ())}
    fits = [label for label, levels, _ in arms if all(levels.get(k) == v for k, v in wanted.items())]
    return fits[0] if fits else labels[0]


def _comes_with_a_level(key: str, factors: set[str]) -> bool:
    """Whether a key is an option of an architecture, a dataset or a recipe that is itself varied."""
    if key == "data.transforms":
        return "data.augment" in factors
    if key.startswith("model."):
        return "model.name" in factors
    return key.startswith("data.") and "data.name" in factors and key not in config_keys(DEFAULT_ARCHITECTURE)


def _check_controlled(plan: Plan, factors: set[str]) -> None:
    reference = plan.baseline.config.flat()
    set_by_arms = {key for arm in plan.arms for key in arm.levels}
    for arm in plan.arms:
        flat = arm.config.flat()
        differing = {key for key in reference.keys() | flat.keys() if reference.get(key) != flat.get(key)}
        undeclared = differing - factors
        # What an architecture, a dataset or a recipe brings with it is part of that level.
        undeclared = {key for key in undeclared if key in set_by_arms or not _comes_with_a_level(key, factors)}
        if undeclared:
            raise UserError(
                f"study {plan.study.name} is not controlled: arm {arm.label!r} differs from the baseline "
                f"{plan.baseline.label!r} in {', '.join(sorted(undeclared))}, declared no factor "
                f"(factors: {', '.join(sorted(factors)) or 'none'})"
            )
        speed = {key for key in SPEED_KEYS if flat[key] != reference[key]}
        if speed:
            raise UserError(f"study {plan.study.name}: speed settings must be the same in all arms: {sorted(speed)}")
