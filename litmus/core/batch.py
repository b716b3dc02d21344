"""A batch of samples: what data modules make and networks are trained and evaluated on."""

from typing import NamedTuple

from torch import Tensor


class Batch(NamedTuple):
    """What a step is given; any batch with the fields that a module reads will do.

    Args:
        images: float images [N, C, H, W]; where several parts of each test image are seen, [N, parts, C, H, W].
        labels: their classes, int64 [N].
        global_size: samples of the whole batch, over all devices and all parts that a step accumulates.
        sample: the samples' numbers in their set, int64 [N].
        second_labels: where each image is mixed with a second one, that one's classes [N].
        first_share: the weight of the first of the two, float [N].
        masks: where the dataset has masks and images are not mixed, the class of each pixel, int64 [N, H, W].
    """

    images: Tensor
    labels: Tensor
    global_size: int
    sample: Tensor | None = None
    second_labels: Tensor | None = None
    first_share: Tensor | None = None
    masks: Tensor | None = None
