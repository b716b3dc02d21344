"""`--source FILE`: a file that registers what the other options name, run before they are read."""

from collections.abc import Sequence
from pathlib import Path

from litmus.config_keys import Key
from studies.command.base.options import Parser
from studies.design.study_files import import_source

SOURCE = Key("source", Path | None, None, "a file that registers an architecture, dataset or probe")


def import_named_source(arguments: Sequence[str]) -> Path | None:
    """Run the file that `--source` names, which may register what other options name or have; return it."""
    finder = Parser("train", "")
    finder.add_key(SOURCE)
    source: Path | None = finder.read_known([each for each in arguments if each not in ("-h", "--help")])[0].source
    if source is None:
        return None
    import_source(source)
    return source.resolve()
