"""Image networks by name, and the LightningModules that train them; every parameter starts from its own keyed draw."""

from typing import TYPE_CHECKING

from litmus.lazy import lazily

if TYPE_CHECKING:
    from lit_archs.building.registry import build, names, register
    from lit_archs.learning.classifier import LitClassifier
    from lit_archs.learning.optimiser import OptimConfig
    from lit_archs.learning.segmenter import LitSegmenter

__all__ = ["LitClassifier", "LitSegmenter", "OptimConfig", "build", "names", "register"]

__getattr__ = lazily(
    __name__,
    {
        "LitClassifier": "lit_archs.learning.classifier",
        "LitSegmenter": "lit_archs.learning.segmenter",
        "OptimConfig": "lit_archs.learning.optimiser",
        "build": "lit_archs.building.registry",
        "names": "lit_archs.building.registry",
        "register": "lit_archs.building.registry",
    },
)
