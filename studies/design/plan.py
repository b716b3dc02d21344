"""A study expanded into arms and seeds, checked to be controlled: its arms differ in the declared factors alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from datamodules.batches.config import DataConfig
from lit_archs.building.registry import ARCHITECTURES
from litmus.errors import UserError, require_positive, unknown_name
from litmus.settings import Settings
from studies.design.check_claims import check_claims
from studies.design.study import Study, require_study_name
from studies.records.study_record import ArmRecord, StudyRecord, is_full_product, levels_by_factor
from studies.training.config import DEFAULT_ARCHITECTURE, SPEED_KEYS, RunConfig, config_keys, resolve
from studies.training.run import Run

NAMES = ("model.name", "data.name")
"""Keys that decide which other keys there are."""


@dataclass(frozen=True)
class Arm:
    """One combination of levels and the config that it resolves to (with seed 0)."""

    label: str
    levels: dict[str, Any]
    config: RunConfig
    is_baseline: bool


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

    def record(self, runs: Sequence[Run], settings: Settings, source: Path | None = None) -> StudyRecord:
        """Return what the study consists of, `runs` by arm and seed, as its folder keeps it."""
        by_arm = {(run.arm, run.config.seed): run.run_id for run in runs}
        levels = [arm.levels for arm in self.arms]
        return StudyRecord(
            study=self.study.name,
            question=self.study.question,
            preset=self.preset,
            factors=levels_by_factor(levels, list(self.study.factors)),
            full_product=is_full_product(levels),
            task=ARCHITECTURES[self.baseline.config.model["name"]].task,
            settings=dict(settings),
            protocol=self.study.protocol,
            arms=tuple(
                ArmRecord(arm.label, arm.levels, arm.is_baseline, {s: by_arm[arm.label, s] for s in self.seeds})
                for arm in self.arms
            ),
            source=None if source is None else str(source),
            diverged_value=self.study.diverged_value,
        )


def expand(
    study: Study,
    *,
    preset: str = "quick",
    seeds: int | None = None,
    settings: Settings | None = None,
    vary: Mapping[str, Sequence[Any]] | None = None,
) -> Plan:
    """Resolve every arm of `study` and check that the arms differ in the declared factors and nowhere else.

    `settings` go on top of the preset; `vary` replaces the levels of factors. Raises `UserError` for a wrong name, key
    or value, and for a study that is not controlled, with the differing keys.
    """
    require_study_name(study.name)
    presets = {"quick": {}, **study.presets}
    if preset not in presets:
        raise unknown_name(f"preset of {study.name}", preset, presets)
    count = study.seeds if seeds is None else seeds
    require_positive(seeds=count)
    _check_factors(study, vary or {})
    check_claims(study)
    base = _base_settings(study, presets[preset], settings or {}, vary or {})
    arms = []
    for label, levels in study.arm_levels(vary).items():
        try:
            config = resolve({**_fitting(base, levels), **levels})
        except UserError as error:
            raise UserError(f"study {study.name}, arm {label!r}: {error}") from None
        arms.append((label, levels, config))
    baseline = _baseline_label(study, vary or {}, [(label, levels) for label, levels, _ in arms])
    plan = Plan(
        study,
        tuple(Arm(label, levels, config, label == baseline) for label, levels, config in arms),
        tuple(range(count)),
        preset,
    )
    _check_controlled(plan, set(study.factors))
    return plan


def _check_factors(study: Study, vary: Mapping[str, Sequence[Any]]) -> None:
    for key, levels in vary.items():
        if study.arms:
            raise UserError(f"--vary {key}: the arms of {study.name} are fixed: {'; '.join(study.arms)}")
        if key not in study.factors:
            raise unknown_name(f"factor of {study.name}", key, study.factors)
        if not levels:
            raise UserError(f"factor {key} has no level")
    for key, levels in study.factor_levels(vary).items():
        if len(set(map(repr, levels))) < len(levels):
            raise UserError(f"factor {key} has the same level twice: {', '.join(map(str, levels))}")
        if key in SPEED_KEYS:
            raise UserError(f"{key} cannot be a factor: speed settings are one choice for all arms of a study")
        if key == "seed":
            raise UserError("seed cannot be a factor: every arm runs with the same seeds, see --seeds")


def _base_settings(
    study: Study, preset: Settings, settings: Settings, vary: Mapping[str, Sequence[Any]]
) -> dict[str, Any]:
    factors = study.factor_levels(vary)
    for key in settings:
        if key == "seed":
            raise UserError("seed cannot be set for a study: its arms share seeds 0, 1, ...; --seeds says how many")
        if key in factors:
            levels = ", ".join(map(str, factors[key]))
            raise UserError(f"{key} is a factor of {study.name} ({levels}); choose its levels with --vary {key}=A,B")
    base: dict[str, Any] = {"trainer.probes": list(study.probes)} if study.probes else {}
    for layer in (study.base, study.for_data.get(str(settings.get("data.name")), {}), preset, settings):
        if layer.get("model.name", base.get("model.name")) != base.get("model.name"):
            # Options mean something for the architecture that they were given for: `width` is 8 channels to one and
            # a factor to another.
            base = {key: value for key, value in base.items() if not key.startswith("model.")}
        if layer.get("data.name", base.get("data.name")) != base.get("data.name"):
            common = config_keys(DEFAULT_ARCHITECTURE)
            base = {key: value for key, value in base.items() if not key.startswith("data.") or key in common}
        base.update(layer)
    return base


def _fitting(base: Settings, levels: Settings) -> dict[str, Any]:
    # Where the architecture or the dataset is itself a factor, an option of the base holds for the arms that have it.
    varied = tuple(name.removesuffix("name") for name in NAMES if name in levels)
    if not varied:
        return dict(base)
    names = {"model.name": DEFAULT_ARCHITECTURE, "data.name": DataConfig.name, **base, **levels}
    valid = config_keys(str(names["model.name"]), str(names["data.name"]))
    return {key: value for key, value in base.items() if key in valid or not key.startswith(varied)}


def _baseline_label(
    study: Study, vary: Mapping[str, Sequence[Any]], arms: Sequence[tuple[str, Mapping[str, Any]]]
) -> str:
    labels = [label for label, _ in arms]
    if isinstance(study.baseline, str):
        if study.baseline not in labels:
            raise unknown_name(f"arm of {study.name}", study.baseline, labels)
        return study.baseline
    # A level that --vary took away leaves the first one as the baseline's.
    factors = study.factor_levels(vary)
    wanted = {key: level for key, level in study.baseline.items() if level in factors.get(key, ())}
    fits = [label for label, levels in arms if all(levels.get(k) == v for k, v in wanted.items())]
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
