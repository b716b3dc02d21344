"""What the figures show: thinned curves keep their extremes, and none beats an arm on the Pareto front."""

import itertools
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from synthetic_records import Truth, synthetic

from litmus.design.plan import Arm
from litmus.design.study import Study
from litmus.design.study_files import STUDIES
from litmus.evidence.results import Analysis
from litmus.report.figures.arms import factor_figure, pareto_front
from litmus.report.figures.curves import learning_curves, thinned, thumbnail
from litmus.report.figures.figure import PALETTE, styles

VISION = {
    "normal": np.eye(3),
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
}
"""Linear RGB as it is seen (Machado et al. 2009, severity 1)."""


def lab(colour: str, vision: str) -> NDArray[np.float64]:
    """Return a colour in CIELAB (D65)."""
    rgb = np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)]) / 255
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    linear = np.clip(np.asarray(VISION[vision]) @ linear, 0, 1)
    to_xyz = [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.072175], [0.0193339, 0.119192, 0.9503041]]
    xyz = np.asarray(to_xyz) @ linear / [0.95047, 1.0, 1.08883]
    x, y, z = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize(
    ("vision", "least"), [("normal", 25), ("deuteranopia", 15), ("protanopia", 15), ("tritanopia", 15)]
)
def test_no_two_colours_look_alike(vision: str, least: float) -> None:
    places = [lab(colour, vision) for colour in PALETTE]
    assert len(places) == 12
    assert min(np.linalg.norm(one - other) for one, other in itertools.combinations(places, 2)) > least
    # Seen on white and on the dark page.
    assert all(38 <= place[0] <= 73 for place in places) or vision != "normal"


def drawn(directory: Path, study: Study) -> Analysis:
    curve = [{"step": step, "val_top1": 0.1 * step} for step in (1, 2, 3)]
    return synthetic(directory, study, lambda *_: {"test_top1": 0.9, "val_top1": 0.3, "curve": curve}, seeds=2)


@pytest.mark.parametrize("count", [9, 40])
def test_no_two_arms_have_the_same_line(count: int, tmp_path: Path) -> None:
    base, norms = {"model.name": "lenet5"}, ["none", "batch", "layer"]
    factors = {"model.norm": norms, "optim.lr": [0.01 * (at + 1) for at in range(count // 3)]}
    study = Study("many", "Which?", base, factors, {"model.norm": "none", "optim.lr": 0.01})
    analysis = drawn(tmp_path, study)
    found = styles(analysis)
    assert len(set(found)) == len(found) == len(analysis.arms)
    assert len({colour for colour, _ in found}) == min(12, len(found))
    small = thumbnail(analysis)
    assert small is not None
    assert (small["low"], small["high"], small["lines"][0]["points"]) == ("10", "30", "33.3,40.0 66.7,20.0 100.0,0.0")


def test_a_rate_that_follows_from_the_batch_makes_no_line_of_its_own(tmp_path: Path) -> None:
    def arm(norm: str, size: int) -> dict[str, object]:
        return {"model.norm": norm, "data.batch_size": size, "optim.lr": 0.05 * size / 32}

    arms = {f"{norm}, {size}": arm(norm, size) for norm in ("batch", "group") for size in (2, 8, 32, 256)}
    factors = ["model.norm", "data.batch_size", "optim.lr"]
    study = Study("sizes", "At which?", {"model.name": "lenet5"}, factors, "batch, 32", arms=arms)
    figure = factor_figure(drawn(tmp_path, study))
    assert figure is not None
    assert figure.title == "Test accuracy by batch size"
    assert [(trace.name, list(trace.x)) for trace in figure.plot.data] == [
        ("batch", [2, 8, 32, 256]),
        ("group", [2, 8, 32, 256]),
    ]


@pytest.mark.parametrize("name", ["{size}, {norm}", "net, {size}, {norm}"])
def test_a_line_has_its_levels_where_the_names_of_its_arms_do_not_tell_lines_apart(tmp_path: Path, name: str) -> None:
    arms = {
        name.format(norm=norm, size=size): {"model.norm": norm, "data.batch_size": size}
        for norm in ("batch", "group")
        for size in (2, 8, 32)
    }
    factors = ["model.norm", "data.batch_size"]
    study = Study("sizes", "At which?", {"model.name": "lenet5"}, factors, next(iter(arms)), arms=arms)
    figure = factor_figure(drawn(tmp_path, study))
    assert figure is not None
    assert [trace.name for trace in figure.plot.data] == ["norm batch", "norm group"]


def test_the_mode_bar_and_the_legend_have_places_of_their_own(tmp_path: Path) -> None:
    figure = learning_curves(drawn(tmp_path, STUDIES["residual_depth"]), "val_top1", "Curves", "accuracy")
    assert figure is not None
    layout = figure.plot.layout
    assert (layout.legend.yref, layout.legend.y, layout.legend.yanchor) == ("container", 0, "bottom")
    assert layout.margin.t >= 30  # the mode bar's height


@given(st.lists(st.floats(-1e6, 1e6) | st.just(math.nan), min_size=1, max_size=400), st.integers(4, 60))
def test_a_thinned_curve_keeps_its_extremes_and_ends(values: list[float], most: int) -> None:
    kept = thinned(values, most)
    assert kept == sorted(set(kept))
    assert len(kept) <= max(most, 3)
    assert {0, len(values) - 1} <= set(kept)
    finite = [value for value in values if not math.isnan(value)]
    if finite:
        left = [values[index] for index in kept if not math.isnan(values[index])]
        assert (min(left), max(left)) == (min(finite), max(finite))


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), min_size=1, max_size=20), st.booleans())
def test_none_is_cheaper_and_better_than_an_arm_on_the_front(points: list[tuple[int, int]], higher: bool) -> None:
    sign = 1 if higher else -1
    front = {points[index] for index in pareto_front(points, higher)}

    def beaten(point: tuple[int, int]) -> bool:
        cost, value = point
        return any(
            (c <= cost and sign * v >= sign * value) and (c < cost or sign * v > sign * value) for c, v in points
        )

    assert front == {point for point in points if not beaten(point)}


def test_an_arm_without_the_factor_is_a_flat_line(tmp_path: Path) -> None:
    def truth(arm: Arm, seed: int) -> Truth:
        return {"test_top1": 0.5 + arm.levels.get("norm.virtual_batch_size", 32) / 256}

    figure = factor_figure(synthetic(tmp_path, STUDIES["batch_size"], truth, seeds=3))
    assert figure is not None
    running, population, group = figure.plot.data
    assert (list(running.x), list(population.x), list(group.x)) == ([2, 4, 8, 16, 64], [2], [2, 64])
    assert list(group.y) == [62.5, 62.5]
    names = ("batch norm", "batch norm, 2, population statistics", "group norm")
    assert (running.name, population.name, group.name) == names
    assert list(running.y) == sorted(running.y)
