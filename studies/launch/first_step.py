"""The first step of an arm, taken before anything is launched: a network that cannot train is told at once."""

import contextlib
from collections.abc import Iterator, Mapping

import torch
from torch import Tensor, nn

from datamodules.batches.image_data import ImageDataModule
from lit_archs.building.registry import ARCHITECTURES, construct
from lit_archs.learning.lit_network import LitNetwork
from lit_archs.learning.loss import logits_of
from lit_archs.learning.optimiser import build_optimiser
from lit_archs.learning.tasks import MODULES
from litmus.batch import Batch
from litmus.error_line import told_in_a_line
from litmus.errors import UserError, written_with
from studies.training.config import RunConfig
from studies.training.network import build_network, network_options

SAMPLES = 4
"""Of the batch that a network of one's own is tried with."""


def try_step(config: RunConfig, datamodule: ImageDataModule, devices: int) -> None:
    """Take one batch forward and backward through the network of `config`, and put everything back.

    The package's networks run on the meta device, without memory or arithmetic; others with a few real images, since
    their code may look at values. Raises `UserError` where the network cannot be built, fails, with the line of its own
    code, or returns what its task cannot take.
    """
    architecture = ARCHITECTURES[config.model["name"]]
    options = network_options(config, datamodule.num_classes, datamodule.image_shape)
    share = max(1, config.data.batch_size // (devices * config.trainer.accumulate))
    with torch.random.fork_rng(devices=[]), _told_in_a_line():
        if architecture.of_the_package:
            with torch.device("meta"), written_with("model.", config.model):
                network = construct(architecture.name, **options)
                batch = _blank_batch(share, datamodule)
        else:
            with written_with("model.", config.model):
                network = build_network(config, options)
            # More than one, which batch norm needs, unless the run itself has no more.
            batch = _first_batch(min(share, SAMPLES), datamodule)
        module = MODULES[architecture.task](network, options["num_classes"], config.optim, total_steps=1)
        module.train()
        outputs = network(batch.images)
        _check_shape(architecture.task, outputs, batch, options["num_classes"])
        loss = module.loss(outputs, batch)
        if not isinstance(loss, Tensor) or loss.dim() or not loss.requires_grad:
            raise UserError(f"the loss is no number that depends on the parameters: {_shown(loss)}")
        loss.backward()
        if type(module).configure_optimizers is LitNetwork.configure_optimizers:
            build_optimiser(network.parameters(), config.optim)
    if devices > 1:
        _check_gradients(network)


def _blank_batch(count: int, datamodule: ImageDataModule) -> Batch:
    channels, height, width = datamodule.image_shape
    labels = torch.zeros(count, *datamodule.arrays.train_labels.shape[1:], dtype=datamodule.arrays.train_labels.dtype)
    masks = None if datamodule.arrays.train_masks is None else torch.zeros(count, height, width, dtype=torch.int64)
    return Batch(torch.zeros(count, channels, height, width), labels, count, torch.arange(count), masks=masks)


def _first_batch(count: int, datamodule: ImageDataModule) -> Batch:
    indices = datamodule.val_indices[:count]
    batch = next(iter(datamodule.val_batches(indices)))
    return batch._replace(global_size=len(batch.images))


def _check_shape(task: str, outputs: object, batch: Batch, num_classes: int) -> None:
    if task not in ("classification", "segmentation"):
        return  # its loss says what it can take
    count, _, height, width = batch.images.shape
    expected = [count, num_classes] + ([height, width] if task == "segmentation" else [])
    logits = logits_of(outputs) if isinstance(outputs, Tensor | tuple) else outputs  # type: ignore[arg-type]
    if not isinstance(logits, Tensor) or list(logits.shape) != expected:
        raise UserError(f"returned {_shown(logits)}, expected {expected}: the data have {num_classes} classes")


def _check_gradients(network: nn.Module) -> None:
    without = [name for name, each in network.named_parameters() if each.requires_grad and each.grad is None]
    if without:
        raise UserError(f"{', '.join(without[:5])} has no part in the loss, which training on several devices needs")


def _shown(value: object) -> str:
    if isinstance(value, Tensor):
        return str(list(value.shape))
    if isinstance(value, Mapping):
        return f"a dictionary of {', '.join(map(str, value))}"
    return f"{type(value).__name__}"


@contextlib.contextmanager
def _told_in_a_line() -> Iterator[None]:
    """Turn whatever a network's code raises into a `UserError` with the line of that code."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        raise UserError(told_in_a_line(error)) from None
