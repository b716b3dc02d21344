"""`litmus judge`: the report of a table of runs that were trained elsewhere."""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from litmus.cli.command import JSON_HELP, OUT, Parser, print_json, width
from litmus.core.config_keys import Key, keys_of_class
from litmus.core.errors import UserError, require_choice
from litmus.evidence.judged import Reading
from litmus.records.study_record import JUDGED_FILE
from litmus.report.exports import FORMATS
from litmus.report.judge import judge
from litmus.report.printed import as_json, results_of

TABLE = "a CSV, JSON lines or Parquet file, an export of W&B, or a folder of Lightning's CSV logs"


def parser() -> Parser:
    """Return the command's parser."""
    parser = Parser("judge", "Write the report for runs that were trained elsewhere, from a table of their results.")
    parser.add_argument("table", help=TABLE)
    for key in keys_of_class(Reading, "").values():
        parser.add_key(key)
    parser.add_key(Key("question", str, "", "title of the report"))
    parser.add_key(Key("name", str, "", "folder of the report (default: the table's name)"))
    parser.add_key(Key("export", str, "", f"further formats, separated by commas: {', '.join(FORMATS)}"))
    parser.add_argument("--json", action="store_true", help=JSON_HELP)
    parser.add_key(OUT)
    return parser


def execute(arguments: Sequence[str]) -> int:
    """Run the command and return its exit status."""
    options = parser().read(arguments)
    formats = tuple(name.strip() for name in options.export.split(",") if name.strip())
    for name in formats:
        require_choice("--export", name, FORMATS)
    reading = {name: getattr(options, name) for name in keys_of_class(Reading, "")}
    given = {"table": options.table, "name": options.name, "question": options.question, **reading}
    return _judge(given, options.out, formats, options.json)


def judge_again(folder: Path, formats: Sequence[str], json_alone: bool) -> int:
    """Write the report of a table in `folder` again, and return the exit status.

    Raises `UserError` where the table was a frame of pandas, or is gone.
    """
    given = json.loads((folder / JUDGED_FILE).read_bytes())
    if given["table"] is None:
        raise UserError(f"{folder} is the report of a frame of pandas; call litmus.judge again")
    return _judge(given, folder.resolve().parent, formats, json_alone)


def _judge(given: Mapping[str, Any], out: str | Path, formats: Sequence[str], json_alone: bool) -> int:
    if json_alone and (given["dataset"] or formats):
        raise UserError("--json is for one dataset, without --export")
    result = judge(**given, out=out, export=tuple(formats))
    for note in result.notes:
        print(f"litmus: {note}", file=sys.stderr)
    if json_alone and result.summary is not None:
        print_json(as_json(result.summary))
    else:
        print("\n".join(results_of(result, width())))
    return 0
