"""What makes two runs the same experiment: a hash of the resolved config, the data and the record format."""

import hashlib
import json
from typing import Any

from litmus.lit_archs.building.registry import ARCHITECTURES
from litmus.lit_archs.building.weights import digest
from litmus.records.storage import RECORD_FORMAT
from litmus.training.config import RunConfig


def normalisation_regime(config: RunConfig, devices: int) -> dict[str, Any]:
    """Return over how many samples batch norm takes its statistics: per device, globally, synchronised or not."""
    batch, parts = config.data.batch_size, config.trainer.accumulate
    norm = config.model.get("norm")
    synchronised = devices > 1 and (config.trainer.sync_batchnorm or norm == "sync_batch") and norm != "ghost_batch"
    per_device = batch if devices == 1 else batch / devices
    together = batch if synchronised else per_device
    # A layer sees one micro-batch of an accumulated step at a time.
    statistics_over = together if parts == 1 else together / parts
    if norm == "ghost_batch":
        # The virtual batches of GhostBatchNorm.
        statistics_over = statistics_over / max(1, int(statistics_over) // config.norm.virtual_batch_size)
    return {
        "global_batch": batch,
        "batch_per_device": per_device,
        "synchronised": synchronised,
        "statistics_over": statistics_over,
        **({} if parts == 1 else {"accumulated_parts": parts}),
    }


def identity_settings(config: RunConfig) -> dict[str, Any]:
    """Return the config by dotted key, without the keys that only say where files are and which of them are kept."""
    keys = config.keys()
    return {key: value for key, value in config.flat().items() if key not in keys or keys[key].in_identity}


def run_id(config: RunConfig, fingerprint: str, devices: int = 1) -> str:
    """Return the identity of a run: 12 hexadecimal digits.

    It covers every config key that is declared to be part of it, the content of the data and of the initial weights,
    the record format, the architecture's revision, and the number of samples that batch norm sees. The number of
    devices matters only if it changes that number. The user's code is added to it by `RunCode`.
    """
    weights = config.model["weights"]
    payload = {
        "format": RECORD_FORMAT,
        "config": identity_settings(config),
        "data": fingerprint,
        "statistics_over": float(normalisation_regime(config, devices)["statistics_over"]),
        "revision": ARCHITECTURES[config.model["name"]].revision,
        "weights": None if weights is None else digest(weights),
    }
    text = json.dumps(payload, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:12]
