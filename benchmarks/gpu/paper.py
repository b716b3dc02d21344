"""A study at the paper's scale in pieces of some minutes, with what is reached so far beside the paper's own figures.

    python -m benchmarks.gpu.paper residual_depth --root DATA [--minutes 9] [--out DIR]

It runs `litmus run STUDY --preset paper` (of residual_depth the depths 20 and 56, three seeds), asks it to stop before
the minutes are over, so that its runs write a checkpoint between two steps, and tells how far they are; the same
command goes on there. --root is CIFAR-10 as an image folder, or what `--data.root` takes. `--archive FILE` keeps the
records in files FILE.00, FILE.01, ... that are small enough to be carried, and `--from FILE` goes on from them on
another machine; of a run that is over, the checkpoint stays behind.
"""

import argparse
import io
import json
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from rich.console import Console
from rich.table import Table

from litmus.core.errors import UserError

LAUNCH = "from litmus.cli.main import main; main()"

STUDIES: dict[str, tuple[str, ...]] = {
    "residual_depth": ("--vary", "model.depth=20,56", "--seeds", "3"),
    "batch_norm": ("--seeds", "3"),
    "batch_size": ("--seeds", "3"),
}
"""What of each study is run."""

QUICK = {
    "residual_depth": ("--trainer.epochs", "2", "--model.width", "2"),
    "batch_norm": ("--trainer.epochs", "2", "--vary", "optim.lr=0.03,0.3"),
    "batch_size": ("--trainer.epochs", "1"),
}
"""What makes the quick preset quicker still, for a trial of this command on a CPU."""

SAYS: dict[str, dict[str, str]] = {
    "residual_depth": {
        "model.residual=False model.depth=20": "figure 6: below plain-56 throughout",
        "model.residual=False model.depth=56": "figure 6: above plain-20 throughout",
        "model.residual=True model.depth=20": "table 6: 8.75 %",
        "model.residual=True model.depth=56": "table 6: 6.97 %",
    },
    "batch_norm": {},
    "batch_size": {},
}
"""He et al. 2015 (arXiv 1512.03385), errors on CIFAR-10's test set; of the others the report has the source's words."""


@dataclass(frozen=True)
class Reached:
    """One run: its levels, how much of it is done, and its errors in per cent, None where there is none yet."""

    levels: str
    seed: int
    state: str
    step: int
    epoch: float
    fit_error: float | None
    val_error: float | None
    test_error: float | None


def command_of(options: argparse.Namespace) -> list[str]:
    """Return the command line of the study."""
    preset = ("--preset", "paper") if not options.small else QUICK[options.study]
    data = ("--data.root", str(options.root)) if options.root else ()
    folder = ("--data", "folder") if options.root and (options.root / "train").is_dir() and not options.small else ()
    chosen = STUDIES[options.study]
    if options.small:
        chosen = ("--seeds", "1", *(chosen[:2] if chosen[0] == "--vary" else ()))
    launch = (
        "--accelerator",
        options.device,
        "--out",
        str(options.out),
        "--name",
        options.study,
        "--wandb",
        "disabled",
    )
    given = (*launch, "--checkpoint-every", "60s")
    return [sys.executable, "-c", LAUNCH, "run", options.study, *preset, *chosen, *folder, *data, *given, *options.rest]


def run_for(command: list[str], minutes: float) -> int | None:
    """Run a command for so many minutes, its end included; return its exit status, None where it was asked to stop."""
    process = subprocess.Popen(command)
    try:
        return process.wait(timeout=60 * minutes - min(30.0, 10 * minutes))
    except subprocess.TimeoutExpired:
        # The signal that lets runs write a checkpoint; they may take a while to the end of a step.
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=90)
        return None
    finally:
        if process.poll() is None:
            process.kill()


def reached(folder: Path) -> list[Reached]:
    """Return how far each run of a study is, those of all its records."""
    found = []
    for file in sorted(folder.glob("*/status.json")):
        status = json.loads(file.read_text())
        metrics, summary = file.with_name("metrics.csv"), file.with_name("summary.json")
        rows = pd.read_csv(metrics) if metrics.exists() else pd.DataFrame(columns=["kind", "step", "epoch", "val_top1"])
        last = rows[rows["kind"] == "evaluation"].tail(1)
        measured = json.loads(summary.read_text())["metrics"] if summary.exists() else {}
        validated = float(last["val_top1"].iloc[0]) if len(last) else None
        found.append(
            Reached(
                levels=" ".join(f"{key}={value}" for key, value in status["levels"].items()),
                seed=status["seed"],
                state=status["state"],
                step=int(rows["step"].max()) if len(rows) else 0,
                epoch=float(rows["epoch"].max()) if len(rows) else 0.0,
                fit_error=_error(measured.get("fit_top1")),
                val_error=_error(validated),
                test_error=_error(measured.get("test_top1")),
            )
        )
    return found


