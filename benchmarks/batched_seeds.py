"""What the calls of a small network's step cost, and what batching seeds, or compiling, has back of it.

    python benchmarks/batched_seeds.py [--seeds 5] [--device cpu] [--study batch_norm]

The network and batch are those of the study's quick preset, with one CPU thread. Each way takes the same steps of the
same seeds, in turns. Beside the milliseconds of a seed's step stand the median over the rounds of how many times the
first way's speed that is, what had to be waited for before the first step, and how far the weights are after five steps
from those of one network after the other. With --double that distance says whether two ways compute the same: in
float32 rounding grows from step to step.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state
from torch.nn import functional
from torch.profiler import ProfilerActivity, profile

from litmus import datamodules, lit_archs
from litmus.datamodules.batches.image_data import ImageDataModule
from litmus.lit_archs.learning.optimiser import OptimConfig, build_optimiser

OPTIM = OptimConfig(lr=0.03)
Steps = Callable[[int], None]


@dataclass
class Way:
    """A way to train several seeds: `step` takes the i-th step of all, `weights` are theirs [seeds, parameters]."""

    step: Steps
    weights: Callable[[], Tensor]


def flat(network: nn.Module) -> Tensor:
    """Return the parameters of a network in one vector."""
    return torch.cat([each.detach().flatten() for each in network.parameters()])


def one_by_one(networks: Sequence[nn.Module], batches: Sequence[Any], compiled: bool = False) -> Way:
    """Each seed's step after the other's."""
    optimisers = [build_optimiser(network.parameters(), OPTIM) for network in networks]
    if compiled:
        for network in networks:
            network.compile()

    def step(index: int) -> None:
        images, labels = batches[index % len(batches)]
        for seed, (network, optimiser) in enumerate(zip(networks, optimisers, strict=True)):
            optimiser.zero_grad()
            functional.cross_entropy(network(images[seed]), labels[seed]).backward()
            optimiser.step()

    return Way(step, lambda: torch.stack([flat(network) for network in networks]))


class Batched:
    """Networks of one architecture whose parameters are stacked, and who run in one call.

    The gradient of the sum of their losses by the stacked parameters is each one's own; so is the step of an optimiser
    that works element by element.
    """

    def __init__(self, networks: Sequence[nn.Module]) -> None:
        self.network = networks[0]
        stacked, self.buffers = stack_module_state(list(networks))
        self.parameters = {name: nn.Parameter(each.detach()) for name, each in stacked.items()}
        self._forward = torch.vmap(self._one, in_dims=(0, 0, 0), randomness="different")

    def _one(self, parameters: Any, buffers: Any, images: Tensor) -> Any:
        return functional_call(self.network, (parameters, buffers), (images,))

    def loss(self, images: Tensor, labels: Tensor) -> Tensor:
        """Return the sum of the seeds' mean losses; `images` are [seeds, N, C, H, W], `labels` [seeds, N]."""
        logits = self._forward(self.parameters, self.buffers, images)
        return functional.cross_entropy(logits.flatten(0, 1), labels.flatten()) * len(labels)


def batched(networks: Sequence[nn.Module], batches: Sequence[Any], compiled: bool = False) -> Way:
    """All seeds in one call, by `torch.func`."""
    together = Batched(networks)
    optimiser = build_optimiser(together.parameters.values(), OPTIM)
    loss = torch.compile(together.loss) if compiled else together.loss

    def step(index: int) -> None:
        images, labels = batches[index % len(batches)]
        optimiser.zero_grad()
        loss(images, labels).backward()
        optimiser.step()

    names = [name for name, _ in networks[0].named_parameters()]
    return Way(step, lambda: torch.cat([together.parameters[name].detach().flatten(1) for name in names], 1))


WAYS: dict[str, Callable[..., Way]] = {
    "one network after the other": one_by_one,
    "seeds batched": batched,
    "compiled": lambda networks, batches: one_by_one(networks, batches, compiled=True),
    "seeds batched and compiled": lambda networks, batches: batched(networks, batches, compiled=True),
}


