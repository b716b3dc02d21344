"""`litmus judge`: the report of a table of runs that were trained elsewhere."""

import sys
from collections.abc import Sequence

from litmus.cli.command import OUT, Parser, width
from litmus.core.config_keys import Key, keys_of_class
from litmus.core.errors import require_choice
from litmus.evidence.judged import Reading
from litmus.report.exports import FORMATS
from litmus.report.judge import judge
from litmus.report.printed import results_of

TABLE = "a CSV, JSON lines or Parquet file, an export of W&B, or a folder of Lightning's CSV logs"


def parser() -> Parser:
    """Return the command's parser."""
    parser = Parser("judge", "Write the report of runs that were trained elsewhere, from a table of their results.")
    parser.add_argument("table", help=TABLE)
    for key in keys_of_class(Reading, "").values():
        parser.add_key(key)
    parser.add_key(Key("question", str, "", "the title of the report"))
    parser.add_key(Key("name", str, "", "the folder of the report; by default that of the table"))
    parser.add_key(Key("export", str, "", f"other formats too, comma-separated: {', '.join(FORMATS)}"))
    parser.add_key(OUT)
    return parser


def execute(arguments: Sequence[str]) -> int:
    """Run the command and return its exit status."""
    options = parser().read(arguments)
    formats = tuple(name.strip() for name in options.export.split(",") if name.strip())
    for name in formats:
        require_choice("--export", name, FORMATS)
    reading = {name: getattr(options, name) for name in keys_of_class(Reading, "")}
    result = judge(
        options.table, name=options.name, question=options.question, out=options.out, export=formats, **reading
    )
    for note in result.notes:
        print(f"litmus: {note}", file=sys.stderr)
    print("\n".join(results_of(result, width())))
    return 0
