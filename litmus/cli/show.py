"""`litmus show`: one run, its config, result and log."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import yaml

from litmus.cli.parser import Parser, records_key
from litmus.cli.terminal import JSON_HELP, print_json, width, wrapped
from litmus.core.errors import UserError
from litmus.records.frames import find_runs
from litmus.records.run_code import recorded_code
from litmus.records.run_record import FINAL_STATES, Heartbeat, RunRecord, copies, read_heartbeat, rerun_command
from litmus.records.storage import CorruptRecord


def parser() -> Parser:
    """Return the command's parser."""
    parser = Parser("show", "One run: its config, result and log.")
    parser.add_argument("run", help="a run id, its first digits, or the run's folder")
    parser.add_argument("--json", action="store_true", help=JSON_HELP)
    parser.add_key(records_key())
    return parser


def execute(arguments: Sequence[str]) -> int:
    """Run the command and return its exit status."""
    options = parser().read(arguments)
    records = find_runs(options.run, Path(options.out))
    try:
        if options.json:
            print_json({"runs": [description(record) for record in records]})
        else:
            print("\n".join(in_lines(record, width()) for record in records))
    except CorruptRecord as error:
        raise UserError(f"{error}; running its study again sets it aside and repeats it") from None
    return 0


def description(record: RunRecord) -> dict[str, Any]:
    """Return what is recorded of a run: what `--json` prints, as docs/json.md describes it."""
    status, summary, heartbeat, state = (
        record.read_status(), record.read_summary(), read_heartbeat(record.path), record.state()
    )  # fmt: skip
    return {
        "run": record.run_id,
        "folder": str(record.path),
        **{key: status.get(key) for key in ("study", "arm", "seed", "trial")},
        "state": state,
        **{key: status.get(key) for key in ("attempts", "error")},
        "progress": asdict(heartbeat) if heartbeat is not None and state not in FINAL_STATES else None,
        **{key: summary.get(key) for key in ("metrics", "cost", "normalisation", "environment", "seconds")},
        "config": record.read_config(),
        "log": str(record.log_file),
        "command": rerun_command(record),
    }


def in_lines(record: RunRecord, columns: int) -> str:
    """Return what is recorded of a run, for a terminal of so many columns."""
    run = description(record)
    trial = f", trial {run['trial']}" if run["trial"] else ""
    lines = [f"run {run['run']}: {run['study']}, {run['arm']}{trial}, seed {run['seed']}"]
    lines.append(f"state: {run['state']}, attempts: {run['attempts']}")
    if run["progress"] is not None:
        lines.append(", ".join(Heartbeat(**run["progress"]).words()))
    if run["error"]:
        lines.append(f"error: {run['error']}")
    if run["metrics"] is not None:
        for section in ("metrics", "cost", "normalisation", "environment"):
            lines += [f"{section}:", *(f"  {key}: {value}" for key, value in run[section].items())]
        lines.append(f"seconds: {run['seconds']:.1f}")
    lines += ["config:", *(f"  {line}" for line in yaml.safe_dump(run["config"], sort_keys=False).splitlines())]
    tail = record.log_tail()
    if tail:
        lines += [f"log ({run['log']}), its last lines:", *(f"  {line}" for line in tail.splitlines())]
    lines += _code_lines(record)
    shown = [short for line in lines for short in _fitted(line, columns)]
    # The command stays on one line, whatever its length: it is there to be pasted.
    return "\n".join([*shown, f"again: {run['command']}"])


def _fitted(line: str, columns: int) -> list[str]:
    """Return a line in several of at most `columns`, where it has words to break between; the rest is indented."""
    if len(line) <= columns:
        return [line]
    indent = line[: len(line) - len(line.lstrip())]
    first, *others = wrapped(line, columns - len(indent) - 2)
    return [f"{indent}{first.lstrip()}", *(f"{indent}  {other}" for other in others)]


def _code_lines(record: RunRecord) -> list[str]:
    """Return the files of the user that a run was executed with, in lines."""
    code, kept = recorded_code(record.read_status()), copies(record)
    if code is None or kept is None:
        return []
    hashes = code.trained_with or code.hashes
    lines = ["code:", *(f"  {file}: {digest}" for file, digest in sorted(hashes.items()))]
    changed = "" if kept.is_current() else "; the files have changed since, so that the copies are run again"
    return [*lines, f"  copies: {kept.path}{changed}"]
