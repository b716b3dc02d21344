"""The optimiser and the learning-rate schedule of a run, as a config and as pure functions of the step."""

import inspect
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Annotated, Any, Literal, assert_never, get_args

import torch
from annotated_types import Gt, Lt
from pydantic import NonNegativeFloat, NonNegativeInt, PositiveFloat
from torch import nn
from torch.optim.lr_scheduler import LambdaLR, ReduceLROnPlateau

from litmus.core.config_keys import Config, Fraction, parse_value
from litmus.core.errors import UserError, unknown_name
from litmus.lit_archs.learning.loss import LossName

OptimiserName = Literal[
    "sgd", "adamw", "adam", "nadam", "radam", "adamax", "adagrad", "adadelta", "adafactor", "asgd", "rmsprop", "rprop"
]
FUSED = ("sgd", "adam", "adamw")
"""Optimisers with a fused step on GPUs in every version of PyTorch that is supported."""

ScheduleName = Literal["constant", "multistep", "exponential", "cosine", "plateau"]


@dataclass(frozen=True)
class OptimConfig(Config):
    """Optimiser, learning-rate schedule and loss.

    Args:
        name: an optimiser of torch.optim, in lower case.
        lr: learning rate after warm-up.
        momentum: momentum of SGD and RMSprop; the first beta of Adam and related optimisers; the others ignore it.
        nesterov: Nesterov's form of momentum, for SGD.
        weight_decay: as the optimiser applies it: an L2 penalty for SGD, decoupled decay for AdamW.
        schedule: constant, multistep (multiplied by decay_factor at each milestone), exponential
            (multiplied by decay_factor over the whole run, a little at each step), cosine (to zero) or plateau
            (multiplied by decay_factor where the validation loss has not fallen for more than `patience` epochs).
        milestones: fractions of the run at which multistep multiplies the rate by decay_factor, e.g. 0.5 and 0.75.
        decay_factor: factor on the rate: at each milestone (multistep), at a plateau, or over the whole run
            (exponential).
        patience: epochs that plateau waits for a lower validation loss.
        warmup: fraction of the run over which the rate rises linearly to lr (Goyal et al. 2017, 1706.02677, 2.2).
        label_smoothing: fraction of the target that is spread over all classes.
        loss: of classifiers, cross_entropy, hinge (by how much the scores of wrong classes come closer than 1 to the
            right one's, added up: Weston & Watkins 1999), crammer_singer (the worst of them alone) or squared_error
            (to one-hot targets, added up over the classes); recorded losses are in its unit.
        clip_norm: largest norm of the gradient; larger gradients are scaled down to it; null clips nothing.
        options: further arguments of the optimiser, as torch.optim calls them, e.g. eps=1e-6 or amsgrad=true.
    """

    name: OptimiserName = "sgd"
    lr: PositiveFloat = 0.1
    momentum: Fraction = 0.9
    nesterov: bool = False
    weight_decay: NonNegativeFloat = 0.0
    schedule: ScheduleName = "constant"
    milestones: tuple[Annotated[float, Gt(0), Lt(1)], ...] = (0.5, 0.75)
    decay_factor: PositiveFloat = 0.1
    patience: NonNegativeInt = 10
    warmup: Fraction = 0.0
    label_smoothing: Fraction = 0.0
    loss: LossName = "cross_entropy"
    clip_norm: PositiveFloat | None = None
    options: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.label_smoothing and self.loss in ("hinge", "crammer_singer"):
            raise UserError(
                f"label_smoothing {self.label_smoothing} spreads a target, and loss {self.loss} has none; "
                "valid with it: cross_entropy, squared_error"
            )
        if self.nesterov and (self.name != "sgd" or self.momentum == 0):
            raise UserError("nesterov needs sgd with a momentum greater than zero")
        if self.schedule == "plateau" and (self.warmup or self.decay_factor >= 1):
            raise UserError("schedule plateau needs a decay_factor below 1 and no warmup")
        if list(self.milestones) != sorted(self.milestones):
            raise UserError(f"milestones must increase, got {list(self.milestones)}")


