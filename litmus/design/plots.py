"""Figures that a study asks for in its file, as data; the report draws them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from litmus.core.declaration import Declared
from litmus.evidence.measures import At, Layers
from litmus.evidence.results import Analysis, Metric


@dataclass(frozen=True)
class Against(Declared):
    """A metric over a numeric factor, a line for each combination of the other factors."""

    metric: Metric
    factor: str
    title: str


@dataclass(frozen=True)
class Scatter(Declared):
    """Each arm's test accuracy over a cost: parameters, flops, seconds or activations."""

    cost: Metric
    title: str


@dataclass(frozen=True)
class OverTraining(Declared):
    """What a probe measured over the training steps; of several layers, their mean."""

    quantity: str
    title: str
    layer: Layers = None


@dataclass(frozen=True)
class ByLayer(Declared):
    """What a probe measured over the layers, from the input to the output, reduced over the steps by `at`."""

    quantity: str
    title: str
    at: At = "mean"


@dataclass(frozen=True)
class Percentiles(Declared):
    """A low, a middle and a high percentile over the training steps, of each arm's first seed."""

    layer: Layers
    title: str
    quantities: Sequence[str] = ("p15", "p50", "p85")


@dataclass(frozen=True)
class Plot(Declared):
    """A figure of a study's own; `draw` returns a plotly figure, None where the records have nothing to show."""

    title: str
    caption: str
    draw: Callable[[Analysis], Any]


StudyPlot = Against | Scatter | OverTraining | ByLayer | Percentiles | Plot
"""What a study's `plots` may be."""
