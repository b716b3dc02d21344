"""What a transform is: parameters, a number of uniform draws, and a function of a whole batch."""

import dataclasses
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor


@dataclass(frozen=True)
class Context:
    """What a transform may know besides the images: the size that the network sees and the training set's mean.

    Args:
        size: height and width of the network's input.
        mean: mean pixel of the training split, float32 [C], 0 to 255.
        colours: principal components of its colours, see `principal_colours`; None where no transform asks for them.
    """

    size: tuple[int, int]
    mean: Tensor
    colours: Tensor | None = None


class Transform(ABC):
    """A random change of uint8 images [N, C, H, W]; its dataclass fields are its parameters.

    `name` keys its draws, so that no transform of a recipe moves another's; `draws` is how many uniform numbers one
    image takes. What it does to an image depends on that image's row of draws alone.
    """

    name: ClassVar[str]
    draws: ClassVar[int]
    uses_colours: ClassVar[bool] = False
    """Whether it asks for the principal components of the training split's colours."""

    @abstractmethod
    def __call__(self, images: Tensor, draws: Tensor, context: Context) -> Tensor:
        """Return the changed uint8 images, given uniform draws in [0, 1), float32 [N, draws]."""

    def move_masks(self, masks: Tensor, draws: Tensor, context: Context) -> Tensor:
        """Return segmentation masks, uint8 [N, 1, H, W], moved as the images are; unchanged where pixels stay."""
        return masks

    def __str__(self) -> str:
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}  # type: ignore[arg-type]
        return f"{self.name}({', '.join(f'{key}={value}' for key, value in values.items())})"
