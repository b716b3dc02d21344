"""Probe: how often the predicted class is the same after a small shift, change of size or rotation of the image."""

import math
from collections.abc import Callable

import lightning.pytorch as lightning
import torch
from torch import Tensor
from torch.nn import functional

from litmus.lit_archs.learning.lit_network import LitNetwork
from litmus.probes.probe import Probe, predicted_classes, register, summed, undisturbed

DISTANCES = (1, 2)
"""Pixels by which the images are shifted."""
SIZES = (0.9, 1.1)
"""Factors by which the images are scaled."""
DEGREES = (-10.0, 10.0)
"""Angles by which the images are rotated."""


@register
class AnswerConsistency(Probe):
    """Rows at the end of training, over the validation split.

    `same_answer_1` and `same_answer_2` are the fractions of images shifted by one and by two pixels, in eight
    directions, that get the class of the image itself; Zhang 2019 (1904.11486) calls this consistency and uses two
    random shifts. Shifts are circular. `same_answer_scaled` is the fraction for images scaled by 0.9 and 1.1, and
    `same_answer_rotated` for images rotated by ten degrees to either side, bilinearly and with the pixels of the border
    repeated. Logits that are not finite count as another class. A network that always predicts one class is perfectly
    consistent. A run that diverged has no rows.
    """

    name = "answer_consistency"
    summary = "share of answers that a small shift, scaling or rotation leaves the same (Zhang 2019, 1904.11486)"
    cost = "21 validations, once"
    for_segmentation = False

    def at_end(self, trainer: lightning.Trainer, module: LitNetwork) -> None:
        network = module.network
        kinds = changes()
        counts = torch.zeros(1 + len(kinds), dtype=torch.int64, device=module.device)

        with undisturbed(network), torch.no_grad():
            network.eval()
            for batch in self.validation_batches(trainer):
                unchanged = predicted_classes(network.forward(batch.images))
                counts[0] += len(unchanged)
                for place, of_kind in enumerate(kinds.values(), start=1):
                    for change in of_kind:
                        answers = predicted_classes(network.forward(change(batch.images)))
                        counts[place] += ((answers == unchanged) & (unchanged >= 0)).sum()
        images, *same = summed(counts).tolist()
        for count, (kind, of_kind) in zip(same, kinds.items(), strict=True):
            self.add(trainer.global_step, "", **{f"same_answer_{kind}": count / (images * len(of_kind))})


def changes() -> dict[str, list[Callable[[Tensor], Tensor]]]:
    """Return what is done to a batch of images, by the kind of the change."""
    found = {str(distance): [shifted(*each) for each in shifts(distance)] for distance in DISTANCES}
    return {**found, "scaled": [resampled(size=size) for size in SIZES],
            "rotated": [resampled(degrees=angle) for angle in DEGREES]}  # fmt: skip


def shifts(distance: int) -> list[tuple[int, int]]:
    """Return the eight shifts (down, right) by `distance` pixels along the sides and diagonals."""
    steps = (-distance, 0, distance)
    return [(down, right) for down in steps for right in steps if (down, right) != (0, 0)]


def shifted(down: int, right: int) -> Callable[[Tensor], Tensor]:
    """Return what shifts images [N, C, H, W] circularly."""
    return lambda images: images.roll((down, right), (2, 3))


def resampled(size: float = 1.0, degrees: float = 0.0) -> Callable[[Tensor], Tensor]:
    """Return what scales images [N, C, H, W] about their centre by `size` and rotates them anticlockwise."""
    cosine, sine = math.cos(math.radians(degrees)) / size, math.sin(math.radians(degrees)) / size

    def change(images: Tensor) -> Tensor:
        # From a place of the result to the place of the image that is seen there; rows point down.
        turn = images.new_tensor([[cosine, -sine, 0.0], [sine, cosine, 0.0]]).expand(len(images), 2, 3)
        places = functional.affine_grid(turn, list(images.shape), align_corners=False)
        return functional.grid_sample(images, places, padding_mode="border", align_corners=False)

    return change
