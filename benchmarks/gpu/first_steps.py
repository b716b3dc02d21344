"""The first step of a network, and its batch, on the device against the CPU."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.gpu.ledger import Check, Found, Setting
from litmus import datamodules
from litmus.datamodules.augmentation.recipes import RECIPES
from litmus.datamodules.batches.image_data import ImageDataModule
from litmus.datamodules.loading.arrays import ImageArrays
from litmus.lit_archs.building.registry import ARCHITECTURES
from litmus.training.config import MIXED, use_precision
from tests.reduced_networks import loss_of, reduced, size_of, variants

WITHIN = 10.0
"""Times the CPU's own distance from float64 that the device may be away from it, and still differ by rounding."""

LEAST = 1e-5
"""Relative distance that is rounding wherever it occurs."""

BY_LEVELS = ("Affine", "ResizedCrop", "ColourJitter", "Lighting")
"""Transforms that compute with fractions: rounding may move a pixel by one grey level."""


def families(small: bool) -> list[str]:
    """Return one network of each family."""
    found: dict[Any, str] = {}
    for name in variants():
        found.setdefault(ARCHITECTURES[name].make, name)
    return list(found.values())[:: 4 if small else 1]


def norms_of(name: str) -> list[str]:
    """Return the norms that a network can have, those first that draw nothing."""
    keys = ARCHITECTURES[name].keys()
    return [str(norm) for norm in keys["norm"].choices] if "norm" in keys else []


def checks(setting: Setting) -> Iterator[tuple[str, Check]]:
    """Yield the rows: data, then networks in float32, then other arithmetic."""
    recipes = ["none", "cifar", "imagenet"] if setting.small else list(RECIPES)
    for recipe in recipes:
        yield f"batches, recipe {recipe}", lambda recipe=recipe: batches(setting, augment=recipe)
    for mode in ("mixup", "cutmix"):
        yield f"batches, {mode}", lambda mode=mode: batches(setting, augment="cifar", mix=mode, mix_alpha=0.4)
    yield "batches from memory that does not fit the device", lambda: prefetched(setting)
    for name in families(setting.small):
        yield f"first step of {name}, every norm", lambda name=name: first_steps(setting, name)
    for precision in ("tf32", "bf16-mixed", "16-mixed"):
        yield f"first step in {precision}", lambda precision=precision: mixed(setting, precision)
    yield "first step, channels_last", lambda: laid_out(setting)
    yield "first step, compiled", lambda: compiled(setting)


def pictures(side: int, count: int) -> ImageArrays:
    """Return a dataset of noise, 3×side×side, of ten classes."""
    draws = torch.Generator().manual_seed(0)
    images = torch.randint(256, (count + 50, 3, side, side), dtype=torch.uint8, generator=draws)
    labels = torch.arange(count + 50) % 10
    return datamodules.dataset((images[50:], labels[50:]), (images[:50], labels[:50]))


def batches(setting: Setting, **options: Any) -> Found:
    """The same samples in the same order, and pixels within rounding of the CPU's."""
    side = 48 if options["augment"] in ("imagenet", "alexnet") else 32
    here, there = (datamodules.build(pictures(side, 600), batch_size=64, **options) for _ in range(2))
    there.move_to(torch.device(setting.device))
    return _compared(here, there, any(type(each).__name__ in BY_LEVELS for each in RECIPES[options["augment"]]))


def _compared(here: ImageDataModule, there: ImageDataModule, by_levels: bool = False) -> Found:
    level = float(here.normalise.scale.max())
    worst = moved = 0.0
    sources = [(data.train_epoch(1), data.val_dataloader(), data.test_dataloader()) for data in (here, there)]
    for ours, theirs in zip(*sources, strict=True):
        for one, other in zip(ours, theirs, strict=True):
            if not torch.equal(one.sample, other.sample.cpu()) or not torch.equal(one.labels, other.labels.cpu()):
                return Found(False, "other samples, or another order")
            apart = (one.images - other.images.cpu()).abs()
            worst = max(worst, float(apart.max()))
            moved = max(moved, float((apart > 1e-4).float().mean()))
    holds = worst < 1e-4 if not by_levels else worst < 1.01 * level and moved < 0.01
    told = f"same samples, pixels differ by at most {worst:.1g} of a standard deviation, {moved:.2%} of them"
    return Found(holds, told, {"largest": worst, "share": moved})


def prefetched(setting: Setting) -> Found:
    """Images that stay on the CPU arrive, one batch after the other, as those that lie on the device."""
    setting.needs_cuda("a CPU reads its own memory")
    resident, streamed = (datamodules.build(pictures(32, 4000), batch_size=64, augment="cifar") for _ in range(2))
    free = torch.cuda.mem_get_info
    resident.move_to(torch.device("cuda"))
    try:
        torch.cuda.mem_get_info = lambda *_: (1, 1)  # nothing fits
        streamed.move_to(torch.device("cuda"))
    finally:
        torch.cuda.mem_get_info = free
    arrays: ImageArrays = streamed.arrays
    assert isinstance(arrays.train_images, Tensor)
    if arrays.train_images.is_cuda:
        return Found(False, "the images were moved although they do not fit")
    for one, other in zip(resident.train_epoch(1), streamed.train_epoch(1), strict=True):
        if not torch.equal(one.images, other.images):
            return Found(False, "other pixels than of resident images")
    stopped = streamed.train_epoch(2)
    next(stopped)
    stopped.close()  # the reader may stop in the middle
    return Found(True, "equal to the last bit, over an epoch of 56 batches")


