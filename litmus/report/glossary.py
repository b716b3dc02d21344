"""The words of the report that a reader may not know, a line each: shown where they appear, and listed at its end."""

import re

from litmus.report.claims import NOT_AFTER_HOLM

GLOSSARY = {
    "interval": "The 95 % confidence interval: of 100 such intervals about 95 contain the true value.",
    "paired": "Compared seed by seed. In a study of Litmus, two runs of a seed share the order of images and, where "
    "parameters have the same name, initial weights, so that their luck cancels.",
    "p": "How often chance alone would show a difference this large if there were none. For a claim: an effect this "
    "far beyond its threshold.",
    "Holm": "Holm's correction for several comparisons: with it, the chance of calling any of them different by "
    "mistake is at most 5 %.",
    NOT_AFTER_HOLM: "The interval excludes zero, but p after Holm's correction is not below 0.05: among so many "
    "comparisons, one such interval may be luck.",
    "supported": "The whole interval lies beyond the claim's threshold, the smallest effect that counts. The threshold "
    "is zero if none is given.",
    "opposite": "The interval lies on the other side of zero, or, where two arms are claimed to be alike, outside the "
    "margin.",
    "smaller": "The interval lies below the threshold: the effect, if there is one, is smaller than claimed.",
    "inconclusive": "The interval contains effects for which the claim is right and others for which it is wrong. That "
    "does not show that there is no effect.",
    "primary": "The claims that the study names beforehand to answer its question. The others are secondary.",
    "exploratory": "Stated after the first results. Only fresh seeds can confirm it.",
    "improvement": "The probability of improvement: the fraction of seeds in which this arm is better than the "
    "baseline, a tie counting half, with its exact interval (Agarwal et al. 2021). 50 % where the two are alike. Where "
    "runs are not paired, the fraction of all pairs of their runs.",
    "detectable": "The smallest true difference that this number of seeds finds in four of five studies.",
    "anytime-valid": "An interval that holds at every number of seeds, however often one looks. It is wider than one "
    "for a number that was fixed beforehand.",
    "effect size": "Hedges' g: the mean difference in standard deviations of the differences.",
    "interaction": "How much the effect of one factor differs between the levels of the other.",
}
"""What each word means, by the word."""

HEADINGS = {
    "p": "p",
    "p, Holm": "Holm",
    "its p, Holm": "Holm",
    "detectable": "detectable",
    "improvement": "improvement",
    "effect size g": "effect size",
    "verdict": "inconclusive",
    "difference": "paired",
    "to the baseline": "paired",
}
"""Words that the headings of tables stand for, by the heading or what it has before its first comma or bracket."""


def explained(heading: str) -> str:
    """Return the explanation of a table's heading; empty where there is none."""
    word = HEADINGS.get(heading) or HEADINGS.get(re.split(r",| \[", heading)[0], "")
    return GLOSSARY.get(word, "")
