"""What the claims of `saturating_activations` say, and the worlds where they are right and wrong."""

from claims.base.says import about, better, gains_more
from claims.base.world import worlds

SIGMOID, SIGMOID_NORMALISED = "sigmoid, 8 layers, no norm", "sigmoid, 8 layers, batch norm"
SHALLOW, SHALLOW_NORMALISED = "sigmoid, 2 layers, no norm", "sigmoid, 2 layers, batch norm"
RELU, RELU_NORMALISED = "relu, 8 layers, no norm", "relu, 8 layers, batch norm"
TANH, TANH_NORMALISED = "tanh, high rate, no norm", "tanh, high rate, batch norm"
DECAYED = "tanh, high rate, no norm, weight decay"

CLAIMS = {
    "A deep sigmoid net trains with batch norm and not without it: more than 20 points lie between.": better(
        SIGMOID_NORMALISED, SIGMOID
    ),
    "At a high rate a deep tanh net gets stuck in saturation: more units are saturated than with batch norm.": about(
        TANH, TANH_NORMALISED
    ),
    "At that rate it is less accurate, too.": better(TANH_NORMALISED, TANH),
    "Weight decay keeps units from saturation as well: without norm fewer are saturated with it.": about(TANH, DECAYED),
    "Batch norm matters more to sigmoid than to ReLU nets.": gains_more(
        SIGMOID_NORMALISED, SIGMOID, RELU_NORMALISED, RELU
    ),
    "Batch norm matters more the deeper the sigmoid net is.": gains_more(
        SIGMOID_NORMALISED, SIGMOID, SHALLOW_NORMALISED, SHALLOW
    ),
}


def saturated(none: float, batch: float, decayed: float) -> dict[str, list[tuple[int, str, str, float]]]:
    """Return rows of the saturated share at the end; at the start it runs against them."""
    by_label = {TANH: none, TANH_NORMALISED: batch, DECAYED: decayed}
    return {
        label: [(0, "norm1", "saturated_fraction", 1 - value), (9, "norm1", "saturated_fraction", value)]
        for label, value in by_label.items()
    }


RIGHT, WRONG = worlds(
    {
        SIGMOID_NORMALISED: (0.95, 0.80), SIGMOID: (0.20, 0.70), TANH_NORMALISED: (0.95, 0.80), TANH: (0.20, 0.90),
        RELU_NORMALISED: (0.97, 0.95), RELU: (0.96, 0.50), SHALLOW_NORMALISED: (0.95, 0.90), SHALLOW: (0.90, 0.50),
    },
    probes=(saturated(0.9, 0.1, 0.2), saturated(0.1, 0.9, 0.8)),
)  # fmt: skip
