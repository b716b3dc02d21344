"""What makes two runs the same experiment: a hash of the resolved config, the data and the record format."""

import hashlib
import json
from collections.abc import Iterator
from typing import Any

from litmus.datamodules.augmentation.mixing import REVISIONS
from litmus.lit_archs.building.registry import ARCHITECTURES
from litmus.lit_archs.building.weights import digest
from litmus.lit_archs.learning.tasks import MODULES
from litmus.records.code_record import RunCode
from litmus.training.config import RunConfig
from litmus.training.own_code import LocalCode, dependencies

RECORD_FORMAT = 1
"""Version of the records and of the training procedure; raise it when a change makes old records incomparable."""


NOT_IDENTITY = (
    "data.root", "data.cache", "data.storage", "data.decode_workers", "model.weights", "trainer.keep",
)  # fmt: skip
"""Keys that say where things are and what stays of them, not what the experiment is; of weights, the content is."""

NEUTRAL_DEFAULTS: dict[str, Any] = {
    "optim.clip_norm": None,
    "optim.options": [],
    "trainer.accumulate": 1,
    "trainer.test": "last",
    "init.pairing": "name",
    "init.scaled": "all",
    "norm.eps": None,
    "norm.scale": True,
    "norm.shift": True,
    "norm.gradient": "full",
    "optim.patience": 10,
    "optim.loss": "cross_entropy",
    "model.pool4": 2,
    "model.first_kernel": 5,
    "model.first_stride": 1,
    "model.padding": "zeros",
    "model.stem": "imagenet",
    "data.train_fraction": 1.0,
    "data.test_crops": 1,
    "data.margin": 0,
}
"""Keys that came after the first records, with the value at which a run is the one that it was before there was the
key. At that value they are no part of its identity."""


def normalisation_regime(config: RunConfig, devices: int) -> dict[str, Any]:
    """Return over how many samples batch norm takes its statistics: per device, globally, synchronised or not."""
    batch, parts = config.data.batch_size, config.trainer.accumulate
    norm = config.model.get("norm")
    synchronised = devices > 1 and (config.trainer.sync_batchnorm or norm == "sync_batch") and norm != "ghost_batch"
    per_device = batch if devices == 1 else batch / devices
    together = batch if synchronised else per_device
    # A layer sees the samples of one part of an accumulated step at a time.
    statistics_over = together if parts == 1 else together / parts
    if norm == "ghost_batch":
        # As many virtual batches as that holds, see GhostBatchNorm.
        statistics_over = statistics_over / max(1, int(statistics_over) // config.norm.virtual_batch_size)
    return {
        "global_batch": batch,
        "batch_per_device": per_device,
        "synchronised": synchronised,
        "statistics_over": statistics_over,
        **({} if parts == 1 else {"accumulated_parts": parts}),
    }


def revisions(config: RunConfig) -> dict[str, int]:
    """Return the revisions of what the run is made of, by name, those above 1; a recipe's are in its transforms."""
    architecture = ARCHITECTURES[config.model["name"]]
    found = {
        "network": architecture.revision(config.model, config.norm),
        "loss": MODULES[architecture.task].revision,
        "mix": REVISIONS[config.data.mix],
    }
    return {name: number for name, number in found.items() if number > 1}


def run_id(config: RunConfig, fingerprint: str, devices: int = 1, code: str = "") -> str:
    """Return the identity of a run: 12 hexadecimal digits.

    It covers every config key (defaults included, except where files lie), the data's content, that of the weights
    that it starts from, the record format, the revisions of network, recipe and loss, and the number of samples that
    batch norm sees. The number of devices is no part of it as long as it does not change that number. `code` is the
    version of what the run depends on of the user's code, empty where that is nothing.
    """
    settings = {
        key: value
        for key, value in config.flat().items()
        if key not in NOT_IDENTITY and not (key in NEUTRAL_DEFAULTS and value == NEUTRAL_DEFAULTS[key])
    }
    payload = {
        "format": RECORD_FORMAT,
        "config": settings,
        "data": fingerprint,
        "statistics_over": float(normalisation_regime(config, devices)["statistics_over"]),
        **({"code": code} if code else {}),
        **({"revisions": changed} if (changed := revisions(config)) else {}),
    }
    if config.model["weights"] is not None:
        payload["weights"] = digest(config.model["weights"])
    text = json.dumps(payload, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def run_code(config: RunConfig, code: LocalCode, fingerprint: str, devices: int = 1) -> RunCode:
    """Return the own code of the runs of `config`, whatever their seed, on data of this fingerprint."""
    return RunCode(run_id(config.with_seed(0), fingerprint, devices), files_of(config, code))


def files_of(config: RunConfig, code: LocalCode) -> dict[str, str]:
    """Return a hash of what the runs of `config` depend on in each file, without those in which that is nothing."""
    return dependencies(code, set(_texts(config.as_dict())))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _texts(item)
