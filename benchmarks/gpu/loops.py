"""Training loops on the device: through the suite, by hand, and by hand with a compiled network and CUDA graphs."""

import dataclasses
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision.models import resnet18

from benchmarks.gpu.ledger import Setting
from litmus import lit_archs
from litmus.core.batch import Batch
from litmus.datamodules.batches.image_data import ImageDataModule
from litmus.lit_archs.building.registry import construct
from litmus.lit_archs.cost.profile import profile_of, total
from litmus.lit_archs.learning.optimiser import build_optimiser
from litmus.training.config import MIXED, RunConfig, resolve, use_precision
from litmus.training.execute import execute
from litmus.training.network import build_network, network_options
from litmus.training.run import Execution, Place, Run

NETWORKS: dict[str, dict[str, Any]] = {
    "ResNet-20": {"model.name": "resnet20"},
    "ResNet-56": {"model.name": "resnet56"},
    "ResNet-18, CIFAR stem": {"model.name": "resnet18_cifar_stem"},
    "LeNet-5": {"model.name": "lenet5"},
}


@lit_archs.register("resnet18_cifar_stem")
def resnet18_cifar_stem(num_classes: int, in_channels: int = 3) -> nn.Module:
    """torchvision's ResNet-18 with a 3×3 convolution and no pooling in front, as it is used on images of 32 pixels."""
    network = resnet18(num_classes=num_classes)
    network.conv1 = nn.Conv2d(in_channels, 64, 3, padding=1, bias=False)
    network.maxpool = nn.Identity()
    return network


ARITHMETIC: dict[str, dict[str, Any]] = {
    "float32": {},
    "bf16, channels_last": {"trainer.precision": "bf16-mixed", "trainer.channels_last": True},
}


def config_of(
    setting: Setting, network: str, arithmetic: str = "float32", epochs: int | None = None, few: bool = False
) -> RunConfig:
    """Return a run of batches of 128 images of 32 pixels, cropped and flipped: 90 steps an epoch, 9 of `few` images."""
    images = {"data.train_images": 1280, "data.test_images": 10} if setting.small or few else {}
    settings = {
        "data.name": "shapes", "data.train_images": 12_800, "data.test_images": 1000, "data.augment": "cifar",
        "data.batch_size": 128, "optim.lr": 0.05, "trainer.deterministic": False,
        "trainer.epochs": epochs or (1 if setting.small else 5),
        **images, **NETWORKS[network], **ARITHMETIC[arithmetic],
    }  # fmt: skip
    return resolve(settings)


def images_of(config: RunConfig) -> int:
    """Return how many images a run trains on."""
    return config.trainer.epochs * ImageDataModule(config.data).steps_per_epoch * config.data.batch_size


def operations(config: RunConfig) -> float:
    """Return the floating-point operations of training on one image: a multiply-add is two, a step three passes."""
    data = ImageDataModule(config.data)
    options = network_options(config, data.num_classes, data.image_shape)
    return 6.0 * total(profile_of(lambda: construct(config.model["name"], **options), data.image_shape)).flops


def suite(setting: Setting, config: RunConfig) -> float:
    """Return the seconds that a run of the suite spends in training and validation."""
    with tempfile.TemporaryDirectory() as folder:
        run = Run("0" * 12, "benchmark", "arm", {}, config, Path(folder))
        execute(run, Execution(accelerator=setting.device), Place(), lambda beat: None)
        return float(run.record.read_summary()["seconds"])


