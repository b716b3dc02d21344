"""Holm's correction over a study's primary claims, and the p-value that it takes."""

import pytest
from litmus.evidence.family import headline
from scipy import stats
from statsmodels.stats.multitest import multipletests

from litmus.evidence.claim_tests import judged_finding
from litmus.evidence.claims import Claim, Finding, judge
from litmus.evidence.estimate import effect_of

VALUES = [-0.2, 0.1, -0.3, -0.1, -0.25]


def claim(primary: bool = False) -> Claim:
    return Claim("A sentence.", lambda analysis, threshold: Finding("inconclusive", ""), primary=primary)


def found(p_value: float) -> Finding:
    return Finding("supported", "", p_value=p_value)


def test_it_is_holms_correction() -> None:
    p_values = [0.03, 0.001, 0.014, 0.2]
    held = headline([(claim(), found(p_value)) for p_value in p_values])
    expected = multipletests(p_values, method="holm")[0]
    assert [verdict == "supported" for verdict in held] == list(expected)


def test_only_primary_claims_are_of_the_family() -> None:
    claims = [(claim(primary=True), found(0.04)), (claim(), found(0.04)), (claim(), found(0.04))]
    assert headline(claims) == ["supported"] * 3
    claims[1] = (claim(primary=True), found(0.04))
    assert headline(claims) == ["inconclusive", "inconclusive", "supported"]


@pytest.mark.parametrize(("threshold", "verdict"), [(1.0, "smaller"), (0.2, "smaller"), (-1.0, "supported")])
def test_the_p_value_is_that_of_the_t_test_of_the_threshold(threshold: float, verdict: str) -> None:
    finding = judged_finding(effect_of(VALUES), lambda each: judge(each, threshold), "")
    assert finding.verdict == verdict
    assert finding.p_value == pytest.approx(float(stats.ttest_1samp(VALUES, threshold).pvalue), rel=1e-3)


def test_a_withheld_verdict_has_none() -> None:
    finding = judged_finding(effect_of(VALUES), lambda each: judge(each, 1.0), "", withheld="runs missing")
    assert (finding.verdict, finding.p_value) == ("inconclusive", 1.0)
