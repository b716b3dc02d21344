"""The fully resolved config of a run, and how dotted keys, files and defaults are resolved into it."""

import dataclasses
import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, get_args, get_origin

import jsonargparse
import yaml

from datamodules.batches.config import DataConfig
from datamodules.loading.registry import DATASETS
from lit_archs.building.initialisation import InitConfig
from lit_archs.building.norm_config import NormConfig
from lit_archs.building.registry import ARCHITECTURES, INPUT_OPTIONS
from lit_archs.learning.optimiser import OptimConfig
from litmus.errors import UserError, require_choice, require_positive, unknown_name
from studies.probes.base.probe import PROBES

PRECISIONS = ("32-true", "16-mixed", "bf16-mixed", "64-true")


@dataclass(frozen=True)
class TrainerConfig:
    """How long and in which arithmetic a run trains.

    Args:
        epochs: passes over the training split.
        validations_per_epoch: evaluations of the validation split in an epoch, evenly spaced.
        log_every_n_steps: steps between two rows of training loss.
        precision: 32-true, 16-mixed, bf16-mixed or 64-true.
        compile: whether the network is compiled by torch.compile.
        channels_last: whether images and weights are laid out channels-last.
        deterministic: whether PyTorch is asked for deterministic algorithms.
        sync_batchnorm: whether batch norm takes its statistics over all devices' samples; false takes each device's
            share, which is another treatment and another run.
        probes: what is measured while the run trains, see `litmus list probes`.
        probe_every_n_steps: steps between two measurements of a probe.
    """

    epochs: int = 10
    validations_per_epoch: int = 1
    log_every_n_steps: int = 50
    precision: str = "32-true"
    compile: bool = False
    channels_last: bool = False
    deterministic: bool = True
    sync_batchnorm: bool = True
    probes: tuple[str, ...] = ()
    probe_every_n_steps: int = 50

    def __post_init__(self) -> None:
        require_positive(
            epochs=self.epochs,
            validations_per_epoch=self.validations_per_epoch,
            log_every_n_steps=self.log_every_n_steps,
            probe_every_n_steps=self.probe_every_n_steps,
        )
        require_choice("precision", self.precision, PRECISIONS)
        for probe in self.probes:
            require_choice("probes", probe, PROBES)


SPEED_KEYS = tuple(f"trainer.{key}" for key in ("precision", "compile", "channels_last", "deterministic"))
"""Settings that are one choice for all arms of a study."""

NOT_IDENTITY = ("data.root", "data.cache", "data.storage", "data.decode_workers")
"""Keys that say where things are, not what the experiment is."""

DEFAULT_ARCHITECTURE = "lenet5"

SECTIONS: dict[str, type] = {
    "init": InitConfig,
    "norm": NormConfig,
    "data": DataConfig,
    "optim": OptimConfig,
    "trainer": TrainerConfig,
}


@dataclass(frozen=True)
class RunConfig:
    """One run, with every default written out; `model` holds the architecture's name and its options, those that the
    name fixes among them. The dataset's own options and the recipe's transforms are keys of `data`."""

    model: dict[str, Any]
    init: InitConfig
    norm: NormConfig
    data: DataConfig
    optim: OptimConfig
    trainer: TrainerConfig
    seed: int

    def as_dict(self) -> dict[str, Any]:
        """Return the config as nested dictionaries of plain values, as written to `config.yaml`."""
        return _plain({**dataclasses.asdict(self), "data": self.data.as_dict()})

    def flat(self) -> dict[str, Any]:
        """Return the config by dotted key."""
        return flatten(self.as_dict())

    def with_seed(self, seed: int) -> "RunConfig":
        """Return the same run with another seed."""
        return dataclasses.replace(self, seed=seed)

    @property
    def model_options(self) -> dict[str, Any]:
        """The architecture's options, without its name."""
        return {key: value for key, value in self.model.items() if key != "name"}


