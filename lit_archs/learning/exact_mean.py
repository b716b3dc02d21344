"""A mean that does not depend on how the samples are split over batches and devices."""

import torch
from torch import Tensor
from torchmetrics import Metric


class ExactMean(Metric):
    """The mean of per-sample values, equal to the last digit for any split of the samples over batches and devices.

    Floating-point sums depend on their order, integer sums do not: values are added as multiples of 2⁻²⁴. The result
    is NaN as soon as one value is not finite.
    """

    total: Tensor
    count: Tensor
    nonfinite: Tensor

    def __init__(self) -> None:
        super().__init__()
        for state in ("total", "count", "nonfinite"):
            self.add_state(state, torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")

    def update(self, values: Tensor) -> None:
        """Add per-sample `values` [N]."""
        finite = torch.isfinite(values)
        # Clamped so that no sum of 2^20 values can overflow 63 bits; a loss of 2^18 has diverged in any case.
        scaled = values.double().nan_to_num(0.0, 0.0, 0.0).clamp(-(2.0**18), 2.0**18) * 2.0**24
        self.total += scaled.round().to(torch.int64).sum()
        self.count += values.numel()
        self.nonfinite += (~finite).sum()

    def compute(self) -> Tensor:
        mean = self.total.double() / 2.0**24 / self.count
        return torch.where(self.nonfinite > 0, torch.nan, mean)
