"""What the claims of `batch_noise` say, and the worlds where they are right and wrong."""

from claims.base.says import about, better, gap
from claims.base.world import world

SHARES = tuple(f"{size} share" for size in (4, 8, 16, 64))
GROUP = "group norm"
ARMS = (*SHARES, GROUP)

CLAIMS = {
    "An image's output depends on its companions: the more share their statistics, the less.": about(*SHARES),
    "The noise falls like 1/√n: from 4 to 64 images by a factor of four, to a quarter.": about("4 share", "64 share"),
    "The noise regularises: the more images share, the wider the gap between training and test accuracy.": gap(*SHARES),
    "Statistics of 16 images generalise better than those of all 64.": better("16 share", "64 share"),
    "Group norm, which has no such noise, overfits more than statistics of 16 images.": gap(GROUP, "16 share"),
}


def noise(*values: float) -> dict[str, list[tuple[int, str, str, float]]]:
    """Return rows of the noise at the end, by how many share; at the start it is the same in all."""
    return {
        label: [(0, "", "logit_noise", 1.0), (9, "", "logit_noise", value)]
        for label, value in zip(SHARES, values, strict=True)
    }


RIGHT = world(
    dict(zip(ARMS, (0.96, 0.95, 0.94, 0.92, 0.90), strict=True)),
    train=dict.fromkeys(ARMS, 0.98),
    probes=noise(1.0, 0.7, 0.5, 0.25),
)
WRONG = world(
    dict(zip(ARMS, (0.90, 0.91, 0.92, 0.94, 0.96), strict=True)),
    train=dict.fromkeys(ARMS, 0.98),
    probes=noise(0.2, 0.21, 0.22, 0.24),
)
