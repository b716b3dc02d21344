"""A study expanded into arms and seeds, checked to be controlled: its arms differ in the declared factors alone."""

import json
import os
import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from litmus.core.config_keys import Key, Role, Settings, parse_value
from litmus.core.declaration import as_python
from litmus.core.errors import UserError, require_at_least, require_choice, require_positive
from litmus.core.metrics import TASKS
from litmus.core.registry import Registry
from litmus.core.suggestions import in_any_case
from litmus.datamodules.batches.config import DataConfig
from litmus.datamodules.loading.registry import DATASETS
from litmus.design.experiment import (
    DATA_OF_A_FOLDER,
    Asked,
    asked_levels,
    asked_settings,
    asked_tuning,
    experiment_name,
    folder_name,
)
from litmus.design.study import Study, check_arms, require_folder_name, require_study_name
from litmus.design.tuning import FIRST_TUNING_SEED, Point, Range, Tuning, as_tuning
from litmus.lit_archs.building.registry import ARCHITECTURES
from litmus.probes.probe import PROBES
from litmus.records.study_record import ArmRecord, Start, StudyRecord, TuningRecord, is_full_product, levels_by_factor
from litmus.training.config import DEFAULT_ARCHITECTURE, ENV, RunConfig, config_keys, resolve
from litmus.training.identity import identity_settings
from litmus.training.run import Run
from litmus.training.user_code import is_local, read_user_code

NAMES = ("model.name", "data.name")
"""Keys that decide which other keys there are."""

NOT_TUNED = (*NAMES, "data.validation", "data.split_seed", "trainer.probes", "seed")
"""Keys that cannot be tuned: what a choice is made on must be the same for all that is chosen between."""


@dataclass(frozen=True)
class Arm:
    """One combination of levels and the config that it resolves to (with seed 0), from the study's settings."""

    label: str
    levels: dict[str, Any]
    config: RunConfig
    is_baseline: bool
    settings: dict[str, Any] = field(default_factory=dict, repr=False)

    def role(self, key: str) -> Role:
        """Return what a config key means for its runs."""
        keys = self.config.keys()
        return keys[key].role if key in keys else Role.IDENTITY

    def at(self, point: Point) -> "Arm":
        """Return the arm with other values of some keys, such as tuned ones. Raises `UserError` for a wrong one."""
        try:
            config = resolve({**self.settings, **point})
        except UserError as error:
            raise UserError(f"arm {self.label!r}: {error}") from None
        return replace(self, config=config, settings={**self.settings, **point})


