"""The config of the data: the dataset and its options, how it is split, batched and augmented."""

import dataclasses
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from annotated_types import Gt, Le, Lt
from pydantic import PositiveFloat, PositiveInt

from litmus.core.config_keys import Config, OneOf, Role
from litmus.core.errors import UserError
from litmus.datamodules.augmentation.mixing import Mix
from litmus.datamodules.augmentation.recipes import RECIPES, written_out
from litmus.datamodules.loading.registry import DATASETS

Centring = Literal["channel", "pixel", "pixel_mean", "unit", "none"]


@dataclass(frozen=True)
class DataConfig(Config):
    """The dataset, how it is split, batched and augmented.

    Args:
        name: dataset, as `litmus list` names it.
        root: folder of the dataset's files.
        batch_size: samples of a training step over all devices together.
        eval_batch_size: samples of an evaluation step.
        augment: augmentation recipe of the training images.
        test_crops: parts of a test image whose predicted probabilities are averaged: 1, the middle; 5, with the four
            corners; 10, with their mirror images.
        mix: none, mixup or cutmix: whether each training image is mixed with another; not for segmentation.
        mix_alpha: parameter of the Beta distribution of the first image's weight.
        centring: channel subtracts each channel's mean over the training split, pixel that of each pixel; both divide
            by each channel's standard deviation; pixel_mean subtracts that of each pixel and divides by the full range
            alone; unit only divides by the full range, to [0, 1], and none leaves pixels at 0 to 255.
        validation: fraction of the training set that is held out for validation.
        train_fraction: fraction of each class of the training split to train on; smaller fractions are subsets of
            larger ones.
        split_seed: seed of that split, the same for every run of a study.
        reshuffle: whether each epoch has a new order; false repeats the first epoch's.
        drop_last: whether an epoch's last, shorter batch is dropped.
        options: the dataset's options; in a run's config they are keys like the others.
    """

    name: str = "digits"
    root: Annotated[str, Role.FILES] = "data"
    batch_size: PositiveInt = 128
    eval_batch_size: PositiveInt = 500
    augment: Annotated[str, OneOf(RECIPES)] = "none"
    mix: Mix = "none"
    mix_alpha: PositiveFloat = 1.0
    centring: Centring = "channel"
    test_crops: Literal[1, 5, 10] = 1
    validation: Annotated[float, Gt(0), Lt(1)] = 0.1
    train_fraction: Annotated[float, Gt(0), Le(1)] = 1.0
    split_seed: int = 0
    reshuffle: bool = True
    drop_last: bool = True
    options: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        dataset = DATASETS[self.name]
        object.__setattr__(self, "name", dataset.name)  # which may have been given in another case
        object.__setattr__(self, "options", dataset.with_defaults(self.options))

    @classmethod
    def from_dict(cls, settings: dict[str, Any]) -> "DataConfig":
        """Return the config of plain `settings`, the dataset's options among them; the inverse of `as_dict`.

        Raises `UserError` for a wrong key or value, and where a recipe is no longer what the settings say it was.
        """
        settings = dict(settings)
        recipe = str(settings.get("augment", cls.augment))
        recorded = settings.pop("transforms", None)
        if recorded is not None and recipe in RECIPES and recorded != written_out(recipe):
            raise UserError(f"transforms cannot be set: the recipe {recipe} is {written_out(recipe)}, not {recorded}")
        fields = {each.name for each in dataclasses.fields(cls)} - {"options"}
        options = {key: value for key, value in settings.items() if key not in fields}
        return cls(**{key: value for key, value in settings.items() if key in fields}, options=options)

    def as_dict(self) -> dict[str, Any]:
        """Return every key and value, the recipe's transforms written out and the dataset's options among them."""
        fields = {each.name: getattr(self, each.name) for each in dataclasses.fields(self) if each.name != "options"}
        return {**fields, "transforms": written_out(self.augment), **self.options}
