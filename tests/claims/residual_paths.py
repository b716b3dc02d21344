"""What the claims of `residual_paths` say, and the worlds where they are right and wrong."""

from collections.abc import Mapping

from claims.base.says import about
from claims.base.world import Rows, world

SHORTEST, MIDDLE, DEEPEST = "shallow", "deeper", "deepest"

CLAIMS = {
    "A path's gradient shrinks with each branch that it takes.": about(DEEPEST),
    "Most of the gradient comes from short paths, through a third of the blocks or fewer.": about(DEEPEST),
    "Short paths have a larger share of the gradient than of the number of paths.": about(DEEPEST),
    "The deeper the network, the smaller the part of its blocks that the gradient passes.": about(
        SHORTEST, MIDDLE, DEEPEST
    ),
}


def paths(by_label: Mapping[str, tuple[float, float, float]], blocks: int = 6) -> Rows:
    """Return rows of the factor a branch, the short paths' share and the mean length; the opposite before the last."""
    rows = {}
    for label, (factor, share, length) in by_label.items():
        last = [(20, f"length {k}", "path_gradient", factor**k) for k in range(blocks + 1)]
        last += [(20, f"length {k}", "length_share", 1 / (blocks + 1)) for k in range(blocks + 1)]
        last += [(20, "", "short_path_share", share), (20, "", "mean_path_length", length)]
        last += [(20, "", "short_path_count", 0.3)]
        inverse = {"path_gradient": lambda value: 1 / value}
        rows[label] = [
            (0, layer, name, inverse.get(name, lambda value: 1 - value)(value)) for _, layer, name, value in last
        ] + last
    return rows


RIGHT = world({}, probes=paths({SHORTEST: (1.5, 0.2, 0.4), MIDDLE: (1.5, 0.2, 0.3), DEEPEST: (0.3, 0.8, 0.2)}))
WRONG = world({}, probes=paths({SHORTEST: (0.5, 0.9, 0.2), MIDDLE: (0.5, 0.9, 0.3), DEEPEST: (1.4, 0.1, 0.5)}))