@dataclass(frozen=True)
class Plan:
    """A study expanded: its arms, the baseline among them, and their seeds.

    Args:
        study: the study, as its preset has it.
        arms: every arm.
        seeds: the seeds of every arm.
        preset: the preset's name.
        tuning: what the arms try first.
        settings: what the user asked for on top of the study.
        asked: what of it, and of preset, levels, tuning and seeds, makes another experiment.
        named: the name that the user gave the experiment; empty for the one that says what was asked for.
        added: further seeds of single arms, by label.
        splits: how many validation splits the seeds take in turn.
        notes: lines for the user on how the arms came about.
    """

    study: Study
    arms: tuple[Arm, ...]
    seeds: tuple[int, ...]
    preset: str
    tuning: Tuning | None = None
    settings: Settings = field(default_factory=dict)
    asked: Asked = field(default_factory=dict)
    named: str = ""
    added: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    splits: int = 1
    notes: tuple[str, ...] = ()

    @property
    def experiment(self) -> str:
        """What tells the experiment from every other one."""
        return experiment_name(self.study.name, self.asked)

    @property
    def name(self) -> str:
        """The experiment's name, which is its folder's."""
        return self.named or folder_name(self.experiment)

    def directory(self, out: str | Path) -> Path:
        """Return the folder of its runs, of the folder of all records."""
        return Path(out) / self.name

    @property
    def data_root(self) -> str:
        """The folder that is the dataset; empty where that is the same wherever it lies."""
        data = self.baseline.config.data
        return str(Path(data.root).resolve()) if data.name in DATA_OF_A_FOLDER else ""

    def shared(self) -> dict[str, Any]:
        """Return the config that all runs share, by key: what is neither varied nor tuned nor the seed's."""
        varied = {key for arm in self.arms for key in arm.levels} | {"seed"}
        varied |= {
            *(self.tuning.space if self.tuning is not None else ()),
            *(("data.split_seed",) if self.splits > 1 else ()),
        }
        others = [arm.config.flat() for arm in self.arms]
        return {
            key: value
            for key, value in identity_settings(self.baseline.config).items()
            if key not in varied and all(key in other and other[key] == value for other in others)
        }

    @property
    def baseline(self) -> Arm:
        """The arm that the others are held against."""
        return next(arm for arm in self.arms if arm.is_baseline)

    def runs(self) -> list[tuple[Arm, int]]:
        """Return every arm and seed; all arms of a seed come before the next seed, so that pairs fill up early."""
        planned = [(arm, seed) for seed in self.seeds for arm in self.arms]
        added = [(arm, seed) for arm in self.arms for seed in self.added.get(arm.label, ())]
        return planned + sorted(added, key=lambda each: each[1])

    def config(self, arm: Arm, seed: int) -> RunConfig:
        """Return the config of an arm's run: with its seed, and with the validation split whose turn it is."""
        config = arm.config.with_seed(seed)
        split = config.data.split_seed + seed % self.splits
        return replace(config, data=replace(config.data, split_seed=split))

    def seeds_of(self, label: str) -> tuple[int, ...]:
        """Return the seeds of an arm."""
        return self.seeds + self.added.get(label, ())

    def with_more(self, labels: Collection[str], count: int) -> "Plan":
        """Return the plan with `count` more seeds of these arms."""
        added = dict(self.added)
        for label in labels:
            following = self.seeds_of(label)[-1] + 1
            added[label] = (*added.get(label, ()), *range(following, following + count))
        return replace(self, added=added)

    def tuned(self, chosen: Mapping[str, Point]) -> "Plan":
        """Return the plan with each arm at the values that it chose, still checked to be controlled."""
        arms = tuple(arm.at(chosen[arm.label]) for arm in self.arms)
        plan = replace(self, arms=arms)
        _check_controlled(plan, set(self.study.factors) | {key for point in chosen.values() for key in point})
        return plan

    def record(
        self,
        runs: Sequence[Run],
        source: Path | None = None,
        codes: Sequence[Mapping[str, str]] = (),
        starts: Mapping[str, Start] | None = None,
        tuning: TuningRecord | None = None,
        data: tuple[str, ...] = (),
    ) -> StudyRecord:
        """Return what the study consists of, `runs` by arm and seed and `starts` by arm, as its folder keeps it.

        `data` are the fingerprints of its data.
        """
        by_arm: dict[str, dict[int, str]] = {arm.label: {} for arm in self.arms}
        for run in runs:
            by_arm[run.arm][run.config.seed] = run.run_id
        levels = [arm.levels for arm in self.arms]
        task = ARCHITECTURES[self.baseline.config.model["name"]].task
        return StudyRecord(
            study=self.study.name,
            question=self.study.question,
            preset=self.preset,
            factors=levels_by_factor(levels, list(self.study.factors)),
            full_product=is_full_product(levels),
            design="" if self.study.arms else self.study.design,
            tuning=tuning,
            task=task,
            settings=dict(self.settings),
            experiment=self.experiment,
            shared=self.shared(),
            data=data,
            data_root=self.data_root,
            protocol=self.study.protocol,
            arms=tuple(
                ArmRecord(arm.label, arm.levels, arm.is_baseline, by_arm[arm.label], (starts or {}).get(arm.label))
                for arm in self.arms
            ),
            source=None if source is None else str(source),
            codes=tuple(dict(code) for code in codes),
            custom_task=TASKS[task] if TASKS[task].metrics else None,
            roles={
                name: str(key.role)
                for arm in self.arms
                for name, key in arm.config.keys().items()
                if key.role is not Role.IDENTITY
            },
            diverged_value=self.study.diverged_value,
            given=tuple(dict.fromkeys(key for arm in self.arms for key in arm.settings)),
            level_names=self.study.level_names,
        )


