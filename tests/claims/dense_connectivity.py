"""What the claims of `dense_connectivity` say, and the worlds where they are right and wrong."""

from collections.abc import Mapping

from claims.base.says import about, better
from claims.base.world import Rows, world

CHAIN, DENSE = "chain", "dense"
CHAIN_BATCH, DENSE_BATCH = "chain, batch norm", "dense, batch norm"

CLAIMS = {
    "At equal parameters the dense network is more accurate, with batch norm.": better(DENSE_BATCH, CHAIN_BATCH),
    "With batch norm the gradients of first and last layer are closer with dense connections than without.": about(
        CHAIN_BATCH, DENSE_BATCH
    ),
    "Without norm they are, too.": about(CHAIN, DENSE),
    "Without norm the dense network fits the training set better.": better(DENSE, CHAIN, of="fit_top1"),
    "With batch norm it does, too.": better(DENSE_BATCH, CHAIN_BATCH, of="fit_top1"),
}


def gradients(first_over_last: Mapping[str, float]) -> Rows:
    """Return rows of the gradients at the start; the layers between, the classifier and later steps mislead."""
    return {
        label: [
            (step, layer, "output_gradient_rms", value)
            for step, ratio in ((0, factor), (10, 1 / factor if label.startswith("dense") else 1.0))
            for layer, value in (("conv", ratio), ("middle", 1e9), ("last", 1.0), ("classifier", ratio))
        ]
        + [(0, "", "decay_factor", 1.0)]
        for label, factor in first_over_last.items()
    }


# Gradients that grow on their way are as uneven as those that vanish.
RIGHT = world(
    {CHAIN: 0.95, DENSE: 0.2, CHAIN_BATCH: 0.8, DENSE_BATCH: 0.9},
    train={CHAIN: 0.3, DENSE: 0.6, CHAIN_BATCH: 0.8, DENSE_BATCH: 0.9},
    probes=gradients({CHAIN: 1e-6, DENSE: 0.5, CHAIN_BATCH: 300.0, DENSE_BATCH: 2.0}),
)
WRONG = world(
    {CHAIN: 0.2, DENSE: 0.95, CHAIN_BATCH: 0.9, DENSE_BATCH: 0.8},
    train={CHAIN: 0.6, DENSE: 0.3, CHAIN_BATCH: 0.9, DENSE_BATCH: 0.8},
    probes=gradients({CHAIN: 0.5, DENSE: 1e-4, CHAIN_BATCH: 2.0, DENSE_BATCH: 100.0}),
)
