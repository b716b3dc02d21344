"""Images per second of Litmus's data against torchvision's usual pipelines, side by side in one run.

    python benchmarks/data.py --cifar10 DIR --imagenet DIR

DIR are image folders (train/, val/, a subfolder a class). On CIFAR-10 every pipeline pads by 4, crops, flips and
normalises; on the larger images it decodes, resizes, crops and normalises. Each figure is the best of several passes,
with all CPU cores, and passes of the pipelines alternate, so that a disturbance hits all alike.
"""

import argparse
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from torchvision.datasets import ImageFolder
from torchvision.datasets.folder import default_loader
from torchvision.transforms import v2

from litmus import datamodules

BATCH = 128
MEAN, STD = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)


@dataclass
class Pipeline:
    """One way to make the batches: `epoch` yields them, `images` is how many of them are timed."""

    name: str
    epoch: Callable[[], Iterable[object]]
    images: int
    rates: list[float] = field(default_factory=list)

    def measure(self) -> None:
        """Time one pass over `images` images."""
        started, seen = time.perf_counter(), 0
        for batch in self.epoch():
            seen += len(batch[0] if isinstance(batch, Sequence) else batch)  # type: ignore[arg-type]
            if seen >= self.images:
                break
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        self.rates.append(seen / (time.perf_counter() - started))


class Samples(Dataset[tuple[object, int]]):
    """Images one by one, each through `transform`: what torchvision's datasets are."""

    def __init__(self, images: Sequence[object] | Tensor, transform: Callable[[object], object]) -> None:
        self.images = images
        self.transform = transform

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[object, int]:
        return self.transform(self.images[index]), 0


class Arrays(Samples):
    """The same over an array [N, H, W, C], made a PIL image at each access, as torchvision.datasets.CIFAR10 does."""

    def __getitem__(self, index: int) -> tuple[object, int]:
        from PIL import Image

        return self.transform(Image.fromarray(self.images[index])), 0


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--cifar10", help="CIFAR-10 as an image folder")
    parser.add_argument("--imagenet", help="an image folder of larger images")
    parser.add_argument("--passes", type=int, default=3, help="passes over each pipeline")
    parser.add_argument("--cache", default=None, help="folder of the cache (default: a temporary one)")
    options = parser.parse_args()
    cache = options.cache or tempfile.mkdtemp(prefix="litmus-benchmark-")
    try:
        if options.cifar10:
            small_images(options.cifar10, cache, options.passes)
        if options.imagenet:
            image_files(options.imagenet, cache, options.passes)
    finally:
        if options.cache is None:
            shutil.rmtree(cache, ignore_errors=True)


def small_images(root: str, cache: str, passes: int) -> None:
    """CIFAR-10 in memory: crop, flip, normalise."""
    litmus = datamodules.build("folder", root=root, cache=cache, augment="cifar", batch_size=BATCH, validation=1e-4)
    images = litmus.arrays.train_images
    assert isinstance(images, Tensor)
    if torch.cuda.is_available():
        litmus.move_to(torch.device("cuda"))
    resident = images.clone()
    pil = v2.Compose(
        [
            v2.RandomCrop(32, padding=4),
            v2.RandomHorizontalFlip(),
            v2.ToImage(),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize(MEAN, STD),
        ]
    )
    tensor = v2.Compose(
        [
            v2.RandomCrop(32, padding=4),
            v2.RandomHorizontalFlip(),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize(MEAN, STD),
        ]
    )
    as_arrays = resident.permute(0, 2, 3, 1).contiguous().numpy()
    scratch = torch.empty((BATCH, *resident.shape[1:]))

    def copy() -> Iterable[Tensor]:
        # The least that has to be done: read every byte once, write every float once.
        for batch in resident.split(BATCH):
            yield scratch[: len(batch)].copy_(batch)

    some = 10_000
    table = [
        Pipeline("torchvision PIL, 0 workers", loader(Arrays(as_arrays, pil), 0), some),
        Pipeline("torchvision PIL, 2 workers", loader(Arrays(as_arrays, pil), 2), 2 * some),
        Pipeline("torchvision v2 tensors, 0 workers", loader(Samples(resident, tensor), 0), some),
        Pipeline("torchvision v2 tensors, 2 workers", loader(Samples(resident, tensor), 2), 2 * some),
        Pipeline("Litmus", lambda: litmus.train_epoch(0), len(resident)),
        Pipeline("bare copy of the same bytes", copy, len(resident)),
    ]
    compare("CIFAR-10, 50,000 images: crop + flip + normalise", table, "torchvision PIL, 2 workers", passes)
    litmus_rate, copy_rate = (max(pipeline.rates) for pipeline in table[-2:])
    print(f"Litmus reaches {litmus_rate / copy_rate:.1%} of the bare copy (read each byte, write each as a float)\n")


def image_files(root: str, cache: str, passes: int) -> None:
    """Image files: decode, resize, centre crop, normalise; and the same from the cache."""
    size = 160
    options = {"root": root, "cache": cache, "image_size": size, "batch_size": BATCH, "validation": 1e-3}
    decoding = datamodules.build("folder", storage="files", decode_workers=2, **options)
    cached = datamodules.build("folder", storage="cache", **options)
    transform = v2.Compose(
        [
            v2.Resize(size),
            v2.CenterCrop(size),
            v2.ToImage(),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize(MEAN, STD),
        ]
    )
    files = [path for path, _ in ImageFolder(str(Path(root) / "train")).samples]
    samples = Samples(files, lambda path: transform(default_loader(str(path))))
    count = len(files)
    table = [
        Pipeline("torchvision PIL, 0 workers", loader(samples, 0), count // 3),
        Pipeline("torchvision PIL, 2 workers", loader(samples, 2), count),
        Pipeline("Litmus, decoding, 2 workers", lambda: decoding.train_epoch(0), count),
        Pipeline("Litmus, cached", lambda: cached.train_epoch(0), count),
    ]
    compare(f"{count:,} image files to {size}×{size}: decode, resize, normalise", table, table[1].name, passes)


def loader(dataset: Dataset[tuple[object, int]], workers: int) -> Callable[[], Iterable[object]]:
    """Return epochs of a DataLoader whose workers stay between epochs, so that their start is not timed."""
    made = DataLoader(dataset, BATCH, shuffle=True, num_workers=workers, persistent_workers=workers > 0)
    next(iter(made))
    return lambda: made


def compare(title: str, pipelines: Sequence[Pipeline], reference: str, passes: int) -> None:
    """Measure the pipelines in turn and print them side by side."""
    for _ in range(passes):
        for pipeline in pipelines:
            pipeline.measure()
    base = next(max(pipeline.rates) for pipeline in pipelines if pipeline.name == reference)
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else f"CPU, {torch.get_num_threads()} threads"
    table = Table(title=f"{title}; batch {BATCH}; {device}", title_justify="left")
    for column in ("pipeline", "images/s, best", "median", f"× {reference}"):
        table.add_column(column, justify="left" if column == "pipeline" else "right")
    for pipeline in pipelines:
        best, middle = max(pipeline.rates), statistics.median(pipeline.rates)
        table.add_row(pipeline.name, f"{best:,.0f}", f"{middle:,.0f}", f"{best / base:.1f}")
    Console().print(table)


if __name__ == "__main__":
    main()
