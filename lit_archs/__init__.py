"""Image networks by name, and the LightningModules that train them; every parameter starts from its own keyed draw."""

from typing import TYPE_CHECKING

from litmus.lazy import lazily

if TYPE_CHECKING:
    from lit_archs.building.registry import build, names, register
    from lit_archs.layers.fold_batch_norm import Folding, fold_batch_norm
    from lit_archs.learning.classifier import LitClassifier
    from lit_archs.learning.lit_network import LitNetwork
    from lit_archs.learning.optimiser import OptimConfig
    from lit_archs.learning.segmenter import LitSegmenter
    from lit_archs.learning.tasks import LitTask, register_task
    from litmus.metrics import Metric, own_task

__all__ = [
    "Folding",
    "LitClassifier",
    "LitNetwork",
    "LitSegmenter",
    "LitTask",
    "Metric",
    "OptimConfig",
    "build",
    "fold_batch_norm",
    "names",
    "own_task",
    "register",
    "register_task",
]

__getattr__ = lazily(
    __name__,
    {
        "Folding": "lit_archs.layers.fold_batch_norm",
        "LitClassifier": "lit_archs.learning.classifier",
        "LitNetwork": "lit_archs.learning.lit_network",
        "LitSegmenter": "lit_archs.learning.segmenter",
        "LitTask": "lit_archs.learning.tasks",
        "Metric": "litmus.metrics",
        "OptimConfig": "lit_archs.learning.optimiser",
        "build": "lit_archs.building.registry",
        "fold_batch_norm": "lit_archs.layers.fold_batch_norm",
        "names": "lit_archs.building.registry",
        "own_task": "litmus.metrics",
        "register": "lit_archs.building.registry",
        "register_task": "lit_archs.learning.tasks",
    },
)
