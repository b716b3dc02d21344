"""What a network was given while it trained: the form of an image, and how its pixels are normalised."""

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from torch import Tensor

if TYPE_CHECKING:
    from litmus.datamodules.batches.image_data import ImageDataModule


@dataclass(frozen=True)
class ImageInput:
    """How an image becomes a network's input, as the data module makes it at test time.

    Args:
        classes: name of each class.
        shape: channels, height and width of what the network sees.
        stored: height and width that an image is resized to first; the middle of that is what the network sees.
        resize: crop scales the shorter side and cuts out the middle, stretch scales both sides.
        binary: whether pixels become black or white, at half the full range.
        scale: what a pixel of 0 to 255 is multiplied by, float32 [1, C, 1, 1].
        shift: what is added then, float32 [1, C, 1, 1] or [1, C, H, W].
        white: the value that is white, of images with more than 8 bits a channel; None is 65535 for 16 bits.
    """

    classes: tuple[str, ...]
    shape: tuple[int, int, int]
    stored: tuple[int, int]
    resize: str
    binary: bool
    scale: Tensor
    shift: Tensor
    white: float | None = None

    @classmethod
    def of(cls, data: "ImageDataModule") -> "ImageInput":
        """Return what networks that train on `data` are given."""
        height, width = data.arrays.train_images.shape[2:]
        normalise = data.normalise
        return cls(
            classes=tuple(data.arrays.classes),
            shape=data.image_shape,
            stored=(height, width),
            resize=str(data.config.options.get("resize", "crop")),
            binary=data.arrays.binary,
            scale=normalise.scale.cpu(),
            shift=normalise.shift.cpu(),
            white=data.config.options.get("white"),
        )

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as a checkpoint keeps them; the inverse of `from_dict`."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> "ImageInput":
        """Return the input that a checkpoint records. Raises `KeyError` and `TypeError` for something else."""
        values: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in fields.items()}
        return cls(**values)
