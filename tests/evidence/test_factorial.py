"""Main effects and interactions: known sums of squares, another way to compute them, and simulation."""

import itertools
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.anova import AnovaRM
from synthetic_records import Truth, synthetic

from litmus.core.errors import UserError
from litmus.design.plan import Arm
from litmus.design.study import Study
from litmus.evidence.factorial import analysis_of_variance, tidy

FACTORS = ["model.norm", "optim.lr"]
NORMS, RATES = ["none", "a 'batch' (norm)"], [0.1, 1.0]


def known_design() -> pd.DataFrame:
    """Orthogonal parts: effects 2, 1 and their interaction 0.5 in ±1 coding, seeds −1, 0, 1, and each with the seed."""
    rows = []
    for (i, norm), (j, rate), seed in itertools.product(enumerate(NORMS), enumerate(RATES), range(3)):
        a, b = 2 * i - 1, 2 * j - 1
        by_seed = (0.5 * a + 0.25 * b + 0.125 * a * b) * (1, -2, 1)[seed]
        value = 10 + 2 * a + b + 0.5 * a * b + (seed - 1) + by_seed
        rows.append({"model.norm": norm, "optim.lr": rate, "seed": seed, "value": value})
    return pd.DataFrame(rows)


def drawn(rng: np.random.Generator, levels: tuple[int, int], seeds: int, between: float) -> pd.DataFrame:
    """Two main effects, no interaction, seeds that differ by `between`, noise of sd 1."""
    shared = rng.normal(0, between, seeds)
    return pd.DataFrame(
        [
            {"model.norm": i, "optim.lr": j, "seed": seed, "value": 2.0 * i - j + shared[seed] + rng.normal()}
            for i, j, seed in itertools.product(range(levels[0]), range(levels[1]), range(seeds))
        ]
    )


def test_a_balanced_design_with_known_sums_of_squares() -> None:
    result = analysis_of_variance(known_design(), FACTORS)
    # Of 12 runs: 12·2², 12·1², 12·0.5²; with the seeds 4·6·0.5², 4·6·0.25², 4·6·0.125² over 2 degrees of freedom.
    assert [term.name for term in result.terms] == ["model.norm", "optim.lr", "model.norm × optim.lr"]
    assert (result.seeds, result.dropped) == (3, 0)
    for term, total, error in zip(result.terms, (48, 12, 3), (6, 1.5, 0.375), strict=True):
        assert term.df == 1
        assert term.sphericity == pytest.approx(1)
        assert term.f == pytest.approx(total / (error / 2))
        assert term.p_value == pytest.approx(stats.f.sf(total / (error / 2), 1, 2))
        assert term.partial_eta_squared == pytest.approx(total / (total + error))


def test_it_is_statsmodels_analysis_with_repeated_measures() -> None:
    frame = drawn(np.random.default_rng(0), (2, 3), 5, 1.0)
    expected = AnovaRM(frame.rename(columns={FACTORS[0]: "a", FACTORS[1]: "b"}), "value", "seed", ["a", "b"]).fit()
    found = analysis_of_variance(frame, FACTORS)
    assert [term.f for term in found.terms] == pytest.approx(list(expected.anova_table["F Value"]))
    assert [term.df for term in found.terms] == list(expected.anova_table["Num DF"])
    # Unequal variances are corrected for by fewer degrees of freedom, down to one.
    assert all(1 / term.df <= term.sphericity <= 1 + 1e-9 for term in found.terms)
    assert found.terms[1].sphericity < 0.999


def test_a_factor_of_two_levels_is_the_paired_t_test_of_its_means() -> None:
    frame = drawn(np.random.default_rng(4), (2, 3), 6, 1.0)
    means = frame.groupby(["seed", "model.norm"])["value"].mean().unstack()
    expected = stats.ttest_rel(means[1], means[0])
    term = analysis_of_variance(frame, FACTORS).terms[0]
    assert (term.f, term.p_value) == pytest.approx((expected.statistic**2, expected.pvalue))


def test_a_seed_that_lacks_a_cell_is_left_out() -> None:
    frame = drawn(np.random.default_rng(0), (2, 3), 4, 1.0)
    frame.loc[7, "value"] = math.nan
    whole = frame[frame["seed"] != frame["seed"][7]]
    found, expected = analysis_of_variance(frame, FACTORS), analysis_of_variance(whole, FACTORS)
    assert (found.seeds, found.dropped) == (3, 1)
    assert [term.p_value for term in found.terms] == [term.p_value for term in expected.terms]
    assert analysis_of_variance(frame.drop(index=7), FACTORS).dropped == 1


