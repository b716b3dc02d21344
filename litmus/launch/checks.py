"""What is checked before anything is launched: each arm's data, its first training step, and its initial values."""

import contextlib
import hashlib
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from litmus.core.batch import Batch
from litmus.core.errors import UserError, error_in_one_line, written_with
from litmus.core.keyed_random import generators_kept, seed_generators
from litmus.core.suggestions import nearest
from litmus.datamodules.batches.config import DataConfig
from litmus.datamodules.batches.image_data import ImageDataModule
from litmus.datamodules.loading.peculiarities import peculiarities
from litmus.datamodules.loading.registry import DATASETS, load
from litmus.design.plan import Arm, Plan
from litmus.lit_archs.building.architecture import Architecture
from litmus.lit_archs.building.initialisation import draw_keys
from litmus.lit_archs.building.registry import ARCHITECTURES
from litmus.lit_archs.learning.lit_network import LitNetwork
from litmus.lit_archs.learning.loss import logits_of
from litmus.lit_archs.learning.optimiser import build_optimiser
from litmus.probes.probe import PROBES
from litmus.records.study_record import Start
from litmus.training.config import RunConfig
from litmus.training.execute import cost_of, require_planned_data
from litmus.training.network import build_module, build_network, network_options


def check(config: RunConfig, devices: int) -> str:
    """Return the fingerprint of the run's data, having built its data module and taken a step of its network.

    Raises `UserError` where the run could not be executed on `devices` devices.
    """
    datamodule = ImageDataModule(config.data)
    _check_task(config, datamodule)
    if config.trainer.validations_per_epoch > datamodule.steps_per_epoch:
        raise UserError(
            f"trainer.validations_per_epoch {config.trainer.validations_per_epoch} exceeds the "
            f"{datamodule.steps_per_epoch} steps of an epoch"
        )
    _check_batches(config, datamodule, devices)
    _try_steps(config, datamodule, devices)
    return datamodule.fingerprint


def look_at_data(config: DataConfig, fingerprint: str) -> list[str]:
    """Return a line for each peculiarity of a dataset that was loaded with this fingerprint.

    Raises `UserError` where a dataset that the user's code defines has other data when it is loaded once more.
    """
    if not (DATASETS.module_of(config.name) or "").startswith("litmus."):
        load.cache_clear()
    datamodule = ImageDataModule(config)
    require_planned_data(config, datamodule.fingerprint, fingerprint)
    lines = peculiarities(datamodule.arrays, datamodule.train_indices, datamodule.val_indices)
    if not config.drop_last and len(datamodule.train_indices) % config.batch_size == 1:
        lines.append(
            "the last batch of an epoch is a single image, and all that batch norm sees; --data.drop_last true"
        )
    return [f"{config.name}: {line}" for line in lines]


def _check_task(config: RunConfig, datamodule: ImageDataModule) -> None:
    task = ARCHITECTURES[config.model["name"]].task
    for probe in config.trainer.probes:
        if task != "classification" and not PROBES[probe].for_segmentation:
            raise UserError(
                f"trainer.probes {probe} measures classifiers, and model.name {config.model['name']} is for {task}"
            )
    if task == "classification" and datamodule.arrays.train_labels.is_floating_point():
        raise UserError(
            f"model.name {config.model['name']} classifies, and the labels of data.name {config.data.name} are numbers "
            "to predict: only a task that you define takes them"
        )
    if task == "classification" and len(datamodule.arrays.train_labels.unique()) < 2:
        raise UserError(f"data.name {config.data.name}: all training images are of one class; at least two are needed")
    if task == "segmentation" and datamodule.arrays.train_masks is None:
        raise UserError(
            f"model.name {config.model['name']} segments images, and data.name {config.data.name} has no masks; "
            "shapes and mask_folder have"
        )
    if task == "segmentation" and config.data.mix != "none":
        raise UserError(
            f"model.name {config.model['name']} segments images, and data.mix {config.data.mix} mixes no masks; "
            "valid: none"
        )


def _check_batches(config: RunConfig, datamodule: ImageDataModule, devices: int) -> None:
    accumulate, batch = config.trainer.accumulate, config.data.batch_size
    pieces = f"the {devices} devices"
    if accumulate > 1:
        pieces = f"{accumulate} parts" if devices == 1 else f"{accumulate} parts on each of {devices} devices"
    if batch < devices * accumulate:
        raise UserError(f"data.batch_size {batch} is too small for {pieces}")
    last = len(datamodule.train_indices) % batch
    if not config.data.drop_last and 0 < last < devices * accumulate:
        raise UserError(
            f"the last batch of an epoch has {last} samples for {pieces}; drop it with --data.drop_last true, "
            "or choose another data.batch_size"
        )


