"""The network of a run and the LightningModule that trains it, as its config says."""

from typing import Any

import torch
from torch import nn

from litmus.lit_archs.building.registry import ARCHITECTURES, build, construct
from litmus.lit_archs.building.weights import load_weights
from litmus.lit_archs.learning.lit_network import LitNetwork
from litmus.lit_archs.learning.tasks import MODULES
from litmus.training.config import RunConfig


def network_options(config: RunConfig, num_classes: int, image_shape: tuple[int, int, int]) -> dict[str, Any]:
    """Return the keyword arguments with which `config`'s network is built for such data.

    A segmentation network has one output more than the data has classes: the background.
    """
    channels, height, _ = image_shape
    outputs = num_classes + (ARCHITECTURES[config.model["name"]].task == "segmentation")
    data = {"num_classes": outputs, "in_channels": channels, "image_size": height}
    return {**data, "norm_config": config.norm, **config.model_options}


def build_network(config: RunConfig, options: dict[str, Any]) -> nn.Module:
    """Return the network that a run of `config` starts from: drawn by its seed, then loaded from `model.weights`."""
    network = build(config.model["name"], seed=config.seed, init=config.init, **options)
    if config.model["weights"] is not None:
        load_weights(network, config.model["weights"])
    return network


def build_module(
    config: RunConfig,
    num_classes: int,
    image_shape: tuple[int, int, int],
    total_steps: int = 1,
    draw_parameters: bool = True,
) -> LitNetwork:
    """Return the LightningModule that trains `config`'s network for `total_steps` on such data.

    `image_shape` is (channels, height, width). Without `draw_parameters` it can be built on the meta device.
    """
    options = network_options(config, num_classes, image_shape)
    name = config.model["name"]
    network = build_network(config, options) if draw_parameters else construct(name, **options)
    if config.trainer.channels_last:
        network = network.to(memory_format=torch.channels_last)
    task_module = MODULES[ARCHITECTURES[name].task]
    return task_module(network, options["num_classes"], config.optim, total_steps, config.trainer.log_every_n_steps)
