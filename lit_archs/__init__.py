"""Image networks by name, and the LightningModules that train them; every parameter has a keyed initial draw."""

from typing import TYPE_CHECKING

from litmus.core.registry import lazily

if TYPE_CHECKING:
    from litmus.core.metrics import Metric, custom_task
    from litmus.lit_archs.building.registry import build, names, register
    from litmus.lit_archs.learning.classifier import LitClassifier
    from litmus.lit_archs.learning.lit_network import LitNetwork
    from litmus.lit_archs.learning.optimiser import OptimConfig
    from litmus.lit_archs.learning.segmenter import LitSegmenter
    from litmus.lit_archs.learning.tasks import LitTask, register_task

__all__ = [
    "LitClassifier",
    "LitNetwork",
    "LitSegmenter",
    "LitTask",
    "Metric",
    "OptimConfig",
    "build",
    "custom_task",
    "names",
    "register",
    "register_task",
]

__getattr__ = lazily(
    __name__,
    {
        "LitClassifier": "litmus.lit_archs.learning.classifier",
        "LitNetwork": "litmus.lit_archs.learning.lit_network",
        "LitSegmenter": "litmus.lit_archs.learning.segmenter",
        "LitTask": "litmus.lit_archs.learning.tasks",
        "Metric": "litmus.core.metrics",
        "OptimConfig": "litmus.lit_archs.learning.optimiser",
        "build": "litmus.lit_archs.building.registry",
        "names": "litmus.lit_archs.building.registry",
        "custom_task": "litmus.core.metrics",
        "register": "litmus.lit_archs.building.registry",
        "register_task": "litmus.lit_archs.learning.tasks",
    },
)