def _try_steps(config: RunConfig, datamodule: ImageDataModule, devices: int) -> None:
    _, height, width = datamodule.image_shape
    try:
        try_step(config, datamodule, devices)
    except UserError as error:
        if height == width:
            raise
        raise UserError(
            f"model.name {config.model['name']} cannot take a step with images of {width}×{height}, as those of "
            f"data.name {config.data.name} are ({error}); make them square, or choose another network"
        ) from None
    last, pieces = len(datamodule.train_indices) % config.data.batch_size, devices * config.trainer.accumulate
    if config.data.drop_last or last // pieces != 1:
        return
    try:
        try_step(config, datamodule, devices, 1)
    except UserError as error:
        raise UserError(
            f"the last batch of an epoch leaves a single image to a step of the network, which fails ({error}); drop "
            "it with --data.drop_last true, or choose another data.batch_size"
        ) from None


SAMPLES = 4
"""Images of the batch that a network from outside the package is tried with."""


def try_step(config: RunConfig, datamodule: ImageDataModule, devices: int, count: int | None = None) -> None:
    """Take one batch forward and backward through the network of `config`, and put everything back.

    The batch has `count` images, by default as many as a device gets at once.

    The package's networks run on the meta device, without memory or arithmetic; others with a few real images, since
    their code may look at values, and twice, since it may draw from a generator that no seed reaches. Raises
    `UserError` if the network cannot be built, if it fails, with the line of its code, if its task cannot use its
    outputs, or if its two losses differ.
    """
    architecture = ARCHITECTURES[config.model["name"]]
    count = count or max(1, config.data.batch_size // (devices * config.trainer.accumulate))
    # More than one, which batch norm needs, unless the run itself has no more.
    few = datamodule.val_indices[: min(count, SAMPLES)]
    with generators_kept(), _errors_in_a_line(architecture, datamodule):
        if architecture.of_the_package:
            with torch.device("meta"), written_with("model.", config.model):
                module = build_module(config, datamodule.num_classes, datamodule.image_shape, draw_parameters=False)
                _step(module, _blank_batch(count, datamodule))
        else:
            losses = []
            for _ in range(2):
                seed_generators(config.seed, "try")
                with written_with("model.", config.model):
                    module = build_module(config, datamodule.num_classes, datamodule.image_shape)
                losses.append(_step(module, _few_images(datamodule, few)))
            if not math.isclose(*losses, rel_tol=1e-3) and all(map(math.isfinite, losses)):
                raise UserError(
                    f"model.name {config.model['name']}: two starts with the same seed have the losses {losses[0]:.6g} "
                    f"and {losses[1]:.6g}, so it draws from an unseeded generator, such as default_rng(); seed "
                    "it, or draw from random, numpy.random or torch"
                )
        if type(module).configure_optimizers is LitNetwork.configure_optimizers:
            build_optimiser(module.network.parameters(), config.optim)
    parameters = module.network.named_parameters()
    unused = [name for name, each in parameters if each.requires_grad and each.grad is None]
    if devices > 1 and unused:
        raise UserError(f"{', '.join(unused[:5])} does not affect the loss, which training on several devices requires")


def _step(module: LitNetwork, batch: Batch) -> float:
    """Return the loss of `batch` after its backward pass, NaN on the meta device. Raises `UserError`."""
    outputs = module.train().network(batch.images)
    _check_shape(module.task.name, outputs, batch, module.num_classes)
    loss = module.loss(outputs, batch)
    if not isinstance(loss, Tensor) or loss.dim() or not loss.requires_grad:
        raise UserError(f"the loss is not a number that depends on the parameters: {_shown(loss)}")
    loss.backward()
    return math.nan if loss.is_meta else loss.item()


def lines_about_outputs(config: RunConfig) -> list[str]:
    """Return a line where a classifier from outside the package returns probabilities, and cross-entropy takes logits.

    Of probabilities it learns slowly, without an error. What a log-softmax returns is fine, since another one leaves it
    as it is.
    """
    architecture = ARCHITECTURES[config.model["name"]]
    if architecture.of_the_package or architecture.task != "classification" or config.optim.loss != "cross_entropy":
        return []
    datamodule = ImageDataModule(config.data)
    with generators_kept(), _errors_in_a_line(architecture, datamodule), torch.no_grad():
        module = build_module(config, datamodule.num_classes, datamodule.image_shape).eval()
        found = logits_of(module.network(_few_images(datamodule, datamodule.val_indices[:SAMPLES]).images))
    if (found < 0).any() or not torch.allclose(found.sum(1), torch.ones(len(found)), atol=1e-3):
        return []
    problem = "its outputs sum to one, as after a softmax, and the loss takes logits: return what goes into it"
    return [f"model.name {architecture.name}: {problem}"]


def _few_images(datamodule: ImageDataModule, indices: Tensor) -> Batch:
    return next(iter(datamodule.val_batches(indices)))._replace(global_size=len(indices))


def _blank_batch(count: int, datamodule: ImageDataModule) -> Batch:
    channels, height, width = datamodule.image_shape
    labels = torch.zeros(count, *datamodule.arrays.train_labels.shape[1:], dtype=datamodule.arrays.train_labels.dtype)
    masks = None if datamodule.arrays.train_masks is None else torch.zeros(count, height, width, dtype=torch.int64)
    return Batch(torch.zeros(count, channels, height, width), labels, count, torch.arange(count), masks=masks)


class WrongOutputs(UserError):
    """Outputs whose shape is not that of the task."""


def _check_shape(task: str, outputs: object, batch: Batch, num_classes: int) -> None:
    if task not in ("classification", "segmentation"):
        return  # its loss says what it can take
    count, _, height, width = batch.images.shape
    expected = [count, num_classes] + ([height, width] if task == "segmentation" else [])
    logits = logits_of(outputs) if isinstance(outputs, Tensor | tuple) else outputs  # type: ignore[arg-type]
    if not isinstance(logits, Tensor) or list(logits.shape) != expected:
        raise WrongOutputs(f"returned {_shown(logits)}, expected {expected}: the data have {num_classes} classes")


def _shown(value: object) -> str:
    if isinstance(value, Tensor):
        return str(list(value.shape))
    if isinstance(value, Mapping):
        return f"a dictionary of {', '.join(map(str, value))}"
    return f"{type(value).__name__}"


@contextlib.contextmanager
def _errors_in_a_line(architecture: Architecture, datamodule: ImageDataModule) -> Iterator[None]:
    """Turn what a network's code raises into a `UserError` with the line of that code and what it is not given."""
    try:
        yield
    except WrongOutputs as error:
        raise UserError(f"{error}{_not_given(architecture, num_classes=datamodule.num_classes)}") from None
    except UserError:
        raise
    except Exception as error:
        channels, height, width = datamodule.image_shape
        lacking = _not_given(architecture, in_channels=channels, image_size=height)
        seen = f"; the images are {channels}×{height}×{width}{lacking}" if isinstance(error, RuntimeError) else ""
        raise UserError(f"{error_in_one_line(error)}{seen}") from None


def _not_given(architecture: Architecture, **values: int) -> str:
    """Return the end of a sentence on options that follow from the data and that a network does not take."""
    lacking = [option for option in values if not (architecture.of_the_package or architecture.asks_for(option))]
    meant = {option: nearest(option, architecture.keys()) for option in lacking}
    settings = [f"--model.{key} {values[option]}" for option, key in meant.items() if key is not None]
    said = f"; its constructor takes no {' and no '.join(lacking)}" if lacking else ""
    return f"{said}: {' '.join(settings)}" if settings else said


class _Parameter(NamedTuple):
    name: str
    key: str
    shape: tuple[int, ...]
    digest: str


def compare_arms(plan: Plan, seed: int) -> tuple[dict[str, Start], list[str]]:
    """Return how far each arm, by its label, starts with the baseline's parameters, drawn for `seed`, and lines.

    A line names an arm that does not start as the baseline does, or whose network is that of another arm.
    """
    drawn = {arm.label: _parameters(arm.config.with_seed(seed)) for arm in plan.arms}
    starts = {label: _compare(drawn[plan.baseline.label], parameters) for label, parameters in drawn.items()}
    lines = [
        f"{label!r} starts with {start.equal} of {start.shared} shared-shape parameters equal to the baseline's; "
        f"not {start.some_unequal()}"
        for label, start in starts.items()
        if start.unequal
    ]
    shifted = any("(here " in name for start in starts.values() for name in start.unequal)
    varied = any(key.startswith("init.") for key in plan.study.factors)
    if shifted and not varied and plan.baseline.config.init.pairing != "place":
        lines.append(
            "for equal starts give modules names that stay (self.conv2 = ..., nn.Sequential(OrderedDict(...))), "
            "or pair by place: --init.pairing place"
        )
    return starts, [*lines, *_lines_about_equal_networks(plan, seed, drawn)]


def _compare(baseline: Sequence[_Parameter], arm: Sequence[_Parameter]) -> Start:
    """Return which parameters of two networks have their counterpart, and which of these have its values.

    The counterpart has the same name and shape; of parameters without one, the one in the same place among those of
    its shape and kind (weight, bias, ...), so that no bias is compared with the scale of a norm.
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


NETWORK = ("model.", "norm.", "init.")
"""What the keys begin with that say what a network is and how it starts."""
MOST_FLOPS = 2e10
"""Operations of a batch's forward pass up to which arms are compared by a step: a second or two on a core."""


def _lines_about_equal_networks(plan: Plan, seed: int, drawn: Mapping[str, Sequence[_Parameter]]) -> list[str]:
    """Return a line for each arm that does in a first step what an arm before it does, to the last bit.

    Arms are compared that differ in keys of the network alone. An option that a network never reads is one reason.
    """
    alike: dict[str, list[Arm]] = defaultdict(list)
    for arm in plan.arms:
        # A step does not show what evaluation alone reads.
        others = {
            key: value
            for key, value in arm.config.flat().items()
            if not key.startswith(NETWORK) or key == "norm.evaluation_statistics"
        }
        alike[repr((others, [(each.name, each.digest) for each in drawn[arm.label]]))].append(arm)
    lines = []
    for arms in alike.values():
        found: dict[str, str] = {}
        for arm in arms if len(arms) > 1 else ():
            step = _first_step(arm.config.with_seed(seed))
            first = found.setdefault(step, arm.label)
            if step and first != arm.label:
                factors = " or ".join(sorted({name for each in arms for name in each.levels}))
                lines.append(
                    f"{first!r} and {arm.label!r} are one network in a first step, with equal parameters, loss and "
                    f"gradients to the last bit: perhaps it never reads {factors}"
                )
    return lines


def _first_step(config: RunConfig) -> str:
    """Return a digest of what a training step on the first batch does; an empty one where it is too much work."""
    data = ImageDataModule(config.data)
    options = network_options(config, data.num_classes, data.image_shape)
    cost = cost_of(config.model["name"], tuple(sorted(options.items())), data.image_shape)
    if cost.flops * config.data.batch_size > MOST_FLOPS:
        return ""
    images = data.train_indices[: config.data.batch_size]
    with generators_kept(), _errors_in_a_line(ARCHITECTURES[config.model["name"]], data):
        seed_generators(config.seed, "try")
        module = build_module(config, data.num_classes, data.image_shape)
        loss = _step(module, data.batch_of(images))
        network = module.network
        left = [*(each.grad for each in network.parameters()), *network.buffers()]
    digest = hashlib.blake2b(repr(loss).encode(), digest_size=8)
    for tensor in left:
        digest.update(b"" if tensor is None else tensor.contiguous().numpy().tobytes())
    return digest.hexdigest()


def _parameters(config: RunConfig) -> list[_Parameter]:
    """Return the parameters of a config's network as they are drawn."""
    data = ImageDataModule(config.data)
    network = build_network(config, network_options(config, data.num_classes, data.image_shape))
    keys, found = draw_keys(network, config.init.pairing), []
    for name, parameter in network.named_parameters():
        content = parameter.detach().contiguous().numpy().tobytes()
        digest = hashlib.blake2b(content, digest_size=8).hexdigest()
        found.append(_Parameter(name, keys[name], tuple(parameter.shape), digest))
    return found


def _by_kind(parameters: Iterable[_Parameter]) -> dict[tuple[str, tuple[int, ...]], list[_Parameter]]:
    found: dict[tuple[str, tuple[int, ...]], list[_Parameter]] = defaultdict(list)
    for each in parameters:
        found[each.name.rpartition(".")[2], each.shape].append(each)
    return found
