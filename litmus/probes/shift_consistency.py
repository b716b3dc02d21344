"""Probe: how often the predicted class is the same after a shift of the image by a pixel or two."""

import lightning.pytorch as lightning
import torch

from litmus.lit_archs.learning.lit_network import LitNetwork
from litmus.probes.probe import Probe, predicted_classes, register, summed, undisturbed

DISTANCES = (1, 2)
"""Pixels by which the images are shifted."""


@register
class ShiftConsistency(Probe):
    """Rows at the end of training, over the validation split and the eight directions in which an image is shifted.

    `same_answer_d` is the fraction of images shifted by d = 1 or 2 pixels to a side, up or down, or both, that get the
    class of the unshifted image; `top1_shifted_d` the fraction that get the right class. Zhang 2019 (1904.11486) calls
    the former consistency and uses two random shifts. Shifts are circular. Logits that are not finite count as another
    class. A network that always predicts one class is perfectly consistent. A run that diverged has no rows.
    """

    name = "shift_consistency"
    summary = "share of answers that a shift by 1 or 2 pixels leaves the same (Zhang 2019, 1904.11486)"
    cost = "17 validations, once"
    for_segmentation = False

    def at_end(self, trainer: lightning.Trainer, module: LitNetwork) -> None:
        network = module.network
        counts = torch.zeros(1 + 2 * len(DISTANCES), dtype=torch.int64, device=module.device)

        with undisturbed(network), torch.no_grad():
            network.eval()
            for batch in self.validation_batches(trainer):
                still = predicted_classes(network.forward(batch.images))
                counts[0] += len(still)
                for place, distance in enumerate(DISTANCES):
                    for shift in shifts(distance):
                        shifted = predicted_classes(network.forward(batch.images.roll(shift, (2, 3))))
                        counts[1 + 2 * place] += ((shifted == still) & (still >= 0)).sum()
                        counts[2 + 2 * place] += (shifted == batch.labels).sum()
        images, *found = summed(counts).tolist()
        for place, distance in enumerate(DISTANCES):
            same, right = (number / (images * len(shifts(distance))) for number in found[2 * place : 2 * place + 2])
            quantities = {f"same_answer_{distance}": same, f"top1_shifted_{distance}": right}
            self.add(trainer.global_step, "", **quantities)


def shifts(distance: int) -> list[tuple[int, int]]:
    """Return the eight shifts (down, right) by `distance` pixels along the sides and diagonals."""
    steps = (-distance, 0, distance)
    return [(down, right) for down in steps for right in steps if (down, right) != (0, 0)]
