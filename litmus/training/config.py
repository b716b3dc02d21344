"""The fully resolved config of a run, and how dotted keys, files and defaults are resolved into it."""

import dataclasses
import json
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

import torch
from pydantic import NonNegativeInt, PositiveInt

from litmus.core.config_keys import (
    REQUIRED,
    Config,
    Key,
    Keys,
    OneOf,
    Role,
    Settings,
    flatten,
    keys_of_class,
    unknown_key,
)
from litmus.core.errors import UserError, written_with
from litmus.core.formatting import listed
from litmus.datamodules.batches.config import DataConfig
from litmus.datamodules.loading.registry import DATASETS
from litmus.lit_archs.building.architecture import INPUT_OPTIONS
from litmus.lit_archs.building.initialisation import InitConfig
from litmus.lit_archs.building.norm_config import NormConfig
from litmus.lit_archs.building.registry import ARCHITECTURES
from litmus.lit_archs.learning.optimiser import OptimConfig
from litmus.probes.probe import PROBES

MIXED = {"16-mixed": torch.float16, "bf16-mixed": torch.bfloat16}
"""Data type of matrix products and convolutions under mixed precision."""


def use_precision(precision: str) -> Any:
    """Set the precision of a GPU's float32 products, and return the precision for Lightning's Trainer.

    By default PyTorch lets a GPU's convolutions round their factors to TF32's ten bits. Here 32-true is
    float32 throughout, as on the CPU, and tf32 is a separate choice.
    https://docs.pytorch.org/docs/stable/notes/cuda.html#tensorfloat-32-tf32-on-ampere-and-later-devices
    """
    tf32 = precision == "tf32"
    # The newer switches alone would make an error of the older ones, which Lightning reads; and whatever a user's file
    # has switched, on the CPU too, is no part of a run's identity.
    torch.set_float32_matmul_precision("highest")
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = tf32
    for name in ("cuda.matmul", "cudnn.conv", "cudnn.rnn", "mkldnn.matmul", "mkldnn.conv", "mkldnn.rnn"):
        family, _, operation = name.partition(".")
        switch: Any = getattr(getattr(torch.backends, family), operation, None)
        if hasattr(switch, "fp32_precision"):  # since PyTorch 2.9
            switch.fp32_precision = "tf32" if tf32 and family != "mkldnn" else "ieee"
    return "32-true" if precision == "tf32" else precision


def require_precision(precision: str, accelerator: str) -> None:
    """Raise `UserError` where `accelerator`, cpu or cuda, would compute in another precision than `precision`.

    On a CPU Lightning computes 16-mixed as bf16-mixed, and nothing rounds to TF32; GPUs before Ampere have no TF32
    either, and bfloat16 in emulation alone.
    """
    needs, valid = "", ("32-true", "bf16-mixed", "64-true")
    if accelerator == "cpu" and precision not in valid:
        needs = "needs a GPU, and these runs are on the CPU"
    elif accelerator == "cuda" and precision in ("tf32", "bf16-mixed") and torch.cuda.get_device_capability() < (8, 0):
        needs, valid = "needs a GPU of compute capability 8.0 or more", ("32-true", "16-mixed", "64-true")
    if needs:
        raise UserError(f"trainer.precision {precision} {needs}; valid here: {', '.join(valid)}")


Precision = Literal["32-true", "tf32", "16-mixed", "bf16-mixed", "64-true"]
Keep = Literal["none", "last", "best", "both"]


@dataclass(frozen=True)
class TrainerConfig(Config):
    """How long and in which arithmetic a run trains.

    Args:
        epochs: passes over the training split.
        accumulate: micro-batches of a step, whose gradients are added up, for a batch that does not fit into memory;
            batch norm sees one micro-batch.
        validations_per_epoch: evaluations of the validation split in an epoch, evenly spaced.
        log_every_n_steps: steps between two rows of training loss.
        precision: 32-true (float32 throughout), tf32 (a GPU's float32 products with ten bits), 16-mixed (on a GPU),
            bf16-mixed or 64-true.
        compile: whether the network is compiled by torch.compile.
        channels_last: whether images and weights are laid out channels-last.
        deterministic: whether PyTorch is asked for deterministic algorithms.
        sync_batchnorm: whether batch norm computes its statistics over the samples of all devices; false computes them
            on each device, which is a different treatment and a different run.
        probes: what is measured while the run trains, see `litmus list probes`.
        probe_every_n_steps: steps between two measurements of a probe.
        keep: which weights are kept on disk after the run: none, last, best (of the best evaluation on the validation
            split) or both.
        test: which weights are tested, last or best; with best, the metrics of training and validation are those of
            the best evaluation too.
    """

    epochs: PositiveInt = 10
    accumulate: PositiveInt = 1
    validations_per_epoch: PositiveInt = 1
    log_every_n_steps: PositiveInt = 50
    precision: Annotated[Precision, Role.SPEED] = "32-true"
    compile: Annotated[bool, Role.SPEED] = False
    channels_last: Annotated[bool, Role.SPEED] = False
    deterministic: Annotated[bool, Role.SPEED] = True
    sync_batchnorm: bool = True
    probes: tuple[Annotated[str, OneOf(PROBES)], ...] = ()
    probe_every_n_steps: PositiveInt = 50
    keep: Annotated[Keep, Role.PLACE] = "none"
    test: Literal["last", "best"] = "last"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.test == "best" and "logits" in self.probes:
            raise UserError("test best: the probe logits keeps those of the last weights; use test last")


