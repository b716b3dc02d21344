"""What the claims of `batch_norm_recipe` say, and the worlds where they are right and wrong."""

from claims.base.says import better
from claims.base.world import worlds

ALONE, ALL, WITHOUT = "batch norm alone", "all", "without"
LEFT_OUT = ("five times the rate", "no dropout", "less distortion")

CLAIMS = {
    "Batch norm alone helps.": better(ALONE, WITHOUT),
    "Batch norm and all seven other changes together help.": better(ALL, WITHOUT),
    "Of all together, batch norm is what cannot be left out.": better(ALL, "all but batch norm"),
    **{f"Of all together, {change} helps.": better(ALL, f"all but {change}") for change in LEFT_OUT},
}

RIGHT, WRONG = worlds({
    WITHOUT: (0.5, 0.7), ALONE: (0.6, 0.6), ALL: (0.9, 0.4),
    **{f"all but {change}": (0.7, 0.8) for change in ("batch norm", *LEFT_OUT)},
})  # fmt: skip

_ALL = {
    "model.norm": "batch", "optim.lr": 0.05, "model.dropout": 0.0, "data.augment": "cifar", "optim.weight_decay": 1e-4,
    "optim.decay_factor": 0.5**6, "model.local_response_norm": False, "data.reshuffle": True,
}  # fmt: skip
_KEYS = dict(zip(("batch norm", *LEFT_OUT), _ALL, strict=False))
LEVELS = {
    WITHOUT: {},
    ALONE: {"model.norm": "batch"},
    ALL: _ALL,
    **{f"all but {change}": {key: level for key, level in _ALL.items() if key != left_out}
       for change, left_out in _KEYS.items()},
}  # fmt: skip
