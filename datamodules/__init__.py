"""Image datasets as LightningDataModules: resident in memory, with order and augmentation keyed by the sample."""

from typing import TYPE_CHECKING

from litmus.core.registry import lazily

if TYPE_CHECKING:
    from litmus.datamodules.batches.image_data import build
    from litmus.datamodules.loading.custom import dataset
    from litmus.datamodules.loading.registry import names, register

__all__ = ["build", "dataset", "names", "register"]

__getattr__ = lazily(
    __name__,
    {
        "build": "litmus.datamodules.batches.image_data",
        "dataset": "litmus.datamodules.loading.custom",
        "names": "litmus.datamodules.loading.registry",
        "register": "litmus.datamodules.loading.registry",
    },
)
