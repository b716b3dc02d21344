"""Verdicts and their p-values, and Holm's correction over a study's primary claims."""

import math
from dataclasses import replace

import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from litmus.core.errors import UserError
from litmus.evidence.claim_tests import more
from litmus.evidence.claims import Claim, Finding, Verdict, after_holm, finding_of, judge, primary_claims
from litmus.evidence.estimate import Estimate, effect_of

VALUES = [-0.2, 0.1, -0.3, -0.1, -0.25]
ABOVE_1, WITHIN_1 = (1.0, math.inf), (-1.0, 1.0)


def claim(primary: bool = False) -> Claim:
    return Claim("A sentence.", lambda analysis, threshold: Finding("inconclusive", ""), primary=primary)


def headline(findings: list[tuple[Claim, Finding]]) -> list[Verdict]:
    return [finding.verdict for finding in after_holm(findings)]


def found(p_value: float) -> Finding:
    return Finding("supported", "", p_value=p_value)


@pytest.mark.parametrize(
    ("interval", "region", "level", "verdict"),
    [
        ((1.1, 2.0), ABOVE_1, False, "supported"),
        ((0.9, 2.0), ABOVE_1, False, "inconclusive"),
        ((-0.5, 0.9), ABOVE_1, False, "smaller"),
        ((-2.0, -0.1), ABOVE_1, False, "opposite"),
        ((-2.0, -0.1), ABOVE_1, True, "smaller"),
        ((-0.9, 0.9), WITHIN_1, False, "supported"),
        ((-0.9, 1.1), WITHIN_1, False, "inconclusive"),
        ((1.1, 2.0), WITHIN_1, False, "opposite"),
        ((math.nan, math.nan), WITHIN_1, False, "inconclusive"),
        ((-math.inf, math.inf), ABOVE_1, False, "inconclusive"),
    ],
)
def test_a_verdict_is_where_the_interval_lies(
    interval: tuple[float, float], region: tuple[float, float], level: bool, verdict: str
) -> None:
    assert judge(Estimate(0.0, *interval, 3), region, level) == verdict


@pytest.mark.parametrize(("threshold", "verdict"), [(1.0, "smaller"), (0.2, "smaller"), (-1.0, "supported")])
def test_the_p_value_is_that_of_the_t_test_of_the_threshold(threshold: float, verdict: str) -> None:
    finding = finding_of(effect_of(VALUES), (threshold, math.inf), "")
    assert finding.verdict == verdict
    assert finding.p_value == pytest.approx(float(stats.ttest_1samp(VALUES, threshold).pvalue), rel=1e-3)


def test_a_withheld_verdict_has_none() -> None:
    finding = finding_of(effect_of(VALUES), ABOVE_1, "", withheld="runs missing")
    assert (finding.verdict, finding.p_value) == ("inconclusive", 1.0)


def test_the_headline_is_holms_correction_over_the_primary_claims_alone() -> None:
    p_values = [0.03, 0.001, 0.014, 0.2]
    held = headline([(claim(), found(p_value)) for p_value in p_values])
    assert [verdict == "supported" for verdict in held] == list(multipletests(p_values, method="holm")[0])
    claims = [(claim(primary=True), found(0.04)), (claim(), found(0.04)), (claim(), found(0.04))]
    assert headline(claims) == ["supported"] * 3
    claims[1] = (claim(primary=True), found(0.04))
    assert headline(claims) == ["inconclusive", "inconclusive", "supported"]


def test_a_check_is_no_finding_of_the_headline() -> None:
    counted = Claim("It has fewer parameters.", more("parameters", "a", than="b"), check=True)
    measured = Claim("It is better.", more("test_top1", "a", than="b"))
    assert primary_claims([counted, measured]) == [measured]
    with pytest.raises(UserError, match="primary one and a check"):
        replace(counted, primary=True)