def test_three_factors_have_seven_terms() -> None:
    rng = np.random.default_rng(1)
    frame = pd.concat([drawn(rng, (2, 2), 3, 1.0).assign(depth=depth) for depth in ("8", 20, None)])
    result = analysis_of_variance(frame, [*FACTORS, "depth"])
    assert [len(term.factors) for term in result.terms] == [1, 1, 1, 2, 2, 2, 3]
    assert [term.df for term in result.terms] == [1, 1, 2, 1, 2, 2, 2]
    assert result.seeds == 3


def test_an_interaction_that_is_not_there_is_found_as_often_as_the_level_says() -> None:
    rng = np.random.default_rng(2)
    p = [analysis_of_variance(drawn(rng, (2, 2), 5, 3.0), FACTORS).terms[2].p_value for _ in range(300)]
    # All levels at once: without an effect, p-values are uniform. The 0.05 level has a standard error of 0.013.
    assert stats.kstest(p, "uniform").pvalue > 0.01
    assert np.mean(np.array(p) < 0.05) == pytest.approx(0.05, abs=3 * 0.013)


def without_cell(frame: pd.DataFrame) -> pd.DataFrame:
    cell = (frame["model.norm"] == "none") & (frame["optim.lr"] == 1.0)
    return frame.assign(value=frame["value"].mask(cell))


@pytest.mark.parametrize(
    ("change", "factors", "reason"),
    [
        (without_cell, FACTORS, "1 of 4 cells have no run with a value, model.norm none, optim.lr 1 for one"),
        (lambda frame: frame[frame["seed"] == 0], FACTORS, "two are the least"),
        (lambda frame: frame, FACTORS[:1], "two factors or more, got 1"),
        (lambda frame: pd.concat([frame, frame[:1]]), FACTORS, "same seed twice"),
        (lambda frame: frame[frame["optim.lr"] == 0.1], FACTORS, "optim.lr has one level only"),
        (lambda frame: frame.assign(value=0.3), FACTORS, "no variance"),
        (lambda frame: frame.assign(value=0.1 * (frame["model.norm"] == "none")), FACTORS, "no variance"),
    ],
)
def test_a_design_that_cannot_be_analysed_is_refused_with_the_reason(
    change: Callable[[pd.DataFrame], pd.DataFrame],
    factors: list[str],
    reason: str,
) -> None:
    with pytest.raises(UserError, match=reason):
        analysis_of_variance(change(known_design()), factors)


def test_a_study_becomes_a_frame_with_its_holes(tmp_path: Path) -> None:
    study = Study(
        name="product",
        question="Norm and rate?",
        base={"model.name": "lenet5", "data.name": "digits"},
        factors={"model.norm": ["none", "batch"], "optim.lr": [0.1, 1.0], "model.dropout": [0.0]},
        baseline={"model.norm": "none", "optim.lr": 0.1, "model.dropout": 0.0},
    )

    def truth(arm: Arm, seed: int) -> Truth:
        if arm.is_baseline and seed < 2:
            return ("diverged", "missing")[seed]
        return {
            "test_top1": 0.5 + 0.1 * (arm.levels["optim.lr"] == 1.0) + 0.01 * seed**2 * (1 + arm.levels["optim.lr"])
        }

    frame = tidy(synthetic(tmp_path / "product", study, truth, seeds=4), "test_top1")
    assert list(frame.columns) == ["model.norm", "optim.lr", "seed", "value", "step"]
    assert (len(frame), int(frame["value"].isna().sum())) == (16, 1)
    baseline = (frame["model.norm"] == "none") & (frame["optim.lr"] == "0.1")
    # A diverged run has the accuracy of guessing, and its arm a step as long as the fall to it.
    assert frame["value"][baseline & (frame["seed"] == 0)].item() == pytest.approx(0.1)
    assert frame["step"][baseline].min() > 0.4
    assert frame["step"][~baseline].max() == 0
    result = analysis_of_variance(frame, FACTORS)
    assert (result.seeds, result.dropped) == (3, 1)
