"""Every study's quick preset: how long it takes and what its claims come out as.

    python benchmarks/quick_studies.py OUT [STUDY ...]

Runs each into the folder OUT, one after another, prints a table of the verdicts, and writes the seconds of those that
it ran from the start to `litmus/cli/quick_times.json`, where `litmus list studies` reads them.
"""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

from litmus.cli.list import QUICK_TIMES
from litmus.design.study_files import STUDIES
from litmus.evidence.results import analyse

COMMAND = "from litmus.cli.main import main; main()"


def run(name: str, out: Path) -> float | None:
    """Run a study's quick preset and return its seconds, imports included; None where some of it was there already."""
    fresh = not (out / name).exists()
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", COMMAND, "run", name, "--out", str(out)], check=True, stdout=sys.stderr)
    return time.perf_counter() - start if fresh else None


def main() -> None:
    """Run the studies, print verdicts, write times."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="the folder of records")
    parser.add_argument("studies", nargs="*", metavar="STUDY", help="all by default")
    arguments = parser.parse_args()
    out: Path = arguments.out
    times = json.loads(QUICK_TIMES.read_text()) if QUICK_TIMES.exists() else {}
    for name in arguments.studies or STUDIES.names():
        seconds = run(name, out)
        if seconds is not None:
            times[name] = round(seconds, 1)
            QUICK_TIMES.write_text(json.dumps(dict(sorted(times.items())), indent=2) + "\n")
        analysis = analyse(out / name)
        for claim in STUDIES[name].claims:
            finding = claim.find(analysis)
            print(f"{name}\t{finding.verdict}\t{claim.sentence}\t{finding.evidence}", flush=True)


if __name__ == "__main__":
    main()
