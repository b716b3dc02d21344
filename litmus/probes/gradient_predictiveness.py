"""Probe: how far the loss and its gradient can be predicted along the gradient's direction."""

import lightning.pytorch as lightning
import torch

from litmus.core.batch import Batch
from litmus.lit_archs.learning.lit_network import LitNetwork
from litmus.probes.probe import Probe, distance, loss_and_gradients, norm, register, set_values

STEP_LENGTHS = (0.5, 1.0, 2.0, 4.0)
"""Lengths of the steps, as multiples of the step's learning rate."""


@register
class GradientPredictiveness(Probe):
    """Rows of the network (layer ""): the loss L and its gradient g at x, and at x − ηg for η of ½, 1, 2, 4 × the lr.

    `loss` at x; `loss_lowest`, `loss_highest` and `loss_range`, their difference, over the four points x − ηg;
    `gradient_norm` = ‖g‖; `gradient_change` = the greatest ‖g(x) − g(x − ηg)‖; `smoothness` = the greatest
    ‖g(x) − g(x − ηg)‖ / (η ‖g‖), the effective β-smoothness. All of them are of one global batch, and NaN or infinite
    where a loss is not finite.
    """

    name = "gradient_predictiveness"
    summary = "range of loss and gradient along the gradient (Santurkar et al. 2018, section 3.2, figure 4)"
    cost = "5 forward and backward passes, 2 copies of the weights"

    def before_step(self, trainer: lightning.Trainer, module: LitNetwork, batch: Batch) -> None:
        parameters = [parameter for parameter in module.network.parameters() if parameter.requires_grad]
        start = [parameter.detach().clone() for parameter in parameters]
        loss, gradient = loss_and_gradients(module, batch, self.seed, parameters)
        length = norm(gradient)
        lr = float(trainer.optimizers[0].param_groups[0]["lr"])
        losses, changes, slopes = [], [], []
        try:
            for multiple in STEP_LENGTHS:
                points = zip(start, gradient, strict=True)
                set_values(parameters, (origin - multiple * lr * direction for origin, direction in points))
                moved_loss, moved_gradient = loss_and_gradients(module, batch, self.seed, parameters)
                losses.append(moved_loss)
                changes.append(distance(gradient, moved_gradient))
                covered = multiple * lr * length
                slopes.append(changes[-1] / covered if covered else float("nan"))
        finally:
            set_values(parameters, start)
        lowest, highest = _extremes(losses)
        self.add(
            trainer.global_step, "", loss=loss, loss_lowest=lowest, loss_highest=highest, loss_range=highest - lowest,
            gradient_norm=length, gradient_change=_extremes(changes)[1], smoothness=_extremes(slopes)[1],
        )  # fmt: skip


def _extremes(values: list[float]) -> tuple[float, float]:
    # Python's min and max may or may not skip a NaN.
    lowest, highest = torch.tensor(values, dtype=torch.float64).aminmax()
    return float(lowest), float(highest)
