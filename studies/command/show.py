"""`litmus show`: one run, its config, result and log; or with `data`, a dataset's images."""

from collections.abc import Sequence
from pathlib import Path

import yaml

from litmus.errors import UserError
from studies.command.base.options import Parser, records_key
from studies.records.code_record import recorded_code
from studies.records.find_run import find_runs
from studies.records.run_record import RunRecord, copies, rerun_command
from studies.records.storage import CorruptRecord


def execute(arguments: Sequence[str]) -> int:
    """Run the command and return its exit status."""
    if arguments and arguments[0] == "data":
        # Imported here because it draws images with PyTorch, which takes seconds to import.
        from studies.command import show_data

        return show_data.execute(arguments[1:])
    parser = Parser("show", "One run: its config, result and log.")
    parser.add_argument("run", help="a run's identity, its first digits, or its folder")
    parser.add_key(records_key())
    options = parser.read(arguments)
    for record in find_runs(options.run, Path(options.out)):
        try:
            print(describe(record))
        except CorruptRecord as error:
            raise UserError(f"{error}; running its study again sets it aside and repeats it") from None
    return 0


def describe(record: RunRecord) -> str:
    """Return what there is to say of a run, in lines for a terminal."""
    status, summary = record.read_status(), record.read_summary()
    trial = f", trial {status['trial']}" if status.get("trial") else ""
    lines = [f"run {record.run_id}: {status.get('study')}, {status.get('arm')}{trial}, seed {status.get('seed')}"]
    lines.append(f"state: {record.state()}, attempts: {status.get('attempts')}")
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
    lines += own_code(record)
    lines.append(f"again: {rerun_command(record)}")
    return "\n".join(lines)


def own_code(record: RunRecord) -> list[str]:
    """Return what there is to say of the user's code that a run was executed with, in lines."""
    code, kept = recorded_code(record.read_status()), copies(record)
    if code is None or kept is None:
        return []
    lines = ["own code:", *(f"  {file}: {digest}" for file, digest in sorted(code.files.items()))]
    if not code.files:
        lines.append("  none that the run depends on")
    for checkout in kept.manifest.get("checkouts", ()):
        difference = f" with {checkout['difference']}" if "difference" in checkout else ""
        lines.append(f"  commit {checkout['commit'][:12]}{difference} of {checkout['folder']}")
    changed = "" if kept.is_current() else "; the files have changed since, so that the copies are run again"
    return [*lines, f"  copies: {kept.path}{changed}"]
