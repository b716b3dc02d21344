"""How often verdicts, p-values and intervals err where the truth is known, and how often they find what is there.

    python -m benchmarks.calibration [--trials 1200] [--json FILE] [--page FILE] [--only TEXT]

The first table: worlds with no effect. A cell is the share of studies with a false verdict, in per cent, with its Monte
Carlo error. One above the rate that is stated by more than three of these errors is measured again, on ten times as
many studies that are drawn anew, which decide: `!` marks what stays above. The second: worlds with an effect, the share
of studies that find it, over that of the plain paired t test on the same numbers.

What FILE has from an earlier call is not measured again. `--page` writes both tables as Markdown.
"""

import argparse
import json
import time
from collections.abc import Iterable
from pathlib import Path

from benchmarks.calibration.effects import effects
from benchmarks.calibration.no_effect import no_effect
from benchmarks.calibration.rows import Cell, Row, cell
from benchmarks.calibration.table import Measurement, page, text_row

AGAIN = 10
"""How many times the studies a cell is measured again on."""


def main() -> None:
    """Measure what is missing and print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=1200, help="studies a cell; costly rows have fewer")
    parser.add_argument("--json", type=Path, help="keep the figures in this file, and measure what it lacks")
    parser.add_argument("--page", type=Path, help="write both tables to this file")
    parser.add_argument("--only", default="", help="rows whose name holds this text")
    arguments = parser.parse_args()
    kept: list[Measurement] = []
    if arguments.json and arguments.json.exists():
        kept = [Measurement.from_dict(each) for each in json.loads(arguments.json.read_text())]

    def measure(rows: Iterable[Row]) -> list[list[Measurement]]:
        found = []
        for row in rows:
            if arguments.only not in row.name:
                continue
            known = [each for each in kept if each.name == row.name and each.trials == arguments.trials]
            if len(known) != len(row.sizes):
                known = measurements(row, arguments.trials)
                kept.extend(known)
                if arguments.json:
                    arguments.json.write_text(json.dumps([each.as_dict() for each in kept], indent=1) + "\n")
            print(text_row(known), flush=True)
            found.append(known)
        return found

    print("False verdicts in per cent, by the number of seeds\n")
    false = measure(no_effect())
    print("\nEffects found, in per cent; behind, over what the plain paired t test finds\n")
    power = measure(effects())
    above = sum(each.is_above for row in false for each in row)
    minutes = sum(each.seconds for row in (*false, *power) for each in row) / 60
    print(f"\n{above} of {sum(map(len, false))} cells above their stated rate; {minutes:.0f} minutes of one CPU core.")
    if arguments.page:
        arguments.page.write_text(page(false, power, minutes))


def measurements(row: Row, trials: int) -> list[Measurement]:
    """Return a row's cells, measured."""
    found = []
    for n in row.sizes:
        start = time.process_time()
        one = cell(row, n, max(200, trials // row.cost), row.trial)
        again: Cell | None = None
        if row.is_null and one.exceeds(row.stated / 100):
            again = cell(row, n, AGAIN * one.trials, row.trial, "calibration again")
        plain = None if row.plain is None else cell(row, n, one.trials, row.plain)
        seconds = time.process_time() - start
        found.append(Measurement(row.name, n, row.stated if row.is_null else None, trials, one, again, plain, seconds))
    return found


if __name__ == "__main__":
    main()