@dataclasses.dataclass
class Loop:
    """What a loop by hand has: data on the device, the network, its optimiser, and its arithmetic."""

    data: ImageDataModule
    network: nn.Module
    optimiser: torch.optim.Optimizer
    config: RunConfig
    device: torch.device

    @classmethod
    def of(cls, setting: Setting, config: RunConfig) -> "Loop":
        use_precision(config.trainer.precision)
        device = torch.device(setting.device)
        data = ImageDataModule(config.data, config.seed)
        data.move_to(device)
        layout = torch.channels_last if config.trainer.channels_last else torch.contiguous_format
        network = build_network(config, network_options(config, data.num_classes, data.image_shape))
        network = network.to(device=device, memory_format=layout)
        return cls(data, network, build_optimiser(network.parameters(), config.optim), config, device)

    def arithmetic(self) -> Any:
        """The mixed precision of the forward pass."""
        kind = MIXED.get(self.config.trainer.precision)
        return nullcontext() if kind is None else torch.autocast(self.device.type, kind)

    def loss(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Return the mean loss of a batch, and how many answers are right."""
        with self.arithmetic():
            logits = self.network(images)
            loss = functional.cross_entropy(logits, labels)
        return loss, (logits.detach().argmax(1) == labels).sum()

    def train(self, batches: Iterable[Batch]) -> list[Tensor]:
        """Train on batches, and return the losses and right answers, left on the device."""
        told = []
        for batch in batches:
            loss, right = self.loss(batch.images, batch.labels)
            self.optimiser.zero_grad()
            loss.backward()
            self.optimiser.step()
            told += [loss.detach(), right]
        return told

    def evaluate(self) -> float:
        """Return the share of right answers on the validation split."""
        self.network.eval()
        with torch.no_grad():
            right = [self.loss(batch.images, batch.labels)[1] for batch in self.data.val_dataloader()]
        self.network.train()
        return float(torch.stack(right).sum())


def bare(setting: Setting, config: RunConfig) -> float:
    """Return the seconds of a plain loop with the suite's batches: no Lightning, records or checkpoints."""
    loop = Loop.of(setting, config)
    setting.synchronise()
    started = time.perf_counter()
    loop.network.train()
    for epoch in range(config.trainer.epochs):
        told = loop.train(loop.data.train_epoch(epoch))
        torch.stack([each.double() for each in told]).tolist()
        loop.evaluate()
    setting.synchronise()
    return time.perf_counter() - started


def graphed(setting: Setting, config: RunConfig, compiled: bool = True) -> float:
    """Return the seconds of a loop by hand whose step, of a compiled network, is one replayed CUDA graph."""
    setting.needs_cuda("CUDA graphs")
    loop = Loop.of(setting, config)
    loop.network.train()
    if compiled:
        loop.network.compile()
    batches = list(loop.data.train_epoch(0))
    images, labels = batches[0].images.clone(), batches[0].labels.clone()

    def step() -> tuple[Tensor, Tensor]:
        loop.optimiser.zero_grad(set_to_none=False)
        loss, right = loop.loss(images, labels)
        loss.backward()
        loop.optimiser.step()
        return loss.detach(), right

    # What a graph needs to exist beforehand, gradients, momentum and workspaces, comes to be beside the main stream.
    beside = torch.cuda.Stream()
    beside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(beside):
        for _ in range(5):
            step()
    torch.cuda.current_stream().wait_stream(beside)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        loss, right = step()
    loop.evaluate()  # compiles anew for evaluation
    setting.synchronise()
    started = time.perf_counter()
    for epoch in range(config.trainer.epochs):
        told = []
        for batch in loop.data.train_epoch(epoch):
            images.copy_(batch.images)
            labels.copy_(batch.labels)
            graph.replay()
            told += [loss.clone(), right.clone()]
        torch.stack([each.double() for each in told]).tolist()
        loop.evaluate()
    setting.synchronise()
    return time.perf_counter() - started


def endless(data: ImageDataModule) -> Iterator[Batch]:
    """Yield training batches, epoch after epoch."""
    epoch = 0
    while True:
        yield from data.train_epoch(epoch)
        epoch += 1


def timed(setting: Setting, do: Callable[[], object], least: float = 1.0) -> float:
    """Return the seconds of a call, the median of as many as fill `least` seconds after two to warm up."""
    for _ in range(2):
        do()
    setting.synchronise()
    times: list[float] = []
    while sum(times) < least or len(times) < 3:
        started = time.perf_counter()
        do()
        setting.synchronise()
        times.append(time.perf_counter() - started)
    return sorted(times)[len(times) // 2]
