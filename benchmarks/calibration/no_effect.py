"""The rows of worlds without an effect, where every verdict is a false one."""

from collections.abc import Iterator

from benchmarks.calibration.rows import Row, Trial
from benchmarks.calibration.studies_in_memory import MEAN, SD, study
from benchmarks.calibration.trials import (
    FASTEST,
    FASTEST_TO_THE_BEST,
    HIGHER,
    INTERACTION,
    MORE,
    SOONER,
    TO_THE_BEST,
    TREND,
    at_threshold,
    decided,
    floored_interaction,
    headline_of,
    many_claims,
    margin,
    of_pair,
    risks,
    several,
    sharing_splits,
    supported,
    table,
    table_after_holm,
    with_looks,
)
from benchmarks.calibration.worlds import (
    World,
    an_image_or_none,
    arms,
    at_the_ceiling,
    at_the_floor,
    both_diverge,
    curves,
    heavy,
    images_differ,
    ladder,
    normal,
    one_diverges,
    selected,
    small_test_set,
    unequal,
)
from litmus.evidence.claim_tests import exceeds, near
from litmus.evidence.claims import ArmTest


def decides(test: ArmTest, world: World) -> Trial:
    return lambda generator, n: decided(test, world(generator, n))


def no_effect() -> Iterator[Row]:
    """Yield the rows without an effect."""
    for name, world in (
        ("normal", normal), ("sd of one arm x5", unequal), ("heavy tails", heavy),
        ("both diverge, 20 %", both_diverge), ("100 test images", small_test_set),
        ("an image or none", an_image_or_none), ("at the floor", at_the_floor), ("at the ceiling", at_the_ceiling),
    ):  # fmt: skip
        yield Row(f"more: {name}", of_pair(world))
    yield Row("more: one diverges, for it", lambda g, n: supported(MORE, study(arms(one_diverges(g, n)))), 2.5)
    yield Row("more: effect at threshold", at_threshold(normal, MORE, 0.02))
    yield Row("more: images differ", lambda g, n: decided(MORE, images_differ(g, n)), cost=2)
    for of, than in ((6, 1), (6, 6)):
        made = selected(of, than)
        yield Row(f"more: best of {of} against {than}", lambda g, n, made=made: decided(MORE, made(g, n)), cost=3)
    yield Row("headline: best of 11", headline_of(11), cost=4)
    yield Row("looks 3 to 10", with_looks(3, 10, planned=False), sizes=(10,), cost=4)
    yield Row("looks 3 to 20", with_looks(3, 20, planned=False), sizes=(20,), cost=8)
    yield Row("plan of 3, then looks to 10", with_looks(3, 10, planned=True), 10.0, sizes=(10,), cost=4)
    yield Row("plan of 5, then looks to 20", with_looks(5, 20, planned=True), 10.0, sizes=(20,), cost=8)
    yield Row("splits of 2 seeds", sharing_splits(2))
    yield Row("splits of 5 seeds", sharing_splits(5))
    yield Row("exceeds", lambda g, n: decided(exceeds("test_top1", {"arm": 0}), study(arms(normal(g, n))), MEAN))
    yield Row(
        "near: value at margin",
        lambda g, n: supported(near("test_top1", {"arm": 0}, MEAN - 0.02), study(arms(normal(g, n))), 0.02),
        2.5,
    )
    yield Row("alike: difference at margin", margin, 2.5)
    yield Row("trend: normal", several(4, TREND))
    yield Row("trend: last level's sd x20", several(4, TREND, (SD, SD, SD, 20 * SD)))
    yield Row("interaction: normal", several(4, INTERACTION))
    yield Row("interaction: a pair at the floor", floored_interaction)
    for name, profile in (
        ("1 1 1 .87 0 0", (1, 1, 1, 0.87, 0, 0)), ("1 1 .5 .5 0 0", (1, 1, 0.5, 0.5, 0, 0)),
        ("1 .9 .7 .5 .3 .1", (1, 0.9, 0.7, 0.5, 0.3, 0.1)), ("1 1 .2 .2 .2 .2", (1, 1, 0.2, 0.2, 0.2, 0.2)),
    ):  # fmt: skip
        made = ladder(profile, profile)
        yield Row(f"higher_limit: {name}", lambda g, n, made=made: decided(HIGHER, made(g, n)), cost=2)
    for one, other in ((1, 1), (2, 1), (3, 1), (1, 3)):
        made = curves((other * SD, one * SD))
        yield Row(f"sooner: noise {one} to {other}", decides(SOONER, made), cost=3)
    for name, made in (
        ("1 to 1", curves()), ("3 to 1", curves((SD, 3 * SD))), ("1 to 3", curves((3 * SD, SD))),
        ("1 to 1, still rising", curves(steps=20)), ("3 to 1, still rising", curves((SD, 3 * SD), steps=20)),
        ("1 to 3, still rising", curves((3 * SD, SD), steps=20)),
    ):  # fmt: skip
        yield Row(f"sooner, to the best: noise {name}", decides(TO_THE_BEST, made), cost=3)
    for name, made in (
        ("4 alike", curves(rates=(1, 1, 1, 1))), ("4 apart", curves(rates=(1, 0.8, 0.6, 0.4))),
        ("4 alike, still rising", curves(steps=20, rates=(1, 1, 1, 1))),
    ):  # fmt: skip
        yield Row(f"sooner, the fastest: {name}", decides(FASTEST, made), cost=6)
        yield Row(f"sooner, the fastest, to the best: {name}", decides(FASTEST_TO_THE_BEST, made), cost=6)
    for name, world in (("normal", normal), ("sd of one arm x5", unequal), ("both diverge, 20 %", both_diverge),
                        ("100 test images", small_test_set), ("an image or none", an_image_or_none)):  # fmt: skip
        yield Row(f"table p: {name}", table(world))
    yield Row("table p, Holm: any of 5", table_after_holm(5), cost=2)
    yield Row("table p, Holm: any of 29", table_after_holm(29), cost=10)
    yield Row("claims, Holm: any of 6", many_claims(6), cost=4)
    yield Row("risk of divergence", risks, cost=2)
