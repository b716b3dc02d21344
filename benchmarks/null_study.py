"""How often two halves of the same arm are said to differ, on real training noise.

    python -m benchmarks.null_study [--out DIR] [--seeds 40] [--splits 400]

One arm is trained on many seeds, and its runs are split in two at random, again and again: pairs of runs that differ in
nothing but their seed are compared as two arms are. Every verdict is a false one. A study of one arm with the records
of its runs is left in DIR. Splits of the same runs are not independent of each other, so that the error told here is
the least that it can be. What pairing by seed shares is no part of it: the halves have other seeds.
"""

import argparse
import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from litmus.core.keyed_random import derive
from litmus.evidence.claim_tests import more
from litmus.evidence.claims import ArmTest
from litmus.evidence.learning_curves import sooner
from litmus.evidence.results import Analysis, ArmResult, analyse

COMMAND = "from litmus.cli.main import main; main()"
ARM = (
    "train --model resnet_cifar --model.depth 8 --model.width 8 --model.norm batch --data digits --data.batch_size 64 "
    "--optim.lr 0.1 --trainer.epochs 5 --trainer.validations_per_epoch 4 --name null_study"
)
FIRST, SECOND = {"half": 1}, {"half": 2}
TESTS: dict[str, ArmTest] = {
    "more test_top1": more("test_top1", FIRST, than=SECOND),
    "more fit_loss": more("fit_loss", FIRST, than=SECOND),
    "more val_top1": more("val_top1", FIRST, than=SECOND),
    "sooner": sooner(FIRST, than=SECOND),
}


def half(result: ArmResult, seeds: list[int], number: int) -> ArmResult:
    """Return an arm of these seeds' runs, numbered from zero."""
    kept = {seed: index for index, seed in enumerate(seeds)}
    records = result.records[result.records["seed"].isin(seeds)].copy()
    records["seed"] = records["seed"].map(kept)
    arm = replace(
        result.arm,
        label=f"half {number}",
        levels={"half": number},
        is_baseline=number == 2,
        runs={index: result.arm.runs[seed] for seed, index in kept.items()},
    )
    curves = {index: result.curves[seed] for seed, index in kept.items()}
    return replace(result, arm=arm, records=records, curves=curves, probes={})


def split(analysis: Analysis, n: int, key: int) -> Analysis:
    """Return the study of two arms of `n` runs each, drawn from the only arm of `analysis`."""
    [result] = analysis.arms
    order = np.random.default_rng(derive(0, "null study", n, key)).permutation(sorted(result.arm.runs))
    halves = tuple(half(result, [int(s) for s in order[i * n : (i + 1) * n]], i + 1) for i in (0, 1))
    return replace(analysis, study=replace(analysis.study, arms=tuple(each.arm for each in halves)), arms=halves)


def main() -> None:
    """Train what is missing, split, and print the rates."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("runs"), help="the folder of records")
    parser.add_argument("--seeds", type=int, default=40, help="runs of the arm")
    parser.add_argument("--splits", type=int, default=400, help="random splits for each number of seeds")
    arguments = parser.parse_args()
    options = [*ARM.split(), "--seeds", str(arguments.seeds), "--out", str(arguments.out)]
    subprocess.run([sys.executable, "-c", COMMAND, *options], check=True, stdout=sys.stderr)
    analysis = analyse(arguments.out / "null_study")
    sizes = [n for n in (2, 3, 5, 10) if 2 * n <= arguments.seeds]
    print("False verdicts in per cent, by the number of seeds (stated: 5)\n")
    print(f"{'test':20}" + "".join(f"{n:>10}" for n in sizes))
    for name, test in TESTS.items():
        rates = [
            np.mean([test(split(analysis, n, key), 0.0).verdict != "inconclusive" for key in range(arguments.splits)])
            for n in sizes
        ]
        errors = [math.sqrt(max(rate * (1 - rate), 1e-3) / arguments.splits) for rate in rates]
        print(f"{name:20}" + "".join(f"{100 * r:6.1f}±{100 * e:.1f}" for r, e in zip(rates, errors, strict=True)))


if __name__ == "__main__":
    main()