DEFAULT_ARCHITECTURE = "lenet5"

ENV = "env."
"""What the keys of environment variables begin with."""

SECTIONS: dict[str, type] = {
    "init": InitConfig,
    "norm": NormConfig,
    "data": DataConfig,
    "optim": OptimConfig,
    "trainer": TrainerConfig,
}


@dataclass(frozen=True)
class RunConfig:
    """One run, with every default written out.

    `model` holds the architecture's name and its options, with those that the name fixes; `data` holds the dataset's
    options and the recipe's transforms too. `env` holds the environment variables that the user's code reads and that
    its study declares, None where one is not set.
    """

    model: dict[str, Any]
    init: InitConfig
    norm: NormConfig
    data: DataConfig
    optim: OptimConfig
    trainer: TrainerConfig
    seed: int
    env: dict[str, str | None] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Return the config as nested dictionaries of plain values, as written to `config.yaml`."""
        values = {**dataclasses.asdict(self), "data": self.data.as_dict()}
        if not self.env:
            del values["env"]
        plain: dict[str, Any] = json.loads(json.dumps(values))  # tuples become lists
        return plain

    def flat(self) -> dict[str, Any]:
        """Return the config by dotted key."""
        return flatten(self.as_dict())

    def with_seed(self, seed: int) -> "RunConfig":
        """Return the same run with another seed."""
        return dataclasses.replace(self, seed=seed)

    def keys(self) -> Keys:
        """Return the declarations of its keys by dotted name, without the options that the name fixes."""
        return config_keys(self.model["name"], self.data.name)

    @property
    def model_options(self) -> dict[str, Any]:
        """The architecture's options, without its name and the file of its weights."""
        return {key: value for key, value in self.model.items() if key not in ("name", "weights")}


def config_keys(architecture: str, dataset: str = DataConfig.name) -> Keys:
    """Return every key that a run of `architecture` on `dataset` has, by its dotted name."""
    keys = {"model.name": Key("model.name", str, architecture, "architecture, see `litmus list archs`")}
    keys.update(ARCHITECTURES[architecture].keys("model"))
    file = "file of a state dict (.pt, .safetensors) that the run starts from"
    keys["model.weights"] = Key("model.weights", Annotated[str | None, Role.FILES], None, file)
    for section, config in SECTIONS.items():
        keys.update(keys_of_class(config, section))
        if config is DataConfig:
            keys.update(DATASETS[dataset].keys("data"))
    scheme = ARCHITECTURES[architecture].scheme
    keys["init.scheme"] = dataclasses.replace(keys["init.scheme"], default=scheme)
    keys["seed"] = Key("seed", NonNegativeInt, 0, "seed of initialisation, order, augmentation and dropout")
    return keys


def resolve(settings: Settings) -> RunConfig:
    """Return the fully resolved config of dotted `settings`, every default filled in.

    Values may be text as typed on a command line. Raises `UserError`, one line that names the key, what was wrong,
    the valid choices and the nearest match.
    """
    entry = ARCHITECTURES[str(settings.get("model.name", DEFAULT_ARCHITECTURE))]
    architecture = entry.name
    dataset = str(settings.get("data.name", DataConfig.name))
    keys = config_keys(architecture, dataset)
    values: dict[str, dict[str, Any]] = {section: {} for section in ("model", *SECTIONS)}
    for name, key in keys.items():
        if key.default is REQUIRED and name not in settings:
            raise UserError(
                f"{architecture} needs --{name} VALUE: the argument has no default, and what is passed by name is "
                f"{listed(INPUT_OPTIONS)}"
            )
        section, _, option = name.rpartition(".")
        if section:
            values[section][option] = key.convert(settings[name]) if name in settings else key.default
    for name, value in settings.items():
        option = name.removeprefix("model.")
        if option in entry.fixed and name != option:
            if value != entry.fixed[option]:
                raise UserError(f"{name} cannot be set: the name {architecture} fixes it to {entry.fixed[option]}")
        elif name == "data.transforms":
            # A recorded config has it; it is not a key, because the recipe decides it.
            values["data"]["transforms"] = value
        elif name.startswith(ENV):
            if not isinstance(value, str | None):
                raise UserError(f"{name}: expected text, quoted in YAML, or null, got {value!r}")
        elif name not in keys:
            raise unknown_key(name, keys, dataset if name.startswith("data.") else architecture)
    seed = keys["seed"].convert(settings.get("seed", 0))
    sections = {section: _section(section, config, values[section]) for section, config in SECTIONS.items()}
    if sections["data"].test_crops > 1 and entry.task != "classification":
        raise UserError(f"data.test_crops is for classification; {architecture} is for {entry.task}")
    model = {**values["model"], "name": architecture, **entry.fixed}
    env = {name.removeprefix(ENV): value for name, value in settings.items() if name.startswith(ENV)}
    return RunConfig(model=model, seed=seed, env=env, **sections)


def _section(section: str, config: type, values: dict[str, Any]) -> Any:
    with written_with(f"{section}.", values):
        return DataConfig.from_dict(values) if config is DataConfig else config(**values)
