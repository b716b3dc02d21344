"""The loss of a classification network: cross-entropy, with auxiliary heads, or the network's own."""

from typing import Literal, NamedTuple, Protocol, TypeGuard

from torch import Tensor, nn
from torch.nn import functional


class AuxiliaryOutputs(NamedTuple):
    """What a network with auxiliary heads returns in training; in eval mode it returns the logits alone.

    `logits` and each of `auxiliary` are [N, num_classes]; the losses of the auxiliary heads are multiplied by
    `weight` and added.
    """

    logits: Tensor
    auxiliary: tuple[Tensor, ...]
    weight: float


class DefinesLoss(Protocol):
    """A network that is trained with its own loss instead of cross-entropy: one value a sample, [N]."""

    def loss(self, logits: Tensor, labels: Tensor) -> Tensor: ...


def defines_loss(network: object) -> TypeGuard[DefinesLoss]:
    """Return whether `network` has a loss of its own."""
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
) -> Tensor:
    """Return the training loss of a batch, from what `network` returned for it in training mode.

    `reduction` is mean, a scalar, or none, a value a sample. A network's own loss has no smoothed form:
    `label_smoothing` is for cross-entropy.
    """
    if defines_loss(network):
        own = network.loss(logits_of(outputs), labels)
        return own.mean() if reduction == "mean" else own

    def cross_entropy(logits: Tensor) -> Tensor:
        return functional.cross_entropy(logits, labels, label_smoothing=label_smoothing, reduction=reduction)

    loss = cross_entropy(logits_of(outputs))
    if isinstance(outputs, AuxiliaryOutputs):
        for auxiliary in outputs.auxiliary:
            loss = loss + outputs.weight * cross_entropy(auxiliary)
    return loss


def sample_losses(network: nn.Module, logits: Tensor, labels: Tensor) -> Tensor:
    """Return the evaluation loss of each sample, [N]."""
    if defines_loss(network):
        return network.loss(logits, labels)
    return functional.cross_entropy(logits, labels, reduction="none")