def _error(share: float | None) -> float | None:
    return None if share is None or share != share else 100 * (1 - share)


def show(study: str, runs: list[Reached], says: Mapping[str, str]) -> list[dict[str, Any]]:
    """Print a row for each arm, means over its seeds beside the paper's words, and return them."""
    table = Table(title=f"{study}: what is reached", title_justify="left")
    for column in ("arm", "seeds", "epochs", "training error, %", "validation, %", "test, %", "the paper"):
        table.add_column(column)
    kept = []
    for levels in dict.fromkeys(run.levels for run in runs):
        arm = [run for run in runs if run.levels == levels]
        over = sum(run.state in ("finished", "diverged") for run in arm)
        row: dict[str, Any] = {"arm": levels, "seeds": len(arm), "finished": over}
        row["epochs"] = sum(run.epoch for run in arm) / len(arm)
        for key in ("fit_error", "val_error", "test_error"):
            values = [value for value in (getattr(run, key) for run in arm) if value is not None]
            row[key] = sum(values) / len(values) if values else None
        row["paper"] = says.get(levels, "")
        kept.append(row)
        errors = ("—" if row[key] is None else f"{row[key]:.2f}" for key in ("fit_error", "val_error", "test_error"))
        table.add_row(levels, f"{over} of {len(arm)} over", f"{row['epochs']:.1f}", *errors, row["paper"])
    Console(width=150, highlight=False).print(table)
    return kept


PART = 15 << 20
"""Bytes of a part of an archive."""


def archive(folder: Path, file: Path) -> list[Path]:
    """Keep a study's records in parts of one archive: of runs that are over without the checkpoint, of others with it.

    Returns the parts, `file` with .00, .01 and so on behind it.
    """
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as packed:
        for path in sorted(folder.rglob("*")):
            over = path.parent.name == "checkpoints" and (path.parents[1] / "summary.json").exists()
            if path.is_file() and not over:
                packed.add(path, path.relative_to(folder.parent))
    data = content.getvalue()
    parts = [file.with_name(f"{file.name}.{start // PART:02}") for start in range(0, len(data), PART)]
    for number, part in enumerate(parts):
        part.write_bytes(data[number * PART : (number + 1) * PART])
    return parts


def unpack(file: Path, out: Path) -> None:
    """Put the records of an archive into `out`."""
    data = b"".join(part.read_bytes() for part in sorted(file.parent.glob(f"{file.name}.[0-9][0-9]")))
    out.mkdir(parents=True, exist_ok=True)
    with tarfile.open(fileobj=io.BytesIO(data)) as packed:
        for member in packed.getmembers():
            # What `filter="data"` does, which not every Python 3.11 has: files alone, and none beside `out`.
            file, content = out / member.name, packed.extractfile(member) if member.isfile() else None
            if content is None:
                continue
            if not file.resolve().is_relative_to(out.resolve()):
                raise UserError(f"{member.name}: an archive of records holds nothing beside its folder")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content.read())


def main() -> None:
    """Go on with the study, and tell how far it is."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("study", choices=sorted(STUDIES))
    parser.add_argument("--root", type=Path, default=None, help="folder of the data")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--small", action="store_true", help="the quick preset, shortened: whether it runs at all")
    parser.add_argument("--minutes", type=float, default=9, help="stop after so many; the end takes some seconds more")
    parser.add_argument("--out", type=Path, default=Path("runs/gpu"), help="folder of the records")
    parser.add_argument("--archive", type=Path, default=None, help="also keep the records in parts of this file")
    parser.add_argument("--from", dest="earlier", type=Path, default=None, help="records of an earlier --archive")
    options, options.rest = parser.parse_known_args()
    folder = options.out / options.study
    if options.earlier is not None and not folder.exists():
        unpack(options.earlier, options.out)
    started = time.monotonic()
    status = run_for(command_of(options), options.minutes)
    if not folder.exists():
        sys.exit(status or 1)
    rows = show(options.study, reached(folder), {} if options.small else SAYS[options.study])
    left = sum(row["seeds"] - row["finished"] for row in rows)
    minutes = (time.monotonic() - started) / 60
    told = "stopped at a checkpoint; the same command goes on" if status is None else f"exit status {status}"
    print(f"{minutes:.1f} minutes, {told}; {left} runs begun and not over")
    device = torch.cuda.get_device_name(0) if options.device == "cuda" else "CPU"
    content = {"study": options.study, "device": device, "command": " ".join(sys.argv), "arms": rows}
    file = options.out / f"paper-{options.study}.json"
    file.write_text(json.dumps(content, indent=1) + "\n")
    print(f"figures in {file}")
    if options.archive is not None:
        for part in archive(folder, options.archive):
            print(f"records in {part}, {part.stat().st_size / 2**20:.1f} MiB")
    sys.exit(0 if status is None else status)


if __name__ == "__main__":
    main()
