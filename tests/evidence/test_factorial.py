"""Main effects and interactions: known sums of squares, another way to compute them, and simulation."""

import itertools
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from scipy import stats
from statsmodels.stats.anova import AnovaRM
from synthetic_records import Truth, synthetic

from benchmarks.calibration.studies_in_memory import arm, study
from litmus.core.errors import UserError
from litmus.design.plan import Arm
from litmus.design.study import Study
from litmus.evidence.factorial import Factorial, analysis_of_variance, contributions, factorial_effects

FACTORS = ["model.norm", "optim.lr"]
Cells = NDArray[np.float64]


def drawn(rng: np.random.Generator, levels: tuple[int, int], seeds: int, between: float) -> Cells:
    """Two main effects, no interaction, seeds that differ by `between`, noise of sd 1: [seeds, levels of each]."""
    effects = 2.0 * np.arange(levels[0])[:, None] - np.arange(levels[1])
    return effects + rng.normal(0, between, (seeds, 1, 1)) + rng.normal(size=(seeds, *levels))


def of_study(cells: Cells) -> Factorial | None:
    """Return the analysis of a study whose arms have these accuracies; NaN for a run that diverged."""
    places = list(itertools.product(*map(range, cells.shape[1:])))
    arms = [arm({"a": i, "b": j}, cells[:, i, j], baseline=number == 0) for number, (i, j) in enumerate(places)]
    return factorial_effects(study(arms), "test_top1")


def test_a_balanced_design_with_known_sums_of_squares() -> None:
    """Orthogonal parts: effects 2, 1 and their interaction 0.5 in ±1 coding, seeds −1, 0, 1, and each with the seed."""
    a, b = np.array([-1, 1])[:, None], np.array([-1, 1])
    seeds, with_seed = np.array([-1, 0, 1])[:, None, None], np.array([1, -2, 1])[:, None, None]
    cells = 10 + 2 * a + b + 0.5 * a * b + seeds + (0.5 * a + 0.25 * b + 0.125 * a * b) * with_seed
    terms = analysis_of_variance(cells, FACTORS)
    # Of 12 runs: 12·2², 12·1², 12·0.5²; with the seeds 4·6·0.5², 4·6·0.25², 4·6·0.125² over 2 degrees of freedom.
    assert [term.name for term in terms] == ["model.norm", "optim.lr", "model.norm × optim.lr"]
    for term, total, error in zip(terms, (48, 12, 3), (6, 1.5, 0.375), strict=True):
        assert (term.df, term.sphericity) == (1, pytest.approx(1))
        assert term.f == pytest.approx(total / (error / 2))
        assert term.p_value == pytest.approx(stats.f.sf(total / (error / 2), 1, 2))
        assert term.partial_eta_squared == pytest.approx(total / (total + error))


def test_it_is_statsmodels_analysis_with_repeated_measures() -> None:
    cells = drawn(np.random.default_rng(0), (2, 3), 5, 1.0)
    rows = [{"seed": s, "a": i, "b": j, "value": cells[s, i, j]} for s, i, j in np.ndindex(cells.shape)]
    expected = AnovaRM(pd.DataFrame(rows), "value", "seed", ["a", "b"]).fit()
    terms = analysis_of_variance(cells, FACTORS)
    assert [term.f for term in terms] == pytest.approx(list(expected.anova_table["F Value"]))
    assert [term.df for term in terms] == list(expected.anova_table["Num DF"])
    # Unequal variances are corrected for by fewer degrees of freedom, down to one.
    assert all(1 / term.df <= term.sphericity <= 1 + 1e-9 for term in terms)
    assert terms[1].sphericity < 0.999
    # A factor of two levels is the paired t test of its means.
    paired = stats.ttest_rel(cells[:, 1].mean(1), cells[:, 0].mean(1))
    assert (terms[0].f, terms[0].p_value) == pytest.approx((paired.statistic**2, paired.pvalue))


def test_three_factors_have_seven_terms() -> None:
    cells = np.random.default_rng(1).normal(size=(3, 2, 2, 3))
    terms = analysis_of_variance(cells, [*FACTORS, "depth"])
    assert [len(term.factors) for term in terms] == [1, 1, 1, 2, 2, 2, 3]
    assert [term.df for term in terms] == [1, 1, 2, 1, 2, 2, 2]


