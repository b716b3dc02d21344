"""Image datasets as LightningDataModules: resident in memory, with order and augmentation keyed by the sample."""

from typing import TYPE_CHECKING

from litmus.lazy import lazily

if TYPE_CHECKING:
    from datamodules.batches.image_data import build
    from datamodules.loading.own import dataset
    from datamodules.loading.registry import names, register

__all__ = ["build", "dataset", "names", "register"]

__getattr__ = lazily(
    __name__,
    {
        "build": "datamodules.batches.image_data",
        "dataset": "datamodules.loading.own",
        "names": "datamodules.loading.registry",
        "register": "datamodules.loading.registry",
    },
)