def step(
    network: nn.Module, images: Tensor, context: AbstractContextManager[Any] | None = None
) -> tuple[float, Tensor]:
    """Return the loss of a step and all gradients in one float64 vector, on the CPU."""
    network.zero_grad()
    # The labels are made on the CPU, see `loss_of`.
    with context or nullcontext(), torch.device(images.device):
        loss = loss_of(network, images)
    loss.backward()
    gradients = [each.grad if each.grad is not None else torch.zeros_like(each) for each in network.parameters()]
    return float(loss.detach()), torch.cat([each.detach().double().flatten().cpu() for each in gradients])


def built(name: str, **options: Any) -> nn.Module:
    """Return a small network of this name in training mode, without dropout, whose draws are a device's own."""
    network = reduced(name, **options).train()
    for module in network.modules():
        if isinstance(module, nn.Dropout | nn.Dropout2d):
            module.p = 0.0
    return network


def images_for(name: str, count: int = 8) -> Tensor:
    return torch.randn(count, 3, size_of(name), size_of(name), generator=torch.Generator().manual_seed(1))


def distance(one: Tensor, reference: Tensor) -> float:
    """Return the relative distance of two vectors, infinite where one is not finite."""
    if not bool(one.isfinite().all()):
        return float("inf")
    return float((one - reference).norm() / reference.norm().clamp(min=1e-30))


def first_steps(setting: Setting, name: str) -> Found:
    """Loss and gradients in float32 on the CPU and on the device, both against float64."""
    use_precision("32-true")
    images = images_for(name)
    figures: dict[str, Any] = {}
    failed: list[str] = []
    left_out: list[str] = []
    worst = (0.0, "")
    for norm in norms_of(name) or [""]:
        options = {"norm": norm} if norm else {}
        draws = norm == "noisy_batch"
        try:
            loss, exact = step(built(name, **options).double(), images.double())
        except ValueError:
            left_out.append(norm)  # instance norm, say, of maps of one pixel
            continue
        _, here = step(built(name, **options), images)
        network = built(name, **options).to(setting.device)
        loss_there, there = step(network, images.to(setting.device))
        ours, theirs = distance(here, exact), distance(there, exact)
        figures[norm or "as it is"] = {"cpu": ours, "device": theirs, "loss": abs(loss_there - loss)}
        if draws:
            holds = bool(there.isfinite().all())  # its noise comes from the device's own generator
        else:
            holds = theirs <= max(LEAST, WITHIN * ours) and abs(loss_there - loss) <= 1e-4 * max(1.0, abs(loss))
            worst = max(worst, (theirs, norm))
        if not holds:
            failed.append(f"{norm or name}: {theirs:.1g}, on the CPU {ours:.1g}")
    told = f"gradients within {worst[0]:.1g} of float64 ({worst[1] or 'no norm'}), {len(figures)} norms"
    told += f"; impossible at {size_of(name)} pixels: {', '.join(left_out)}" if left_out else ""
    return Found(not failed, "; ".join(failed) or told, figures)


TF32 = 0.1
"""Relative distance of a small ResNet's gradients from float64 that factors of ten bits explain."""

NETWORK = "resnet20"


def mixed(setting: Setting, precision: str) -> Found:
    """Gradients under another precision, against float64; a GPU's may be twice as far away as the CPU's."""
    images = images_for(NETWORK, 64)
    _, exact = step(built(NETWORK, norm="batch").double(), images.double())
    kind = MIXED.get(precision)

    def apart(device: str) -> float:
        context = torch.autocast(device, kind) if kind is not None else nullcontext()
        return distance(step(built(NETWORK, norm="batch").to(device), images.to(device), context)[1], exact)

    try:
        use_precision(precision)
        there, here = apart(setting.device), apart("cpu")
    finally:
        use_precision("32-true")
    limit = TF32 if kind is None else 2 * here
    told = f"gradients {there:.1g} away from float64, on the CPU {here:.1g}"
    return Found(there <= limit, told, {"device": there, "cpu": here})


def laid_out(setting: Setting) -> Found:
    """Gradients with images and weights channels-last."""
    images = images_for(NETWORK, 64)
    _, exact = step(built(NETWORK, norm="batch").double(), images.double())
    device, layout = torch.device(setting.device), torch.channels_last
    network = built(NETWORK, norm="batch").to(device=device, memory_format=layout)
    _, found = step(network, images.to(device, memory_format=layout))
    apart = distance(found, exact)
    return Found(apart < 1e-4, f"gradients {apart:.1g} away from float64", {"distance": apart})


def compiled(setting: Setting) -> Found:
    """Gradients of the compiled network."""
    name = "lenet5" if setting.small else NETWORK
    images = images_for(name, 64)
    _, exact = step(built(name, norm="batch").double(), images.double())
    network = built(name, norm="batch").to(setting.device)
    network.compile()
    _, found = step(network, images.to(setting.device))
    apart = distance(found, exact)
    return Found(apart < 1e-4, f"gradients {apart:.1g} away from float64", {"distance": apart})
