"""How far arms start equal: which parameters of an arm begin with the values that the baseline's begin with."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from torch import nn

from datamodules.batches.image_data import ImageDataModule
from lit_archs.building.initialisation import draw_keys
from studies.design.plan import Arm, Plan
from studies.records.study_record import Start
from studies.training.network import build_network, network_options


class _Parameter(NamedTuple):
    name: str
    key: str
    shape: tuple[int, ...]
    digest: str


def starts(plan: Plan, seed: int) -> dict[str, Start]:
    """Return how each arm starts beside the baseline, by its label, with the networks drawn for `seed`."""
    drawn: dict[str, list[_Parameter]] = {}

    def parameters(arm: Arm) -> list[_Parameter]:
        config = arm.config.with_seed(seed)
        data = ImageDataModule(config.data)
        options = network_options(config, data.num_classes, data.image_shape)
        same = repr((config.model, config.init, options))
        if same not in drawn:
            drawn[same] = _parameters(build_network(config, options), config.init.pairing)
        return drawn[same]

    baseline = parameters(plan.baseline)
    return {arm.label: compare(baseline, parameters(arm)) for arm in plan.arms}


def compare(baseline: Sequence[_Parameter], arm: Sequence[_Parameter]) -> Start:
    """Return which parameters of two networks have their counterpart, and which of these have its values.

    The counterpart has the same name and shape; of parameters without one, the one in the same place among those of
    its shape and kind (weight, bias, ...), so that no bias stands beside the scale of a norm.
    """
    by_key = {(each.key, each.shape): each for each in arm}
    pairs = [(each, by_key[each.key, each.shape]) for each in baseline if (each.key, each.shape) in by_key]
    left = _by_kind(each for each in baseline if each.name not in {one.name for one, _ in pairs})
    right = _by_kind(each for each in arm if each.name not in {other.name for _, other in pairs})
    for kind, parameters in left.items():
        pairs += zip(parameters, right.get(kind, []), strict=False)
    unequal = [
        one.name if one.name == other.name else f"{one.name} (here {other.name})"
        for one, other in pairs
        if one.digest != other.digest
    ]
    return Start(len(pairs) - len(unequal), len(pairs), tuple(unequal))


def advice(starts: Mapping[str, Start], factors: Iterable[str], by_place: bool = False) -> list[str]:
    """Return what to tell before a study begins, a line for each arm that does not start as the baseline does."""
    lines = [
        f"{label!r} starts with {start.equal} of {start.shared} shared-shape parameters equal to the baseline's; "
        f"not {start.some_unequal()}"
        for label, start in starts.items()
        if start.unequal
    ]
    shifted = any("(here " in name for start in starts.values() for name in start.unequal)
    if shifted and not by_place and not any(factor.startswith("init.") for factor in factors):
        lines.append(
            "for equal starts give modules names that stay (self.conv2 = ..., nn.Sequential(OrderedDict(...))), "
            "or pair by place: --init.pairing place"
        )
    return lines


def _parameters(network: nn.Module, pairing: str) -> list[_Parameter]:
    keys = draw_keys(network, pairing)  # type: ignore[arg-type]
    return [_Parameter(name, keys[name], tuple(each.shape), _digest(each)) for name, each in network.named_parameters()]


def _digest(parameter: nn.Parameter) -> str:
    return hashlib.blake2b(parameter.detach().contiguous().numpy().tobytes(), digest_size=8).hexdigest()


def _by_kind(parameters: Iterable[_Parameter]) -> dict[tuple[str, tuple[int, ...]], list[_Parameter]]:
    found: dict[tuple[str, tuple[int, ...]], list[_Parameter]] = defaultdict(list)
    for each in parameters:
        found[each.name.rpartition(".")[2], each.shape].append(each)
    return found
