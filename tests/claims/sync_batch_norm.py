"""What the claims of `sync_batch_norm` say, and the worlds where they are right and wrong."""

from claims.base.says import better, rises
from claims.base.world import worlds

CLAIMS = {
    "Two samples a device, not synchronised, cost a percentage point or more.": better(
        "synchronised", "local, 32 devices"
    ),
    "Shares of 32 samples, not synchronised, cost less than two percentage points.": better(
        "local, 2 devices", "synchronised"
    ),
    "The larger a device's share, the higher the accuracy.": rises(
        "local, 32 devices", "local, 16 devices", "local, 8 devices", "local, 2 devices"
    ),
    "With two samples a device, group norm is more accurate than local batch norm.": better(
        "group norm", "local, 32 devices"
    ),
}

RIGHT, WRONG = worlds({
    "synchronised": (0.9, 0.805), "local, 2 devices": (0.893, 0.7), "local, 8 devices": (0.85, 0.72),
    "local, 16 devices": (0.8, 0.74), "local, 32 devices": (0.7, 0.8), "group norm": (0.88, 0.6),
})  # fmt: skip

LEVELS = {
    "synchronised": {"model.norm": "batch", "norm.virtual_batch_size": 64},
    "local, 2 devices": {"model.norm": "ghost_batch", "norm.virtual_batch_size": 32},
    "local, 8 devices": {"model.norm": "ghost_batch", "norm.virtual_batch_size": 8},
    "local, 16 devices": {"model.norm": "ghost_batch", "norm.virtual_batch_size": 4},
    "local, 32 devices": {"model.norm": "ghost_batch", "norm.virtual_batch_size": 2},
    "group norm": {"model.norm": "group", "norm.virtual_batch_size": 64},
}