def expand(
    study: Study,
    *,
    preset: str = "quick",
    seeds: int | None = None,
    settings: Settings | None = None,
    vary: Mapping[str, Sequence[Any]] | None = None,
    tuning: Tuning | None = None,
    first_seed: int = 0,
    splits: int = 1,
    name: str = "",
) -> Plan:
    """Resolve every arm of `study` and check that the arms differ in the declared factors and nowhere else.

    `settings` go on top of the preset; `vary` replaces the levels of factors, `tuning` the study's own. Seeds are
    counted from `first_seed`, and take `splits` validation splits in turn. `name` replaces the experiment's.

    Raises `UserError` for a wrong name, key or value, for a study that is not controlled, with the differing keys, and
    for two arms with the same config.
    """
    settings = {key: as_registered(key, value) for key, value in as_python(settings or {}).items()}
    for key, levels in (vary or {}).items():
        if isinstance(levels, str | Mapping) or not isinstance(levels, Iterable):
            raise UserError(f"vary {key}: expected a list of levels, got {levels!r}")
    # Text stands for what it says, as on the command line: a level is compared with the baseline's.
    vary = {
        key: [as_registered(key, parse_value(level) if isinstance(level, str) else level) for level in levels]
        for key, levels in as_python(vary or {}).items()
    }
    require_study_name(study.name)
    if name:
        require_folder_name(name)
    preset = study.preset_named(preset)
    study = study.at(preset)
    numbers = {"seeds": study.seeds if seeds is None else seeds, "first_seed": first_seed, "splits": splits}
    count, first_seed, splits = (Key(name, int, None, "").convert(number) for name, number in numbers.items())
    require_positive(seeds=count)
    require_at_least(0, first_seed=first_seed)
    require_positive(splits=splits)
    if splits < count and count % splits:
        raise UserError(
            f"--splits {splits}: {count} seeds cannot be divided evenly among them; give a divisor of {count}, or "
            f"{count} or more"
        )
    _check_factors(study, vary)
    check_arms(study)
    levels_of = study.arm_levels(vary)
    baseline, notes = _baseline_label(study, vary, levels_of)
    plan = Plan(
        study,
        _resolved(study, preset, settings, vary, levels_of, baseline),
        tuple(range(first_seed, first_seed + count)),
        preset,
        tuning=as_tuning(study.tune) if tuning is None else tuning,
        settings=dict(settings),
        named=name,
        splits=splits,
    )
    plan = replace(plan, asked=_asked(plan, vary), notes=(*notes, *_options_left_out(plan, vary)))
    _check_different(study.name, {arm.label: arm.config for arm in plan.arms})
    _check_controlled(plan, set(study.factors))
    _check_tuning(plan)
    return plan


def _resolved(
    study: Study,
    preset: str,
    settings: Settings,
    vary: Mapping[str, Sequence[Any]],
    levels_of: Mapping[str, dict[str, Any]],
    baseline: str,
) -> tuple[Arm, ...]:
    """Return the arms of these levels, by label. Raises `UserError` where one cannot be."""
    base = _base_settings(study, _of_preset(study, preset), settings, vary)
    arms = []
    for label, levels in levels_of.items():
        of_arm = {**_fitting(base, levels), **levels}
        try:
            arms.append(Arm(label, levels, resolve(of_arm), label == baseline, of_arm))
        except UserError as error:
            raise UserError(f"study {study.name}, arm {label!r}: {error}") from None
    return tuple(arms)


def _asked(plan: Plan, vary: Mapping[str, Sequence[Any]]) -> Asked:
    """Return what of a plan makes it another experiment than the study as it is declared."""
    study, settings = plan.study, plan.settings
    asked: Asked = {} if plan.preset == "quick" else {plan.preset: ""}
    if settings:
        keys = {name: key for arm in plan.arms for name, key in arm.config.keys().items()}
        of_data = {
            key: settings[key] for key in settings if key in NAMES or (key in keys and keys[key].role is Role.FILES)
        }
        references: list[Sequence[Settings]] = []
        for some in ({}, of_data) if of_data else ({},):
            try:
                others = _resolved(study, plan.preset, some, vary, {each.label: each.levels for each in plan.arms}, "")
            except UserError:  # the study is none without what was asked for
                others = ()
            references.append([arm.config.flat() for arm in others])
        asked |= asked_settings(settings, keys, [arm.config.flat() for arm in plan.arms], references[0], references[-1])
    declared = study.factor_levels()
    other_levels = {key: levels for key, levels in vary.items() if not _same_members(levels, declared[key])}
    asked |= asked_levels(other_levels, plan.baseline.levels)
    asked |= asked_tuning(plan.tuning, as_tuning(study.tune))
    if plan.seeds[0]:
        asked["first_seed"] = str(plan.seeds[0])
    if plan.splits > 1:
        asked["splits"] = str(plan.splits)
    return asked


