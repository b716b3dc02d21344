"""Print how far the difference of two arms' accuracies scatters over seeds, by test images, from the pages of results.

    python -m benchmarks.typical_spread

Of the arms of each page of `docs/results` whose mean is between 20 and 99 %: the sd of the difference to the baseline,
were the two independent. `TYPICAL_SD` of `litmus/evidence/power.py` is the median of small test sets.
"""

import re
from pathlib import Path

import pandas as pd

from litmus.evidence.estimate import TAIL, student_critical

PAGES = Path(__file__).parents[1] / "docs" / "results"
SIZES = (0, 700, 3000)
"""From so many test images on a row begins."""
NUMBER = r"([+\-−]?[\d.]+)"
ARM = re.compile(rf"^\| .* \| {NUMBER} % \\\[{NUMBER}, {NUMBER}\\\] \| (.*?) \| .* \| (\d+) of (\d+) \|$")


def main() -> None:
    """Print the medians by the number of test images."""
    rows = []
    for page in sorted(PAGES.glob("*.md")):
        text = page.read_text()
        size = re.search(r"([\d,]+) for test", text)
        arms = [match.groups() for match in map(ARM.match, text.splitlines()) if match]
        if size is None or not arms:
            continue
        images = int(size[1].replace(",", ""))
        baseline = next((arm for arm in arms if arm[3] == "baseline"), None)
        for mean, low, high, _, done, planned in arms:
            if baseline is None or done != planned or not 20 < float(mean) < 99:
                continue
            halves = [(float(each[2]) - float(each[1])) / 200 for each in (baseline, (mean, low, high))]
            sd = (halves[0] ** 2 + halves[1] ** 2) ** 0.5 * int(done) ** 0.5 / student_critical(int(done), 2 * TAIL)
            rows.append({"images": images, "study": page.stem, "sd": sd})
    table = pd.DataFrame(rows)
    table["from"] = pd.cut(table["images"], [*SIZES, float("inf")], labels=SIZES, right=False)
    groups = table.groupby("from", observed=True)
    print(groups.agg(studies=("study", "nunique"), arms=("sd", "size"), sd=("sd", "median")).round(4))


if __name__ == "__main__":
    main()
