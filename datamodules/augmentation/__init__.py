"""Augmentation of whole batches on the batch's device; every draw is keyed by (seed, epoch, sample)."""

from litmus.datamodules.augmentation.recipes import RECIPES, augment, written_out

__all__ = ["RECIPES", "augment", "written_out"]