def lr_factor(step: int, total_steps: int, config: OptimConfig) -> float:
    """Return what `config.lr` is multiplied by at `step` (0-based) of `total_steps`.

    A plateau's factor follows from the validation losses, not from the step: `build_plateau_schedule`.
    """
    warmup_steps = round(config.warmup * total_steps)
    if step < warmup_steps:
        return (step + 1) / warmup_steps
    match config.schedule:
        case "constant" | "plateau":
            return 1.0
        case "multistep":
            passed = sum(step >= round(milestone * total_steps) for milestone in config.milestones)
            return config.decay_factor**passed
        case "exponential":
            return float(config.decay_factor ** (step / total_steps))
        case "cosine":
            progress = (step - warmup_steps) / max(1, total_steps - warmup_steps)
            return 0.5 * (1.0 + math.cos(math.pi * min(1.0, progress)))
        case _:
            assert_never(config.schedule)


def build_optimiser(
    parameters: Iterable[nn.Parameter], config: OptimConfig, clipped: bool | None = None
) -> torch.optim.Optimizer:
    """Return the optimiser that `config` describes over `parameters`.

    On a GPU it is PyTorch's fused one, where there is one: a kernel for all parameters. Not where gradients are
    `clipped`, by default where the config says so, which Lightning refuses after mixed precision. Raises `UserError`
    for an option that it does not have, and a value that it refuses.
    """
    optimiser, parameters = _OPTIMISERS[config.name], list(parameters)
    takes = inspect.signature(optimiser).parameters
    given: dict[str, Any] = {"lr": config.lr}
    if "weight_decay" in takes:
        given["weight_decay"] = config.weight_decay
    elif config.weight_decay:
        raise UserError(f"optim.weight_decay {config.weight_decay}: {config.name} has none")
    if "betas" in takes:
        given["betas"] = (config.momentum, 0.999)
    elif "momentum" in takes:
        given["momentum"] = config.momentum
    if "nesterov" in takes:
        given["nesterov"] = config.nesterov
    for option in config.options:
        key, equals, value = option.partition("=")
        if not equals or key not in takes or key in ("params", "lr"):
            valid = [each for each in takes if each not in ("params", *given)]
            raise unknown_name(f"optim.options of {config.name}", key, valid)
        given[key] = _option(config.name, key, value, takes[key].default)
    if config.name in FUSED and {"fused", "foreach"}.isdisjoint(given) and all(each.is_cuda for each in parameters):
        # None leaves the choice to PyTorch; False would take the slowest.
        given["fused"] = None if clipped or (clipped is None and config.clip_norm is not None) else True
    try:
        return optimiser(parameters, **given)
    except (TypeError, ValueError, RuntimeError) as error:
        raise UserError(f"optim.name {config.name}: {' '.join(str(error).split())[:200]}") from None


def _option(optimiser: str, key: str, text: str, default: Any) -> Any:
    """Return the value of an option as its default is one. Raises `UserError` where it is of another kind."""
    value = parse_value(text)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    expected = ""
    if isinstance(default, bool):
        expected = "" if isinstance(value, bool) else "true or false"
    elif isinstance(default, int | float):
        expected = "" if is_number else "a number"
    elif isinstance(default, tuple):
        fits = isinstance(value, list) and len(value) == len(default)
        expected = "" if fits else f"{len(default)} values, such as [{', '.join(map(str, default))}]"
    if expected:
        raise UserError(f"optim.options of {optimiser} {key!r}: expected {expected}, got {text!r}")
    return tuple(value) if isinstance(value, list) else value


_OPTIMISERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    each.__name__.lower(): each
    for each in vars(torch.optim).values()
    if isinstance(each, type) and each.__name__.lower() in get_args(OptimiserName)
}


def build_schedule(optimiser: torch.optim.Optimizer, config: OptimConfig, total_steps: int) -> LambdaLR:
    """Return the `LambdaLR` of the schedule; Lightning steps it after each optimiser step."""
    return LambdaLR(optimiser, lambda step: lr_factor(step, total_steps, config))


def build_plateau_schedule(optimiser: torch.optim.Optimizer, config: OptimConfig) -> ReduceLROnPlateau:
    """Return what lowers the rate once the losses that it is given, one an epoch, no longer fall."""
    return ReduceLROnPlateau(optimiser, mode="min", factor=config.decay_factor, patience=config.patience, eps=0.0)