def test_a_study_is_analysed_over_the_seeds_that_have_every_cell(tmp_path: Path) -> None:
    def truth(arm: Arm, seed: int) -> Truth:
        batch, rate = arm.levels["model.norm"] == "batch", arm.levels["optim.lr"]
        if batch and (rate, seed) == (1.0, 1):
            return "missing"
        value = 0.5 + 0.1 * batch + 0.01 * ((3 * seed + 2 * batch + int(rate)) % 4)
        return {"test_top1": value, "val_top1": value}

    factors = {"model.norm": ["none", "batch"], "optim.lr": [0.1, 1.0], "data.name": ["digits"]}
    declared = Study(name="example", question="?", base={"model.name": "lenet5"}, factors=factors)
    analysis = synthetic(tmp_path / "example", declared, truth, seeds=4)
    found = factorial_effects(analysis, "test_top1")
    assert found is not None
    assert (found.seeds, found.dropped) == (3, 1)
    cells = np.array(
        [
            [[analysis.at({"model.norm": n, "optim.lr": r})[0].values("test_top1")[s] for r in (0.1, 1.0)]
             for n in ("none", "batch")]
            for s in (0, 2, 3)
        ]
    )  # fmt: skip
    expected = [term.p_value for term in analysis_of_variance(cells, FACTORS)]
    assert [term.p_value for term in found.terms] == pytest.approx(expected)


def test_runs_that_diverged_come_in_steps_of_their_fall() -> None:
    cells = 0.8 + 0.001 * drawn(np.random.default_rng(3), (2, 2), 4, 1.0)
    cells[:, 1, 1] = math.nan  # counts as 0 in every seed
    found = of_study(cells)
    assert found is not None
    assert found.seeds == 4
    certain = analysis_of_variance(np.nan_to_num(cells), ["a", "b"])
    assert certain[0].f > 1000 * found.terms[0].f > 0


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        (np.full((1, 2, 2), 0.3), "two are the least"),
        (np.full((3, 2, 2), 0.3), "no variance"),
        (0.3 + 0.1 * np.arange(4).reshape(1, 2, 2) + np.zeros((3, 1, 1)), "no variance"),
    ],
)
def test_a_design_that_cannot_be_analysed_is_refused_with_the_reason(cells: Cells, reason: str) -> None:
    with pytest.raises(UserError, match=reason):
        of_study(cells)


def test_an_empty_cell_is_named() -> None:
    cells = drawn(np.random.default_rng(0), (2, 2), 3, 1.0)
    arms = [arm({"a": i, "b": j}, cells[:, i, j], baseline=i + j == 0) for i, j in ((0, 0), (0, 1), (1, 0))]
    with pytest.raises(UserError, match="1 of 4 cells have no run with a value, a 1, b 1 for one"):
        factorial_effects(study(arms), "test_top1")


THREE = {"model.norm": ["none", "batch"], "optim.lr": [0.1, 0.5], "data.augment": ["none", "crop"]}
EFFECT = {"model.norm": 0.1, "optim.lr": 0.02, "data.augment": -0.05}
INTERACTION = 0.04  # of norm and lr


def contributed(design: str, directory: Path) -> dict[str, float]:
    """Return the effect of each ingredient of a design on records whose truth is `EFFECT` and `INTERACTION`."""

    def truth(arm: Arm, seed: int) -> Truth:
        has = {key: arm.levels[key] != levels[0] for key, levels in THREE.items()}
        value = 0.5 + 0.01 * seed + sum(EFFECT[key] for key in THREE if has[key])
        value += INTERACTION * (has["model.norm"] and has["optim.lr"])
        noise = 0.001 * ((7 * seed + 3 * sum(has.values())) % 5)
        return {"test_top1": value + noise, "val_top1": value + noise}

    declared = Study(name="example", base={"model.name": "lenet5"}, factors=THREE, design=design)
    found = contributions(synthetic(directory, declared, truth), "test_top1")
    return {each.ingredient.name: each.effect.mean for each in found}


@pytest.mark.parametrize(
    ("design", "norm", "lr", "augment"),
    [
        ("one_at_a_time", 0.1, 0.02, -0.05),
        ("leave_one_out", 0.1 + INTERACTION, 0.02 + INTERACTION, -0.05),
        ("ladder", 0.1, 0.02 + INTERACTION, -0.05),
    ],
)
def test_each_design_finds_the_effect_that_it_measures(
    design: str, norm: float, lr: float, augment: float, tmp_path: Path
) -> None:
    values = contributed(design, tmp_path / "example")
    assert list(values) == ["norm batch", "lr 0.5", "augment crop"]
    assert list(values.values()) == pytest.approx([norm, lr, augment], abs=0.0035)


def test_a_full_product_has_no_ingredients(tmp_path: Path) -> None:
    assert contributed("full", tmp_path / "example") == {}
