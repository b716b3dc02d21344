"""How much the pairing by seed narrows: the variance of paired differences over that of unpaired ones.

    python -m benchmarks.pairing RUNS ...

reads every experiment in the folders RUNS, and compares each arm with the baseline in test accuracy over their common
seeds, where at least three of them finished. A ratio of 1 says that the two runs of a seed have nothing in common, 0
that they differ by the same amount in every seed. Ratios of few seeds scatter widely; their median does not.
"""

import argparse
from pathlib import Path

import numpy as np

import litmus
from litmus.core.errors import UserError
from litmus.records.study_record import read_study_record

METRIC, LEAST_SEEDS = "test_top1", 3


def ratios(directory: Path) -> list[float]:
    """Return the ratio of each arm of an experiment; none of one without accuracies."""
    try:
        records, study = litmus.load(directory), read_study_record(directory)
    except UserError:
        return []
    if METRIC not in records:
        return []
    finished = records[records["state"] == "finished"]
    table = finished.pivot_table(index="seed", columns="arm", values=METRIC)
    baseline = next(arm.label for arm in study.arms if arm.is_baseline)
    found = []
    for arm in table.columns.difference([baseline]) if baseline in table else ():
        both = table[[arm, baseline]].dropna()
        apart = both.var().sum()
        if len(both) >= LEAST_SEEDS and apart > 0:
            found.append(float((both[arm] - both[baseline]).var() / apart))
    return found


def main() -> None:
    """Print the median of all ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path, nargs="+")
    folders = [each for runs in parser.parse_args().runs for each in sorted(runs.iterdir()) if each.is_dir()]
    found = [ratio for folder in folders for ratio in ratios(folder)]
    low, middle, high = np.quantile(found, [0.1, 0.5, 0.9])
    halved = np.mean(np.array(found) <= 0.5)
    print(f"{len(found)} comparisons: median {middle:.2f}, a tenth below {low:.2f} and above {high:.2f}")
    print(f"at most half the variance in {100 * halved:.0f} %")


if __name__ == "__main__":
    main()