def quick(study: str) -> dict[str, Any]:
    """Return the settings of a study's quick preset at its baseline."""
    from litmus.design.plan import expand
    from litmus.design.study_files import STUDIES
    from litmus.training.network import network_options

    config = expand(STUDIES[study]).baseline.config
    data = ImageDataModule(config.data, 0)
    options = network_options(config, data.num_classes, data.image_shape)
    return {"name": config.model["name"], "options": {**options, "norm": "batch"}, "batch": config.data.batch_size}


def made(settings: dict[str, Any], seeds: int, device: str) -> tuple[list[nn.Module], list[tuple[Tensor, Tensor]]]:
    """Return each seed's network, and batches of all seeds: images [seeds, N, C, H, W] and labels [seeds, N]."""
    networks = [
        lit_archs.build(settings["name"], seed=seed, **settings["options"]).to(device).train() for seed in range(seeds)
    ]
    data = [datamodules.build("digits", batch_size=settings["batch"], seed=seed) for seed in range(seeds)]
    for each in data:
        each.move_to(torch.device(device))
    epochs = zip(*(each.train_epoch(0) for each in data), strict=True)
    steps = list(epochs)
    images = [torch.stack([batch.images for batch in step]) for step in steps]
    labels = [torch.stack([batch.labels for batch in step]) for step in steps]
    return networks, list(zip(images, labels, strict=True))


def calls(way: Way) -> int:
    """Return how many PyTorch operations a step calls."""
    with profile(activities=[ProfilerActivity.CPU]) as found:
        way.step(0)
    return sum(event.count for event in found.key_averages() if event.key.startswith("aten::"))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--study", default="batch_norm", help="its quick preset, on digits")
    parser.add_argument("--double", action="store_true", help="in float64")
    parser.add_argument("--ways", default="", help="those whose name holds this text")
    given = parser.parse_args()
    torch.set_num_threads(1)
    settings = quick(given.study)
    print(f"{settings['name']} of {given.study}, batch {settings['batch']}, {given.seeds} seeds, {given.device}")
    ready = [
        Measured(name, *made_ready(way_of, settings, given))
        for number, (name, way_of) in enumerate(WAYS.items())
        if number == 0 or given.ways in name
    ]
    # In turns, so that what else the machine does hits all alike.
    for _ in range(given.rounds):
        for each in ready:
            started = time.perf_counter()
            for index in range(given.steps):
                each.way.step(index)
            if given.device == "cuda":
                torch.cuda.synchronize()
            each.seconds.append((time.perf_counter() - started) / given.steps / given.seeds)
    print(f"{'way':28}{'ms a seed and step':>20}{'times':>8}{'operations':>12}{'first step, s':>15}{'distance':>10}")
    reference = ready[0]
    for each in ready:
        ratio = statistics.median(one / own for one, own in zip(reference.seconds, each.seconds, strict=True))
        distance = float((each.weights - reference.weights).norm() / reference.weights.norm())
        milliseconds = 1000 * min(each.seconds)
        print(
            f"{each.name:28}{milliseconds:20.2f}{ratio:8.2f}{calls(each.way):12,}{each.first:15.1f}{distance:10.1g}",
            flush=True,
        )


@dataclass
class Measured:
    """A way with the weights after five steps, the seconds of its first, and those of a step in each round."""

    name: str
    way: Way
    weights: Tensor
    first: float
    seconds: list[float] = field(default_factory=list)


def made_ready(
    way_of: Callable[..., Way], settings: dict[str, Any], given: argparse.Namespace
) -> tuple[Way, Tensor, float]:
    """Return a way that has taken five steps, the weights then, and how long the first took."""
    networks, batches = made(settings, given.seeds, given.device)
    if given.double:
        networks = [network.double() for network in networks]
        batches = [(images.double(), labels) for images, labels in batches]
    way = way_of(networks, batches)
    started = time.perf_counter()
    way.step(0)
    first = time.perf_counter() - started
    for index in range(1, 5):
        way.step(index)
    return way, way.weights().clone(), first


if __name__ == "__main__":
    main()