def _same_members(some: Sequence[Any], others: Sequence[Any]) -> bool:
    return len(some) == len(others) and all(each in others for each in some)


def as_registered(key: str, value: Any) -> Any:
    """Return the name of an architecture or a dataset as it is registered, or another choice, whatever its case; other
    values as they are. A network of `net.py:MyNet` is registered as `MyNet`. Raises `UserError` for an unknown name.
    """
    registries: dict[str, Registry[Any]] = dict(zip(NAMES, (ARCHITECTURES, DATASETS), strict=True))
    if key in registries:
        return registries[key][value].name
    choices = [
        each for each in getattr(config_keys(DEFAULT_ARCHITECTURE).get(key), "choices", ()) if isinstance(each, str)
    ]
    return in_any_case(value, choices) or value if isinstance(value, str) else value


def _check_factors(study: Study, vary: Mapping[str, Sequence[Any]]) -> None:
    for key, levels in vary.items():
        if study.arms:
            raise UserError(f"--vary {key}: the arms of {study.name} are fixed: {'; '.join(study.arms)}")
        require_choice(f"factor of {study.name}", key, study.factors)
        if not levels:
            raise UserError(f"factor {key} has no level")
    for key in (*study.factors, *(key for levels in study.arms.values() for key in levels)):
        if key.startswith(ENV):
            raise UserError(f"{key} cannot be a factor: a process imports your code once; make it a network's option")
    named = [(name, key) for key, names in study.level_names.items() for name in names]
    for name, key in named:
        if (first := dict(reversed(named))[name]) != key:
            raise UserError(f"study {study.name}: {first} and {key} both name a level {name!r}; name each differently")
    for key, levels in study.factor_levels(vary).items():
        if len(set(map(repr, levels))) < len(levels):
            raise UserError(f"factor {key} has the same level twice: {', '.join(map(str, levels))}")
        if key == "seed":
            raise UserError("seed cannot be a factor: every arm runs with the same seeds, see --seeds")


def _check_tuning(plan: Plan) -> None:
    if plan.seeds[-1] >= FIRST_TUNING_SEED:
        raise UserError(f"seeds from {FIRST_TUNING_SEED} on are for tuning, got {plan.seeds[-1]}")
    if plan.tuning is None:
        return
    for key in plan.tuning.space:
        if key in plan.study.factors or any(key in arm.levels for arm in plan.arms):
            raise UserError(f"tune {key}: it is a factor of {plan.study.name}; a key is either varied or tuned")
        if key in NOT_TUNED or plan.baseline.role(key) in (Role.SPEED, Role.PLACE):
            raise UserError(f"tune {key}: it must be equal in all trials")
        if key in plan.settings:
            raise UserError(f"{plan.study.name} tunes {key}; choose its values with --tune {key}=A,B")
    for arm in plan.arms:
        try:
            tried = {str(point): arm.at(point).config for point in plan.tuning.points}
        except UserError as error:
            raise UserError(f"study {plan.study.name}, tune: {error}") from None
        if not any(isinstance(values, Range) for values in plan.tuning.space.values()):
            _check_different(f"{plan.study.name}, tune", tried)


def _check_different(study: str, configs: Mapping[str, RunConfig]) -> None:
    """Raise `UserError` where two arms or trials, by label, are the same experiment."""
    labels: dict[str, str] = {}
    for label, config in configs.items():
        first = labels.setdefault(repr(config), label)
        if first != label:
            raise UserError(f"study {study}: {first!r} and {label!r} have the same config, so they cannot differ")


def _of_preset(study: Study, preset: str) -> Settings:
    """Return the settings that a preset puts on top of the study's base; none where the preset is a study."""
    chosen = study.presets.get(preset, {})
    return {} if isinstance(chosen, Study) else {key: value for key, value in chosen.items() if key != "tune"}


