"""What the claims of `gradient_flow` say, and the worlds where they are right and wrong."""

from claims.base.says import about, better
from claims.base.world import initial, world

PLAIN, BATCH, RESIDUAL = "plain, 56 layers", "batch norm, 56 layers", "residual + batch norm, 56 layers"

CLAIMS = {
    "In a deep plain network without norm the initial gradient shrinks towards the first layers.": about(PLAIN),
    "Its initial factor a layer is within 0.05 of 0.9.": about(PLAIN),
    "With batch norm a plain network's initial gradients do not vanish: the factor exceeds 0.9.": about(BATCH),
    "Without shortcuts, batch norm makes initial gradients grow towards the first layers.": about(BATCH),
    "With shortcuts and batch norm the initial factor is nearer to 1 than with batch norm alone.": about(
        RESIDUAL, BATCH
    ),
    "That shows in training: at 56 layers shortcuts lower the training error.": better(RESIDUAL, BATCH, of="fit_top1"),
}

RIGHT = world(
    {},
    train={BATCH: 0.8, RESIDUAL: 0.9},
    probes=initial("decay_factor", [""], {PLAIN: 0.9, BATCH: 1.2, RESIDUAL: 0.98}, later=0.5),
)
WRONG = world(
    {},
    train={BATCH: 0.9, RESIDUAL: 0.8},
    probes=initial("decay_factor", [""], {PLAIN: 1.1, BATCH: 0.7, RESIDUAL: 2.0}, later=0.9),
)
