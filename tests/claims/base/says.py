"""What a claim's sentence says: the arms that it rests on, which of them is the better, and whether in accuracy."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

Verdict = Literal["supported", "opposite", "smaller", "inconclusive"]


@dataclass(frozen=True)
class Says:
    """The arms of a claim, by label.

    Args:
        better, worse: accuracy in the one speaks for the claim, in the other against it. Empty where the claim is about
            a measurement, of which a diverged run has none.
        rests: the arms without whose runs there is no verdict.
        diverged: the verdicts where all runs of the better, and where all of the worse arms diverged.
        of: the results that it is about, apart from what probes measured: without all others its verdict is the same.
        refuted: whether records can speak against it.
    """

    better: tuple[str, ...]
    worse: tuple[str, ...]
    rests: tuple[str, ...]
    diverged: tuple[Verdict, Verdict] = ("opposite", "supported")
    of: tuple[str, ...] = ("test_top1",)
    refuted: bool = True


def better(one: str, other: str, of: str = "test_top1") -> Says:
    """Return that an arm's accuracy is higher than another's."""
    return Says((one,), (other,), (one, other), of=(of,))


def alike(one: str, other: str, of: str = "test_top1") -> Says:
    """Return that two arms' accuracies are alike, which they are not where either guesses."""
    return Says((one,), (other,), (one, other), ("opposite", "opposite"), of=(of,))


def faster(one: str, other: str) -> Says:
    """Return that one arm reaches an accuracy in fewer steps than the other.

    An arm that diverges never arrives, but how fast it would have been is not known.
    """
    return Says((one,), (other,), (one, other), diverged=("opposite", "inconclusive"), of=("val_top1",))


def tuned(one: Sequence[str], other: Sequence[str], chosen: tuple[str, str], *of: str) -> Says:
    """Return that the best of some arms is better than the best of others, each chosen on the validation split.

    Where all diverged there is none to choose.
    """
    undecided: tuple[Verdict, Verdict] = ("inconclusive", "inconclusive")
    return Says(tuple(one), tuple(other), chosen, diverged=undecided, of=("val_top1", *of))


def to_the_best(one: Sequence[str], other: Sequence[str], chosen: tuple[str, str]) -> Says:
    """Return that the fastest of some arms needs fewer steps to the best that others reach.

    In about half of the seeds these do not reach it either, which leaves little to say against the claim.
    """
    return replace(tuned(one, other, chosen), refuted=False)


def gains_more(one: str, over: str, than: str, over_its: str, of: str = "test_top1") -> Says:
    """Return that the first arm is more above the second than the third above the fourth."""
    return Says((one, over_its), (over, than), (one, over, than, over_its), of=(of,))


def rises(*arms: str, of: str = "test_top1") -> Says:
    """Return that accuracy rises from the first arm to the last."""
    return Says(arms[-1:], arms[:1], arms, of=(of,))


def gap(*arms: str) -> Says:
    """Return that the claim is about the gap between training and test accuracy in these arms."""
    return about(*arms, of=("fit_top1", "test_top1"))


def about(*arms: str, of: tuple[str, ...] = ()) -> Says:
    """Return that the claim is about what was measured in these arms, not about which is the more accurate."""
    return Says((), (), arms, of=of)