def _options_left_out(plan: Plan, vary: Mapping[str, Sequence[Any]]) -> list[str]:
    """Return a line for an architecture or a dataset of the user's whose options the study sets for its own."""
    before = _base_settings(plan.study, _of_preset(plan.study, plan.preset), {}, vary)
    now, common = plan.baseline.config.flat(), {key for key in config_keys(DEFAULT_ARCHITECTURE) if key[:5] == "data."}
    lines = []
    for name in (name for name in NAMES if name in plan.settings and before.get(name) != now[name]):
        family = name.removesuffix("name")
        changed = [
            f"{key} is {json.dumps(now[key])} and not {json.dumps(value)}"
            for key, value in before.items()
            if key.startswith(family) and key in now.keys() - common - plan.settings.keys() and now[key] != value
        ]
        if changed:
            lines.append(
                f"--{name.partition('.')[0]} {now[name]} drops options that the study sets: {', '.join(changed)}"
            )
    return lines


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
    base.update({f"{ENV}{name}": os.environ.get(name) for name in study.environment})
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
    study: Study, vary: Mapping[str, Sequence[Any]], levels_of: Mapping[str, Mapping[str, Any]]
) -> tuple[str, tuple[str, ...]]:
    """Return the baseline's label, and a line for each level of the declared baseline that `vary` left out."""
    if isinstance(study.baseline, str):
        require_choice(f"arm of {study.name}", study.baseline, levels_of)
        return study.baseline, ()
    left_out = {key: level for key, level in study.baseline.items() if level not in vary.get(key, (level,))}
    wanted = {key: level for key, level in study.baseline.items() if key not in left_out}
    if study.design != "full":
        wanted = {}
    label = next(
        label for label, levels in levels_of.items() if all(levels.get(key) == level for key, level in wanted.items())
    )
    return label, tuple(
        f"--vary {key} leaves out the baseline's level {level}; its place takes {vary[key][0]}"
        for key, level in left_out.items()
    )


def _comes_with_a_level(key: str, factors: set[str]) -> bool:
    """Whether a key is an option of an architecture, a dataset or a recipe that is itself varied.

    A network that is not the package's starts by default as its constructor says, which is part of it.
    """
    if key == "data.transforms":
        return "data.augment" in factors
    if key.startswith("model.") or key == "init.scheme":
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
                f"{plan.baseline.label!r} in {', '.join(sorted(undeclared))}, which is not a declared factor "
                f"(factors: {', '.join(sorted(factors)) or 'none'})"
            )
        for key in sorted(differing & factors):
            role = plan.baseline.role(key)
            if role is Role.SPEED:
                raise UserError(f"{key} cannot be a factor: speed settings are one choice for all arms of a study")
            if role is Role.PLACE:
                raise UserError(f"{key} cannot be a factor: it changes no result")


def registering_file(*plans: Plan) -> Path | None:
    """Return the file that defines the architectures, datasets and probes of the plans' arms, or imports what does.

    None where packages bring them all. Raises `UserError` where a cell of a notebook or a line at the prompt registers
    one, whose code neither workers nor records can see, and where no file has all.
    """
    found: dict[Path, str] = {}
    for arm in (arm for plan in plans for arm in plan.arms):
        config = arm.config
        made_of: list[tuple[Registry, str]] = [(ARCHITECTURES, config.model["name"]), (DATASETS, config.data.name)]
        for registry, name in [*made_of, *((PROBES, probe) for probe in config.trainer.probes)]:
            module = registry.module_of(name)
            if module is None or module.partition(".")[0] == "litmus":
                continue
            file = getattr(sys.modules.get(module), "__file__", None)
            if file is None:
                raise UserError(
                    f"{registry.kind} {name!r} is registered in a notebook or at the prompt, which workers cannot see; "
                    "write it into a file (%%writefile own.py) and import that"
                )
            if is_local(Path(file)):
                found[Path(file).resolve()] = f"{registry.kind} {name!r}"
    for file in found:
        if {path.resolve() for path in read_user_code(file).files.values()} >= found.keys():
            return file
    if found:
        where = " and ".join(f"{file.name} ({what})" for file, what in found.items())
        raise UserError(f"none of {where} imports the others; import them all in one file, and name it with --source")
    return None
