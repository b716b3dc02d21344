"""How often verdicts, p-values and intervals err where the truth is known, and how often they find what is there.

    python -m benchmarks.calibration [--trials 1200] [--json FILE] [--only TEXT]

The first table: worlds with no effect. A cell is the share of studies with a false verdict, in per cent, with its Monte
Carlo error; `!` marks one above the rate that is stated by more than three of these errors. The second: worlds with an
effect, the share of studies that find it, over that of the plain paired t test on the same numbers.
"""

import argparse
import json
import math
import time
from pathlib import Path
from typing import Any

from benchmarks.calibration.effects import effects
from benchmarks.calibration.no_effect import no_effect
from benchmarks.calibration.rows import SIZES, Cell, Row, measured


def shown(cell: Cell, mark: str = "") -> str:
    return f"{100 * cell.share:5.1f}±{100 * cell.error:.1f}{mark or ' '}"


def main() -> None:
    """Measure and print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=1200, help="studies a cell; costly rows have fewer")
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    parser.add_argument("--only", default="", help="rows whose name holds this text")
    arguments = parser.parse_args()
    start, kept = time.process_time(), []
    print("False verdicts in per cent, by the number of seeds\n")
    print(f"{'test and world':33}{'stated':>6}" + "".join(f"{n:>9} " for n in SIZES))
    above = 0
    for row in (each for each in no_effect() if arguments.only in each.name):
        cells = measured(row, arguments.trials, row.trial)
        marks = {n: "!" if cell.exceeds(row.stated / 100) else "" for n, cell in cells.items()}
        above += sum(map(bool, marks.values()))
        # One column where the number of seeds is the row's own.
        text = "".join(shown(cell, marks[n]).rjust(10) for n, cell in cells.items())
        print(f"{row.name:33}{row.stated:6.1f}{text}", flush=True)
        kept += [_kept(row, n, cell) for n, cell in cells.items()]
    print("\nEffects found, in per cent; below, over what the plain paired t test finds\n")
    for row in (each for each in effects() if arguments.only in each.name):
        cells = measured(row, arguments.trials, row.trial)
        print(f"{row.name:39}" + "".join(shown(cell).rjust(10) for cell in cells.values()), flush=True)
        kept += [_kept(row, n, cell) for n, cell in cells.items()]
        if row.plain is not None:
            plain = measured(row, arguments.trials, row.plain)
            ratios = [100 * cells[n].share / plain[n].share if plain[n].share else math.nan for n in cells]
            print(f"{'  of the plain t test':39}" + "".join(f"{ratio:8.0f} %" for ratio in ratios))
            for record, (n, cell) in zip(kept[-len(cells) :], plain.items(), strict=True):
                assert record["seeds"] == n
                record["plain_t"] = cell.share
    print(f"\n{above} cells above their stated rate; {(time.process_time() - start) / 60:.1f} minutes of one CPU core.")
    if arguments.json:
        arguments.json.write_text(json.dumps(kept, indent=1) + "\n")


def _kept(row: Row, n: int, cell: Cell) -> dict[str, Any]:
    stated = None if math.isnan(row.stated) else row.stated / 100
    return {
        "name": row.name, "seeds": n, "stated": stated, "share": cell.share, "error": cell.error,
        "trials": cell.trials,
    }  # fmt: skip


if __name__ == "__main__":
    main()
