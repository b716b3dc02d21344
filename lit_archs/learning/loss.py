"""The loss of a classification network: by its name, with auxiliary heads, or defined by the network."""

from typing import Literal, NamedTuple, Protocol, TypeGuard

from torch import Tensor, nn
from torch.nn import functional

LossName = Literal["cross_entropy", "hinge", "crammer_singer", "squared_error"]


class AuxiliaryOutputs(NamedTuple):
    """What a network with auxiliary heads returns in training; in eval mode it returns the logits alone.

    `logits` and each of `auxiliary` are [N, num_classes]; the losses of the auxiliary heads are multiplied by
    `weight` and added.
    """

    logits: Tensor
    auxiliary: tuple[Tensor, ...]
    weight: float


class DefinesLoss(Protocol):
    """A network that defines its training loss: one value a sample, [N]."""

    def loss(self, logits: Tensor, labels: Tensor) -> Tensor: ...


def defines_loss(network: object) -> TypeGuard[DefinesLoss]:
    """Return whether `network` defines its loss."""
    # Not by isinstance: a protocol is looked through method by method, at each step, with the network's parameters.
    return hasattr(type(network), "loss")


def logits_of(outputs: Tensor | AuxiliaryOutputs) -> Tensor:
    """Return the logits [N, num_classes] among what a network returned."""
    return outputs.logits if isinstance(outputs, AuxiliaryOutputs) else outputs


def classification_loss(
    network: nn.Module,
    outputs: Tensor | AuxiliaryOutputs,
    labels: Tensor,
    label_smoothing: float = 0.0,
    reduction: Literal["mean", "none"] = "mean",
    loss: LossName = "cross_entropy",
) -> Tensor:
    """Return the training loss of a batch, from what `network` returned for it in training mode.

    `reduction` is mean, a scalar, or none, a value a sample. A loss that the network defines replaces `loss`, and has
    no smoothed form.
    """
    if defines_loss(network):
        losses = network.loss(logits_of(outputs), labels)
        return losses.mean() if reduction == "mean" else losses

    def of(logits: Tensor) -> Tensor:
        if loss == "cross_entropy":
            return functional.cross_entropy(logits, labels, label_smoothing=label_smoothing, reduction=reduction)
        each = _sample_losses(loss, logits, labels, label_smoothing)
        return each.mean() if reduction == "mean" else each

    total = of(logits_of(outputs))
    if isinstance(outputs, AuxiliaryOutputs):
        for auxiliary in outputs.auxiliary:
            total = total + outputs.weight * of(auxiliary)
    return total


def sample_losses(network: nn.Module, logits: Tensor, labels: Tensor, loss: LossName = "cross_entropy") -> Tensor:
    """Return the evaluation loss of each sample, [N]."""
    if defines_loss(network):
        return network.loss(logits, labels)
    return _sample_losses(loss, logits, labels)


def _sample_losses(loss: LossName, logits: Tensor, labels: Tensor, label_smoothing: float = 0.0) -> Tensor:
    """Return each sample's loss, [N], of scores s and the label y.

    `hinge` is Σ max(0, s_j − s_y + 1) over the other classes j (Weston & Watkins 1999, as the CS231n notes have it),
    `crammer_singer` the largest of these terms (Crammer & Singer 2001), `squared_error` Σ (s_j − t_j)² to the target
    t, 1 for the label and 0 for the others, or what `label_smoothing` makes of it.
    """
    if loss == "cross_entropy":
        return functional.cross_entropy(logits, labels, reduction="none", label_smoothing=label_smoothing)
    right = functional.one_hot(labels, logits.shape[1])
    if loss == "squared_error":
        target = right * (1.0 - label_smoothing) + label_smoothing / logits.shape[1]
        return (logits - target).square().sum(1)
    margins = (logits - logits.gather(1, labels[:, None]) + 1.0).clamp(min=0.0).masked_fill(right.bool(), 0.0)
    return margins.sum(1) if loss == "hinge" else margins.amax(1)
