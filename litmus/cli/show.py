"""`litmus show`: one run, its config, result and log; or with `data`, a dataset's images."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import yaml

from litmus.cli.options import Parser, read, records_key
from litmus.cli.terminal import JSON_HELP, print_json, width, wrapped
from litmus.core.config_keys import Key
from litmus.core.errors import UserError
from litmus.datamodules.augmentation.recipes import RECIPES
from litmus.datamodules.batches.config import DataConfig
from litmus.datamodules.batches.image_data import ImageDataModule
from litmus.datamodules.batches.picture import picture, write_picture
from litmus.datamodules.loading.registry import DATASETS
from litmus.records.frames import find_runs
from litmus.records.run_code import recorded_code
from litmus.records.run_record import FINAL_STATES, RunRecord, copies, read_heartbeat, rerun_command
from litmus.records.storage import CorruptRecord
from litmus.training.config import resolve


def show_data(arguments: Sequence[str]) -> int:
    """Run the command and return its exit status."""
    description = (
        "A dataset's images before and after augmentation, as a picture. Every key --data.KEY is an option too."
    )
    parser = Parser("show data", description)
    parser.add_argument("name", help="the dataset, see litmus list data")
    parser.add_key(Key("augment", str, DataConfig.augment, f"augmentation recipe: {', '.join(RECIPES)}"))
    parser.add_key(Key("images", int, 8, "images, a row each"))
    parser.add_key(Key("epochs", int, 8, "epochs, a column each"))
    parser.add_key(Key("output", str, None, "the picture (default: NAME-RECIPE.png)"))
    options = read(parser, arguments)
    settings = options.settings
    other = [key for key in settings if not key.startswith("data.") and key != "seed"]
    if other:
        raise UserError(f"--{other[0]} means nothing here; valid: --seed and the keys of --data")
    DATASETS[options.name]
    settings = {"data.augment": options.augment, **settings, "data.name": options.name}
    config = resolve(settings)
    datamodule = ImageDataModule(config.data, config.seed)
    path = Path(options.output or f"{options.name}-{config.data.augment}.png")
    write_picture(path, picture(datamodule, options.images, options.epochs))
    print(f"{path}: {config.data.as_dict()['transforms']}")
    return 0


def execute(arguments: Sequence[str]) -> int:
    """Run the command and return its exit status."""
    if arguments and arguments[0] == "data":
        return show_data(arguments[1:])
    parser = Parser("show", "One run: its config, result and log.")
    parser.add_argument("run", help="a run's identity, its first digits, or its folder")
    parser.add_argument("--json", action="store_true", help=JSON_HELP)
    parser.add_key(records_key())
    options = parser.read(arguments)
    records = find_runs(options.run, Path(options.out))
    try:
        if options.json:
            print_json({"runs": [_as_json(record) for record in records]})
        else:
            print("\n".join(describe(record, width()) for record in records))
    except CorruptRecord as error:
        raise UserError(f"{error}; running its study again sets it aside and repeats it") from None
    return 0


def _as_json(record: RunRecord) -> dict[str, Any]:
    """Return what there is to say of a run, for machines, as docs/json.md describes it."""
    status, summary, heartbeat = record.read_status(), record.read_summary(), read_heartbeat(record.path)
    state = record.state()
    return {
        "run": record.run_id,
        "folder": str(record.path),
        "study": status.get("study"),
        "arm": status.get("arm"),
        "seed": status.get("seed"),
        "trial": status.get("trial"),
        "state": state,
        "attempts": status.get("attempts"),
        "error": status.get("error"),
        "progress": asdict(heartbeat) if heartbeat is not None and state not in FINAL_STATES else None,
        "metrics": summary.get("metrics"),
        "cost": summary.get("cost"),
        "normalisation": summary.get("normalisation"),
        "environment": summary.get("environment"),
        "seconds": summary.get("seconds"),
        "config": record.read_config(),
        "log": str(record.log_file),
        "command": rerun_command(record),
    }


def describe(record: RunRecord, columns: int) -> str:
    """Return what there is to say of a run, in lines for a terminal of so many columns."""
    status, summary = record.read_status(), record.read_summary()
    trial = f", trial {status['trial']}" if status.get("trial") else ""
    lines = [f"run {record.run_id}: {status.get('study')}, {status.get('arm')}{trial}, seed {status.get('seed')}"]
    lines.append(f"state: {record.state()}, attempts: {status.get('attempts')}")
    heartbeat = read_heartbeat(record.path)
    if heartbeat is not None and record.state() not in FINAL_STATES:
        lines.append(", ".join(heartbeat.words()))
    if status.get("error"):
        lines.append(f"error: {status['error']}")
    if summary:
        for section in ("metrics", "cost", "normalisation", "environment"):
            lines.append(f"{section}:")
            lines += [f"  {key}: {value}" for key, value in summary[section].items()]
        lines.append(f"seconds: {summary['seconds']:.1f}")
    lines.append("config:")
    lines += [f"  {line}" for line in yaml.safe_dump(record.read_config(), sort_keys=False).splitlines()]
    tail = record.log_tail()
    if tail:
        lines += [f"log ({record.log_file}), its last lines:", *(f"  {line}" for line in tail.splitlines())]
    lines += user_code(record)
    shown = [short for line in lines for short in _fitted(line, columns)]
    # The command is one line whatever its length: it is there to be pasted.
    return "\n".join([*shown, f"again: {rerun_command(record)}"])


def _fitted(line: str, columns: int) -> list[str]:
    """Return a line in several of at most `columns`, where it has words to break between; the rest is indented."""
    indent = line[: len(line) - len(line.lstrip())]
    short = [f"{indent}  {part}" for part in wrapped(line, columns - len(indent) - 2)]
    return [line] if len(line) <= columns else [f"{indent}{short[0].lstrip()}", *short[1:]]


def user_code(record: RunRecord) -> list[str]:
    """Return what there is to say of the user's code that a run was executed with, in lines."""
    code, kept = recorded_code(record.read_status()), copies(record)
    if code is None or kept is None:
        return []
    hashes = code.trained_with or code.hashes
    lines = ["code:", *(f"  {file}: {digest}" for file, digest in sorted(hashes.items()))]
    changed = "" if kept.is_current() else "; the files have changed since, so that the copies are run again"
    return [*lines, f"  copies: {kept.path}{changed}"]
