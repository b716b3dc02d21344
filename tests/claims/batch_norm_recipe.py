"""What the claims of `batch_norm_recipe` say, and the worlds where they are right and wrong."""

from claims.base.says import better
from claims.base.world import ranked, worlds

CHANGES = ("lr x5", "no dropout", "L2 /5", "decay x6", "no LRN", "reshuffling")
TAKEN_BACK = ("all but batch norm", *(f"all but {change}" for change in CHANGES))

CLAIMS = {
    "Batch norm alone helps.": better("+ batch norm", "without"),
    "With batch norm, five times the learning rate helps.": better("+ lr x5", "+ batch norm"),
    "With batch norm, leaving out dropout helps.": better("+ no dropout", "+ lr x5"),
    "With batch norm, a fifth of the L2 penalty helps.": better("+ L2 /5", "+ no dropout"),
    "With batch norm, decaying six times as fast helps.": better("+ decay x6", "+ L2 /5"),
    "With batch norm, leaving out LRN helps.": better("+ no LRN", "+ decay x6"),
    "With batch norm, shuffling anew in each epoch helps.": better("+ reshuffling", "+ no LRN"),
    "With batch norm, distorting images less helps.": better("+ less distortion", "+ reshuffling"),
    "Batch norm and all seven together help.": better("+ less distortion", "without"),
    "Of all together, batch norm is what cannot be left out.": better("+ less distortion", "all but batch norm"),
    **{f"Of all together, {change} helps.": better("+ less distortion", f"all but {change}") for change in CHANGES},
}

STEPS = (
    "without", "+ batch norm", "+ lr x5", "+ no dropout", "+ L2 /5", "+ decay x6", "+ no LRN", "+ reshuffling",
    "+ less distortion",
)  # fmt: skip

RIGHT, WRONG = worlds({**ranked(*STEPS), **dict.fromkeys(TAKEN_BACK, (0.6, 0.9))})

_FULL = {
    "model.norm": "batch", "optim.lr": 0.05, "model.dropout": 0.0, "optim.weight_decay": 1e-4,
    "optim.decay_factor": 0.5**6, "model.local_response_norm": False, "data.reshuffle": True, "data.augment": "cifar",
}  # fmt: skip
_BEFORE = {
    "model.norm": "none", "optim.lr": 0.01, "model.dropout": 0.5, "optim.weight_decay": 5e-4, "optim.decay_factor": 0.5,
    "model.local_response_norm": True, "data.reshuffle": False,
}  # fmt: skip
LEVELS = {
    **{label: dict(list(_FULL.items())[:count]) for count, label in enumerate(STEPS)},
    **{label: {**_FULL, key: value} for label, (key, value) in zip(TAKEN_BACK, _BEFORE.items(), strict=True)},
}