def flatten(nested: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested dictionaries as one, by dotted key."""
    flat: dict[str, Any] = {}
    for key, value in nested.items():
        if isinstance(value, Mapping):
            flat.update(flatten(value, f"{prefix}{key}."))
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def nest(flat: Mapping[str, Any]) -> dict[str, Any]:
    """Return dotted keys as nested dictionaries; the inverse of `flatten`."""
    nested: dict[str, Any] = {}
    for key, value in flat.items():
        *path, last = key.split(".")
        target = nested
        for part in path:
            target = target.setdefault(part, {})
        target[last] = value
    return nested


def add_config_arguments(
    parser: jsonargparse.ArgumentParser, architecture: str, dataset: str = DataConfig.name
) -> None:
    """Add every config key of a run of `architecture` on `dataset` to `parser`, with types, defaults and help."""
    entry = ARCHITECTURES[architecture]
    parser.add_argument("--model.name", type=str, default=architecture, help="architecture, see litmus list")
    parser.add_function_arguments(
        entry.make, "model", skip={*INPUT_OPTIONS, *entry.fixed}, sub_configs=False, fail_untyped=True
    )
    for section, config in SECTIONS.items():
        parser.add_class_arguments(config, section, skip={"options"}, sub_configs=False)
    if DATASETS[dataset].options():
        load = DATASETS[dataset].load
        parser.add_function_arguments(load, "data", as_group=False, skip={"root"}, sub_configs=False, fail_untyped=True)
    parser.add_argument("--seed", type=int, default=0, help="seed of initialisation, order, augmentation and dropout")


@lru_cache(maxsize=64)
def _parser(architecture: str, dataset: str) -> jsonargparse.ArgumentParser:
    parser = jsonargparse.ArgumentParser(exit_on_error=False)
    add_config_arguments(parser, architecture, dataset)
    return parser


def config_keys(architecture: str, dataset: str = DataConfig.name) -> list[str]:
    """Return every dotted key that a run of `architecture` on `dataset` has."""
    return list(flatten(_parser(architecture, dataset).get_defaults().as_dict()))


def resolve(settings: Mapping[str, Any]) -> RunConfig:
    """Return the fully resolved config of dotted `settings`, every default filled in.

    Values may be text as typed on a command line. Raises `UserError`, one line that names the key, what was wrong,
    the valid choices and the nearest match.
    """
    settings = {key: list(value) if isinstance(value, tuple) else value for key, value in settings.items()}
    architecture = str(settings.get("model.name", DEFAULT_ARCHITECTURE))
    entry = ARCHITECTURES[architecture]
    dataset = str(settings.get("data.name", DataConfig.name))
    valid = config_keys(architecture, dataset)
    # What a recorded config says of its recipe; no key of its own, for the recipe decides it.
    transforms = settings.pop("data.transforms", None)
    for option, fixed in entry.fixed.items():
        if settings.pop(f"model.{option}", fixed) != fixed:
            raise UserError(f"model.{option} cannot be set: the name {architecture} fixes it to {fixed}")
    for key in settings:
        if key not in valid:
            raise _unknown_key(key, valid, dataset if key.startswith("data.") else architecture)
    try:
        parsed = _parser(architecture, dataset).parse_object(nest(settings)).as_dict()
    except (jsonargparse.ArgumentError, TypeError, ValueError) as error:
        raise UserError(explain(str(error), architecture, dataset)) from None
    if transforms is not None:
        parsed["data"]["transforms"] = transforms
    sections: dict[str, Any] = {}
    for section, config in SECTIONS.items():
        try:
            values = {key: _hashable(value) for key, value in parsed[section].items()}
            sections[section] = DataConfig.from_dict(values) if config is DataConfig else config(**values)
        except UserError as error:
            separator = "." if str(error).split()[0] in parsed[section] else ": "
            raise UserError(f"{section}{separator}{error}") from None
    if parsed["seed"] < 0:
        raise UserError(f"seed must be at least 0, got {parsed['seed']}")
    return RunConfig(model={**parsed["model"], **entry.fixed}, seed=parsed["seed"], **sections)


def explain(message: str, architecture: str, dataset: str = DataConfig.name) -> str:
    """Turn the parser's complaint into one line: the key, the valid choices or type, the nearest match."""
    text = " ".join(message.split())
    key_match = re.search(r'[Kk]ey "([\w.]+)"', text)
    value_match = re.search(r"(?:Got|Given) value: (.*?)(?:$| Given value type)", text)
    if key_match is None:
        return text
    key, value = key_match.group(1), value_match.group(1).strip() if value_match else "that"
    annotation = _annotation(key, architecture, dataset)
    if get_origin(annotation) is Literal:
        return str(unknown_name(key, value, [str(choice) for choice in get_args(annotation)]))
    expected = getattr(annotation, "__name__", str(annotation)) if get_origin(annotation) is None else str(annotation)
    expected = {"int": "an integer", "float": "a number", "bool": "true or false"}.get(expected, expected)
    return f"{key}: expected {expected}, got {value!r}"


def parse_value(text: str) -> Any:
    """Return the value that a YAML scalar or flow collection stands for; `1e-3` is a number, as in Python."""
    try:
        return float(text) if re.fullmatch(r"[-+]?\d+(\.\d*)?[eE][-+]?\d+", text) else yaml.safe_load(text)
    except yaml.YAMLError:
        return text


def _annotation(key: str, architecture: str, dataset: str) -> Any:
    section, _, name = key.partition(".")
    if section == "model":
        parameter = ARCHITECTURES[architecture].options().get(name)
        return parameter.annotation if parameter is not None else str
    if section == "data" and name in DATASETS[dataset].options():
        return DATASETS[dataset].options()[name].annotation
    if section in SECTIONS:
        return {field.name: field.type for field in dataclasses.fields(SECTIONS[section])}.get(name, str)
    return int


def _unknown_key(key: str, valid: Iterable[str], owner: str) -> UserError:
    keys = list(valid)
    section = key.partition(".")[0]
    siblings = [candidate for candidate in keys if candidate.startswith(f"{section}.")]
    nearest = difflib.get_close_matches(key, siblings or keys, n=1, cutoff=0.5)
    suggestion = f"; did you mean {nearest[0]!r}?" if nearest else ";"
    shown = siblings or sorted({candidate.partition(".")[0] for candidate in keys})
    return UserError(f"unknown config key {key!r} for {owner}{suggestion} valid: {', '.join(shown)}")


def _hashable(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return value
