"""Image datasets as LightningDataModules: resident in memory, with order and augmentation keyed by the sample."""

from datamodules.batches.image_data import build
from datamodules.loading.registry import names

__all__ = ["build", "names"]
