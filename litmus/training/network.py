"""The network of a run, as its config says."""

from typing import Any

from torch import nn

from litmus.lit_archs.building.registry import ARCHITECTURES, build
from litmus.lit_archs.building.weights import load_weights
from litmus.training.config import RunConfig


def network_options(config: RunConfig, num_classes: int, image_shape: tuple[int, int, int]) -> dict[str, Any]:
    """Return the keyword arguments with which `config`'s network is built for such data.

    A pixel may also belong to none of the data's classes, so that a segmentation network tells one more apart.
    """
    channels, height, _ = image_shape
    outputs = num_classes + (ARCHITECTURES[config.model["name"]].task == "segmentation")
    data = {"num_classes": outputs, "in_channels": channels, "image_size": height}
    return {**data, "norm_config": config.norm, **config.model_options}


def build_network(config: RunConfig, options: dict[str, Any]) -> nn.Module:
    """Return the network that a run of `config` starts from: drawn by its seed, then with what `model.weights` has."""
    network = build(config.model["name"], seed=config.seed, init=config.init, **options)
    if config.model["weights"] is not None:
        load_weights(network, config.model["weights"])
    return network
